"""Shoppers of the recommender who ask without end, in a process of their own; every outcome is noted.

``python tests/campaigns/canaries/load.py PORT FILE PAUSE`` asks until its standard input closes, and then writes one
outcome a line.
"""

import json
import random
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

CLIENTS: Final = 4
SHOPPERS: Final = 400
PAUSE_SECONDS: Final = 0.01


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one request."""

    began: float
    """On the clock of the wall, in seconds."""
    ended: float
    status: str
    """The status of the answer, or the error where there was none."""
    shopper: str
    """Who asked: a user, a session, or nobody."""
    version: str
    """Of the model that answered; empty where none did."""
    id: str


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


def _ask(url: str, number: int, over: threading.Event, outcomes: list[Outcome], pause_seconds: float) -> None:
    rng = random.Random(number)
    with httpx.Client(timeout=30) as client:
        while not over.wait(pause_seconds):
            shopper, answer = rng.randrange(SHOPPERS), None
            kind = {0: "nobody", 1: "session"}.get(shopper % 10, "user")
            body: dict[str, Any] = {"placement": "similar_items", "item_ids": [f"i_{shopper % 40}"], "num_results": 5}
            if kind != "nobody":
                body[f"{kind}_id"] = f"{kind}-{shopper}"
            began = time.time()
            try:
                response = client.post(f"{url}/v1/recommendations", json=body)
                status = str(response.status_code)
                answer = response.json() if status == "200" else None
            except (httpx.HTTPError, ValueError) as error:
                status = f"{type(error).__name__}: {error}"
            outcomes.append(
                Outcome(
                    began=began,
                    ended=time.time(),
                    status=status,
                    shopper="" if kind == "nobody" else body[f"{kind}_id"],
                    version=answer["model"]["version"] if answer else "",
                    id=answer["recommendation_id"] if answer else "",
                )
            )


def main() -> None:
    """Ask until nobody wants more."""
    url, file, pause = f"http://127.0.0.1:{sys.argv[1]}", Path(sys.argv[2]), float(sys.argv[3])
    over, outcomes = threading.Event(), list[Outcome]()
    clients = [threading.Thread(target=_ask, args=(url, n, over, outcomes, pause)) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    sys.stdin.read()
    over.set()
    for client in clients:
        client.join()
    file.write_text("".join(json.dumps(asdict(one)) + "\n" for one in outcomes))


if __name__ == "__main__":
    main()
