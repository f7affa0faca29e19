"""What a purchase intent model has to beat: the base rate, a glance at the cart, a logistic regression on counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.purchase_intent.dataset import SessionRows

Floats = NDArray[np.float64]

COUNTS = (
    "events_so_far",
    "views_so_far",
    "searches_so_far",
    "wishlists_so_far",
    "carts_so_far",
    "cart_removals_so_far",
    "distinct_items_so_far",
    "seconds_since_start",
)
"""Columns of the logistic regression, each as ``log(1 + x)``."""


def base_rate(train: SessionRows, rows: SessionRows) -> Floats:
    """Return the share of training sessions that buy, for every row."""
    return np.full(len(rows), np.average(train.purchased, weights=train.weights))


def cart_seen(train: SessionRows, rows: SessionRows) -> Floats:
    """Return the training rate of rows with, or without, something put into the cart so far."""
    rates = {seen: _rate(train, _has_cart(train) == seen) for seen in (False, True)}
    return np.where(_has_cart(rows), rates[True], rates[False])


@dataclass(frozen=True, kw_only=True)
class CountsRegression:
    """A logistic regression on standardised counts."""

    means: Floats
    scales: Floats
    coefficients: Floats
    intercept: float

    def probabilities(self, rows: SessionRows) -> Floats:
        """Return probabilities of shape ``(rows,)``."""
        log_odds = (_counts(rows) - self.means) / self.scales @ self.coefficients + self.intercept
        return 0.5 * (1.0 + np.tanh(0.5 * log_odds))


def fit_counts_regression(train: SessionRows, *, seed: int) -> CountsRegression:
    """Fit the regression on training sessions, each weighing the same."""
    from sklearn.linear_model import LogisticRegression

    counts = _counts(train)
    means, scales = counts.mean(axis=0), counts.std(axis=0)
    scales = np.where(scales > 0, scales, 1.0)  # a count that never moves says nothing
    regression = LogisticRegression(C=1.0, max_iter=1000, random_state=seed)
    regression.fit((counts - means) / scales, train.purchased, sample_weight=train.weights)
    return CountsRegression(
        means=means,
        scales=scales,
        coefficients=np.asarray(regression.coef_[0], dtype=np.float64),
        intercept=float(regression.intercept_[0]),
    )


def _rate(rows: SessionRows, chosen: NDArray[np.bool_]) -> float:
    """Return the purchase rate of the chosen rows, one prior case at the base rate keeping it off 0 and 1."""
    weights = rows.weights
    base = float(np.average(rows.purchased, weights=weights))
    return float((weights[chosen] @ rows.purchased[chosen] + base) / (weights[chosen].sum() + 1.0))


def _has_cart(rows: SessionRows) -> NDArray[np.bool_]:
    return np.asarray(rows.columns["carts_so_far"], dtype=np.float64) > 0


def _counts(rows: SessionRows) -> Floats:
    columns = [np.asarray(rows.columns[name], dtype=np.float64) for name in COUNTS]
    return np.log1p(np.nan_to_num(np.stack(columns, axis=1)))
