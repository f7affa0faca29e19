"""Recommendations: from a request to an answer, down the ladder where a part is missing.

The ladder: sequence model and online history -> the request's own events -> similar items -> trending -> best
sellers. The first rung that has items gives the list and is named in ``fallback`` (the top one is None); rungs below
fill it up, and every item names its own source. Knows neither BentoML nor FastAPI.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.recommender.history import BEHAVIOURS
from models.recommender.predict import HistoryEvent, Recommender, ScoredItem
from serving.catalogue_filter import CatalogueFilter
from serving.diversity import diversify
from serving.online_features import FeatureReader, OnlineStoreGone, UserFeatures
from serving.prediction_log import RowLog
from serving.problems import Problem
from serving.request_digest import digest
from serving.schemas import BUILT_PLACEMENTS, RecommendationRequest
from serving.served_model import ServedModel
from shopsight.contracts import FEATURE_SERVICES

Rung = tuple[str | None, Callable[[], Sequence[ScoredItem]]]
"""A rung's name in ``fallback`` and what it recommends."""


RANK_CONSTANT: Final = 60
"""Of reciprocal rank fusion; G. Cormack et al., "Reciprocal Rank Fusion" (2009)."""


@dataclass(frozen=True, kw_only=True)
class _Shopper:
    """Who asks, as far as the answer may use it."""

    user: UserFeatures | None
    """None where nobody is named, or no personal answer is wanted."""
    online: list[HistoryEvent]
    """The history that is kept online, oldest first."""
    recent: list[HistoryEvent]
    """The request's own events, which come after it."""

    @property
    def history(self) -> list[HistoryEvent]:
        """Everything that was done, oldest first."""
        return self.online + self.recent


@dataclass(frozen=True, kw_only=True)
class _Shelf:
    """What may be shown."""

    num_results: int
    allowed: NDArray[np.bool_] | None
    exclude: frozenset[str]


