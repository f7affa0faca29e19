"""Asks the search service in which order items suit a text; where it is away, the graph's own order stands in."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx

from models.assistant.wish import Wish
from shopsight.settings import Settings

SECONDS: Final = 0.15
"""Longest wait for search: the shopper waits for the assistant."""
RETRY_SECONDS: Final = 10.0
"""How long a search service that failed is left alone."""
NUM_RESULTS: Final = 100


class SearchService:
    """Ranks by ``POST /v1/search``."""

    def __init__(self, settings: Settings, *, seconds_now: Callable[[], float] = time.monotonic) -> None:
        """Take where search is; nothing is asked yet."""
        key = settings.shop_key.get_secret_value() if settings.shop_key else None
        self._client = httpx.Client(
            base_url=f"http://{settings.host}:{settings.search_port}",
            headers={"x-api-key": key} if key else {},
            timeout=SECONDS,
            trust_env=False,
        )
        self._seconds_now = seconds_now
        self._retry_at = float("-inf")
        self.failure: str | None = None
        """Why search ranks nothing at the moment; None while it does, or was not asked."""

    def find(self, text: str, wish: Wish) -> Sequence[str] | None:
        """Return ids of items that suit a text, the best first; None where search does not answer in time."""
        if self._seconds_now() < self._retry_at:
            return None
        asked: dict[str, Any] = {"query": text[:500], "num_results": NUM_RESULTS, "filter": _filter(wish)}
        try:
            answer = self._client.post("/v1/search", json=asked)
            answer.raise_for_status()
            results = [result["item_id"] for result in answer.json()["results"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            self.failure = f"search does not rank what the assistant lists: {type(error).__name__}"
            self._retry_at = self._seconds_now() + RETRY_SECONDS
            return None
        self.failure = None
        return results

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _filter(wish: Wish) -> dict[str, Any]:
    """Return what search can filter by of a wish; the rest is the graph's to filter."""
    chosen: dict[str, Any] = {"in_stock": True}
    for facet in ("category", "brand"):
        if facet in wish.facets:
            chosen[facet] = {"any_of": sorted(wish.facets[facet])}
    if wish.has_price:
        bounds = {"gte": wish.gte, "lte": wish.lte}
        chosen["price"] = {name: bound for name, bound in bounds.items() if bound is not None}
    return chosen
