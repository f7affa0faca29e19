"""Qini and uplift curves: what comes of treating the first of an order, beside treating as many by lot.

Sources: N. Radcliffe, "Using control groups to target on predicted lift" (2007); P. Rzepakowski, S. Jaroszewicz,
"Decision trees for uplift modeling" (2012).

Shapes: R rows, P repeats.
"""

from dataclasses import dataclass

import numpy as np

from models.evaluation.bootstrap import Estimate
from models.uplift.trial import Arms, Floats


@dataclass(frozen=True, kw_only=True)
class Qini:
    """Areas per shopper of the two groups, in the unit of the outcome."""

    coefficient: Estimate
    """Area between the curve and that of a lot; 0 for an order that knows nothing."""
    auuc: Estimate
    """Area under the curve itself."""


def rank_share(gain_R: Floats) -> Floats:
    """Return where each row stands, from 0 for the largest to 1; equal rows stand in the order of the rows."""
    order = np.argsort(-gain_R, kind="stable")
    place_R = np.empty(len(gain_R))
    place_R[order] = (np.arange(len(gain_R)) + 0.5) / len(gain_R)
    return place_R


def qini(rank_PR: Floats, treated_R: Arms, outcome_R: Floats, *, seed: int, resamples: int = 200) -> Qini:
    """Return the areas, mean over repeats, with 95% intervals by resampling shoppers.

    Args:
        rank_PR: places of the rows in each repeat's order.
        treated_R: 1 where the shopper got the arm, 0 where they are of the control.
        outcome_R: what came.
        seed: of the bootstrap.
        resamples: number of its draws.
    """
    orders = [np.argsort(ranks, kind="stable") for ranks in rank_PR]
    rng = np.random.default_rng(seed)
    whole = np.ones(len(treated_R))
    draws = np.array(
        [_areas(orders, treated_R, outcome_R, rng.poisson(1.0, len(treated_R)).astype(float)) for _ in range(resamples)]
    )
    value = _areas(orders, treated_R, outcome_R, whole)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    estimates = [Estimate(value=value[at], low=float(low[at]), high=float(high[at])) for at in range(2)]
    return Qini(coefficient=estimates[0], auuc=estimates[1])


def _areas(orders: list[Arms], treated_R: Arms, outcome_R: Floats, weight_R: Floats) -> tuple[float, float]:
    areas = []
    for order in orders:
        curve = qini_curve(treated_R[order], outcome_R[order], weight_R[order])
        area = float((curve[1:] + curve[:-1]).mean() / 2)
        areas.append((area - float(curve[-1]) / 2, area))
    mean = np.mean(areas, axis=0)
    return float(mean[0]), float(mean[1])


def qini_curve(treated_R: Arms, outcome_R: Floats, weight_R: Floats) -> Floats:
    """Return increments per shopper treated when the first rows are, shape (R + 1,): 0 at the start.

    The control's outcomes count as often as there are shoppers of the arm for each of them.
    """
    arm, control = weight_R * treated_R, weight_R * (1 - treated_R)
    got, rest = np.cumsum(arm), np.cumsum(control)
    scale = np.divide(got, rest, out=np.zeros_like(got), where=rest > 0)
    gained = np.cumsum(arm * outcome_R) - np.cumsum(control * outcome_R) * scale
    return np.concatenate([[0.0], gained / got[-1]])
