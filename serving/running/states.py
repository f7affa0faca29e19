"""What `make up` says about its services to everybody else on this machine: a small file, and a lock while it runs."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from shopsight.errors import ShopsightError
from shopsight.families import SERVICES
from shopsight.locking import ResourceBusyError, exclusive
from shopsight.settings import Settings
from shopsight.whole_files import write_json

State = Literal["running", "starting", "failed", "waiting", "stopped"]
"""``failed`` is tried again by itself; ``waiting`` has no approved model or Bento; ``stopped``: `up` does not run."""


class AlreadyUpError(ShopsightError):
    """Another `up` runs on the same home."""


@dataclass(frozen=True)
class ServiceState:
    """How one service is."""

    state: State
    note: str = ""
    """Why it does not run, or what is amiss while it does."""
    bento: str | None = None
    """Tag of the Bento that runs or starts."""


@contextmanager
def the_only_up(settings: Settings) -> Iterator[None]:
    """Hold the home's one place for an `up`.

    Raises:
        AlreadyUpError: another process holds it.
    """
    with ExitStack() as place:
        try:
            place.enter_context(exclusive(_lock(settings), what="what runs", wait_seconds=2))
        except ResourceBusyError as error:
            raise AlreadyUpError(
                f"{settings.home} is up already",
                why=f"process {_content(settings).get('pid', 'unknown')} runs its web UI and its services",
                fix=f"open http://{settings.host}:{settings.dagster_port}, or stop that process first",
            ) from error
        place.callback(_file(settings).unlink, missing_ok=True)
        shutil.rmtree(settings.run_dir / "metrics", ignore_errors=True)  # of services that could not clear up
        yield


def write_states(settings: Settings, states: Mapping[str, ServiceState]) -> None:
    """Say how the services are; the file is replaced in one step."""
    services = {name: asdict(state) for name, state in states.items()}
    write_json(_file(settings), {"pid": os.getpid(), "services": services})


def read_states(settings: Settings) -> dict[str, ServiceState]:
    """Return how each service is, by its family's name or its own, as the `up` that runs said last.

    All are ``stopped`` where none runs.
    """
    stopped = ServiceState("stopped", "`make up` starts it")
    if not is_up(settings):
        return dict.fromkeys(SERVICES, stopped)
    services = _content(settings).get("services", {})
    return {name: ServiceState(**services[name]) if name in services else ServiceState("starting") for name in SERVICES}


def note_on(settings: Settings, name: str) -> str:
    """Return what `up` noted about a service last, for the service itself; nothing where no `up` wrote."""
    service = _content(settings).get("services", {}).get(name, {})
    return str(service.get("note", ""))


def is_up(settings: Settings) -> bool:
    """Return whether an `up` runs on this home."""
    if not _lock(settings).exists():
        return False
    try:
        with exclusive(_lock(settings), what="what runs", wait_seconds=0):
            return False
    except ResourceBusyError:
        return True


def _content(settings: Settings) -> dict[str, Any]:
    try:
        content = json.loads(_file(settings).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _file(settings: Settings) -> Path:
    return settings.run_dir / "services.json"


def _lock(settings: Settings) -> Path:
    return settings.run_dir / "up.lock"
