"""Clients that ask a service without end, in a process of their own, and note every outcome.

A campaign has a script of such clients: the script calls :func:`ask_without_end`, and the campaign runs it by
:func:`asking`. It asks until its standard input closes, and then writes one outcome a line.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What became of one request; a campaign adds what it wants to know."""

    began: float
    """On the clock of the wall, in seconds."""
    ended: float
    status: str
    """The status of the answer, or the error where there was none."""


Outcome = TypeVar("Outcome", bound=Asked)
Client = TypeVar("Client")


@contextmanager
def asking(script: str, port: int, file: Path, *, pause_seconds: float) -> Iterator[None]:
    """Have a script ask for the length of the block; ``file`` then has the outcomes.

    Args:
        script: a file that calls :func:`ask_without_end`.
        port: of the service.
        file: to write.
        pause_seconds: what each client waits for after an answer.
    """
    command = [sys.executable, script, str(port), str(file), str(pause_seconds)]
    paths = [str(Path(__file__).parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    clients = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    try:
        yield
    finally:
        clients.communicate(timeout=60)
    assert clients.returncode == 0, "the clients failed, whatever the service did"


def outcomes_in(file: Path, kind: type[Outcome]) -> list[Outcome]:
    """Return what :func:`asking` noted, as it began."""
    return sorted((kind(**json.loads(line)) for line in file.read_text().splitlines()), key=lambda one: one.began)


def ask_without_end(
    ask: Callable[[str, Client, threading.Event, list[Outcome], float], None], clients: Sequence[Client]
) -> None:
    """Ask until nobody wants more, as the arguments of this process say.

    Args:
        ask: asks at an address as one of the clients, until the event is set, and adds the outcomes; it is told how
            many seconds to wait after an answer.
        clients: a thread each.
    """
    url, file, pause_seconds = f"http://127.0.0.1:{sys.argv[1]}", Path(sys.argv[2]), float(sys.argv[3])
    over = threading.Event()
    outcomes: list[Outcome] = []
    threads = [threading.Thread(target=ask, args=(url, one, over, outcomes, pause_seconds)) for one in clients]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    file.write_text("".join(json.dumps(asdict(one)) + "\n" for one in outcomes))
