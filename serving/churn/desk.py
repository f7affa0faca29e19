"""Churn: from customers to calibrated probabilities and values. Knows neither BentoML nor FastAPI."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from models.churn.dataset import FEATURES, histories_of
from models.churn.histories import Histories
from models.churn.next_order import WITHIN_DAYS
from models.churn.predict import ChurnPredictor
from models.churn.reasons import ExplainedChurn
from serving.churn.schemas import ChurnEntry, ChurnInstance, ChurnPredictions, ChurnReason
from serving.features import FeatureReader, UserFeatures
from serving.http.problems import ProblemError
from serving.http.warm_up import require_whole
from serving.instances import MAX_REASONS, parsed, users_of
from serving.prediction_log import RowLog
from serving.schemas import ElementError, InstancesRequest
from serving.served_model import ServedModel
from serving.tracing import span
from shopsight.clock import rfc3339
from shopsight.families import FAMILIES

FAMILY: Final = FAMILIES["churn"]
TASK: Final = "churn"
US_PER_DAY: Final = 86_400e6
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ChurnCase:
    """A customer and the moment asked about, in days since 1970."""

    index: int
    user: UserFeatures
    as_of: float


class ChurnDesk:
    """Answers how likely customers are not to order again."""

    def __init__(
        self,
        predictor: ChurnPredictor,
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

    def answer(self, task: str, request: InstancesRequest) -> ChurnPredictions:
        """Answer every instance that names a customer; the others get their own error.

        Somebody without an order by then, and everybody while the online features are away, gets the base rate, and
        the answer says so.

        Raises:
            ProblemError: there is no task of this name here (404).
        """
        started = time.perf_counter()
        if task != TASK:
            raise ProblemError(404, f"There is no task of this name here; there is {TASK!r}.", code="unknown_task")
        instances = [
            parsed(ChurnInstance, raw, "body", "instances", index, code="invalid_instance")
            for index, raw in enumerate(request.instances)
        ]
        user_ids = [one.user_id for one in instances if isinstance(one, ChurnInstance)]
        users = users_of(self._features, user_ids, FAMILY.feature_service)
        data_end = self._features.data_end
        entries: list[ChurnEntry] = []
        cases: list[ChurnCase] = []
        strangers: list[ChurnCase] = []
        for index, instance in enumerate(instances):
            if not isinstance(instance, ChurnInstance):
                entries.append(_failed(index, instance))
                continue
            user = users[instance.user_id]
            moment = (instance.as_of or self._end(data_end, user)).timestamp() * 1e6
            entries.append(self._base_rate(index, user))
            case = ChurnCase(index=index, user=user, as_of=moment / US_PER_DAY)
            (cases if has_ordered(case) else strangers).append(case)
        for entry in predicted(self.predictor, cases, explain=request.explain):
            entries[entry["index"]] = entry
        answer: ChurnPredictions = {
            "prediction_id": "pred_" + self._new_id(),
            "task": TASK,
            "horizon": f"{self.predictor.horizon_days} days",
            "model": self.model.name_and_version,
            "data_end": None if data_end is None else rfc3339(data_end),
            "predictions": entries,
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
            "notes": self._features.notes(self._clock()),
        }
        self._write_row(answer, cases, strangers)
        return answer

    def rehearse(self) -> None:
        """Predict for a made-up customer of three orders; a request would have to name one whom the shop knows.

        Raises:
            WarmUpFailedError: the model gives no probability.
        """
        today = self._clock().timestamp() * 1e6 / US_PER_DAY
        past = [(today - days) * US_PER_DAY for days in (90, 60, 30)]
        values = dict.fromkeys(FEATURES) | {"ordered_us": past, "order_values": [20.0] * 3, "last_seen_us": past[-1]}
        customer = UserFeatures(user_key="", known=True, values=values)
        entries = predicted(self.predictor, [ChurnCase(index=0, user=customer, as_of=today)], explain=True)
        require_whole({"model": self.model.name_and_version, "predictions": entries}, self.model.name_and_version)

    def _end(self, data_end: datetime | None, user: UserFeatures) -> datetime:
        """Return the last moment that is known of a customer: silence after it is the import's, not theirs."""
        if data_end is None:
            return self._clock()
        moments = [data_end]
        if user.as_of is not None:
            # The store dates rows by whole seconds: what came within the last one lies before the next.
            moments.append(user.as_of + timedelta(seconds=1))
        if (seen := user.values.get("last_seen_us")) is not None:
            # What they did since the last materialisation moved their orders as it happened.
            moments.append(EPOCH + timedelta(microseconds=int(seen) + 1))
        return min(max(moments), self._clock())

    def _base_rate(self, index: int, user: UserFeatures) -> ChurnEntry:
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

    def _write_row(self, answer: ChurnPredictions, cases: Sequence[ChurnCase], strangers: Sequence[ChurnCase]) -> None:
        entries = {entry["index"]: entry for entry in answer["predictions"]}
        self._log.append(
            {
                "prediction_id": answer["prediction_id"],
                "answered_at": rfc3339(self._clock()),
                "model": answer["model"],
                "task": TASK,
                "data_end": answer["data_end"],
                "results": [logged_result(entries[case.index], case) for case in cases],
                "base_rate": round(self.predictor.base_rate, 6),
                "without_orders": [
                    {
                        "index": case.index,
                        "user": case.user.user_key,
                        "features": {"ordered_us": case.user.values.get("ordered_us")},
                        "as_of_days": case.as_of,
                    }
                    for case in strangers
                ],
                "fallbacks": [entry["fallback"] for entry in answer["predictions"] if entry["error"] is None],
                "errors": sum(entry["error"] is not None for entry in answer["predictions"]),
                "latency_ms": answer["took_ms"],
            }
        )


