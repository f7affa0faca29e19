"""Learners of the effect of each arm on each shopper: S, T, X and doubly robust, on gradient boosted trees.

Sources: S. Künzel et al., "Metalearners for estimating heterogeneous treatment effects using machine learning",
PNAS 116 (2019), for S, T and X; E. Kennedy, "Towards optimal doubly robust estimation of heterogeneous causal
effects" (2020).

Shapes: R rows, F features, K arms; arm 0 is the control, whose effect is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np

from models.uplift.config import UpliftConfig
from models.uplift.outcomes import OutcomeModels, cross_fitted_outcomes, doubly_robust_scores, fit_outcomes, grow
from models.uplift.trial import Floats, Trial

LEARNERS: Final = ("s", "t", "x", "doubly_robust", "mean", "proportional")
"""``mean`` is the mean of the four effects before it: their errors differ. ``proportional`` has each arm add the same
share to what is expected of a shopper anyway: next to nothing of it can be noise."""


@dataclass(frozen=True, kw_only=True)
class Learners:
    """All learners, grown on the same rows: they share the models of outcomes."""

    outcomes: OutcomeModels
    """Of each arm; the T-learner."""
    pooled: lgb.Booster
    """One model of the outcome with the arm as a feature; the S-learner."""
    treated_effects: tuple[lgb.Booster, ...]
    """Of each arm but the control: what the shoppers who got it gained; the X-learner with the next."""
    control_effects: tuple[lgb.Booster, ...]
    """What those of the control would have gained."""
    weights: tuple[float, ...]
    """Share of an arm among its own shoppers and the control's: how much the control's part counts."""
    score_effects: tuple[lgb.Booster, ...]
    """Of each arm but the control: the difference of doubly robust scores."""
    added_share: tuple[float, ...]
    """What each arm adds on average, over the mean outcome; 0 of the control."""

    def effects(self, features_RF: Floats) -> Mapping[str, Floats]:
        """Return the effect of each arm by learner, each of shape (R, K)."""
        expected_RK = self.outcomes.predict(features_RF)
        by_name = {
            "s": self._pooled(features_RF),
            "t": expected_RK - expected_RK[:, :1],
            "x": self._crossed(features_RF),
            "doubly_robust": _beside_control([np.asarray(one.predict(features_RF)) for one in self.score_effects]),
        }
        mean_RK = np.mean(list(by_name.values()), axis=0)
        anyway_R = expected_RK.mean(axis=1)
        return by_name | {"mean": mean_RK, "proportional": anyway_R[:, None] * np.array(self.added_share)}

    def _pooled(self, features_RF: Floats) -> Floats:
        arms = len(self.outcomes.boosters)
        expected = [
            np.asarray(self.pooled.predict(_with_arms(features_RF, np.full(len(features_RF), arm), arms)))
            for arm in range(arms)
        ]
        return np.asarray(np.stack(expected, axis=1) - expected[0][:, None])

    def _crossed(self, features_RF: Floats) -> Floats:
        parts = zip(self.treated_effects, self.control_effects, self.weights, strict=True)
        return _beside_control(
            [
                weight * np.asarray(control.predict(features_RF)) + (1 - weight) * np.asarray(own.predict(features_RF))
                for own, control, weight in parts
            ]
        )


def fit_learners(trial: Trial, *, config: UpliftConfig, seed: int) -> Learners:
    """Fit every learner on all rows of a trial; outcomes are capped as the settings say."""
    trial = trial.capped(config.outcome_cap)
    expected_RK = cross_fitted_outcomes(trial, config=config, seed=seed)
    scores_RK = doubly_robust_scores(trial, expected_RK)
    features, target = trial.features_RF, trial.outcome_R

    def effect(rows: np.typing.NDArray[np.intp], of: Floats) -> lgb.Booster:
        return grow(features[rows], of, binary=False, effect=True, trial=trial, config=config, seed=seed)

    pooled = grow(
        _with_arms(features, trial.arm_R, trial.arms),
        target,
        binary=trial.is_binary,
        effect=False,
        trial=trial,
        config=config,
        seed=seed,
    )
    control = np.flatnonzero(trial.arm_R == 0)
    treated = [np.flatnonzero(trial.arm_R == arm) for arm in range(1, trial.arms)]
    everybody = np.arange(len(trial))
    return Learners(
        outcomes=fit_outcomes(trial, config=config, seed=seed),
        pooled=pooled,
        treated_effects=tuple(effect(rows, target[rows] - expected_RK[rows, 0]) for rows in treated),
        control_effects=tuple(
            effect(control, expected_RK[control, arm] - target[control]) for arm in range(1, trial.arms)
        ),
        weights=tuple(len(rows) / (len(rows) + len(control)) for rows in treated),
        added_share=tuple((scores_RK.mean(axis=0) - scores_RK[:, 0].mean()) / max(scores_RK.mean(), 1e-12)),
        score_effects=tuple(effect(everybody, scores_RK[:, arm] - scores_RK[:, 0]) for arm in range(1, trial.arms)),
    )


def _with_arms(features_RF: Floats, arm_R: np.typing.NDArray[np.intp], arms: int) -> Floats:
    """Return the features with a column for each arm but the control."""
    return np.hstack([features_RF, (arm_R[:, None] == np.arange(1, arms)).astype(np.float64)])


def _beside_control(effects: list[Floats]) -> Floats:
    return np.stack([np.zeros_like(effects[0]), *effects], axis=1)
