"""What a customer will bring within the horizon: the mean, the median, and an interval that holds its promise.

All trees grow on what BG/NBD and Gamma-Gamma expect of the customer: a leaf gives everybody in it the same revenue,
which is far too little for the few who bring most. The interval's ends are quantile trees, moved apart or together
until they covered their share at the last as-of date whose horizon is over.

Source: Y. Romano, E. Patterson, E. Candès, "Conformalized quantile regression" (2019).

Shapes: R rows.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.churn.baselines import SteadyBuyers, fit_steady_buyers
from models.churn.config import ChurnConfig
from models.churn.features import churn_features
from models.churn.histories import Histories, LabelledRows
from models.tabular.trees import grow_trees, tree_parameters

Floats = NDArray[np.float64]

MAX_ROUNDS = 150
"""Trees of each booster, where the settings allow as many."""
MIN_EXPECTED = 0.01
"""Revenue, in the shop's currency, that the mean's trees begin from at least: they grow on its logarithm."""


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

    steady: SteadyBuyers
    """BG/NBD and Gamma-Gamma: where the trees begin."""
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
        features = self._features(histories)
        expected = self.steady.revenue(histories, horizon_days=self.horizon_days)
        low, median, high = self._log_quantiles(features, expected)
        mean = np.zeros(len(histories))
        if self.steady.gamma_gamma is not None:  # a log without prices brings nothing
            mean = np.exp(_log_held(expected) + np.asarray(self.mean.predict(features, raw_score=True)))
        return ForecastValue(
            mean=mean * self.mean_scale,
            median=_money(median),
            low=_money(np.minimum(low - self.margin, median)),
            high=_money(np.maximum(high + self.margin, median)),
        )

    def log_quantiles(self, histories: Histories) -> tuple[Floats, Floats, Floats]:
        """Return low end, median and high end of ``log(1 + revenue)``, before the margin."""
        expected = self.steady.revenue(histories, horizon_days=self.horizon_days)
        return self._log_quantiles(self._features(histories), expected)

    def _log_quantiles(self, features: Floats, expected: Floats) -> tuple[Floats, Floats, Floats]:
        begin = np.log1p(expected)
        low, median, high = (begin + np.asarray(one.predict(features, raw_score=True)) for one in self.quantiles)
        return low, median, high

    def _features(self, histories: Histories) -> Floats:
        return churn_features(histories, self.steady.bg_nbd, horizon_days=self.horizon_days)


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
    low, _, high = earlier.log_quantiles(judged.histories)
    target = np.log1p(np.maximum(judged.outcomes.revenue, 0.0))
    share = config.value_quantiles[1] - config.value_quantiles[0]
    margin = float(np.quantile(np.maximum(low - target, target - high), share))
    total = float(earlier.forecast(judged.histories).mean.sum())
    scale = float(np.clip(judged.outcomes.revenue.sum() / max(total, 1e-9), 0.25, 4.0))
    return _grow(rows, until=until, config=config, seed=seed, mean_scale=scale, margin=margin)


def _grow(
    rows: LabelledRows, *, until: float, config: ChurnConfig, seed: int, mean_scale: float, margin: float
) -> ValueModel:
    closed_rows = rows.take(rows.as_of + config.horizon_days <= until)
    if len(closed_rows) == 0:
        raise ValueError("no as-of date has a horizon that is over by the moment of fitting")
    steady = fit_steady_buyers(rows, until=until)
    features = churn_features(closed_rows.histories, steady.bg_nbd, horizon_days=config.horizon_days)
    expected = steady.revenue(closed_rows.histories, horizon_days=config.horizon_days)
    revenue = np.maximum(closed_rows.outcomes.revenue, 0.0)
    low, high = config.value_quantiles
    logs = np.log1p(revenue)  # a quantile of the logarithm is the logarithm of the quantile
    quantiles = [
        _booster(features, logs, np.log1p(expected), {"objective": "quantile", "alpha": share}, config, seed)
        for share in (low, 0.5, high)
    ]
    # A log without prices brings nothing, which Tweedie's deviance cannot be told.
    of_mean = {"objective": "tweedie", "tweedie_variance_power": 1.5} if revenue.any() else {"objective": "regression"}
    return ValueModel(
        steady=steady,
        horizon_days=config.horizon_days,
        mean=_booster(features, revenue, _log_held(expected), of_mean, config, seed),
        quantiles=(quantiles[0], quantiles[1], quantiles[2]),
        mean_scale=mean_scale,
        margin=margin,
    )


def _booster(
    features: Floats, target: Floats, begin: Floats, objective: dict[str, object], config: ChurnConfig, seed: int
) -> lgb.Booster:
    parameters = tree_parameters(
        objective,
        learning_rate=0.05,
        num_leaves=config.trees.num_leaves + 2,
        min_rows_in_leaf=config.trees.min_rows_in_leaf,
        l2=config.trees.l2,
        feature_fraction=config.trees.feature_fraction,
        bagging_fraction=config.trees.bagging_fraction,
        threads=config.trees.threads,
        seed=seed,
    )
    table = lgb.Dataset(features, target, init_score=begin)
    return grow_trees(parameters, table, max_rounds=min(MAX_ROUNDS, config.trees.rounds))


def _log_held(revenue: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(revenue, MIN_EXPECTED)), dtype=np.float64)


def _money(logs: Floats) -> Floats:
    return np.asarray(np.maximum(np.expm1(logs), 0.0), dtype=np.float64)
