"""Co-visitation with the item that was viewed last: the least that reads a history."""

from dataclasses import replace

from models.recommender.dataset import Interactions
from models.recommender.linear.item_knn import ItemKnnConfig, cooccurrence, fit_item_knn
from models.recommender.scoring import Neighbours


def fit_last_viewed(train: Interactions, config: ItemKnnConfig) -> Neighbours:
    """Return plain item-kNN, without direction, distance or shrinkage, of the newest item alone."""
    plain = replace(config, shrinkage=0.0, backward=1.0, distance_power=0.0)
    # The item before the newest is worth less than any rounding.
    return replace(fit_item_knn(cooccurrence(train, plain), plain), decay=1e-9)
