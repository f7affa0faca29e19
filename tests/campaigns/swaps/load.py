"""A client of the recommender that asks without end, in a process of its own, and notes every outcome.

``python tests/campaigns/swaps/load.py PORT FILE PAUSE`` asks until its standard input closes, and then writes one
outcome a line.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx

PAUSE_SECONDS: Final = 0.02
"""What each client waits for after an answer, where nothing else is said."""
BATCH: Final = 4
"""Requests in one batch: all are answered by one version."""
CLIENTS: Final = ("kept", "kept", "kept", "fresh", "batch")
"""``kept`` and ``batch`` ask over connections that stay open, ``fresh`` opens one for each request."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one request."""

    began: float
    """On the clock of the wall, in seconds."""
    ended: float
    status: str
    """The status of the answer, or the error where there was none."""
    versions: list[str]
    """The model's version of each answer in it."""
    ids: list[str]


@contextmanager
def asking(port: int, file: Path, *, pause_seconds: float = PAUSE_SECONDS) -> Iterator[None]:
    """Ask for the length of the block; ``file`` then has the outcomes."""
    command = [sys.executable, __file__, str(port), str(file), str(pause_seconds)]
    client = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        client.communicate(timeout=60)
    assert client.returncode == 0, "the client failed, whatever the service did"


def outcomes_in(file: Path) -> list[Outcome]:
    """Return what :func:`asking` noted, as it began."""
    return sorted((Outcome(**json.loads(line)) for line in file.read_text().splitlines()), key=lambda one: one.began)


def _ask(url: str, kind: str, over: threading.Event, outcomes: list[Outcome], pause_seconds: float) -> None:
    single: dict[str, Any] = {"recent_events": [{"event_name": "view_item", "item_id": "i_5"}], "num_results": 5}
    path = "/v1/recommendations/batch" if kind == "batch" else "/v1/recommendations"
    body = {"requests": [single] * BATCH} if kind == "batch" else single
    with httpx.Client(timeout=30) as client:
        while not over.wait(pause_seconds):
            began, answers, status = time.time(), [], ""
            try:
                answer = (httpx if kind == "fresh" else client).post(url + path, json=body)
                status = str(answer.status_code)
                if status == "200":
                    answers = (
                        [one["answer"] for one in answer.json()["results"]] if kind == "batch" else [answer.json()]
                    )
            except (httpx.HTTPError, ValueError) as error:
                status = f"{type(error).__name__}: {error}"
            outcomes.append(
                Outcome(
                    began=began,
                    ended=time.time(),
                    status=status,
                    versions=[one["model"]["version"] for one in answers],
                    ids=[one["recommendation_id"] for one in answers],
                )
            )


def main() -> None:
    """Ask until nobody wants more."""
    url, file, pause = f"http://127.0.0.1:{sys.argv[1]}", Path(sys.argv[2]), float(sys.argv[3])
    over, outcomes = threading.Event(), list[Outcome]()
    clients = [threading.Thread(target=_ask, args=(url, kind, over, outcomes, pause)) for kind in CLIENTS]
    for client in clients:
        client.start()
    sys.stdin.read()
    over.set()
    for client in clients:
        client.join()
    file.write_text("".join(json.dumps(asdict(one)) + "\n" for one in outcomes))


if __name__ == "__main__":
    main()
