"""Recommendations: from a request to an answer, whatever part is missing. Knows neither BentoML nor FastAPI."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.recommender.catalogue import Catalogue
from models.recommender.predict import Recommender, ScoredItem
from serving.features import FeatureReader, OnlineStoreGoneError, UserFeatures, feature_reader
from serving.http.problems import ProblemError
from serving.instances import parsed
from serving.prediction_log import RowLog, new_id
from serving.recommender.catalogue_filter import CatalogueFilter
from serving.recommender.experiments.assignment import NOT_ASSIGNED, Assignment
from serving.recommender.experiments.in_force import ExperimentsFile, Treatment
from serving.recommender.exploration import explored, fair_draw
from serving.recommender.live_catalogue import LiveCatalogue
from serving.recommender.placements import PERSONAL, Shelf, Visit, candidates, readable
from serving.recommender.reranking import CANDIDATES, rerank
from serving.recommender.rules import RuleBook, RulesInForce
from serving.recommender.rules_file import RulesFile
from serving.recommender.schemas import (
    MAX_RESULTS,
    NEEDS_ITEMS,
    BatchEntry,
    CategoryFilter,
    Fallback,
    ItemFilter,
    RankingRequest,
    RecommendationAnswers,
    RecommendationBatch,
    RecommendationRequest,
    Recommendations,
)
from serving.recommender.visits import visit_of
from serving.recommender.written_answer import Listed, recommended_item, row_of
from serving.schemas import ElementError
from serving.served_model import ServedModel
from serving.tracing import span
from shopsight.clock import rfc3339, utc_now
from shopsight.families import FAMILIES
from shopsight.marts import export_path
from shopsight.settings import Settings

FAMILY: Final = FAMILIES["recommender"]
WIN_BACK: Final = ((0.5, 14.0),)
"""A shopper who was away is shown what came since then before what was there already."""


class RecommendationDesk:
    """Answers every placement of the interface."""

    def __init__(
        self,
        recommender: Recommender,
        *,
        model: ServedModel,
        features: FeatureReader,
        log: RowLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        rules: Callable[[], RulesInForce] | None = None,
        catalogue: Callable[[], Catalogue] | None = None,
        experiments: ExperimentsFile | None = None,
        draw: Callable[[], float] = fair_draw,
    ) -> None:
        """Make a desk; ``catalogue`` says what the items are like now, where that is not as the model learnt them."""
        self._draw = draw
        self._experiments = experiments
        self.recommender = recommender
        self.model = model
        self._features = features
        self._log = log
        self._clock = clock
        self._new_id = new_id
        self._filter = CatalogueFilter(recommender.catalogue)
        no_rules = RulesInForce(RuleBook(), recommender.catalogue)
        self._rules = rules or (lambda: no_rules)
        self._catalogue = catalogue or (lambda: recommender.catalogue)
        self._taking_up = threading.Lock()
        self._keep_up()

    def similar(self, item_id: str, request: RecommendationRequest) -> Recommendations:
        """Answer for the item of a path.

        Raises:
            ProblemError: the catalogue has no such item (404).
        """
        self._keep_up()
        if self.recommender.catalogue.index_of(item_id) is None:
            raise ProblemError(404, f"The catalogue has no item {item_id!r}.", code="unknown_item")
        return self.answer(request.model_copy(update={"placement": "similar_items", "item_ids": [item_id]}))

    def answer(self, request: RecommendationRequest) -> Recommendations:
        """Answer a valid request; a missing part costs a rung, never the answer.

        Raises:
            ProblemError: a placement that is about items was asked for without any (422).
        """
        started = time.perf_counter()
        self._keep_up()
        if request.placement in NEEDS_ITEMS and not request.item_ids:
            raise ProblemError(
                422,
                f"The placement {request.placement!r} needs item_ids: with what?",
                errors=[{"loc": ["body", "item_ids"], "msg": "at least one item", "type": "missing"}],
            )
        user = self.user_of(request)
        visit = visit_of(request, user)
        assignment, treatment = self._treatment_of(request)
        listed = self.compose(request, visit, treatment.rules, draw=self._draw, treatment=treatment)
        return self._write_up(request, user, visit, listed, started, assignment=assignment)

    def answer_batch(self, batch: RecommendationBatch) -> RecommendationAnswers:
        """Answer several requests; one that is not valid gets its own error."""
        return {"results": [self._answer_one(index, raw) for index, raw in enumerate(batch.requests)]}

    def rank(self, request: RankingRequest) -> Recommendations:
        """Put the items of the request into the order of what the shopper wants; the shop's rules do not move them."""
        started = time.perf_counter()
        self._keep_up()
        asked = RecommendationRequest(
            placement="recommended_for_you",
            **request.model_dump(include={"user_id", "session_id", "recent_events", "personalised", "explain"}),
            num_results=len(request.item_ids),
        )
        user = self.user_of(asked)
        visit = visit_of(asked, user)
        history = readable(self.recommender, visit.history)
        with span("call the model"):
            items = self.recommender.rank(history, list(dict.fromkeys(request.item_ids)), explain=request.explain)
        asked = asked.model_copy(update={"item_ids": request.item_ids})
        fallback: Fallback | None = None if history else "best_sellers"
        return self._write_up(asked, user, visit, Listed(items=items, fallback=fallback), started, placement="ranking")

    def compose(
        self,
        request: RecommendationRequest,
        visit: Visit,
        rules: RulesInForce,
        *,
        draw: Callable[[], float] | None = None,
        treatment: Treatment | None = None,
    ) -> Listed:
        """Return the list that a request gets under some rules; nothing is written down.

        Args:
            request: what is asked for.
            visit: from :func:`serving.recommender.visits.visit_of`.
            rules: what the shop asks of its lists.
            draw: numbers from 0 to below 1, where the list may explore; without it, it never does.
            treatment: what the arm of an experiment asks beside its rules.
        """
        arm = treatment or Treatment(rules=rules)
        now = self._clock()
        allowed = self._filter.mask(request.filter)
        left_out = rules.left_out(request.placement, now)
        if left_out is not None:
            allowed = (self.recommender.catalogue.available if allowed is None else allowed) & ~left_out
        wishes = rules.wishes(request.placement, now).stricter(
            {"category": request.max_per_category, "brand": request.max_per_brand}
        )
        wishes = wishes.stricter({"category": arm.max_per_category, "brand": arm.max_per_brand})
        diversity = request.diversity if arm.diversity is None else arm.diversity
        explore = rules.explore(request.placement) if draw else None
        wishes = replace(wishes, diversity=diversity, spare=explore.among if explore else 0)
        if request.placement == "win_back":
            wishes = replace(wishes, prefer_new=(*wishes.prefer_new, *WIN_BACK))
        if arm.model == "popularity":
            visit = replace(visit, placement="best_sellers")
        wanted, personal = request.num_results, visit.placement in PERSONAL
        book, due = rules.book, rules.due_again(visit.bought_at, self.recommender.usual_days_N, now)
        seen = {event.item_id for event in visit.history} | visit.bought_at.keys()
        cold_share = book.new_items if personal else 0.0
        wishes = replace(wishes, max_cold=int(cold_share * wanted) if personal else None)
        shelf = Shelf(
            num_results=min(max(4 * wanted, CANDIDATES), 4 * MAX_RESULTS) if wishes.any else wanted,
            allowed=allowed,
            exclude=_excluded(request, visit, book, due),
            segment=lambda: self._segment(visit),
            cold_share=cold_share,
            seen=frozenset() if book.seen_items == "anywhere" else frozenset(seen - due),
            # Of a list that is put in another order only what is shown in the end is explained, below.
            explain=request.explain and not wishes.any,
        )
        propensities: list[float] | None = None
        with span("call the model"):
            fallback, items = candidates(self.recommender, visit, shelf)
        if wishes.any:
            items = rerank(
                items,
                wishes,
                recommender=self.recommender,
                num_results=wanted,
                may_show=lambda item_id: self._may_show(item_id, shelf),
            )
            if explore and draw:
                pinned = {item_id for _, item_ids in wishes.pins for item_id in item_ids}
                items, propensities = explored(items, num_results=wanted, explore=explore, pinned=pinned, draw=draw)
            if request.explain and personal:
                items = self._explained(items, visit)
        # A cap may be why the list is short: what fills it up would have to keep to it, too.
        if personal and book.seen_items == "last" and not wishes.caps:
            shown = {item.item_id for item in items}
            items += self.recommender.best_sellers(
                num_results=wanted - len(items), allowed=allowed, exclude=shelf.exclude | shown
            )
        if propensities is not None:
            propensities += [1.0] * (len(items) - len(propensities))
        return Listed(items=items, fallback=fallback, propensities=propensities)

    def user_of(self, request: RecommendationRequest) -> UserFeatures | None:
        """Return what is known of the request's user; None where nobody is named or no personal answer is wanted."""
        if not request.personalised or request.user_id is None:
            return None
        try:
            return self._features.user(request.user_id, FAMILY.feature_service)
        except OnlineStoreGoneError:
            return self._features.unreachable_user(request.user_id)

    def _treatment_of(self, request: RecommendationRequest) -> tuple[Assignment, Treatment]:
        """Return what the request's shopper is in, and what the list is made by."""
        rules = self._rules()
        if self._experiments is None:
            return NOT_ASSIGNED, Treatment(rules=rules)
        pseudonym = self._pseudonyms_of(request)[:1]
        assignment = self._experiments.assigned(next(iter(pseudonym), None), request.placement, self._clock())
        return assignment, self._experiments.treatment(assignment, request.placement, rules)

    def _pseudonyms_of(self, request: RecommendationRequest) -> list[str]:
        if not request.personalised or request.user_id is None:
            return []
        return list(self._features.pseudonyms(request.user_id))

    def _keep_up(self) -> None:
        """Take the items' present state up; places stay, so a request in another thread may meet both states."""
        if self._catalogue() is self.recommender.catalogue:
            return
        with self._taking_up:
            # Asked again: of two requests that take states up, the one of the older state may come second.
            catalogue = self._catalogue()
            if catalogue is not self.recommender.catalogue:
                self._filter = CatalogueFilter(catalogue)
                self.recommender = self.recommender.with_catalogue(catalogue)

    def _segment(self, visit: Visit) -> NDArray[np.bool_] | None:
        """Return which items are of the visit's categories, or None where it has none or the catalogue knows none."""
        if not visit.categories:
            return None
        branches = CategoryFilter.model_construct(any_of=list(visit.categories))
        in_segment = self._filter.mask(ItemFilter.model_construct(category=branches, in_stock=False))
        return in_segment if in_segment is not None and in_segment.any() else None

    def _answer_one(self, index: int, raw: object) -> BatchEntry:
        request = parsed(RecommendationRequest, raw, "body", "requests", index, code="invalid_request")
        if not isinstance(request, RecommendationRequest):
            return {"index": index, "answer": None, "error": request}
        try:
            return {"index": index, "answer": self.answer(request), "error": None}
        except ProblemError as problem:
            error: ElementError = {"code": problem.code, "detail": problem.detail, "errors": problem.errors}
            return {"index": index, "answer": None, "error": error}

    def _may_show(self, item_id: str, shelf: Shelf) -> bool:
        place = self.recommender.catalogue.index_of(item_id)
        allowed = self.recommender.catalogue.available if shelf.allowed is None else shelf.allowed
        return place is not None and bool(allowed[place]) and item_id not in shelf.exclude

    def _explained(self, items: list[ScoredItem], visit: Visit) -> list[ScoredItem]:
        """Name the reasons of the items that the shopper's history brought; the others came with theirs."""
        history = readable(self.recommender, visit.history)
        silent = [item for item in items if not item.reasons and item.source != "pinned"]
        explained = {item.item_id: item for item in self.recommender.explained(history, silent)}
        return [explained.get(item.item_id, item) for item in items]

    def _write_up(
        self,
        request: RecommendationRequest,
        user: UserFeatures | None,
        visit: Visit,
        listed: Listed,
        started: float,
        *,
        placement: str | None = None,
        assignment: Assignment = NOT_ASSIGNED,
    ) -> Recommendations:
        items, placement = listed.items, placement or request.placement
        propensities = listed.propensities
        index_of = self.recommender.catalogue.index_of
        asked_for = dict.fromkeys([*request.item_ids, *request.exclude_item_ids])
        as_of = None if user is None or user.as_of is None else rfc3339(user.as_of)
        answer: Recommendations = {
            "recommendation_id": "rec_" + self._new_id(),
            "placement": placement,
            "user_known": user.known if user is not None else None,
            "fallback": listed.fallback,
            "model": self.model.name_and_version,
            "items": [
                recommended_item(item, rank, explain=request.explain, propensities=propensities)
                for rank, item in enumerate(items, start=1)
            ],
            "missing_item_ids": [item_id for item_id in asked_for if index_of(item_id) is None],
            "exhausted": len(items) < request.num_results,
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
            "notes": [] if user is None else self._features.notes(self._clock()),
            "features_as_of": as_of,
            "experiment": assignment.experiment.name if assignment.experiment else None,
            "arm": assignment.arm.name if assignment.arm else None,
        }
        self._log.append(
            row_of(
                answer,
                listed,
                request,
                answered_at=self._clock(),
                user_key=user.user_key if user is not None else None,
                history_length=len(visit.history),
                assignment=assignment,
                pseudonyms=self._pseudonyms_of(request) if assignment != NOT_ASSIGNED else None,
            )
        )
        return answer


