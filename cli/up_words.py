"""What ``shopsight up`` says while it runs: to people at a terminal, or as lines of JSON to programs."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

import typer
from rich.markup import escape
from rich.table import Table

from cli.console import FAILED, err, out, pasteable
from shopsight.errors import ShopsightError
from shopsight.families import SERVICES
from shopsight.logs import log_as
from shopsight.settings import Settings

if TYPE_CHECKING:
    from serving.running.states import ServiceState

LOGGER: Final = logging.getLogger("shopsight.up")


class UpWords(Protocol):
    """Says what happens."""

    def starting(self) -> AbstractContextManager[object]:
        """Say that everything starts, for the length of a block."""
        ...

    def is_up(self, states: "Mapping[str, ServiceState]", *, link: str | None, me: str) -> None:
        """Say where everything is; ``link`` opens Studio, to ``me``; None: it was not asked for."""
        ...

    def changed(self, name: str, state: "ServiceState") -> None:
        """Say that a service's state is another one."""
        ...

    def warn(self, what: str) -> None:
        """Say what went wrong, and was mended."""
        ...

    def ending(self, what: str) -> None:
        """Say how far the end has come."""
        ...


class ForPeople:
    """Says it in a terminal, or where what it says is kept: there is no place for a link that logs in."""

    def __init__(self, settings: Settings, *, are_kept: bool) -> None:
        self._settings = settings
        self._are_kept = are_kept

    def starting(self) -> AbstractContextManager[object]:
        """Turn a wheel."""
        return err.status("starting")

    def is_up(self, states: "Mapping[str, ServiceState]", *, link: str | None, me: str) -> None:
        """Show a table, and the link with its token."""
        host = self._settings.host
        table = Table(title="shopsight is up; Ctrl-C stops it", title_justify="left")
        for column in ("what", "where", "state"):
            table.add_column(column, overflow="fold", no_wrap=column == "where")
        if link is not None:
            table.add_row("Studio", f"http://{host}:{self._settings.studio_port}", "ready")
            table.add_row("Dagster web UI", f"http://{host}:{self._settings.dagster_port}", "ready")
            table.add_row("reports", f"http://{host}:{self._settings.reports_port}", "ready")
        for name, state in states.items():
            url = f"http://{host}:{getattr(self._settings, SERVICES[name].port_setting)}"
            table.add_row(SERVICES[name].title, url, escape(_words(state)))
        out.print(table)
        if link is not None and not self._are_kept:
            out.print(f"open {link} (you are {me})", soft_wrap=True, markup=False)

    def changed(self, name: str, state: "ServiceState") -> None:
        """Print a line."""
        out.print(f"{SERVICES[name].title}: {escape(_words(state))}", soft_wrap=True)

    def warn(self, what: str) -> None:
        """Print it to standard error."""
        err.print(f"[yellow]warning[/] {what}", soft_wrap=True)

    def ending(self, what: str) -> None:
        """Print it to standard error."""
        err.print(what)


class ForPrograms:
    """Logs it; the link is left out, for it has the token that opens the web UI."""

    def __init__(self, settings: Settings) -> None:
        log_as(settings, "up")
        LOGGER.setLevel(logging.INFO)
        self._settings = settings

    def starting(self) -> AbstractContextManager[object]:
        """Log it."""
        LOGGER.info("starting")
        return nullcontext()

    def is_up(self, states: "Mapping[str, ServiceState]", *, link: str | None, me: str) -> None:  # noqa: ARG002 - see above
        """Log where Studio and the web UI are, and how each service is."""
        ports = {"studio": self._settings.studio_port, "web_ui": self._settings.dagster_port}
        urls = {name: f"http://{self._settings.host}:{port}" for name, port in ports.items()}
        LOGGER.info("shopsight is up", extra={"fields": {} if link is None else urls})
        for name, state in states.items():
            self.changed(name, state)

    def changed(self, name: str, state: "ServiceState") -> None:
        """Log it: what cannot run is an error."""
        fields = {"of": name, "state": state.state, "note": state.note, "bento": state.bento}
        level = logging.ERROR if state.state == "failed" else logging.INFO
        LOGGER.log(level, "%s: %s", SERVICES[name].title, _words(state), extra={"fields": fields})

    def warn(self, what: str) -> None:
        """Log it."""
        LOGGER.warning("%s", what)

    def ending(self, what: str) -> None:
        """Log it."""
        LOGGER.info("%s", what)


def words_for(settings: Settings, *, are_kept: bool = False) -> UpWords:
    """Return how `up` speaks under these settings; ``are_kept``: somewhere, where others may read it."""
    return ForPrograms(settings) if settings.log_format == "json" else ForPeople(settings, are_kept=are_kept)


@contextmanager
def told_to_programs(settings: Settings) -> Iterator[None]:
    """Log the failure that ends `up`, where it logs, in the place of the lines for people."""
    try:
        yield
    except ShopsightError as error:
        if settings.log_format != "json":
            raise
        LOGGER.critical("%s", error.what, extra={"fields": {"why": error.why, "fix": pasteable(error.fix)}})
        raise typer.Exit(FAILED) from error


def _words(state: "ServiceState") -> str:
    """Return a service's state for people."""
    what = state.bento if state.state == "running" and state.bento else state.state
    return pasteable(f"{what}: {state.note}" if state.note else what)
