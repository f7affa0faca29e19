"""How sure a forecast of counts is: negative binomial quantiles, made true on what was forecast before.

Each series has a spread of its own; then conformal prediction asks, for forecasts that were made at earlier origins,
at which
quantile the truth fell, and reads every quantile where as many truths lay below it (distributional conformal
prediction).
A count of 0 is often half of a distribution: what falls onto such a step counts for the part of the step, so that an
interval of 80% holds 80% of rare items too, not all.

Sources: V. Chernozhukov, K. Wüthrich, Y. Zhu, "Distributional conformal prediction" (2021); C. Czado, T. Gneiting,
L. Held, "Predictive model assessment for count data" (2009), for the step.

Shapes: M series, H periods ahead, K earlier origins, Q quantiles, B places of a calibration curve.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc
from scipy.stats import nbinom

from models.demand.panel import Floats

GRID: Final = np.linspace(0.0, 1.0, 201)
"""Quantiles at which a calibration curve is known."""
MIN_TRUTHS: Final = 56
"""Truths below which a group is judged by all series together."""
PRIOR_TRUTHS: Final = 28.0
"""Truths that the spread of a group counts for beside a series' own."""
TAIL: Final = 0.95
"""Share of the truths beyond which single ones would decide where a quantile lies."""
MAX_WEIGHT: Final = 1_000.0
"""Squared units up to which a series speaks the louder of its group's level, the more it sells."""
LOWEST: Final = 1e-4
"""Smallest inverse size of a negative binomial, and smallest mean: a Poisson in all but name."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How far sales fall from their forecast, for each series."""

    inverse_size_M: Floats
    """1 / r of each series' negative binomial: its variance is mean + mean² / r."""
    groups_M: NDArray[np.str_]
    """Whose truths tell where a series' quantiles lie."""
    curves: dict[str, Floats]
    """By group: the share of earlier truths below each quantile of :data:`GRID`, shape (B,)."""
    grain: float
    """Units that are counted as one: 1, or less where the shop sells parts."""

    def quantiles(self, mean_MH: Floats, levels: tuple[float, ...]) -> Floats:
        """Return the quantiles of sales, shape (Q, M, H); whole numbers of grains."""
        size_M, mean_MH = 1.0 / self.inverse_size_M, np.maximum(mean_MH / self.grain, LOWEST)
        places = {group: np.interp(levels, *_rising(curve)) for group, curve in self.curves.items()}
        places_MQ = np.array([places[group] for group in self.groups_M])
        chance = size_M[:, None] / (size_M[:, None] + mean_MH)
        values = [
            nbinom.ppf(np.clip(places_MQ[:, number, None], 0.0, 0.9999), size_M[:, None], chance)
            for number in range(len(levels))
        ]
        return np.asarray(np.maximum(np.stack(values), 0.0) * self.grain, dtype=np.float64)

    def quantile_of_each(self, mean_M: Floats, level_M: Floats) -> Floats:
        """Return a quantile of each series' sales, each at a level of its own, shape (M,); whole numbers of grains.

        Truths are too few to say where 99% of them lie: beyond 95% the negative binomial itself does, moved there.
        """
        place_M = np.zeros_like(level_M)
        for group, curve in self.curves.items():
            its = self.groups_M == group
            place_M[its] = np.interp(level_M[its], *_rising(curve, tail=TAIL))
        size_M, mean_M = 1.0 / self.inverse_size_M, np.maximum(mean_M / self.grain, LOWEST)
        values = nbinom.ppf(np.clip(place_M, 0.0, 0.9999), size_M, size_M / (size_M + mean_M))
        return np.asarray(np.maximum(values, 0.0) * self.grain, dtype=np.float64)

    def share_up_to(self, mean_M: Floats, units_M: Floats) -> Floats:
        """Return the chance that each series sells so many units or fewer, shape (M,)."""
        _, up_to_M = steps(mean_M / self.grain, np.maximum(units_M, 0.0) / self.grain, self.inverse_size_M)
        for group, curve in self.curves.items():
            its = self.groups_M == group
            shares, places = _rising(curve, tail=TAIL)
            up_to_M[its] = np.interp(up_to_M[its], places, shares)
        return np.where(units_M < 0, 0.0, up_to_M)

    def inside(self, mean_MH: Floats, actual_MH: Floats, *, low: float, high: float) -> Floats:
        """Return the part of each truth that lies between two quantiles, shape (M, H): 0 to 1, between at a step."""
        below, up_to = steps(mean_MH / self.grain, actual_MH / self.grain, self.inverse_size_M)
        for group, curve in self.curves.items():
            its = self.groups_M == group
            below[its], up_to[its] = np.interp(below[its], GRID, curve), np.interp(up_to[its], GRID, curve)
        part = np.minimum(up_to, high) - np.maximum(below, low)
        return np.where(
            up_to > below, np.clip(part, 0.0, None) / np.maximum(up_to - below, 1e-12), (below > low) & (below < high)
        )


