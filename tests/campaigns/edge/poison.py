"""Batches of eight with one bad element each: the other seven must be answered as they are without it."""

import json
import random
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

SIZE: Final = 8
BATCHES: Final[Mapping[str, tuple[str, str, Any]]] = {
    "intent": ("/v1/intents", "texts", "find red shoes"),
    "recommender": ("/v1/recommendations/batch", "requests", {"placement": "trending", "num_results": 2}),
    "purchase_intent": (
        "/v1/predictions/purchase_intent",
        "instances",
        {"events": [{"event_name": "view_item", "event_timestamp": "2026-01-05T10:00:00Z"}]},
    ),
    "churn": ("/v1/predictions/churn", "instances", {"user_id": "maya"}),
    "collector": (
        "/v1/events",
        "events",
        {"event_name": "page_view", "event_timestamp": "2026-01-05T10:00:00Z", "anonymous_id": "a_1"},
    ),
}
"""Of each service: a route, the list in its request, and a good element."""
ANSWERS: Final[Mapping[str, str]] = {
    "intent": "intents",
    "recommender": "results",
    "purchase_intent": "predictions",
    "churn": "predictions",
}
"""The list in a family's answer, an element for each that was asked; the collector names those that it rejects."""
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
    route, given, good = BATCHES[family]
    rng = random.Random(seed)
    tally = {"batches": 0, "good elements": 0, "spoilt": 0}
    for poison in POISONS:
        for _ in range(count):
            place = rng.randrange(SIZE)
            elements = [poison if n == place else good for n in range(SIZE)]
            failed = _failed(family, _ask(port, route, {given: elements}, marker))
            tally["batches"] += 1
            tally["good elements"] += SIZE - 1
            tally["spoilt"] += len(failed - {place})
    return tally


def _failed(family: str, answer: Mapping[str, Any]) -> set[int]:
    """Return the places of the elements that got no answer, or were not taken."""
    if family in ANSWERS:
        results = answer.get(ANSWERS[family], [])
        return {n for n in range(SIZE) if len(results) != SIZE or results[n]["error"] is not None}
    rejected = {error["index"] for error in answer.get("errors", [])}
    taken = answer.get("accepted", 0) + answer.get("duplicates", 0)
    return rejected if taken + len(rejected) == SIZE else set(range(SIZE))


def _ask(port: int, route: str, body: Any, marker: str) -> Mapping[str, Any]:
    headers = {"content-type": "application/json"} | ({"x-plant": marker} if marker else {})
    request = urllib.request.Request(f"http://127.0.0.1:{port}{route}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            document: Mapping[str, Any] = json.load(answer)
            return document
    except urllib.error.HTTPError:
        return {}
