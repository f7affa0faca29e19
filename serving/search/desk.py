"""Search: from a query to an answer, whatever part is missing. Knows neither BentoML nor FastAPI."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from models.catalogue import Catalogue
from models.search.attribute_wishes import by_attribute
from models.search.hits import Hits
from models.search.predict import Mask, SearchEngine
from models.search.profiles import Profile
from models.search.synonyms import NO_SYNONYMS, Synonyms
from serving.features import FeatureReader, OnlineStoreGoneError, UserFeatures, feature_reader
from serving.items.catalogue_filter import CatalogueFilter
from serving.items.live_catalogue import LiveCatalogue
from serving.items.rules import RuleBook, RulesInForce
from serving.items.rules_file import RulesFile
from serving.items.shop_file import ShopFile
from serving.prediction_log import RowLog, new_id
from serving.search.facets import attributes_mask, facets_of
from serving.search.ordering import PLACEMENT, ordered, rows_in_order
from serving.search.reasons import reasons_of
from serving.search.schemas import (
    SearchAnswer,
    SearchFilter,
    SearchRequest,
    SearchResult,
    SuggestionRequest,
    Suggestions,
)
from serving.search.suggestions import Suggester
from serving.search.synonyms_file import synonyms_file
from serving.served_model import ServedModel
from shopsight.clock import rfc3339, utc_now
from shopsight.families import FAMILIES
from shopsight.marts import export_path
from shopsight.privacy import redact_text
from shopsight.settings import Settings

FAMILY: Final = FAMILIES["search"]


class SearchDesk:
    """Answers queries and suggests how they go on."""

    def __init__(
        self,
        engine: SearchEngine,
        *,
        model: ServedModel,
        features: FeatureReader,
        log: RowLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        rules: Callable[[], RulesInForce] | None = None,
        catalogue: Callable[[], Catalogue] | None = None,
        synonyms: Callable[[], Synonyms] = lambda: NO_SYNONYMS,
    ) -> None:
        """Make a desk.

        Args:
            engine: the model.
            model: its papers.
            features: of the shoppers.
            log: where the row of each answer goes.
            clock: the time.
            new_id: gives each answer its id.
            rules: the shop's, as they are now; none by default.
            catalogue: what the items are like now, where that is not as the model learnt them.
            synonyms: the shop's, as they are now; none by default.
        """
        self._synonyms = synonyms
        self.model = model
        self._features = features
        self._log = log
        self._clock = clock
        self._new_id = new_id
        self._catalogue = catalogue or (lambda: engine.catalogue)
        no_rules = RulesInForce(RuleBook(), engine.catalogue)
        self._rules = rules or (lambda: no_rules)
        self._taking_up = threading.Lock()
        self._state = _State.of(engine)

    @property
    def engine(self) -> SearchEngine:
        """The model over the items as they were taken up last."""
        return self._state.engine

    def answer(self, request: SearchRequest) -> SearchAnswer:
        """Answer a query; a missing part costs a rung, never the answer."""
        started, now = time.perf_counter(), self._clock()
        state, rules = self._keep_up(), self._rules()
        if rules.catalogue is not state.engine.catalogue:
            rules = RulesInForce(rules.book, state.engine.catalogue)
        user = self._user_of(request)
        profile = Profile(item_ids=user.item_ids) if user is not None and len(user.item_ids) else None
        hits, relaxed = self._hits(state, request, rules, profile, now)
        places, pinned = ordered(hits.places, rules, now)
        rows = rows_in_order(hits.places, places[: request.num_results].tolist())
        results = [
            _result(state.engine, hits, row, rank, explain=request.explain, pinned=pinned)
            for rank, row in enumerate(rows, start=1)
        ]
        fallback = "relaxed" if relaxed and results else None
        if not results:
            results = self._best_sellers(state, request, rules, now)
            fallback = "best_sellers" if results else None
        wishes, named = hits.understood.wishes, hits.understood.named
        answer: SearchAnswer = {
            "search_id": "srch_" + self._new_id(),
            "query": request.query,
            "understood": {
                "text": hits.understood.text,
                "language": hits.understood.language,  # type: ignore[typeddict-item]
                "corrected": hits.understood.corrected,
                "synonyms": list(hits.understood.synonyms),
                "brands": list(wishes.brands),
                "lowest_price": wishes.lowest,
                "highest_price": wishes.highest,
                "attributes": by_attribute(named.wanted),
                "unwanted": by_attribute(named.unwanted),
            },
            "results": results,
            "total": len(hits.places),
            "facets": facets_of(state.engine, hits.places),
            "relaxed": relaxed,  # type: ignore[typeddict-item]
            "fallback": fallback,  # type: ignore[typeddict-item]
            "user_known": user.known if user is not None else None,
            "model": self.model.name_and_version,
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
            "notes": [] if user is None else self._features.notes(self._clock()),
        }
        self._log.append(self._row_of(answer, request, user, now))
        return answer

    def suggest(self, request: SuggestionRequest) -> Suggestions:
        """Return how a query may go on; items that cannot be bought now are not among it."""
        state = self._keep_up()
        return {"suggestions": state.suggester.suggest(request.q, count=request.num_results)}

    def _hits(
        self,
        state: "_State",
        request: SearchRequest,
        rules: RulesInForce,
        profile: Profile | None,
        now: datetime,
    ) -> tuple[Hits, list[str]]:
        """Return what a query finds, and what was given up for it: the query's own wishes first, then the filter."""
        asked, available = state.mask(request.filter), _available(state.engine, rules, now)
        left_out = rules.left_out(PLACEMENT, now)

        def hits_among(mask: Mask) -> Hits:
            return state.engine.search(
                request.query,
                num_results=request.num_results,
                mask=mask,
                profile=profile,
                synonyms=self._synonyms(),
            )

        if asked is None:
            hits = hits_among(available)
            return hits, list(hits.relaxed)
        hits = hits_among(asked if left_out is None else asked & ~left_out)
        if len(hits.places):
            return hits, list(hits.relaxed)
        wider = hits_among(available)
        return wider, [*wider.relaxed, "filter"] if len(wider.places) else []

    def _best_sellers(
        self, state: "_State", request: SearchRequest, rules: RulesInForce, now: datetime
    ) -> list[SearchResult]:
        """Return what sells best of what may be shown: where a query finds nothing, a page need not be empty."""
        engine, allowed = state.engine, _available(state.engine, rules, now)
        wanted = np.where(allowed, engine.demand[:, 1] + 1e-3 * engine.demand[:, 0], -np.inf)
        best = [place for place in np.argsort(-wanted, kind="stable")[: request.num_results].tolist() if allowed[place]]
        return [_item(engine.catalogue, place, rank, score=0.0) for rank, place in enumerate(best, start=1)]

    def _user_of(self, request: SearchRequest) -> UserFeatures | None:
        if not request.personalised or request.user_id is None:
            return None
        try:
            return self._features.user(request.user_id, FAMILY.feature_service)
        except OnlineStoreGoneError:
            return self._features.unreachable_user(request.user_id)

    def _keep_up(self) -> "_State":
        """Take the items' present state up, and return what answers over it."""
        if self._catalogue() is self._state.engine.catalogue:
            return self._state
        with self._taking_up:
            catalogue = self._catalogue()
            if catalogue is not self._state.engine.catalogue:
                self._state = _State.of(self._state.engine.with_catalogue(catalogue))
            return self._state

    def _row_of(
        self, answer: SearchAnswer, request: SearchRequest, user: UserFeatures | None, now: datetime
    ) -> dict[str, Any]:
        """Return the row of an answer: a list of the placement ``search``, its query without addresses and numbers.

        Of what was understood it has no text: where a word was put right, an address no longer looks like one.
        """
        understood = answer["understood"]
        return {
            "recommendation_id": answer["search_id"],
            "answered_at": rfc3339(now),
            "model": answer["model"],
            "placement": PLACEMENT,
            "user": user.user_key if user is not None else None,
            "session_id": request.session_id if request.personalised else None,
            "query": redact_text(request.query),
            "understood": {
                "language": understood["language"],
                "is_corrected": understood["corrected"] is not None,
                "synonyms": len(understood["synonyms"]),
                "brands": understood["brands"],
                "lowest_price": understood["lowest_price"],
                "highest_price": understood["highest_price"],
                "attributes": understood["attributes"],
            },
            "request": {"filter": request.filter.model_dump(exclude_none=True) if request.filter else None},
            "fallback": answer["fallback"],
            "relaxed": answer["relaxed"],
            "total": answer["total"],
            "results": [[result["item_id"], result["score"], PLACEMENT] for result in answer["results"]],
            "latency_ms": answer["took_ms"],
        }


