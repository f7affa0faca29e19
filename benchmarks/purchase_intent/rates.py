"""How often sessions of each category buy, as numbers that other models read ("target encoding").

A row that is trained on is told by rows of other folds: its own outcome is in none of its features.

Source: D. Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes" (2001).

Shapes: R rows, F features, K keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import TargetEncoder

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
    encoder: TargetEncoder

    def columns(self, features_RF: Floats) -> Floats:
        """Return the log odds of each row's categories, shape (R, K)."""
        return np.asarray(logit(self.encoder.transform(_categories(features_RF, self.keys))), dtype=np.float64)


def fit_rates(features_RF: Floats, outcomes: Bools, *, keys: Sequence[tuple[int, ...]]) -> CategoryRates:
    """Count the outcomes of each category; the rates are for rows other than these.

    Raises:
        ValueError: all outcomes are the same.
    """
    if outcomes.all() or not outcomes.any():
        raise ValueError("rates need both outcomes")
    return CategoryRates(keys=tuple(keys), encoder=_encoder().fit(_categories(features_RF, keys), outcomes))


def rates_of_other_folds(features_RF: Floats, outcomes: Bools, *, keys: Sequence[tuple[int, ...]], seed: int) -> Floats:
    """Return each row's rates as rows of other folds tell them, shape (R, K): what a model may train on."""
    rates_RK = _encoder(seed).fit_transform(_categories(features_RF, keys), outcomes)
    return np.asarray(logit(rates_RK), dtype=np.float64)


def _encoder(seed: int | None = None) -> TargetEncoder:
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return TargetEncoder(target_type="binary", smooth=PRIOR_ROWS, cv=folds)


def _categories(features_RF: Floats, keys: Sequence[tuple[int, ...]]) -> NDArray[np.object_]:
    """Return a text per row and key, shape (R, K)."""
    columns = [["|".join(map(str, row)) for row in features_RF[:, key].tolist()] for key in keys]
    return np.array(columns, dtype=np.object_).T
