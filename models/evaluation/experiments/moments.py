"""What is to be known of an arm's shoppers to compare it: counts and sums, from which all else follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Sums over the shoppers of an arm: of one experiment, or arrays of them, such as one for every look of many."""

    count: Any
    value: Any
    """Of the metric."""
    value_squared: Any
    before: Any
    """Of the same figure before the shopper's first list, which no arm can have changed."""
    before_squared: Any
    product: Any
    """Of both."""

    @classmethod
    def of(cls, values: ArrayLike, before: ArrayLike) -> "Moments":
        """Return the sums over an arm's shoppers.

        Args:
            values: the metric of each shopper.
            before: their figure of before, in the same order.

        Raises:
            ValueError: the two differ in length, or a value is not finite.
        """
        y, x = np.asarray(values, dtype=np.float64), np.asarray(before, dtype=np.float64)
        if y.shape != x.shape:
            raise ValueError(f"{len(y)} values and {len(x)} figures of before")
        if not (np.isfinite(y).all() and np.isfinite(x).all()):
            raise ValueError("a value is not finite")
        return cls(
            count=np.float64(len(y)),
            value=y.sum(),
            value_squared=(y * y).sum(),
            before=x.sum(),
            before_squared=(x * x).sum(),
            product=(x * y).sum(),
        )

    @property
    def mean(self) -> Any:
        """Mean of the metric."""
        return self.value / self.count

    @property
    def mean_before(self) -> Any:
        """Mean of the figures of before."""
        return self.before / self.count

    @property
    def spread(self) -> Any:
        """Sum of squared distances of the metric from its mean."""
        return np.maximum(self.value_squared - self.value * self.value / self.count, 0.0)

    @property
    def spread_before(self) -> Any:
        """The same of the figures of before."""
        return np.maximum(self.before_squared - self.before * self.before / self.count, 0.0)

    @property
    def spread_of_both(self) -> Any:
        """Sum of products of both distances."""
        return self.product - self.value * self.before / self.count


def slope(arms: Sequence[Moments]) -> Any:
    """Return how far the metric follows the figure of before within arms; 0 where that figure never differs.

    Source: A. Deng, Y. Xu, R. Kohavi, T. Walker, "Improving the Sensitivity of Online Controlled Experiments by
    Utilizing Pre-Experiment Data" (CUPED, 2013).
    """
    before = sum(arm.spread_before for arm in arms)
    # A sum of rounding errors is no spread.
    scale = sum(arm.before_squared for arm in arms) * 1e-12
    both = sum(arm.spread_of_both for arm in arms)
    return np.where(before > scale, both / np.where(before > scale, before, 1.0), 0.0)
