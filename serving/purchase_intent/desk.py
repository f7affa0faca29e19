"""Purchase propensity: from sessions to calibrated probabilities. Knows neither BentoML nor FastAPI."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from models.purchase_intent.features import SessionEvent, session_features
from models.purchase_intent.predict import PurchaseIntentModel
from serving.features import FeatureReader, OnlineStoreGoneError, UserFeatures
from serving.http.problems import ProblemError, error_entries
from serving.prediction_log import RowLog
from serving.schemas import PredictionRequest, PurchaseInstance
from serving.served_model import ServedModel
from shopsight.contracts import USER_FEATURES

TASK: Final = "purchase_intent"
HORIZON: Final = "session"
"""What the probability is about: a purchase later in the same session."""
REASONS: Final = 5
"""Contributions shown of an explained probability, the strongest first."""

NO_USER_FEATURES: Final[Mapping[str, None]] = dict.fromkeys(USER_FEATURES)


@dataclass(frozen=True, kw_only=True)
class _Case:
    """An instance that can be predicted."""

    index: int
    features: Mapping[str, Any]
    user: UserFeatures | None
    as_of: datetime | None


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """An instance that cannot."""

    code: str
    detail: str
    errors: Sequence[Mapping[str, Any]] = ()


class PropensityDesk:
    """Answers how likely sessions are to end in a purchase."""

    def __init__(
        self,
        predictor: PurchaseIntentModel,
        *,
        model: ServedModel,
        features: FeatureReader,
        categories: Mapping[str, str],
        log: RowLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        act_from: float,
    ) -> None:
        """Make a desk; ``act_from`` is the probability from which reaching out earns more than it costs."""
        self.predictor = predictor
        self.model = model
        self.act_from = act_from
        self._features = features
        self._categories = categories
        self._log = log
        self._clock = clock
        self._new_id = new_id

    def answer(self, task: str, request: PredictionRequest) -> dict[str, Any]:
        """Answer every instance that is about a session; the others get their own error.

        Raises:
            ProblemError: the task is answered by another service (422) or unknown (404).
        """
        started = time.perf_counter()
        _check_task(task)
        parsed = [_parsed(index, raw) for index, raw in enumerate(request.instances)]
        users = self._users([i.user_id for i in parsed if isinstance(i, PurchaseInstance) and i.user_id is not None])
        outcomes = [
            instance if isinstance(instance, _Failure) else self._case(index, instance, users)
            for index, instance in enumerate(parsed)
        ]
        cases = [outcome for outcome in outcomes if isinstance(outcome, _Case)]
        results = iter(self._probabilities(cases, explain=request.explain))
        predictions = [
            _failed(index, outcome) if isinstance(outcome, _Failure) else self._predicted(outcome, *next(results))
            for index, outcome in enumerate(outcomes)
        ]
        answer = {
            "prediction_id": "pred_" + self._new_id(),
            "task": task,
            "horizon": HORIZON,
            "model": self.model.name_and_version,
            "act_from": self.act_from,
            "predictions": predictions,
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
        }
        self._write_row(answer, cases)
        return answer

    def _users(self, user_ids: Sequence[str]) -> dict[str, UserFeatures]:
        if not user_ids:
            return {}
        try:
            return self._features.users(user_ids, "user_features")
        except OnlineStoreGoneError:
            return {user_id: self._features.unreachable_user(user_id) for user_id in user_ids}

    def _case(self, index: int, instance: PurchaseInstance, users: Mapping[str, UserFeatures]) -> _Case | _Failure:
        user = None if instance.user_id is None else users[instance.user_id]
        session_as_of: datetime | None = None
        if instance.events:
            try:
                session = session_features([self._session_event(event) for event in instance.events])
            except ValueError as error:
                return _Failure(code="no_session", detail=str(error))
        else:
            assert instance.session_id is not None  # its schema saw to it
            try:
                found = self._features.session(instance.session_id)
            except OnlineStoreGoneError:
                return _Failure(code="features_unavailable", detail="The online features are away; send the events.")
            if found is None:
                detail = "No features of this session are online; send its events."
                return _Failure(code="unknown_session", detail=detail)
            session, session_as_of = dict(found.values), found.as_of
        values = {**NO_USER_FEATURES, **({} if user is None else user.values), **session}
        moments = [moment for moment in (session_as_of, None if user is None else user.as_of) if moment is not None]
        return _Case(
            index=index,
            features={name: _finite(values.get(name)) for name in self.predictor.feature_names},
            user=user,
            as_of=min(moments, default=None),
        )

    def _session_event(self, event: Any) -> SessionEvent:
        category = event.category
        if category is None and event.item_id is not None:
            category = self._categories.get(event.item_id)
        return SessionEvent(
            event_name=event.event_name,
            event_timestamp=event.event_timestamp,
            item_id=event.item_id,
            category=category,
            price=event.price,
        )

    def _probabilities(self, cases: Sequence[_Case], *, explain: bool) -> list[tuple[float, list[dict[str, Any]]]]:
        rows = [case.features for case in cases]
        if not explain:
            return [(float(probability), []) for probability in self.predictor.predict(rows)]
        return [
            (
                explained.probability,
                [
                    {
                        "feature": part.feature,
                        "value": part.value,
                        "log_odds": round(part.log_odds, 4),
                        "words": part.words,
                    }
                    for part in explained.contributions[:REASONS]
                ],
            )
            for explained in self.predictor.predict_with_reasons(rows)
        ]

    def _predicted(self, case: _Case, probability: float, reasons: list[dict[str, Any]]) -> dict[str, Any]:
        known = None if case.user is None else case.user.known
        return {
            "index": case.index,
            "probability": round(probability, 6),
            "act": probability >= self.act_from,
            "user_known": known,
            "fallback": None if known else "session_alone",
            "reasons": reasons,
            "features_as_of": None if case.as_of is None else case.as_of.isoformat().replace("+00:00", "Z"),
            "error": None,
        }

    def _write_row(self, answer: Mapping[str, Any], cases: Sequence[_Case]) -> None:
        by_index = {case.index: case for case in cases}
        self._log.append(
            {
                "prediction_id": answer["prediction_id"],
                "answered_at": self._clock().isoformat().replace("+00:00", "Z"),
                "model": answer["model"],
                "task": answer["task"],
                "results": [
                    {
                        "index": entry["index"],
                        "probability": entry["probability"],
                        "user": None if case.user is None else case.user.user_key,
                        "features": case.features,
                        "features_as_of": entry["features_as_of"],
                    }
                    for entry in answer["predictions"]
                    if (case := by_index.get(entry["index"])) is not None
                ],
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


def _parsed(index: int, raw: object) -> PurchaseInstance | _Failure:
    try:
        return PurchaseInstance.model_validate(raw)
    except ValidationError as error:
        entries = error_entries(error.errors(include_input=False, include_url=False), ("body", "instances", index))
        return _Failure(code="invalid_instance", detail=entries[0]["msg"], errors=entries[:20])


def _failed(index: int, failure: _Failure) -> dict[str, Any]:
    fields = ("probability", "act", "user_known", "fallback", "features_as_of")
    error = {"code": failure.code, "detail": failure.detail, "errors": list(failure.errors)}
    return {"index": index, **dict.fromkeys(fields), "reasons": [], "error": error}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