@dataclass(frozen=True, kw_only=True)
class OpenDesk:
    """The desk of a home, and what it reads while it answers."""

    desk: RecommendationDesk
    features: FeatureReader
    rules: RulesFile
    catalogue: LiveCatalogue
    experiments: ExperimentsFile


def open_desk(settings: Settings, *, model: ServedModel, log: RowLog) -> OpenDesk:
    """Open a model as it is served: with the home's online features, the state of its items and the rules in force.

    Args:
        settings: of the home.
        model: the approved recommender, from a Bento or from the registry.
        log: where the row of each answer goes.
    """
    recommender = Recommender.load(model.artefact)
    recommender.text.read()
    features = feature_reader(settings)
    catalogue = LiveCatalogue(recommender.catalogue, export_path(settings, "items"), settings.live_items_path)
    rules = RulesFile(settings.rules_path, catalogue)
    experiments = ExperimentsFile(settings.experiments_path)
    desk = RecommendationDesk(
        recommender,
        model=model,
        features=features,
        log=log,
        clock=utc_now,
        new_id=new_id,
        rules=rules,
        catalogue=catalogue,
        experiments=experiments,
    )
    return OpenDesk(desk=desk, features=features, rules=rules, catalogue=catalogue, experiments=experiments)


def _excluded(request: RecommendationRequest, visit: Visit, book: RuleBook, due: frozenset[str]) -> frozenset[str]:
    """Return what the list is not to show: what it is about, what the request names, and what was bought."""
    # What the answer is about (the page's item, the cart) is in view already.
    exclude = frozenset(request.exclude_item_ids) | set(request.item_ids)
    if request.exclude_purchased:
        return exclude | visit.bought_at.keys()
    if book.bought_items == "never" and request.placement != "recently_viewed":
        return exclude | (visit.bought_at.keys() - due)
    return exclude
