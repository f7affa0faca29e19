"""Churn: from customers to calibrated probabilities and values. Knows neither BentoML nor FastAPI."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from models.churn.dataset import FEATURES, histories_of
from models.churn.histories import Histories
from models.churn.next_order import WITHIN_DAYS
from models.churn.predict import ChurnModel
from serving.answers import Answer, ElementError, ModelName
from serving.features import FeatureReader, OnlineStoreGoneError, UserFeatures
from serving.http.problems import ProblemError, error_entries
from serving.prediction_log import RowLog
from serving.schemas import Identifier, Moment, PredictionRequest, Request
from serving.served_model import ServedModel
from shopsight.contracts import FEATURE_SERVICES

TASK: Final = "churn"
REASONS: Final = 5
"""Contributions shown of an explained probability, the strongest first."""
US_PER_DAY: Final = 86_400e6


class ChurnRequest(PredictionRequest):
    """Ask which customers will not order again. A bad instance gets its own error; the others are answered."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"instances": [{"user_id": "maya"}], "explain": True}}
    )


class ChurnInstance(Request):
    """One customer, at a moment; now where none is given."""

    user_id: Identifier
    as_of: Moment | None = None


class ExpectedRevenue(BaseModel):
    """What the customer will bring within the horizon, in the shop's currency."""

    model_config = ConfigDict(extra="forbid")

    mean: float
    median: float
    low: float
    high: float


class NextOrderDays(BaseModel):
    """In how many days the next order comes; ``null`` where that is more than a year away, or never."""

    model_config = ConfigDict(extra="forbid")

    median: float | None
    low: float | None
    high: float | None


class ChurnReason(Answer):
    """How far one feature moved the log odds of churn, and the same in words."""

    feature: str
    value: float | None
    log_odds: float
    words: str


class ChurnEntry(Answer):
    """How likely one customer orders no more within the horizon, or what is wrong with the instance."""

    index: int
    probability: float | None
    expected_revenue: ExpectedRevenue | None
    next_order_days: NextOrderDays | None
    order_within: dict[str, float] | None
    user_known: bool | None
    fallback: Literal["base_rate"] | None
    reasons: list[ChurnReason]
    features_as_of: str | None
    error: ElementError | None


