"""Named features to the numbers that the trees read: one place, for training and for serving.

A missing value and a category that training did not keep are both ``nan``, which LightGBM sends down its own branch.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shopsight.contracts import SESSION_FEATURES, USER_FEATURES

FEATURES: tuple[str, ...] = (*SESSION_FEATURES, *USER_FEATURES)
"""Columns of the feature service ``purchase_intent_v1``, in the order of the matrix."""
CATEGORICAL: tuple[str, ...] = ("last_event_name", "favourite_category")
"""The ones among them that hold text."""

Row = Mapping[str, float | str | None]


@dataclass(frozen=True, kw_only=True)
class FeatureEncoder:
    """The columns that a model reads, and the number of each category it knows."""

    names: tuple[str, ...]
    """Features in the order of the matrix."""
    categories: Mapping[str, Mapping[str, int]]
    """Number of each kept category, by feature."""

    @classmethod
    def fit(
        cls,
        columns: Mapping[str, NDArray[np.float64] | NDArray[np.object_]],
        *,
        names: Sequence[str],
        max_categories: int,
    ) -> "FeatureEncoder":
        """Learn the categories of the training fold: the most frequent first, ties by name."""
        categories: dict[str, dict[str, int]] = {}
        for name in names:
            if name in CATEGORICAL:
                counts = Counter(value for value in columns[name].tolist() if value is not None)
                largest = sorted(counts, key=lambda value: (-counts[value], value))[:max_categories]
                categories[name] = {value: number for number, value in enumerate(largest)}
        return cls(names=tuple(names), categories=categories)

    @property
    def categorical_places(self) -> list[int]:
        """Return the matrix columns that hold category numbers."""
        return [place for place, name in enumerate(self.names) if name in self.categories]

    def matrix(self, columns: Mapping[str, NDArray[np.float64] | NDArray[np.object_]]) -> NDArray[np.float64]:
        """Return columns as a matrix of shape ``(rows, features)``."""
        encoded = np.empty((len(columns[self.names[0]]), len(self.names)))
        for place, name in enumerate(self.names):
            numbers = self.categories.get(name)
            values = columns[name]
            encoded[:, place] = values if numbers is None else [numbers.get(value, np.nan) for value in values.tolist()]
        return encoded

    def rows(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """Return rows as a matrix of shape ``(rows, features)``.

        Raises:
            KeyError: a row lacks a feature; a feature without a value is given as ``None``.
            ValueError: a number is infinite, or a text stands where a number belongs.
        """
        encoded = np.empty((len(rows), len(self.names)))
        for index, row in enumerate(rows):
            for place, name in enumerate(self.names):
                encoded[index, place] = self._number(name, row[name])
        if np.isinf(encoded).any():
            place = int(np.argwhere(np.isinf(encoded))[0, 1])
            raise ValueError(f"feature {self.names[place]} is infinite")
        return encoded

    def _number(self, name: str, value: float | str | None) -> float:
        if value is None:
            return float("nan")
        numbers = self.categories.get(name)
        if numbers is not None:
            return numbers.get(str(value), float("nan"))
        if isinstance(value, str):
            raise ValueError(f"feature {name} is a number, got the text {value!r}")
        return float(value)
