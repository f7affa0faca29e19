"""Purchase propensity: from sessions to calibrated probabilities. Knows neither BentoML nor FastAPI."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from models.purchase_intent.encoding import FEATURES
from models.purchase_intent.features import SessionEvent, session_features
from models.purchase_intent.predict import ExplainedProbability, PurchaseIntentModel
from models.tabular.errors import BadArtefactError
from serving.features import FeatureReader, OnlineStoreGoneError, UserFeatures
from serving.http.problems import ProblemError
from serving.instances import MAX_REASONS, parsed, users_of
from serving.prediction_log import RowLog
from serving.purchase_intent.schemas import (
    FeatureReason,
    InstanceEvent,
    PredictionEntry,
    PredictionRequest,
    Predictions,
    PurchaseInstance,
)
from serving.schemas import ElementError
from serving.served_model import ServedModel
from serving.tracing import span
from shopsight.clock import rfc3339
from shopsight.contracts import USER_FEATURES
from shopsight.families import FAMILIES

FAMILY: Final = FAMILIES["purchase_intent"]
TASK: Final = "purchase_intent"
HORIZON: Final = "session"
"""What the probability is about: a purchase later in the same session."""

NO_USER_FEATURES: Final[Mapping[str, None]] = dict.fromkeys(USER_FEATURES)


@dataclass(frozen=True, kw_only=True)
class _Case:
    """An instance that can be predicted."""

    index: int
    features: Mapping[str, Any]
    user: UserFeatures | None
    as_of: datetime | None
    session_id: str | None = None
    """Of a session whose features were read; None where its events were sent."""


class PropensityDesk:
    """Answers how likely sessions are to end in a purchase."""

    def __init__(
        self,
        predictor: PurchaseIntentModel,
        *,
        model: ServedModel,
        features: FeatureReader,
        categories: Callable[[], Mapping[str, str]],
        log: RowLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        act_from: float,
    ) -> None:
        """Make a desk.

        ``categories`` says which category each item is in now, ``act_from`` is the probability from which reaching out
        earns more than it costs.

        Raises:
            BadArtefactError: the model reads a feature that its feature service does not have.
        """
        if unknown := sorted(set(predictor.feature_names) - set(FEATURES)):
            raise BadArtefactError(
                f"{FAMILY.name} {model.version} reads what is not served: {', '.join(unknown)}",
                why=f"the feature service {FAMILY.feature_service!r} of this code does not have it, and the model "
                "would take it for unknown",
                fix="serve it with the code of its own Bento, or train again",
            )
        self.predictor = predictor
        self.model = model
        self.act_from = act_from
        self._reads_shoppers = not set(USER_FEATURES).isdisjoint(predictor.feature_names)
        self._features = features
        self._categories = categories
        self._log = log
        self._clock = clock
        self._new_id = new_id

    def answer(self, task: str, request: PredictionRequest) -> Predictions:
        """Answer every instance that is about a session; the others get their own error.

        Raises:
            ProblemError: the task is answered by another service (422) or unknown (404).
        """
        started = time.perf_counter()
        _check_task(task)
        instances = [
            parsed(PurchaseInstance, raw, "body", "instances", index, code="invalid_instance")
            for index, raw in enumerate(request.instances)
        ]
        user_ids = [one.user_id for one in instances if isinstance(one, PurchaseInstance) and one.user_id is not None]
        users = users_of(self._features, user_ids, FAMILY.feature_service)
        outcomes = [
            self._case(index, instance, users) if isinstance(instance, PurchaseInstance) else instance
            for index, instance in enumerate(instances)
        ]
        cases = [outcome for outcome in outcomes if isinstance(outcome, _Case)]
        results = iter(self._probabilities(cases, explain=request.explain))
        answer: Predictions = {
            "prediction_id": "pred_" + self._new_id(),
            "task": task,
            "horizon": HORIZON,
            "model": self.model.name_and_version,
            "act_from": self.act_from,
            "predictions": [
                self._predicted(outcome, *next(results)) if isinstance(outcome, _Case) else _failed(index, outcome)
                for index, outcome in enumerate(outcomes)
            ],
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
            "notes": self._features.notes(self._clock()),
        }
        self._write_row(answer, cases, explain=request.explain)
        return answer

    def _case(self, index: int, instance: PurchaseInstance, users: Mapping[str, UserFeatures]) -> _Case | ElementError:
        user = None if instance.user_id is None else users[instance.user_id]
        session_as_of: datetime | None = None
        if instance.events:
            try:
                session = session_features([self._session_event(event) for event in instance.events])
            except ValueError as error:
                return _error("no_session", str(error))
        else:
            assert instance.session_id is not None  # its schema saw to it
            try:
                features = self._features.session(instance.session_id, FAMILY.feature_service)
            except OnlineStoreGoneError:
                return _error("features_unavailable", "The online features are away; send the events.")
            if features is None:
                return _error("unknown_session", "No features of this session are online; send its events.")
            session, session_as_of = dict(features.values), features.as_of
        values = {**NO_USER_FEATURES, **({} if user is None else user.values), **session}
        user_as_of = user.as_of if user is not None and self._reads_shoppers else None
        moments = [moment for moment in (session_as_of, user_as_of) if moment is not None]
        return _Case(
            index=index,
            features={name: _finite(values.get(name)) for name in self.predictor.feature_names},
            user=user,
            as_of=min(moments, default=None),
            session_id=None if instance.events else instance.session_id,
        )

    def _session_event(self, event: InstanceEvent) -> SessionEvent:
        category = event.category
        if category is None and event.item_id is not None:
            category = self._categories().get(event.item_id)
        return SessionEvent(
            event_name=event.event_name,
            event_timestamp=event.event_timestamp,
            item_id=event.item_id,
            category=category,
            price=event.price,
        )

    def _probabilities(self, cases: Sequence[_Case], *, explain: bool) -> list[tuple[float, list[FeatureReason]]]:
        rows = [case.features for case in cases]
        with span("call the model"):
            if not explain:
                return [(float(probability), []) for probability in self.predictor.predict(rows)]
            return [(one.probability, _reasons(one)) for one in self.predictor.predict_with_reasons(rows)]

    def _predicted(self, case: _Case, probability: float, reasons: list[FeatureReason]) -> PredictionEntry:
        # Of a model that reads no shopper, whether one is known says nothing about the answer.
        is_known = case.user.known if case.user is not None and self._reads_shoppers else None
        return {
            "index": case.index,
            "probability": round(probability, 6),
            "act": probability >= self.act_from,
            "user_known": is_known,
            "fallback": None if is_known else "session_alone",
            "reasons": reasons,
            "features_as_of": None if case.as_of is None else rfc3339(case.as_of),
            "error": None,
        }

    def _write_row(self, answer: Predictions, cases: Sequence[_Case], *, explain: bool) -> None:
        by_index = {case.index: case for case in cases}
        self._log.append(
            {
                "prediction_id": answer["prediction_id"],
                "answered_at": rfc3339(self._clock()),
                "model": answer["model"],
                "task": answer["task"],
                "act_from": answer["act_from"],
                "explain": explain,  # an explained probability is summed in another order
                "results": [
                    {
                        "index": entry["index"],
                        "probability": entry["probability"],
                        "act": entry["act"],
                        "user": None if case.user is None else case.user.user_key,
                        "session": case.session_id,
                        "features": case.features,
                        "features_as_of": entry["features_as_of"],
                    }
                    for entry in answer["predictions"]
                    if (case := by_index.get(entry["index"])) is not None
                ],
                "fallbacks": [entry["fallback"] for entry in answer["predictions"] if entry["error"] is None],
                "errors": len(answer["predictions"]) - len(cases),
                "latency_ms": answer["took_ms"],
            }
        )


def _check_task(task: str) -> None:
    if task == "churn":
        detail = f"The task 'churn' has a service of its own, beside this one; {TASK!r} is answered here."
        raise ProblemError(422, detail, code="task_served_elsewhere")
    if task != TASK:
        raise ProblemError(404, f"There is no task of this name; there is {TASK!r}.", code="unknown_task")


def _reasons(explained: ExplainedProbability) -> list[FeatureReason]:
    return [
        {"feature": part.feature, "value": part.value, "log_odds": round(part.log_odds, 4), "words": part.words}
        for part in explained.contributions[:MAX_REASONS]
    ]


def _error(code: str, detail: str) -> ElementError:
    return {"code": code, "detail": detail, "errors": []}


def _failed(index: int, error: ElementError) -> PredictionEntry:
    return {
        "index": index,
        "probability": None,
        "act": None,
        "user_known": None,
        "fallback": None,
        "reasons": [],
        "features_as_of": None,
        "error": error,
    }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