def steps(mean_MH: Floats, actual_MH: Floats, inverse_size_M: Floats) -> tuple[Floats, Floats]:
    """Return the distribution's share below each truth, and up to it."""
    mean = np.maximum(mean_MH, LOWEST)
    size = (1.0 / inverse_size_M)[(slice(None),) + (None,) * (mean.ndim - 1)]
    chance = size / (size + mean)
    below = np.where(actual_MH > 0, betainc(size, np.maximum(actual_MH, LOWEST), chance), 0.0)
    return below, np.asarray(betainc(size, actual_MH + 1.0, chance))


def fit_spread(
    mean_KMH: Floats, actual_KMH: Floats, judged_KM: NDArray[np.bool_], groups_M: NDArray[np.str_], grain: float
) -> Spread:
    """Learn the spread of forecasts that were made at earlier origins.

    Args:
        mean_KMH: what was forecast at each origin.
        actual_KMH: what came.
        judged_KM: which series had begun by each origin.
        groups_M: the group of each series.
        grain: units that are counted as one.
    """
    mean, actual = mean_KMH / grain, actual_KMH / grain
    everything = np.ones(len(mean), dtype=bool)
    below, up_to = np.zeros_like(mean), np.zeros_like(mean)
    for origin in range(len(mean)):
        # Quantiles of an origin are judged by the spread of the others: its own would fit it by heart.
        others = everything.copy()
        others[origin] = len(mean) == 1
        inverse = _inverse_sizes(mean[others], actual[others], judged_KM[others], groups_M)
        below[origin], up_to[origin] = steps(mean[origin], actual[origin], inverse)
    inverse = _inverse_sizes(mean, actual, judged_KM, groups_M)
    curves = _curves(below, up_to, judged_KM, groups_M)
    return Spread(inverse_size_M=inverse, groups_M=groups_M, curves=curves, grain=grain)


def fit_sum_spread(
    mean_KMW: Floats,
    actual_KMW: Floats,
    judged_KM: NDArray[np.bool_],
    groups_M: NDArray[np.str_],
    *,
    daily_M: Floats,
    days: int,
    grain: float,
) -> Spread:
    """Learn the spread of sums over days: of each series by its days, of its level's error by its group.

    Sums are too few to say how uneven a series is; its days are not. Were they independent, a sum of d days with mean m
    would have the variance m + a m² / d. What sums vary beside that is an error of the level, the same share of m for a
    group, and read off its sums.

    Args:
        mean_KMW: what was forecast at each origin, by window.
        actual_KMW: what came.
        judged_KM: which series had begun by each origin.
        groups_M: the group of each series.
        daily_M: 1 / r of each series' days, a.
        days: d.
        grain: units that are counted as one.
    """
    mean, actual = np.maximum(mean_KMW / grain, LOWEST), actual_KMW / grain
    independent_M = daily_M / days
    beside = (actual - mean) ** 2 - mean - independent_M[:, None] * mean**2
    inverse_M = independent_M.copy()
    for group in np.unique(groups_M):
        judged = judged_KM & (groups_M == group)
        squares = (mean[judged] ** 2).sum()
        # By series, not by units: a few large ones would speak for all.
        shares = beside[judged].sum(axis=1) / np.maximum((mean[judged] ** 2).sum(axis=1), 1.0) if squares > 0 else [0.0]
        weights = np.minimum((mean[judged] ** 2).sum(axis=1), MAX_WEIGHT) if squares > 0 else [1.0]
        inverse_M[groups_M == group] += max(float(np.average(shares, weights=weights)), 0.0)
    inverse_M = np.maximum(inverse_M, LOWEST)
    below, up_to = np.zeros_like(mean), np.zeros_like(mean)
    for origin in range(len(mean)):
        below[origin], up_to[origin] = steps(mean[origin], actual[origin], inverse_M)
    curves = _curves(below, up_to, judged_KM, groups_M)
    return Spread(inverse_size_M=inverse_M, groups_M=groups_M, curves=curves, grain=grain)


