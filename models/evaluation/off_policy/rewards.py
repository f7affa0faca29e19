"""A model of rewards that needs no training: the rates of items in each group (a place, a kind of shopper), shrunk.

Shapes: R rounds, G groups, N items.
"""

import numpy as np
from numpy.typing import NDArray

from models.evaluation.off_policy.rounds import Floats

Ints = NDArray[np.intp]


def item_rates(group_R: Ints, item_R: Ints, reward_R: Floats, *, shape: tuple[int, int]) -> Floats:
    """Return the mean reward of each item in each group, shape (G, N).

    An item's rate is shrunk towards the mean of all, and its rate in a group towards the product of both; a rate counts
    as many rounds before it is its own as bring one reward on average.

    Args:
        group_R: the group of each round.
        item_R: the item of each round.
        reward_R: what it earned.
        shape: how many groups and items there are.
    """
    groups, items = shape
    base = float(reward_R.mean()) if len(reward_R) else 0.0
    if base == 0:
        return np.zeros(shape)
    prior = float((reward_R**2).sum() / reward_R.sum()) / base
    cell_R = group_R * items + item_R
    count_GN, sum_GN = (
        np.bincount(cell_R, weights=weight_R, minlength=groups * items).reshape(shape) for weight_R in (None, reward_R)
    )
    item_N = (sum_GN.sum(axis=0) + prior * base) / (count_GN.sum(axis=0) + prior)
    group_G = (sum_GN.sum(axis=1) + prior * base) / (count_GN.sum(axis=1) + prior)
    expected_GN = group_G[:, None] * item_N / base
    return np.asarray((sum_GN + prior * expected_GN) / (count_GN + prior))


def crossed(
    group_R: Ints, item_R: Ints, reward_R: Floats, target_GN: Floats, *, fold_R: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return what each round is expected to earn under the target policy, and with the item that was shown.

    Each half of the rounds is seen by the rates of the other half, so that no round is predicted from itself.

    Args:
        group_R: the group of each round.
        item_R: the item of each round.
        reward_R: what it earned.
        target_GN: the target's probability of each item in each group.
        fold_R: which half each round is in.
    """
    expected_R, predicted_R = np.empty(len(reward_R)), np.empty(len(reward_R))
    for half in (False, True):
        seen, other = fold_R == half, fold_R != half
        rates_GN = item_rates(group_R[other], item_R[other], reward_R[other], shape=target_GN.shape)
        expected_R[seen] = (target_GN * rates_GN).sum(axis=1)[group_R[seen]]
        predicted_R[seen] = rates_GN[group_R[seen], item_R[seen]]
    return expected_R, predicted_R
