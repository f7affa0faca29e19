"""Recommendations: from a request to an answer, whatever part is missing. Knows neither BentoML nor FastAPI."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from models.catalogue import Catalogue
from models.recommender.predict import Recommender
from serving.features import FeatureReader, OnlineStoreGoneError, UserFeatures, feature_reader
from serving.http.problems import ProblemError
from serving.instances import parsed
from serving.items.live_catalogue import LiveCatalogue
from serving.items.rules import RuleBook, RulesInForce
from serving.items.rules_file import RulesFile
from serving.pictures.home_pictures import HomePictures, Pictures
from serving.prediction_log import PredictionLog, RowLog, new_id
from serving.recommender.composing import ListComposer, Listed
from serving.recommender.experiments.assignment import NOT_ASSIGNED, Assignment
from serving.recommender.experiments.in_force import ExperimentsFile, Treatment
from serving.recommender.exploration import fair_draw
from serving.recommender.list_states import ListStates
from serving.recommender.placements import Visit
from serving.recommender.schemas import (
    NEEDS_ITEMS,
    BatchEntry,
    RankingRequest,
    RecommendationAnswers,
    RecommendationBatch,
    RecommendationRequest,
    Recommendations,
)
from serving.recommender.visits import read_features, visit_of
from serving.recommender.written_answer import recommended_item, row_of
from serving.schemas import ElementError
from serving.served_model import ServedModel
from shopsight.clock import rfc3339, utc_now
from shopsight.families import FAMILIES
from shopsight.marts import export_path
from shopsight.settings import Settings

FAMILY: Final = FAMILIES["recommender"]

MIN_ALIKE: Final = 50
"""Items that look alike are looked up so many at least: some may not be shown."""


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
        states: ListStates | None = None,
        pictures: Callable[[], Pictures | None] = lambda: None,
    ) -> None:
        """Make a desk.

        Args:
            recommender: the model.
            model: its papers.
            features: of the shoppers.
            log: where the row of each answer goes.
            clock: the time.
            new_id: gives each answer its id.
            rules: the shop's, as they are now; none by default.
            catalogue: what the items are like now, where that is not as the model learnt them.
            experiments: the shop's, as they are now; none by default.
            draw: numbers from 0 to below 1, for lists that explore.
            states: where the rules and items of each moment are written down, for lists to be made again from.
            pictures: of the items, as they are now; none by default.
        """
        self._pictures = pictures
        self._draw = draw
        self._experiments = experiments
        self._states = states
        self._composer = ListComposer(recommender)
        self.model = model
        self._features = features
        self._log = log
        self._clock = clock
        self._new_id = new_id
        no_rules = RulesInForce(RuleBook(), recommender.catalogue)
        self._rules = rules or (lambda: no_rules)
        self._catalogue = catalogue or (lambda: recommender.catalogue)
        self._taking_up = threading.Lock()
        self._keep_up()

    @property
    def recommender(self) -> Recommender:
        """The model over the items as they were taken up last."""
        return self._composer.recommender

    @property
    def states_failure(self) -> str | None:
        """Why the rules and items of this moment are not written down for replays; None while they are."""
        return None if self._states is None else self._states.failure

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
        started, now = time.perf_counter(), self._clock()
        composer = self._keep_up()
        if request.placement in NEEDS_ITEMS and not request.item_ids:
            raise ProblemError(
                422,
                f"The placement {request.placement!r} needs item_ids: with what?",
                errors=[{"loc": ["body", "item_ids"], "msg": "at least one item", "type": "missing"}],
            )
        user = self.user_of(request)
        visit = visit_of(request, user, alike=self._alike(request))
        assignment, treatment = self._treatment_of(request, composer, now)
        draws: list[float] = []

        def draw() -> float:
            draws.append(self._draw())
            return draws[-1]

        listed = composer.compose(request, visit, treatment, now=now, draw=draw)
        inputs = self._inputs(composer, treatment.rules.book, user, now) | ({"draws": draws} if draws else {})
        if treatment.settings:
            inputs["treatment"] = treatment.settings
        if visit.alike:
            inputs["alike"] = visit.alike
        return self._write_up(
            request, user, visit, listed, started, now=now, composer=composer, inputs=inputs, assignment=assignment
        )

    def compose(self, request: RecommendationRequest, visit: Visit, rules: RulesInForce) -> Listed:
        """Return the list that a request gets under some rules, without exploring; nothing is written down."""
        return self._composer.compose(request, visit, Treatment(rules=rules), now=self._clock())

    def answer_batch(self, batch: RecommendationBatch) -> RecommendationAnswers:
        """Answer several requests; one that is not valid gets its own error."""
        return {"results": [self._answer_one(index, raw) for index, raw in enumerate(batch.requests)]}

    def rank(self, request: RankingRequest) -> Recommendations:
        """Put the items of the request into the order of what the shopper wants; the shop's rules do not move them."""
        started, now = time.perf_counter(), self._clock()
        composer = self._keep_up()
        asked = RecommendationRequest(
            placement="recommended_for_you",
            **request.model_dump(include={"user_id", "session_id", "recent_events", "personalised", "explain"}),
            num_results=len(request.item_ids),
        )
        user = self.user_of(asked)
        visit = visit_of(asked, user)
        listed = composer.rank(request.item_ids, visit, explain=request.explain)
        asked = asked.model_copy(update={"item_ids": request.item_ids})
        inputs = self._inputs(composer, None, user, now)
        return self._write_up(
            asked, user, visit, listed, started, now=now, composer=composer, inputs=inputs, placement="ranking"
        )

    def user_of(self, request: RecommendationRequest) -> UserFeatures | None:
        """Return what is known of the request's user; None where nobody is named or no personal answer is wanted."""
        if not request.personalised or request.user_id is None:
            return None
        try:
            return self._features.user(request.user_id, FAMILY.feature_service)
        except OnlineStoreGoneError:
            return self._features.unreachable_user(request.user_id)

    def _alike(self, request: RecommendationRequest) -> list[tuple[str, float]]:
        """Return what looks like the items of a page that shows such; nothing where the shop has no pictures."""
        pictures = self._pictures() if request.placement == "looks_like_this" else None
        if pictures is None:
            return []
        looks = pictures.like_items(request.item_ids, num_results=max(MIN_ALIKE, 2 * request.num_results))
        return [(one.item_id, round(one.score, 6)) for one in looks]

    def _keep_up(self) -> ListComposer:
        """Take the items' present state up, and return what makes lists of it."""
        if self._catalogue() is self.recommender.catalogue:
            return self._composer
        with self._taking_up:
            # Asked again: of two requests that take states up, the one of the older state may come second.
            catalogue = self._catalogue()
            if catalogue is not self.recommender.catalogue:
                self._composer = ListComposer(self.recommender.with_catalogue(catalogue))
            return self._composer

    def _treatment_of(
        self, request: RecommendationRequest, composer: ListComposer, now: datetime
    ) -> tuple[Assignment, Treatment]:
        """Return what the request's shopper is in, and what the list is made by, over the composer's very items."""
        assignment, treatment = NOT_ASSIGNED, Treatment(rules=self._rules())
        if self._experiments is not None:
            pseudonym = next(iter(self._pseudonyms_of(request)), None)
            assignment = self._experiments.assigned(pseudonym, request.placement, now)
            treatment = self._experiments.treatment(assignment, request.placement, treatment.rules)
        rules, catalogue = treatment.rules, composer.recommender.catalogue
        if rules.catalogue is not catalogue:
            treatment = replace(treatment, rules=RulesInForce(rules.book, catalogue))
        return assignment, treatment

    def _pseudonyms_of(self, request: RecommendationRequest) -> list[str]:
        if not request.personalised or request.user_id is None:
            return []
        return list(self._features.pseudonyms(request.user_id))

    def _inputs(
        self, composer: ListComposer, book: RuleBook | None, user: UserFeatures | None, now: datetime
    ) -> dict[str, Any]:
        """Return what the answer is made from beside its request, as the log has it; a ranking follows no rules."""
        inputs: dict[str, Any] = {}
        if self._states is not None:
            inputs["state"] = self._states.name_of(composer.recommender.catalogue, book, now)
        if user is not None:
            inputs |= {"user_known": user.known, "features": read_features(user)}
        return inputs

    def _answer_one(self, index: int, raw: object) -> BatchEntry:
        request = parsed(RecommendationRequest, raw, "body", "requests", index, code="invalid_request")
        if not isinstance(request, RecommendationRequest):
            return {"index": index, "answer": None, "error": request}
        try:
            return {"index": index, "answer": self.answer(request), "error": None}
        except ProblemError as problem:
            error: ElementError = {"code": problem.code, "detail": problem.detail, "errors": problem.errors}
            return {"index": index, "answer": None, "error": error}

    def _write_up(
        self,
        request: RecommendationRequest,
        user: UserFeatures | None,
        visit: Visit,
        listed: Listed,
        started: float,
        *,
        now: datetime,
        composer: ListComposer,
        inputs: Mapping[str, Any],
        placement: str | None = None,
        assignment: Assignment = NOT_ASSIGNED,
    ) -> Recommendations:
        items, placement = listed.items, placement or request.placement
        propensities = listed.propensities
        index_of = composer.recommender.catalogue.index_of
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
                answered_at=now,
                user_key=user.user_key if user is not None else None,
                history_length=len(visit.history),
                inputs=inputs,
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
    pictures: HomePictures


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
    pictures = HomePictures(settings)
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
        # What nobody sees leaves no row, and needs no state to be made again from.
        states=ListStates(log.folder, recommender.catalogue) if isinstance(log, PredictionLog) else None,
        pictures=pictures,
    )
    return OpenDesk(
        desk=desk, features=features, rules=rules, catalogue=catalogue, experiments=experiments, pictures=pictures
    )
