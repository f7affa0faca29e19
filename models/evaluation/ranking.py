"""Ranking metrics for one relevant item per case, full ranking: everything follows from that item's rank.

With a single relevant item at rank r the ideal DCG is 1, so NDCG@k is 1 / log2(r + 1) inside the list and 0 outside.
Source: K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20 (2002).

Shapes: C cases, N items of the catalogue, K length of a list.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def rank_of_target(scores_N: NDArray[np.floating], target: int, masked: Ints) -> int:
    """Return the rank (from 1) of ``target`` among all items except ``masked``; ties go to the lower index.

    Ties are broken as a stable descending sort would, so the rank is that of the list a shopper would be shown.

    >>> rank_of_target(np.array([0.1, 0.9, 0.5, 0.5]), 3, np.array([], dtype=np.int64))
    3
    >>> rank_of_target(np.array([0.1, 0.9, 0.5, 0.5]), 3, np.array([1]))
    2
    """
    score = scores_N[target]
    before = scores_N > score
    before[:target] |= scores_N[:target] == score
    before[masked] = False
    return int(np.count_nonzero(before)) + 1


def top_items(scores_N: NDArray[np.floating], *, length: int, masked: Ints | NDArray[np.bool_]) -> Ints:
    """Return the indices of the best unmasked items, best first, ties to the lower index; scores must be finite.

    ``masked`` are indices, or a mask of shape (N,).

    >>> top_items(np.array([0.1, 0.9, 0.5, 0.5]), length=2, masked=np.array([1]))
    array([2, 3])
    """
    scores = np.array(scores_N, dtype=np.float64)
    scores[masked] = -np.inf
    length = min(length, int(np.count_nonzero(scores > -np.inf)))
    if length == 0:
        return np.zeros(0, dtype=np.int64)
    # A partial sort finds the last score of the list; all items that tie with it compete, in index order.
    threshold = np.partition(scores, -length)[-length]
    rivals = np.flatnonzero(scores >= threshold)
    return rivals[np.argsort(-scores[rivals], kind="stable")[:length]]


def ndcg_at(ranks_C: Ints, k: int) -> Floats:
    """Return NDCG@k of every case.

    >>> [round(float(value), 4) for value in ndcg_at(np.array([1, 2, 10, 11]), 10)]
    [1.0, 0.6309, 0.2891, 0.0]
    """
    return np.where(ranks_C <= k, 1.0 / np.log2(ranks_C + 1.0), 0.0)


def recall_at(ranks_C: Ints, k: int) -> Floats:
    """Return Recall@k of every case: 1 where the item is in the list, else 0 (with one item it is the hit rate).

    >>> recall_at(np.array([1, 10, 11]), 10)
    array([1., 1., 0.])
    """
    return (ranks_C <= k).astype(np.float64)


def mrr_at(ranks_C: Ints, k: int) -> Floats:
    """Return the reciprocal rank of every case, 0 outside the list.

    >>> mrr_at(np.array([1, 4, 11]), 10)
    array([1.  , 0.25, 0.  ])
    """
    return np.where(ranks_C <= k, 1.0 / ranks_C, 0.0)


def coverage(lists_CK: Ints, catalogue_size: int) -> float:
    """Return the share of the catalogue that appears in at least one list (negative entries are padding).

    >>> coverage(np.array([[0, 1], [1, -1]]), 4)
    0.5
    """
    listed_items = np.unique(lists_CK[lists_CK >= 0])
    return len(listed_items) / catalogue_size


def mean_per_user(values_C: Floats, users_C: Ints) -> tuple[Ints, Floats]:
    """Return the distinct users and each one's mean over their own cases, so that big users weigh as much as small.

    >>> mean_per_user(np.array([1.0, 0.0, 0.5]), np.array([7, 7, 9]))
    (array([7, 9]), array([0.5, 0.5]))
    """
    users_U, index_C = np.unique(users_C, return_inverse=True)
    sums_U = np.bincount(index_C, weights=values_C, minlength=len(users_U))
    return users_U, sums_U / np.bincount(index_C, minlength=len(users_U))