class ChurnPredictions(Answer):
    """Calibrated probabilities, in the order of the instances."""

    prediction_id: str
    task: str
    horizon: str
    model: ModelName
    predictions: list[ChurnEntry]
    took_ms: float


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A customer with orders before the moment asked about."""

    index: int
    user: UserFeatures
    as_of: float


class ChurnDesk:
    """Answers how likely customers are not to order again."""

    def __init__(
        self,
        predictor: ChurnModel,
        *,
        model: ServedModel,
        features: FeatureReader,
        log: RowLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self.predictor = predictor
        self.model = model
        self._features = features
        self._log = log
        self._clock = clock
        self._new_id = new_id

    def answer(self, task: str, request: PredictionRequest) -> dict[str, Any]:
        """Answer every instance that names a customer; the others get their own error.

        Somebody without an order by then, and everybody while the online features are away, gets the base rate, and
        the answer says so.

        Raises:
            ProblemError: there is no task of this name here (404).
        """
        started = time.perf_counter()
        if task != TASK:
            raise ProblemError(404, f"There is no task of this name here; there is {TASK!r}.", code="unknown_task")
        parsed = [_parsed(index, raw) for index, raw in enumerate(request.instances)]
        users = self._users([one.user_id for one in parsed if isinstance(one, ChurnInstance)])
        entries: list[dict[str, Any]] = []
        cases: list[_Case] = []
        for index, instance in enumerate(parsed):
            if not isinstance(instance, ChurnInstance):
                entries.append(_failed(index, instance))
                continue
            user = users[instance.user_id]
            moment = (instance.as_of or self._clock()).timestamp() * 1e6
            entries.append(self._base_rate(index, user))
            if any(float(ordered) < moment for ordered in user.values.get("ordered_us") or ()):
                cases.append(_Case(index=index, user=user, as_of=moment / US_PER_DAY))
        for case, found in zip(cases, self._predicted(cases, explain=request.explain), strict=True):
            entries[case.index] |= found
        answer = {
            "prediction_id": "pred_" + self._new_id(),
            "task": TASK,
            "horizon": f"{self.predictor.horizon_days} days",
            "model": self.model.name_and_version,
            "predictions": entries,
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
        }
        self._write_row(answer, cases)
        return answer

    def _users(self, user_ids: Sequence[str]) -> dict[str, UserFeatures]:
        if not user_ids:
            return {}
        try:
            return self._features.users(user_ids, FEATURE_SERVICES[TASK])
        except OnlineStoreGoneError:
            return {user_id: self._features.unreachable_user(user_id) for user_id in user_ids}

    def _base_rate(self, index: int, user: UserFeatures) -> dict[str, Any]:
        return {
            "index": index,
            "probability": round(self.predictor.base_rate, 6),
            "expected_revenue": None,
            "next_order_days": None,
            "order_within": None,
            "user_known": user.known,
            "fallback": "base_rate",
            "reasons": [],
            "features_as_of": None,
            "error": None,
        }

    def _predicted(self, cases: Sequence[_Case], *, explain: bool) -> list[dict[str, Any]]:
        if not cases:
            return []
        histories = _histories(cases)
        values = self.predictor.forecast(histories)
        probabilities = self.predictor.probabilities(histories)
        coming = self.predictor.next_order(histories, probabilities)
        reasons: list[list[dict[str, Any]]] = [[] for _ in cases]
        if explain:
            reasons = [
                [
                    {
                        "feature": part.feature,
                        "value": part.value,
                        "log_odds": round(part.log_odds, 4),
                        "words": part.words,
                    }
                    for part in explained.contributions[:REASONS]
                ]
                for explained in self.predictor.explain(histories)
            ]
        return [
            {
                "probability": round(float(probabilities[row]), 6),
                "expected_revenue": {
                    name: round(float(column[row]), 2)
                    for name, column in (
                        ("mean", values.mean),
                        ("median", values.median),
                        ("low", values.low),
                        ("high", values.high),
                    )
                },
                "next_order_days": {
                    name: round(float(column[row]), 1) if np.isfinite(column[row]) else None
                    for name, column in (("median", coming.median), ("low", coming.low), ("high", coming.high))
                },
                "order_within": {
                    str(days): round(float(chance), 6)
                    for days, chance in zip(WITHIN_DAYS, coming.within_RK[row], strict=True)
                },
                "fallback": None,
                "reasons": reasons[row],
                "features_as_of": None
                if case.user.as_of is None
                else case.user.as_of.isoformat().replace("+00:00", "Z"),
            }
            for row, case in enumerate(cases)
        ]

    def _write_row(self, answer: Mapping[str, Any], cases: Sequence[_Case]) -> None:
        by_index = {case.index: case for case in cases}
        self._log.append(
            {
                "prediction_id": answer["prediction_id"],
                "answered_at": self._clock().isoformat().replace("+00:00", "Z"),
                "model": answer["model"],
                "task": TASK,
                "results": [
                    {
                        "index": entry["index"],
                        "probability": entry["probability"],
                        "expected_revenue": entry["expected_revenue"],
                        "next_order_days": entry["next_order_days"],
                        "user": case.user.user_key,
                        "features": {name: case.user.values.get(name) for name in FEATURES},
                        "as_of_days": case.as_of,
                        "features_as_of": entry["features_as_of"],
                    }
                    for entry in answer["predictions"]
                    if (case := by_index.get(entry["index"])) is not None
                ],
                "errors": sum(entry["error"] is not None for entry in answer["predictions"]),
                "latency_ms": answer["took_ms"],
            }
        )


def _histories(cases: Sequence[_Case]) -> Histories:
    """Return what the cases had ordered by their moments: what came later is not told to the model."""
    columns: dict[str, list[Any]] = {name: [] for name in FEATURES}
    for case in cases:
        moment = case.as_of * US_PER_DAY
        for name in FEATURES:
            columns[name].append(case.user.values.get(name))
        kept = [float(ordered) < moment for ordered in columns["ordered_us"][-1]]
        for name in ("ordered_us", "order_values"):
            columns[name][-1] = [value for value, is_past in zip(columns[name][-1], kept, strict=True) if is_past]
        seen = columns["last_seen_us"][-1]
        columns["last_seen_us"][-1] = None if seen is None else min(seen, moment)
    return histories_of(columns, np.array([case.as_of for case in cases]))


def _parsed(index: int, raw: object) -> ChurnInstance | dict[str, Any]:
    try:
        return ChurnInstance.model_validate(raw)
    except ValidationError as error:
        entries = error_entries(error.errors(include_input=False, include_url=False), ("body", "instances", index))
        return {"code": "invalid_instance", "detail": entries[0]["msg"], "errors": list(entries[:20])}


def _failed(index: int, error: Mapping[str, Any]) -> dict[str, Any]:
    fields = (
        "probability",
        "expected_revenue",
        "next_order_days",
        "order_within",
        "user_known",
        "fallback",
        "features_as_of",
    )
    return {"index": index, **dict.fromkeys(fields), "reasons": [], "error": dict(error)}
