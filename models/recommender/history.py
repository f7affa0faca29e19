"""A shopper's history in a model's own item codes, and how much each item in it counts.

The trained models and the served artefact both read histories through this module, so that a score measured in an
evaluation is the score that is served. Needs numpy only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

BEHAVIOURS: Final = ("view_item", "add_to_wishlist", "add_to_cart", "purchase", "rate_item")
"""Behaviour codes are 1 + the position in this tuple; 0 is padding."""

BEHAVIOUR_CODES: Final[Mapping[str, int]] = {name: code for code, name in enumerate(BEHAVIOURS, start=1)}


@dataclass(frozen=True)
class History:
    """Interactions of one shopper, oldest first: ``items`` and ``behaviours`` have the same length."""

    items: NDArray[np.int64]
    behaviours: NDArray[np.int64]

    def last(self, length: int) -> "History":
        """Return the newest ``length`` interactions."""
        return History(self.items[-length:], self.behaviours[-length:])

    def without(self, item: int) -> "History":
        """Return the history with every interaction with ``item`` taken out."""
        others = self.items != item
        return History(self.items[others], self.behaviours[others])


@dataclass(frozen=True, kw_only=True)
class HistoryConfig:
    """How much an item in a shopper's history counts for the linear contenders (popularity ignores it)."""

    decay: float = 0.7
    """Factor per distinct later item."""
    behaviour_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)
    """Weight of a view, a wish, a cart, a purchase and a rating."""

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1:
            raise ValueError(f"decay must be above 0 and at most 1, not {self.decay}")
        if len(self.behaviour_weights) != len(BEHAVIOURS) or min(self.behaviour_weights) < 0:
            raise ValueError(f"behaviour_weights must be {len(BEHAVIOURS)} numbers of at least 0")


def item_weights(
    history: History, *, decay: float, behaviour_weights: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the distinct items of a history, newest first, and what each counts.

    An item counts as much as the strongest thing done with it, times ``decay`` for every distinct item after
    it: three views of one shoe are one step, not three.

    >>> history = History(np.array([4, 7, 4]), np.array([3, 1, 1]))
    >>> item_weights(history, decay=0.5, behaviour_weights=np.array([0.0, 1.0, 1.0, 2.0, 3.0, 1.0]))
    (array([4, 7]), array([2. , 0.5]))
    """
    if len(history.items) == 0:
        return history.items, np.zeros(0)
    newest_items = history.items[::-1]
    distinct, first, inverse = np.unique(newest_items, return_index=True, return_inverse=True)
    strongest = np.zeros(len(distinct))
    np.maximum.at(strongest, inverse, behaviour_weights[history.behaviours[::-1]])
    by_recency = np.argsort(first)
    return distinct[by_recency], strongest[by_recency] * decay ** np.arange(len(distinct))
