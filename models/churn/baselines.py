"""What a churn model has to beat: the days since the last order, and BG/NBD; for value, BG/NBD with Gamma-Gamma.

Shapes: R rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.churn.bg_nbd import BetaGeometric, RecencyFrequency
from models.churn.classifier import bg_nbd_known_at
from models.churn.gamma_gamma import GammaGamma, fit_gamma_gamma
from models.churn.histories import Histories, LabelledRows
from models.evaluation.calibration import LogitScaling, fit_logit_scaling

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RecencyModel:
    """The probability of no order from the days since the last one alone."""

    scaling: LogitScaling

    def probabilities(self, histories: Histories) -> Floats:
        """Return probabilities, shape (R,)."""
        return self.scaling.probabilities(np.log1p(histories.recency_days))


def fit_recency(rows: LabelledRows, *, until: float, horizon_days: float) -> RecencyModel:
    """Fit on the last as-of date whose horizon is over at ``until``."""
    closed = rows.as_of[rows.as_of + horizon_days <= until]
    newest = rows.take(rows.as_of == closed.max())
    waits = np.log1p(newest.histories.recency_days)
    return RecencyModel(scaling=fit_logit_scaling(waits, newest.outcomes.churned, np.ones(len(newest))))


@dataclass(frozen=True, kw_only=True)
class SteadyBuyers:
    """BG/NBD and Gamma-Gamma: how many orders are to come, and what each will bring."""

    bg_nbd: BetaGeometric
    gamma_gamma: GammaGamma | None
    """None of a shop whose log names no prices: nothing is expected of anybody there."""

    def probabilities(self, histories: Histories, *, horizon_days: float) -> Floats:
        """Return the probability of no order within the horizon, shape (R,)."""
        return self.bg_nbd.no_order(RecencyFrequency.of(histories), days=horizon_days)

    def revenue(self, histories: Histories, *, horizon_days: float) -> Floats:
        """Return the expected revenue within the horizon, shape (R,)."""
        customers = RecencyFrequency.of(histories)
        if self.gamma_gamma is None:
            return np.zeros(len(histories))
        orders, means = _days_and_means(histories)
        expected = self.bg_nbd.expected_orders(customers, days=horizon_days)
        return expected * self.gamma_gamma.expected_value(orders, means)


def fit_steady_buyers(rows: LabelledRows, *, until: float) -> SteadyBuyers:
    """Fit both to the newest histories of an as-of date up to ``until``."""
    dates = rows.as_of[rows.as_of <= until]
    newest = rows.take(rows.as_of == dates.max()).histories
    orders, means = _days_and_means(newest)
    gamma_gamma = fit_gamma_gamma(orders, means) if (means > 0).any() else None
    return SteadyBuyers(bg_nbd=bg_nbd_known_at(rows, until), gamma_gamma=gamma_gamma)


def _days_and_means(histories: Histories) -> tuple[Floats, Floats]:
    """Return each customer's days with orders, and the mean revenue of such a day."""
    days = RecencyFrequency.of(histories).repeats + 1
    return days, np.bincount(histories.rows, weights=histories.values, minlength=len(histories)) / days
