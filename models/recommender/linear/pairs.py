"""Items that are viewed, or bought, together: what the lists ``also_viewed`` and ``bought_together`` are made of.

Unlike item-kNN, which asks what any interaction says of the next one, these count one behaviour and only what happened
in one visit or order. Cosine: G. Linden et al., "Amazon.com recommendations: item-to-item collaborative
filtering" (2003).
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.recommender.dataset import Interactions
from models.recommender.history import BEHAVIOUR_CODES, HistoryConfig
from models.recommender.linear.item_knn import ItemKnnConfig, count_pairs, fit_item_knn
from models.recommender.scoring import Neighbours


@dataclass(frozen=True, kw_only=True)
class PairsConfig:
    """Which items are viewed or bought together."""

    within_seconds: float
    """Interactions of a shopper further apart than this are not "together"."""
    window: int = 20
    """Nor are those with more interactions of the kind between them."""
    shrinkage: float = 5.0
    """Added to both items' totals before the cosine, so that one chance pair is not a similarity of 1."""
    min_count: float = 2.0
    """Pairs seen less often are chance and not kept."""
    neighbours: int = 50
    """Neighbours kept per item."""

    def __post_init__(self) -> None:
        if min(self.window, self.neighbours) < 1 or min(self.within_seconds, self.shrinkage, self.min_count) < 0:
            raise ValueError("window and neighbours must be at least 1, the others at least 0")


def fit_together(train: Interactions, behaviour: str, config: PairsConfig) -> Neighbours:
    """Return the items that go with each item, by cosine.

    Args:
        train: what may be learnt from.
        behaviour: the one of :data:`~models.recommender.history.BEHAVIOURS` that counts.
        config: what is "together", and how sure a pair must be.
    """
    rows = train.behaviours_E == BEHAVIOUR_CODES[behaviour]
    items_E = train.items_E[rows]
    counts = count_pairs(
        train.users_E[rows],
        items_E,
        items=train.items,
        window=config.window,
        times_E=train.times_E[rows],
        within_seconds=config.within_seconds,
    )
    both = (counts + counts.T).tocsr()
    both.setdiag(0)  # the same item twice is no pair
    both.data[both.data < config.min_count] = 0
    both.eliminate_zeros()
    scale = sparse.diags_array(1.0 / np.sqrt(np.bincount(items_E, minlength=train.items) + config.shrinkage))
    return fit_item_knn(
        (scale @ both @ scale).tocsr().astype(np.float32),
        # Several items of a page or cart count alike, whatever was done with them and in whatever order.
        ItemKnnConfig(neighbours=config.neighbours, history=HistoryConfig(decay=1.0)),
    )