@dataclass(frozen=True, kw_only=True)
class _State:
    """What answers over the items of one moment."""

    engine: SearchEngine
    filter: CatalogueFilter
    suggester: Suggester

    def mask(self, item_filter: SearchFilter | None) -> Mask | None:
        """Return which items pass, shape (N,), or None where nothing is filtered."""
        mask = self.filter.mask(item_filter)
        if mask is None or item_filter is None or not item_filter.attributes:
            return mask
        return mask & attributes_mask(self.engine, item_filter.attributes)

    @classmethod
    def of(cls, engine: SearchEngine) -> "_State":
        return cls(engine=engine, filter=CatalogueFilter(engine.catalogue), suggester=Suggester(engine))


def _available(engine: SearchEngine, rules: RulesInForce, now: datetime) -> Mask:
    """Return which items can be bought and are not left out by a rule, shape (N,)."""
    left_out = rules.left_out(PLACEMENT, now)
    return engine.catalogue.available if left_out is None else engine.catalogue.available & ~left_out


def _result(
    engine: SearchEngine, hits: Hits, row: int, rank: int, *, explain: bool, pinned: frozenset[int]
) -> SearchResult:
    place, catalogue = int(hits.places[row]), engine.catalogue
    result = _item(catalogue, place, rank, score=round(float(hits.scores[row]), 6))
    if explain:
        result["reasons"] = reasons_of(
            hits,
            row,
            brand=catalogue.brands[place],
            price=float(catalogue.prices[place]),
            attributes=engine.attributes[place],
            pinned=place in pinned,
        )
    return result


