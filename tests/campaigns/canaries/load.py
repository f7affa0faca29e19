"""Shoppers of the recommender who ask without end, in a process of their own; every outcome is noted.

The campaign runs this file by ``endless_clients.asking``.
"""

import random
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx
from endless_clients import Asked, ask_without_end

SCRIPT: Final = __file__
CLIENTS: Final = 4
SHOPPERS: Final = 400
PAUSE_SECONDS: Final = 0.01


@dataclass(frozen=True, kw_only=True)
class Outcome(Asked):
    """What became of one request."""

    shopper: str
    """Who asked: a user, a session, or nobody."""
    version: str
    """Of the model that answered; empty where none did."""
    id: str


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


if __name__ == "__main__":
    ask_without_end(_ask, range(CLIENTS))
