"""Where weights are clipped: chosen by the weights and by how many rewards there are, not by which rounds had them."""

from typing import Final

import numpy as np

from models.evaluation.off_policy.rounds import Floats

_STEPS: Final = 200


def choose_clip(weight_R: Floats, reward_R: Floats, *, mean: float = 1.0) -> float:
    """Return the limit that balances what clipping costs against what it saves.

    A low limit takes away weight: were the rounds that lose it worth nothing, the estimate would be too low by that
    share. A high one lets single rounds decide: relative to the estimate its variance is that of the weights over the
    number of rewards. The limit with the least sum of the squared share and that variance is taken, as ``switch`` finds
    its threshold; as a log grows, the limit rises and the share goes to 0.

    Source: Y.-X. Wang, A. Agarwal, M. Dudík, "Optimal and adaptive off-policy evaluation in contextual bandits" (2017).

    The mean weight of a long log is known, as every policy shows something: the share is told from that, for a single
    round of a tiny propensity can outweigh all others together.

    Args:
        weight_R: weights of the rounds.
        reward_R: rewards of the rounds, at least 0.
        mean: the mean weight of a long log: 1, less what the log could not show.

    Returns:
        The limit, between that mean and the largest weight; the largest one where nothing was rewarded.
    """
    rounds, largest = len(weight_R), float(weight_R.max())
    squares = float((reward_R**2).sum())
    if squares == 0 or mean <= 0 or largest <= mean:
        return largest
    rewards = float(reward_R.sum()) ** 2 / squares  # as many equal rewards would say as much
    limits = np.geomspace(mean, largest, _STEPS)
    sorted_R = np.sort(weight_R)
    below = np.searchsorted(sorted_R, limits, side="right")
    sums, sums_of_squares = (np.concatenate([[0.0], np.cumsum(sorted_R**power)])[below] for power in (1, 2))
    lost = np.maximum(1 - (sums + limits * (rounds - below)) / (mean * rounds), 0.0)
    variance = (sums_of_squares + limits**2 * (rounds - below)) / (mean**2 * rounds * rewards)
    return float(limits[np.argmin(lost**2 + variance)])
