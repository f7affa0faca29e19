"""What a ranking is worth: accuracy per user, how evenly items and shoppers are served. Shapes: C cases, K places."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import bootstrap_mean
from models.evaluation.ranking import coverage, mean_per_user, ndcg_at
from models.recommender.dataset import Case
from models.recommender.evaluate import PER_CASE, Ranked

HEAD = 0.2
"""Share of the catalogue, by users, that is the head; all else is the long tail."""


def per_user(ranked: Ranked, cases: Sequence[Case]) -> dict[str, NDArray[np.float64]]:
    """Return every accuracy metric of each user (or session), averaged over their cases."""
    users_C = np.array([case.user for case in cases], dtype=np.int64)
    return {name: mean_per_user(metric(ranked.ranks_C, k), users_C)[1] for name, (metric, k) in PER_CASE.items()}


def means(values: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Return the mean of every metric."""
    return {name: round(float(value_C.mean()), 5) for name, value_C in values.items()}


def intervals(values: Mapping[str, NDArray[np.float64]], *, seed: int) -> dict[str, list[float]]:
    """Return the 95% bootstrap interval over users of every metric, 1,000 resamples."""
    estimates = {name: bootstrap_mean(value_C, seed=seed) for name, value_C in values.items()}
    return {name: [round(one.low, 5), round(one.high, 5)] for name, one in estimates.items()}


def list_figures(ranked: Ranked, users_per_item_N: NDArray[np.int64]) -> dict[str, float]:
    """Return what the lists of ten show: coverage, Gini, novelty in bits, share of the long tail.

    Gini is that of the exposure over the whole catalogue (0: every item equally often). Novelty is the mean of
    ``-log2`` of the share of users who know the item (one added, for items nobody knows).
    """
    listed = ranked.lists_CK[ranked.lists_CK >= 0]
    items = len(users_per_item_N)
    exposure_N = np.sort(np.bincount(listed, minlength=items))
    order_N = np.arange(1, items + 1)
    gini = float((2 * order_N - items - 1) @ exposure_N / (items * exposure_N.sum()))
    known_N = (users_per_item_N + 1) / (users_per_item_N.max() + len(ranked.lists_CK) + 1)
    head = np.argsort(-users_per_item_N, kind="stable")[: max(int(HEAD * items), 1)]
    return {
        "coverage@10": round(coverage(ranked.lists_CK, items), 5),
        "gini@10": round(gini, 5),
        "novelty@10": round(float(-np.log2(known_N[listed]).mean()), 3),
        "long_tail_share@10": round(float(1 - np.isin(listed, head).mean()), 5),
    }


def group_figures(
    ranked: Ranked, cases: Sequence[Case], users_per_item_N: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """Return NDCG@10 of groups of users and of targets, and the gap between the best and the worst group."""
    lengths = np.array([len(case.history.items) for case in cases])
    support = users_per_item_N[np.array([case.target for case in cases])]
    parts = {
        "by_history": {
            "1 to 4": lengths <= 4,
            "5 to 9": (lengths >= 5) & (lengths <= 9),
            "10 to 19": (lengths >= 10) & (lengths <= 19),
            "20 or more": lengths >= 20,
        },
        "by_target_support": {
            "never seen": support == 0,
            "1 to 4 users": (support >= 1) & (support <= 4),
            "5 to 19 users": (support >= 5) & (support <= 19),
            "20 or more users": support >= 20,
        },
    }
    ndcg_C = ndcg_at(ranked.ranks_C, 10)
    by_group: dict[str, dict[str, float]] = {}
    for kind, groups in parts.items():
        values = {name: round(float(ndcg_C[members].mean()), 5) for name, members in groups.items() if members.any()}
        by_group[kind] = values | {"gap": round(max(values.values()) - min(values.values()), 5)}
    return by_group
