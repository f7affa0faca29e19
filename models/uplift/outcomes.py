"""Models of what comes of each arm, and the doubly robust scores that stand on them.

Shapes: R rows, F features, K arms; arm 0 is the control.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from models.tabular.trees import grow_trees, tree_parameters
from models.uplift.config import UpliftConfig
from models.uplift.trial import Arms, Floats, Trial, draw_folds


@dataclass(frozen=True)
class OutcomeModels:
    """For each arm a model of the outcome among those who got it."""

    boosters: tuple[lgb.Booster, ...]

    def predict(self, features_RF: Floats) -> Floats:
        """Return what each arm is expected to bring, shape (R, K)."""
        return np.stack([np.asarray(booster.predict(features_RF)) for booster in self.boosters], axis=1)


def grow(
    features_RF: Floats, target_R: Floats, *, binary: bool, effect: bool, trial: Trial, config: UpliftConfig, seed: int
) -> lgb.Booster:
    """Grow trees for a target; ``effect`` says that it is the difference of two outcomes, which takes fewer of them.

    Args:
        features_RF: the trial's features, perhaps with further columns at the end.
        target_R: what to predict.
        binary: whether the target is yes or no, and both occur.
        effect: whether it is an effect.
        trial: names the categorical columns.
        config: settings.
        seed: of the draws of rows and columns.
    """
    parameters = tree_parameters(
        {"objective": "binary" if binary and 0 < target_R.mean() < 1 else "regression", "max_bin": 63},
        learning_rate=config.learning_rate,
        num_leaves=max(config.num_leaves // 2, 2) if effect else config.num_leaves,
        min_rows_in_leaf=max(min(config.min_rows_in_leaf, len(target_R) // 50), 1),
        l2=config.l2,
        feature_fraction=config.feature_fraction,
        bagging_fraction=config.bagging_fraction,
        threads=config.threads,
        seed=seed,
    )
    rows = lgb.Dataset(features_RF, target_R, categorical_feature=list(trial.categorical))
    return grow_trees(parameters, rows, max_rounds=config.effect_rounds if effect else config.outcome_rounds)


def fit_outcomes(trial: Trial, *, config: UpliftConfig, seed: int) -> OutcomeModels:
    """Fit a model of outcomes for each arm.

    Raises:
        ValueError: an arm has no row.
    """
    boosters = []
    for arm in range(trial.arms):
        rows = np.flatnonzero(trial.arm_R == arm)
        if len(rows) == 0:
            raise ValueError(f"nobody got arm {arm}")
        part = trial.at(rows)
        target = part.outcome_R
        boosters.append(
            grow(part.features_RF, target, binary=trial.is_binary, effect=False, trial=trial, config=config, seed=seed)
        )
    return OutcomeModels(tuple(boosters))


def cross_fitted_outcomes(trial: Trial, *, config: UpliftConfig, seed: int) -> Floats:
    """Return what each arm is expected to bring by models that did not see the row, shape (R, K)."""
    fold_R = draw_folds(trial, config.folds, seed=seed)
    expected_RK = np.empty((len(trial), trial.arms))
    for fold in range(config.folds):
        models = fit_outcomes(trial.at(np.flatnonzero(fold_R != fold)), config=config, seed=seed)
        outside = np.flatnonzero(fold_R == fold)
        expected_RK[outside] = models.predict(trial.features_RF[outside])
    return expected_RK


def doubly_robust_scores(trial: Trial, expected_RK: Floats) -> Floats:
    """Return a score for each row and arm whose mean is what the arm brings, whatever the model expects, shape (R, K).

    The chances of the lot are known, so a bad model costs width of the interval and nothing else.

    Source: J. Robins, A. Rotnitzky, L. Zhao, "Estimation of regression coefficients when some regressors are not always
    observed", JASA 89 (1994).
    """
    scores_RK = expected_RK.copy()
    rows = np.arange(len(trial))
    rest_R = trial.outcome_R - expected_RK[rows, trial.arm_R]
    scores_RK[rows, trial.arm_R] += rest_R / trial.chance_RK[rows, trial.arm_R]
    return scores_RK


def inverse_probability_scores(trial: Trial) -> Floats:
    """Return the same without any model: outcomes over their chances, shape (R, K)."""
    return doubly_robust_scores(trial, np.zeros((len(trial), trial.arms)))


def value_of(scores_RK: Floats, arm_R: Arms) -> Floats:
    """Return each row's score for the arm that a policy gives it; the mean is the policy's value, shape (R,)."""
    return np.asarray(scores_RK[np.arange(len(arm_R)), arm_R])