def _curves(
    below_KMH: Floats, up_to_KMH: Floats, judged_KM: NDArray[np.bool_], groups_M: NDArray[np.str_]
) -> dict[str, Floats]:
    """Return the calibration curve of each group, or that of all where it has too few truths."""
    whole = _curve(below_KMH[judged_KM], up_to_KMH[judged_KM])
    curves = {}
    for group in np.unique(groups_M):
        judged = judged_KM & (groups_M == group)
        enough = judged.sum() * below_KMH.shape[2] >= MIN_TRUTHS
        curves[str(group)] = _curve(below_KMH[judged], up_to_KMH[judged]) if enough else whole
    return curves


def _inverse_sizes(
    mean_KMH: Floats, actual_KMH: Floats, judged_KM: NDArray[np.bool_], groups_M: NDArray[np.str_]
) -> Floats:
    """Return 1 / r of each series by moments, drawn to that of its group."""
    judged = judged_KM[:, :, None]
    mean = np.maximum(mean_KMH, LOWEST)
    extra_M = np.where(judged, (actual_KMH - mean) ** 2 - mean, 0.0).sum(axis=(0, 2))
    squares_M = np.where(judged, mean**2, 0.0).sum(axis=(0, 2))
    truths_M = judged_KM.sum(axis=0) * float(mean.shape[2])
    own_M = np.clip(extra_M / np.maximum(squares_M, LOWEST**2), LOWEST, 50.0)
    inverse_M = np.full(len(own_M), 1.0)
    for group in np.unique(groups_M):
        its = groups_M == group
        weights = truths_M[its]
        # In logarithms: spreads of rare items reach over decades, and a mean would be that of the wildest.
        prior = float(np.average(np.log(own_M[its]), weights=weights)) if weights.sum() > 0 else 0.0
        inverse_M[its] = np.exp(
            (weights * np.log(own_M[its]) + PRIOR_TRUTHS * prior) / np.maximum(weights + PRIOR_TRUTHS, 1.0)
        )
    return inverse_M


def _curve(below: Floats, up_to: Floats) -> Floats:
    """Return the share of truths below each quantile of the grid; a step counts for its part."""
    if below.size == 0:
        return GRID
    below, up_to = below.ravel(), up_to.ravel()
    # A sample is enough for a curve of 200 places.
    if below.size > 50_000:
        chosen = np.random.default_rng(0).choice(below.size, 50_000, replace=False)
        below, up_to = below[chosen], up_to[chosen]
    width = np.maximum(up_to - below, 1e-9)
    curve = np.array([np.clip((place - below) / width, 0.0, 1.0).mean() for place in GRID])
    curve[0], curve[-1] = 0.0, 1.0
    return curve


def _rising(curve: Floats, *, tail: float = 1.0) -> tuple[Floats, Floats]:
    """Return shares and quantiles for reading the quantile of a share; equal shares go to the middle of theirs.

    Args:
        curve: share of earlier truths below each quantile of the grid.
        tail: share beyond which the curve is a line to 1.
    """
    shares, first = np.unique(curve, return_index=True)
    last = len(curve) - 1 - np.unique(curve[::-1], return_index=True)[1]
    places = (GRID[first] + GRID[last]) / 2.0
    if tail >= 1.0:
        return shares, places
    body = shares < tail
    knot = float(np.interp(tail, shares, places))
    return np.append(shares[body], [tail, 1.0]), np.append(places[body], [knot, 1.0])