class RecommendationDesk:
    """Answers every placement of the interface that is built."""

    def __init__(
        self,
        recommender: Recommender,
        *,
        model: ServedModel,
        features: FeatureReader,
        log: RowLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self.recommender = recommender
        self.model = model
        self._features = features
        self._log = log
        self._clock = clock
        self._new_id = new_id
        self._filter = CatalogueFilter(recommender.catalogue)

    def similar(self, item_id: str, request: RecommendationRequest) -> dict[str, Any]:
        """Answer for the item of a path.

        Raises:
            Problem: the catalogue has no such item (404).
        """
        if self.recommender.catalogue.index_of(item_id) is None:
            raise Problem(404, f"The catalogue has no item {item_id!r}.", code="unknown_item")
        return self.answer(request.model_copy(update={"placement": "similar_items", "item_ids": [item_id]}))

    def answer(self, request: RecommendationRequest) -> dict[str, Any]:
        """Answer a valid request; a missing part costs a rung, never the answer.

        Raises:
            Problem: the placement is not built yet, or similar items of nothing were asked for (422).
        """
        started = time.perf_counter()
        _check_placement(request)
        shopper = self._shopper(request)
        shelf = _Shelf(
            # Diversity needs something to choose from.
            num_results=request.num_results * (1 if request.diversity == 0 else 4),
            allowed=self._filter.mask(request.filter),
            exclude=_excluded(request, shopper),
        )
        fallback, items = _climb_down(self._rungs(request, shopper, shelf), shelf.num_results)
        if request.diversity > 0:
            categories = [self._category(item.item_id) for item in items]
            items = diversify(items, categories, share=request.diversity, num_results=request.num_results)
        return self._write_up(request, shopper, fallback, items, started)

    def _rungs(self, request: RecommendationRequest, shopper: _Shopper, shelf: _Shelf) -> Iterator[Rung]:
        model, num_results, allowed, exclude = self.recommender, shelf.num_results, shelf.allowed, shelf.exclude
        if request.placement == "best_sellers":
            yield None, lambda: model.best_sellers(num_results=num_results, allowed=allowed, exclude=exclude)
            return
        if request.placement == "recently_viewed":
            viewed = self._recently_viewed(shopper.history, shelf)
            if viewed:
                yield None, lambda: viewed
                return  # anything else was not viewed
        if request.placement == "recommended_for_you":
            history = self._readable(shopper.history)
            if history:
                rung = None if self._readable(shopper.online) else "session_events"
                exclude = exclude | {event.item_id for event in history}
                yield (
                    rung,
                    lambda: model.recommend(
                        history, num_results=num_results, allowed=allowed, exclude=exclude, explain=request.explain
                    ),
                )
        if request.placement in ("recommended_for_you", "similar_items"):
            rung = None if request.placement == "similar_items" else "similar_items"
            yield rung, lambda: self._similar_to_any(request.item_ids, shelf)
        rung = None if request.placement == "trending" else "trending"
        yield rung, lambda: model.trending(num_results=num_results, allowed=allowed, exclude=exclude)
        yield "best_sellers", lambda: model.best_sellers(num_results=num_results, allowed=allowed, exclude=exclude)

    def _readable(self, events: Sequence[HistoryEvent]) -> list[HistoryEvent]:
        """Return the events that the model can read; a history of others is none."""
        index_of = self.recommender.catalogue.index_of
        return [e for e in events if e.event_name in BEHAVIOURS and index_of(e.item_id) is not None]

    def _similar_to_any(self, item_ids: Sequence[str], shelf: _Shelf) -> list[ScoredItem]:
        """Return items similar to any of ``item_ids``; lists of several are fused by rank, as their scores differ."""
        known = [i for i in dict.fromkeys(item_ids) if self.recommender.catalogue.index_of(i) is not None]
        lists = [
            self.recommender.similar_items(
                item_id, num_results=shelf.num_results, allowed=shelf.allowed, exclude=shelf.exclude
            )
            for item_id in known
        ]
        if len(lists) <= 1:
            return lists[0] if lists else []
        found: dict[str, ScoredItem] = {}
        for similar in lists:
            for rank, item in enumerate(similar, start=1):
                before = found.get(item.item_id)
                found[item.item_id] = ScoredItem(
                    item_id=item.item_id,
                    score=(before.score if before else 0.0) + 1 / (RANK_CONSTANT + rank),
                    source=item.source,
                    reasons=(before.reasons if before else ()) + item.reasons,
                )
        return sorted(found.values(), key=lambda item: (-item.score, item.item_id))

    def _recently_viewed(self, history: Sequence[HistoryEvent], shelf: _Shelf) -> list[ScoredItem]:
        catalogue = self.recommender.catalogue
        viewed = dict.fromkeys(event.item_id for event in reversed(history) if event.event_name == "view_item")
        shown: list[ScoredItem] = []
        for item_id in viewed:
            index = catalogue.index_of(item_id)
            if index is None or item_id in shelf.exclude or (shelf.allowed is not None and not shelf.allowed[index]):
                continue
            shown.append(ScoredItem(item_id=item_id, score=1 / (1 + len(shown)), source="recently_viewed", reasons=()))
        return shown

    def _category(self, item_id: str) -> str:
        place = self.recommender.catalogue.index_of(item_id)
        return "" if place is None else self.recommender.catalogue.categories[place] or ""

    def _shopper(self, request: RecommendationRequest) -> _Shopper:
        if not request.personalised:
            return _Shopper(user=None, online=[], recent=[])
        user = None if request.user_id is None else self._user(request.user_id)
        kept = [] if user is None else zip(user.item_ids, user.event_names, strict=True)
        return _Shopper(
            user=user,
            online=[HistoryEvent(item_id=item, event_name=event) for item, event in kept],
            recent=[
                HistoryEvent(item_id=e.item_id, event_name=e.event_name, event_timestamp=e.event_timestamp)
                for e in request.recent_events
                if e.item_id is not None
            ],
        )

    def _user(self, user_id: str) -> UserFeatures:
        try:
            return self._features.user(user_id, FEATURE_SERVICES["recommender"])
        except OnlineStoreGone:
            return self._features.unreachable_user(user_id)

    def _write_up(
        self,
        request: RecommendationRequest,
        shopper: _Shopper,
        fallback: str | None,
        items: Sequence[ScoredItem],
        started: float,
    ) -> dict[str, Any]:
        user = shopper.user
        index_of = self.recommender.catalogue.index_of
        asked_for = dict.fromkeys([*request.item_ids, *request.exclude_item_ids])
        as_of = None if user is None or user.as_of is None else _rfc3339(user.as_of)
        answer = {
            "recommendation_id": "rec_" + self._new_id(),
            "placement": request.placement,
            "user_known": user.known if user is not None else None,
            "fallback": fallback,
            "model": self.model.name_and_version,
            "items": [_shown(item, rank, explain=request.explain) for rank, item in enumerate(items, start=1)],
            "missing_item_ids": [item_id for item_id in asked_for if index_of(item_id) is None],
            "exhausted": len(items) < request.num_results,
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
            "features_as_of": as_of,
        }
        self._log.append(
            {
                "recommendation_id": answer["recommendation_id"],
                "answered_at": _rfc3339(self._clock()),
                "model": self.model.name_and_version,
                "placement": request.placement,
                "user": user.user_key if user is not None else None,
                "session_id": request.session_id if request.personalised else None,
                "request_digest": digest(request),
                "history_length": len(shopper.history),
                "features_as_of": as_of,
                "fallback": fallback,
                "results": [[item.item_id, round(float(item.score), 6), item.source] for item in items],
                "latency_ms": answer["took_ms"],
            }
        )
        return answer


def _climb_down(rungs: Iterator[Rung], num_results: int) -> tuple[str | None, list[ScoredItem]]:
    """Return the first rung that had items, and its items filled up from the rungs below.

    Where no rung has any (the filter left none), the lowest is named: everything was tried.
    """
    fallback: str | None = None
    items: dict[str, ScoredItem] = {}
    for name, recommend in rungs:
        if not items:
            fallback = name
        for item in recommend():
            items.setdefault(item.item_id, item)
        if len(items) >= num_results:
            break
    return fallback, list(items.values())[:num_results]


def _check_placement(request: RecommendationRequest) -> None:
    if request.placement not in BUILT_PLACEMENTS:
        supported = ", ".join(BUILT_PLACEMENTS)
        raise Problem(
            422,
            f"The placement {request.placement!r} is part of the interface but not built yet; use one of {supported}.",
            code="placement_not_built",
            errors=[{"loc": ["body", "placement"], "msg": f"one of {supported}", "type": "placement_not_built"}],
        )
    if request.placement == "similar_items" and not request.item_ids:
        raise Problem(
            422,
            "The placement 'similar_items' needs item_ids: similar to what?",
            errors=[{"loc": ["body", "item_ids"], "msg": "at least one item", "type": "missing"}],
        )


def _excluded(request: RecommendationRequest, shopper: _Shopper) -> frozenset[str]:
    purchased = {event.item_id for event in shopper.history if event.event_name == "purchase"}
    # What the answer is about (the page's item, the cart) is in view already.
    return (
        frozenset(request.exclude_item_ids)
        | set(request.item_ids)
        | (purchased if request.exclude_purchased else set())
    )


def _shown(item: ScoredItem, rank: int, *, explain: bool) -> dict[str, Any]:
    reasons = [
        {"code": reason.code, "item_ids": list(reason.item_ids), "weight": round(float(reason.weight), 4)}
        for reason in (item.reasons if explain else ())
    ]
    score = round(float(item.score), 6)
    return {"item_id": item.item_id, "rank": rank, "score": score, "source": item.source, "reasons": reasons}


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
