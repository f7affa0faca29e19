"""Batches of eight with one bad element each: the other seven must be answered as they are without it."""

import json
import random
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

SIZE: Final = 8
BATCHES: Final[Mapping[str, tuple[str, str, str, Any]]] = {
    "intent": ("/v1/intents", "texts", "intents", "find red shoes"),
    "recommender": ("/v1/recommendations/batch", "requests", "results", {"placement": "trending", "num_results": 2}),
    "purchase_intent": (
        "/v1/predictions/purchase_intent",
        "instances",
        "predictions",
        {"events": [{"event_name": "view_item", "event_timestamp": "2026-01-05T10:00:00Z"}]},
    ),
    "churn": ("/v1/predictions/churn", "instances", "predictions", {"user_id": "maya"}),
}
"""Of each family: a route, the list in its request and in its answer, and a good element."""
POISONS: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    10**30,
    1e308,
    "\ud83d",
    "\udc00 and more",
    "\x00",
    "a" * 6000,
    [],
    {},
    [[["deep"]]],
    {"surprise": 1},
    {"user_id": "\ud83d"},
    {"user_id": "a\nb"},
    {"events": "none"},
    {"placement": "nowhere"},
    {"num_results": -1},
    {"as_of": "yesterday"},
    "' OR 1=1 --",
)


def poisoned_batches(port: int, family: str, *, seed: int, count: int, marker: str = "") -> dict[str, int]:
    """Return how many batches were sent of each poison's number, and how many good elements went unanswered.

    Args:
        port: of the family's service.
        family: whose batches.
        seed: places the poison.
        count: batches for each of the :data:`POISONS`.
        marker: name of a planted defect to ask for.
    """
    route, given, answered, good = BATCHES[family]
    rng = random.Random(seed)
    tally = {"batches": 0, "good elements": 0, "spoilt": 0}
    for poison in POISONS:
        for _ in range(count):
            place = rng.randrange(SIZE)
            elements = [poison if n == place else good for n in range(SIZE)]
            results = _ask(port, route, {given: elements}, answered, marker)
            tally["batches"] += 1
            tally["good elements"] += SIZE - 1
            tally["spoilt"] += sum(
                n != place and (len(results) != SIZE or results[n]["error"] is not None) for n in range(SIZE)
            )
    return tally


def _ask(port: int, route: str, body: Any, answered: str, marker: str) -> list[Any]:
    headers = {"content-type": "application/json"} | ({"x-plant": marker} if marker else {})
    request = urllib.request.Request(f"http://127.0.0.1:{port}{route}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return list(json.load(answer)[answered])
    except urllib.error.HTTPError:
        return []
