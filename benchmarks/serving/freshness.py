"""The block ``freshness``: from an event to an answer that it has changed."""

import http.client
import itertools
import json
import time
from typing import Any, Final

from benchmarks.serving.home import ServedShop, served_shop
from benchmarks.serving.load import Answers
from shopsight.clock import rfc3339, utc_now

ITEMS: Final = 12_000


def measure(*, seconds: float) -> dict[str, Any]:
    """Return the figures of an event of a shopper whom nobody knows, and of the list that follows it.

    ``p50_ms`` and ``p99_ms`` are of both requests together, one after the other; ``event`` is the first alone. An
    answer that does not know the shopper, or is not the sequence model's, is an error.

    Args:
        seconds: how long the load lasts.
    """
    with served_shop(items=ITEMS) as shop:
        numbers = itertools.count()
        _visits(shop, numbers, seconds=min(seconds, 2.0))
        both, event = _visits(shop, numbers, seconds=seconds)
    return {**both.figures(), "event": event.figures()}


def _visits(shop: ServedShop, numbers: "itertools.count[int]", *, seconds: float) -> tuple[Answers, Answers]:
    collector = http.client.HTTPConnection("127.0.0.1", shop.settings.collector_port)
    recommender = http.client.HTTPConnection("127.0.0.1", shop.settings.recommendation_port)
    both, event, wrong = [], [], 0
    began = time.perf_counter()
    while time.perf_counter() < began + seconds:
        number = next(numbers)
        visitor = f"newcomer {number}"
        view = {
            "event_id": f"visit {number}",
            "event_name": "view_item",
            "event_timestamp": rfc3339(utc_now()),
            "user_id": visitor,
            "item_id": f"i{number % ITEMS:07d}",
        }
        started = time.perf_counter()
        accepted = _post(collector, "/v1/events", {"events": [view]})["accepted"]
        event.append(1_000 * (time.perf_counter() - started))
        answer = _post(recommender, "/v1/recommendations", {"user_id": visitor})
        both.append(1_000 * (time.perf_counter() - started))
        wrong += accepted != 1 or answer["user_known"] is not True or answer["fallback"] is not None
    took = time.perf_counter() - began
    collector.close()
    recommender.close()
    return (
        Answers(seconds=took, took_ms=tuple(both), errors=wrong),
        Answers(seconds=took, took_ms=tuple(event), errors=wrong),
    )


def _post(connection: http.client.HTTPConnection, route: str, content: dict[str, Any]) -> dict[str, Any]:
    connection.request("POST", route, json.dumps(content).encode(), {"content-type": "application/json"})
    answered: dict[str, Any] = json.loads(connection.getresponse().read())
    return answered
