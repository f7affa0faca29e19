"""How often sessions of each category buy, as numbers that other models read ("target encoding").

A row that is trained on is told by rows of other folds: its own outcome is in none of its features.

Source: D. Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes" (2001).

Shapes: R rows, F features, K keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PRIOR_ROWS = 20.0
"""Rows of the base rate that each category is shrunk by."""
FOLDS = 10
"""Folds that tell one another's rates."""


@dataclass(frozen=True, kw_only=True)
class CategoryRates:
    """The log odds of the outcome in each category of each key; that of all rows where a category is new."""

    keys: tuple[tuple[int, ...], ...]
    """Columns of each key; a key of two columns has a category for each pair."""
    tables: tuple[dict[tuple[float, ...], float], ...]
    """Log odds of each category, a table a key."""
    base: float
    """Log odds of the outcome among all rows."""

    def columns(self, features_RF: Floats) -> Floats:
        """Return the log odds of each row's categories, shape (R, K)."""
        found = [
            [table.get(category, self.base) for category in _categories(features_RF, key)]
            for key, table in zip(self.keys, self.tables, strict=True)
        ]
        return np.array(found, dtype=np.float64).reshape(len(self.keys), len(features_RF)).T


def fit_rates(features_RF: Floats, outcomes: Bools, *, keys: Sequence[tuple[int, ...]]) -> CategoryRates:
    """Count the outcomes of each category; the rates are for rows other than these.

    Raises:
        ValueError: all outcomes are the same.
    """
    if outcomes.all() or not outcomes.any():
        raise ValueError("rates need both outcomes")
    base = float(outcomes.mean())
    tables = []
    for key in keys:
        seen: dict[tuple[float, ...], list[float]] = {}
        for category, outcome in zip(_categories(features_RF, key), outcomes.tolist(), strict=True):
            counts = seen.setdefault(category, [0.0, 0.0])
            counts[0] += outcome
            counts[1] += 1.0
        tables.append(
            {
                category: _log_odds((hits + PRIOR_ROWS * base) / (rows + PRIOR_ROWS))
                for category, (hits, rows) in seen.items()
            }
        )
    return CategoryRates(keys=tuple(keys), tables=tuple(tables), base=_log_odds(base))


def rates_of_other_folds(features_RF: Floats, outcomes: Bools, *, keys: Sequence[tuple[int, ...]], seed: int) -> Floats:
    """Return each row's rates as rows of other folds tell them, shape (R, K): what a model may train on."""
    found = np.empty((len(features_RF), len(keys)))
    for inside, outside in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(features_RF, outcomes):
        rates = fit_rates(features_RF[inside], outcomes[inside], keys=keys)
        found[outside] = rates.columns(features_RF[outside])
    return found


def _categories(features_RF: Floats, key: tuple[int, ...]) -> list[tuple[float, ...]]:
    return [tuple(row) for row in features_RF[:, key].tolist()]


def _log_odds(probability: float) -> float:
    return float(np.log(probability / (1.0 - probability)))
