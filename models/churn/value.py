"""What a customer will bring within the horizon: the mean, the median, and an interval that holds its promise.

The interval's ends are quantile trees, moved apart or together until they covered their share at the last as-of date
whose horizon is over.

Source: Y. Romano, E. Patterson, E. Candès, "Conformalized quantile regression" (2019).

Shapes: R rows.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.churn.bg_nbd import BetaGeometric
from models.churn.classifier import bg_nbd_known_at
from models.churn.config import ChurnConfig
from models.churn.features import churn_features
from models.churn.histories import Histories, LabelledRows

Floats = NDArray[np.float64]

MOST_ROUNDS = 150
"""Trees of each booster, where the settings allow as many."""


@dataclass(frozen=True, kw_only=True)
class ForecastValue:
    """Revenue forecast for each row, in the shop's currency."""

    mean: Floats
    median: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, kw_only=True)
class ValueModel:
    """Trees for the mean and the quantiles of a customer's revenue within the horizon."""

    bg_nbd: BetaGeometric
    horizon_days: float
    mean: lgb.Booster
    quantiles: tuple[lgb.Booster, lgb.Booster, lgb.Booster]
    """Low end, median, high end."""
    mean_scale: float
    """What the mean is multiplied by, so that the calibration date's total was right."""
    margin: float
    """What the interval grew by at both ends, on the scale of ``log(1 + revenue)``; negative where it shrank."""

    def forecast(self, histories: Histories) -> ForecastValue:
        """Return the forecast of each row."""
        features = churn_features(histories, self.bg_nbd, horizon_days=self.horizon_days)
        low, median, high = (np.asarray(booster.predict(features)) for booster in self.quantiles)
        return ForecastValue(
            mean=np.asarray(self.mean.predict(features)) * self.mean_scale,
            median=_money(median),
            low=_money(np.minimum(low - self.margin, median)),
            high=_money(np.maximum(high + self.margin, median)),
        )


def fit_value(rows: LabelledRows, *, until: float, config: ChurnConfig, seed: int) -> ValueModel:
    """Fit on what was known at ``until``, as :func:`models.churn.classifier.fit_classifier` does.

    Raises:
        ValueError: too little is known at ``until``.
    """
    closed = rows.as_of + config.horizon_days <= until
    if not closed.any():
        raise ValueError("no as-of date has a horizon that is over by the moment of fitting")
    newest = float(rows.as_of[closed].max())
    earlier = _grow(rows, until=newest, config=config, seed=seed, mean_scale=1.0, margin=0.0)
    judged = rows.take(rows.as_of == newest)
    features = churn_features(judged.histories, earlier.bg_nbd, horizon_days=config.horizon_days)
    low, _, high = (np.asarray(booster.predict(features)) for booster in earlier.quantiles)
    target = np.log1p(np.maximum(judged.outcomes.revenue, 0.0))
    share = config.value_quantiles[1] - config.value_quantiles[0]
    margin = float(np.quantile(np.maximum(low - target, target - high), share))
    total = float(np.asarray(earlier.mean.predict(features)).sum())
    scale = float(np.clip(judged.outcomes.revenue.sum() / max(total, 1e-9), 0.25, 4.0))
    return _grow(rows, until=until, config=config, seed=seed, mean_scale=scale, margin=margin)


def _grow(
    rows: LabelledRows, *, until: float, config: ChurnConfig, seed: int, mean_scale: float, margin: float
) -> ValueModel:
    known = rows.take(rows.as_of + config.horizon_days <= until)
    if len(known) == 0:
        raise ValueError("no as-of date has a horizon that is over by the moment of fitting")
    model = bg_nbd_known_at(rows, until)
    features = churn_features(known.histories, model, horizon_days=config.horizon_days)
    revenue = np.maximum(known.outcomes.revenue, 0.0)
    low, high = config.value_quantiles
    logs = np.log1p(revenue)  # a quantile of the logarithm is the logarithm of the quantile
    quantiles = [
        _booster(features, logs, {"objective": "quantile", "alpha": share}, config, seed) for share in (low, 0.5, high)
    ]
    # A log without prices brings nothing, which Tweedie's deviance cannot be told.
    of_mean = {"objective": "tweedie", "tweedie_variance_power": 1.5} if revenue.any() else {"objective": "regression"}
    return ValueModel(
        bg_nbd=model,
        horizon_days=config.horizon_days,
        mean=_booster(features, revenue, of_mean, config, seed),
        quantiles=(quantiles[0], quantiles[1], quantiles[2]),
        mean_scale=mean_scale,
        margin=margin,
    )


def _booster(
    features: Floats, target: Floats, objective: dict[str, object], config: ChurnConfig, seed: int
) -> lgb.Booster:
    settings = objective | {
        "learning_rate": 0.05,
        "num_leaves": config.trees.num_leaves + 2,
        "min_data_in_leaf": config.trees.min_rows_in_leaf,
        "feature_fraction": config.trees.column_share,
        "bagging_fraction": config.trees.row_share,
        "bagging_freq": 1,
        "lambda_l2": config.trees.l2,
        "num_threads": config.trees.threads,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    return lgb.train(settings, lgb.Dataset(features, target), num_boost_round=min(MOST_ROUNDS, config.trees.rounds))


def _money(logs: Floats) -> Floats:
    return np.asarray(np.maximum(np.expm1(logs), 0.0), dtype=np.float64)