def predicted(predictor: ChurnPredictor, cases: Sequence[ChurnCase], *, explain: bool) -> list[ChurnEntry]:
    """Return the answer to each case; they are worked on together, in order."""
    if not cases:
        return []
    histories = _histories(cases)
    explanations: Sequence[ExplainedChurn | None] = [None] * len(cases)
    with span("call the model"):
        values = predictor.forecast(histories)
        probabilities = predictor.probabilities(histories)
        coming = predictor.next_order(histories, probabilities)
        if explain:
            explanations = predictor.explain(histories)
    return [
        {
            "index": case.index,
            "probability": round(float(probabilities[row]), 6),
            "expected_revenue": {
                "mean": _money(values.mean[row]),
                "median": _money(values.median[row]),
                "low": _money(values.low[row]),
                "high": _money(values.high[row]),
            },
            "next_order_days": {
                "median": _days(coming.median[row]),
                "low": _days(coming.low[row]),
                "high": _days(coming.high[row]),
            },
            "order_within": {
                str(days): round(float(chance), 6)
                for days, chance in zip(WITHIN_DAYS, coming.within_RK[row], strict=True)
            },
            "user_known": case.user.known,
            "fallback": None,
            "reasons": _reasons(explanations[row]),
            "features_as_of": None if case.user.as_of is None else rfc3339(case.user.as_of),
            "error": None,
        }
        for row, case in enumerate(cases)
    ]


def logged_result(entry: ChurnEntry, case: ChurnCase) -> dict[str, Any]:
    """Return what the prediction log keeps of an answered case: the answer, and all that the model read."""
    return {
        "index": entry["index"],
        "probability": entry["probability"],
        "expected_revenue": entry["expected_revenue"],
        "next_order_days": entry["next_order_days"],
        "order_within": entry["order_within"],
        "user": case.user.user_key,
        "features": {name: case.user.values.get(name) for name in FEATURES},
        "as_of_days": case.as_of,
        "features_as_of": entry["features_as_of"],
    }


def has_ordered(case: ChurnCase) -> bool:
    """Return whether there is an order before the moment asked about; without one the base rate is the answer."""
    moment = case.as_of * US_PER_DAY
    return any(float(ordered) < moment for ordered in case.user.values.get("ordered_us") or ())


def _histories(cases: Sequence[ChurnCase]) -> Histories:
    """Return what the cases had ordered by their moments: the model reads nothing that came later."""
    columns: dict[str, list[Any]] = {name: [] for name in FEATURES}
    for case in cases:
        moment = case.as_of * US_PER_DAY
        for name in FEATURES:
            columns[name].append(case.user.values.get(name))
        are_past = [float(ordered) < moment for ordered in columns["ordered_us"][-1]]
        for name in ("ordered_us", "order_values"):
            columns[name][-1] = [value for value, is_past in zip(columns[name][-1], are_past, strict=True) if is_past]
        seen = columns["last_seen_us"][-1]
        columns["last_seen_us"][-1] = None if seen is None else min(seen, moment)
    return histories_of(columns, np.array([case.as_of for case in cases]))


def _reasons(explained: ExplainedChurn | None) -> list[ChurnReason]:
    return [
        {"feature": part.feature, "value": part.value, "log_odds": round(part.log_odds, 4), "words": part.words}
        for part in (explained.contributions[:MAX_REASONS] if explained is not None else ())
    ]


def _money(amount: float) -> float:
    return round(float(amount), 2)


def _days(days: float) -> float | None:
    return round(float(days), 1) if np.isfinite(days) else None


def _failed(index: int, error: ElementError) -> ChurnEntry:
    return {
        "index": index,
        "probability": None,
        "expected_revenue": None,
        "next_order_days": None,
        "order_within": None,
        "user_known": None,
        "fallback": None,
        "reasons": [],
        "features_as_of": None,
        "error": error,
    }
