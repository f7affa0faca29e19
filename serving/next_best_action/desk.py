"""Next best actions and profiles: from a shopper's id to an answer. Knows neither BentoML nor FastAPI."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from models.evaluation.bootstrap import Estimate
from models.next_best_action.dataset import ACTIONS, FEATURES, NOTHING, features_of
from models.next_best_action.effects import Part
from models.next_best_action.predict import Decision, NextBestAction
from models.profiling.lines import look_up
from serving.features import FeatureReader, UserFeatures
from serving.http.problems import ProblemError
from serving.http.warm_up import WarmUpFailedError
from serving.instances import users_of
from serving.next_best_action.schemas import (
    ActionEntry,
    ActionsRequest,
    Between,
    ConsideredAction,
    Increment,
    NextBestActions,
)
from serving.prediction_log import RowLog
from serving.served_model import ServedModel
from serving.tracing import span
from shopsight.clock import rfc3339
from shopsight.families import FAMILIES
from shopsight.profile_store import ProfileStore

FAMILY: Final = FAMILIES["next_best_action"]
SECONDS_PER_DAY: Final = 86_400


class ActionDesk:
    """Answers what to do next for shoppers, and what is known of one."""

    def __init__(
        self,
        predictor: NextBestAction,
        *,
        model: ServedModel,
        features: FeatureReader,
        profiles: ProfileStore,
        log: RowLog,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self.predictor = predictor
        self.model = model
        self.profiles = profiles
        self._features = features
        self._log = log
        self._clock = clock
        self._new_id = new_id

    def answer(self, request: ActionsRequest) -> NextBestActions:
        """Answer for every shopper; of whom nothing is known, and of all while the features are away, it is nothing."""
        started = time.perf_counter()
        users = users_of(self._features, request.user_ids, FAMILY.feature_service)
        cases = [users[user_id] for user_id in request.user_ids]
        entries = self._entries(cases, explain=request.explain)
        answer: NextBestActions = {
            "prediction_id": "pred_" + self._new_id(),
            "model": self.model.name_and_version,
            "results": entries,
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
            "notes": self._features.notes(self._clock()),
        }
        self._log.append(
            {
                "prediction_id": answer["prediction_id"],
                "answered_at": rfc3339(self._clock()),
                "model": answer["model"],
                "results": [
                    {
                        "user": case.user_key,
                        "action": entry["action"],
                        "increment": entry["increment"],
                        "features": {name: case.values.get(name) for name in FEATURES},
                        "features_as_of": entry["features_as_of"],
                    }
                    for case, entry in zip(cases, entries, strict=True)
                ],
                "fallbacks": [entry["fallback"] for entry in entries],
                "latency_ms": answer["took_ms"],
            }
        )
        return answer

    def profile(self, user_id: str) -> dict[str, Any]:
        """Return what is known of a shopper.

        Raises:
            ProblemError: nobody of this id has a profile (404): they are unknown, or refuse personal use.
        """
        document = look_up(self.profiles, self._features.pseudonyms(user_id))
        if document is None:
            raise ProblemError(
                404,
                "There is no profile of this shopper: they are not known, or do not permit personal use, or no "
                "profiles were made yet.",
                code="unknown_user",
            )
        return document

    def notes(self) -> list[str]:
        """Return what is missing for profiles, for ``/readyz``."""
        return [] if self.profiles.look() else ["profiles: none were made yet; `shopsight run` makes them"]

    def rehearse(self) -> None:
        """Decide about a made-up shopper; a request would have to name one whom the shop knows.

        Raises:
            WarmUpFailedError: the model names no action that there is.
        """
        shopper = UserFeatures(user_key="", known=True, values=dict.fromkeys(FEATURES, 1.0), as_of=self._clock())
        (decision,) = self._decisions([shopper])
        if decision.action not in (NOTHING, *ACTIONS):
            raise WarmUpFailedError(
                "The model gives no answer.", why=f"it says {decision.action!r}", fix="train again, or roll back"
            )

    def _entries(self, cases: Sequence[UserFeatures], *, explain: bool) -> list[ActionEntry]:
        decisions = iter(self._decisions([case for case in cases if case.known]))
        return [
            self._entry(case, next(decisions), explain=explain) if case.known else self._nothing(case) for case in cases
        ]

    def _decisions(self, cases: Sequence[UserFeatures]) -> list[Decision]:
        if not cases:
            return []
        now = self._clock()
        end = self._features.data_end or now
        moment = min(end, now)
        # Silence after the data's end is the import's, not the shopper's.
        ages = [
            0.0 if case.as_of is None else max((moment - case.as_of).total_seconds() / SECONDS_PER_DAY, 0.0)
            for case in cases
        ]
        columns = {name: [case.values.get(name) for case in cases] for name in FEATURES}
        with span("call the model"):
            return self.predictor.decide(features_of(columns, np.array(ages, dtype=np.float64)))

    def _entry(self, case: UserFeatures, decision: Decision, *, explain: bool) -> ActionEntry:
        considered: list[ConsideredAction] = [
            {"action": one.action, "pays": one.pays, "increment": _increment(one.part), "reason": one.reason}
            for one in decision.considered
        ]
        return {
            "action": decision.action,  # type: ignore[typeddict-item]  # one of them, as rehearse() looks
            "increment": _increment(decision.part),
            "reason": decision.reason,
            "considered": considered if explain else [],
            "horizon": f"{self.predictor.horizon_days} days",
            "user_known": True,
            "fallback": None,
            "features_as_of": None if case.as_of is None else rfc3339(case.as_of),
        }

    def _nothing(self, case: UserFeatures) -> ActionEntry:
        away = case.known is None
        return {
            "action": "nothing",
            "increment": None,
            "reason": (
                "what is known of the shopper cannot be read at the moment"
                if away
                else "the shopper is not known, or does not permit personal use"
            ),
            "considered": [],
            "horizon": f"{self.predictor.horizon_days} days",
            "user_known": case.known,
            "fallback": "no_features" if away else "unknown_user",
            "features_as_of": None,
        }


def _increment(part: Part | None) -> Increment | None:
    if part is None:
        return None
    return {
        "orders": _between(part.orders),
        "money": _between(part.money),
        "sent": part.sent,
        "held_out": part.held_out,
    }


def _between(estimate: Estimate) -> Between:
    return {"value": round(estimate.value, 4), "low": round(estimate.low, 4), "high": round(estimate.high, 4)}
