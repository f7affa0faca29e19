"""A client of the recommender that asks without end, in a process of its own, and notes every outcome.

The campaign runs this file by ``endless_clients.asking``.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx
from endless_clients import Asked, ask_without_end

PAUSE_SECONDS: Final = 0.02
"""What each client waits for after an answer, where nothing else is said."""
BATCH: Final = 4
"""Requests in one batch: all are answered by one version."""
SCRIPT: Final = __file__
CLIENTS: Final = ("kept", "kept", "kept", "fresh", "batch")
"""``kept`` and ``batch`` ask over connections that stay open, ``fresh`` opens one for each request."""


@dataclass(frozen=True, kw_only=True)
class Outcome(Asked):
    """What became of one request."""

    versions: list[str]
    """The model's version of each answer in it."""
    ids: list[str]


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


if __name__ == "__main__":
    ask_without_end(_ask, CLIENTS)
