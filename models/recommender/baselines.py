"""Popularity, plain and recent: what every personal recommender has to beat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.recommender.dataset import Interactions
from models.recommender.history import BEHAVIOUR_CODES
from models.recommender.scoring import Constant


@dataclass(frozen=True, kw_only=True)
class PopularityConfig:
    """Popularity, which reads nothing of a shopper."""

    half_life_days: float = 7.0
    """Age at which an interaction counts half."""
    trending_half_life_days: float = 2.0
    """The same for the ``trending`` list, which should move within days."""

    def __post_init__(self) -> None:
        if min(self.half_life_days, self.trending_half_life_days) <= 0:
            raise ValueError("half-lives must be above 0 days")


def plain_popularity(train: Interactions) -> Constant:
    """Return how many users interacted with each item."""
    return Constant(scores_N=train.distinct_users_per_item().astype(np.float32))


def recent_popularity(train: Interactions, *, half_life_days: float) -> Constant:
    """Return the first contacts with each item, each halved for every ``half_life_days`` before the last event."""
    first = train.first_contacts()
    return Constant(
        scores_N=_decayed_counts(train.items_E[first], train.times_E[first], train, half_life_days=half_life_days)
    )


def trending(train: Interactions, *, half_life_days: float) -> Constant:
    """Return all interactions with each item, decayed: repeated attention counts, old attention does not."""
    return Constant(scores_N=_decayed_counts(train.items_E, train.times_E, train, half_life_days=half_life_days))


def best_sellers(train: Interactions) -> Constant:
    """Return the purchases of each item; items without any follow by how many users interacted with them."""
    bought = np.bincount(train.items_E[train.behaviours_E == BEHAVIOUR_CODES["purchase"]], minlength=train.items)
    users_N = train.distinct_users_per_item()
    # The share below 1 only breaks ties between items with equally many purchases.
    return Constant(scores_N=(bought + users_N / (users_N.max(initial=0) + 1.0)).astype(np.float32))


def ages(train: Interactions) -> Constant:
    """Return the days between each item's first interaction and the last one of all; infinite where there is none."""
    seconds_N = np.zeros(train.items)  # before the last interaction of all
    last = train.times_E.max(initial=0.0)
    np.maximum.at(seconds_N, train.items_E, last - train.times_E)
    seconds_N[np.bincount(train.items_E, minlength=train.items) == 0] = np.inf
    return Constant(scores_N=(seconds_N / 86_400).astype(np.float32))


def fit_lists(train: Interactions, config: PopularityConfig) -> dict[str, Constant]:
    """Return the scores behind the lists that are the same for every shopper, and how old each item is."""
    return {
        "popularity": plain_popularity(train),
        "popularity_recent": recent_popularity(train, half_life_days=config.half_life_days),
        "best_sellers": best_sellers(train),
        "trending": trending(train, half_life_days=config.trending_half_life_days),
        "age_days": ages(train),
    }


def _decayed_counts(
    items: NDArray[np.int64], times: NDArray[np.float64], train: Interactions, *, half_life_days: float
) -> NDArray[np.float32]:
    if len(items) == 0:
        return np.zeros(train.items, dtype=np.float32)
    age_days = (train.times_E.max() - times) / 86_400
    return np.bincount(items, weights=0.5 ** (age_days / half_life_days), minlength=train.items).astype(np.float32)