def _item(catalogue: Catalogue, place: int, rank: int, *, score: float) -> SearchResult:
    price = float(catalogue.prices[place])
    return {
        "item_id": catalogue.item_ids[place],
        "rank": rank,
        "score": score,
        "title": catalogue.titles[place],
        "category": catalogue.categories[place],
        "brand": catalogue.brands[place],
        "price": None if np.isnan(price) else price,
        "is_available": bool(catalogue.available[place]),
        "reasons": [],
    }


@dataclass(frozen=True, kw_only=True)
class OpenSearch:
    """The desk of a home, and what it reads while it answers."""

    desk: SearchDesk
    features: FeatureReader
    rules: RulesFile
    catalogue: LiveCatalogue
    synonyms: ShopFile[Synonyms]


def open_desk(settings: Settings, *, model: ServedModel, log: RowLog) -> OpenSearch:
    """Open a model as it is served: with the home's online features, the state of its items and the rules in force.

    Args:
        settings: of the home.
        model: the approved engine, from a Bento or from the registry.
        log: where the row of each answer goes.
    """
    engine = SearchEngine.load(model.artefact)
    features = feature_reader(settings)
    catalogue = LiveCatalogue(engine.catalogue, export_path(settings, "items"), settings.live_items_path)
    rules = RulesFile(settings.rules_path, catalogue)
    synonyms = synonyms_file(settings.synonyms_path)
    desk = SearchDesk(
        engine,
        model=model,
        features=features,
        log=log,
        clock=utc_now,
        new_id=new_id,
        rules=rules,
        catalogue=catalogue,
        synonyms=synonyms,
    )
    return OpenSearch(desk=desk, features=features, rules=rules, catalogue=catalogue, synonyms=synonyms)
