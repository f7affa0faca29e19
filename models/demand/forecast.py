"""Forecasts of every item and of all that items add up to, with quantiles, chosen and calibrated on earlier origins.

Candidates are made at earlier origins of the same history, blended for each class of items by what they got wrong
there,
reconciled so that items add up, and the spread of the errors is learnt from the same origins. Nothing after the
panel's end
is read.

Shapes: N items, A aggregates, M = A + N series, T periods so far, H ahead, K earlier origins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from models.demand.boosting import Boosting, fit_boosting
from models.demand.candidates import SMOOTHING, Adjusted, item_candidates, smoothed_aggregates
from models.demand.classes import demand_classes, not_forecast
from models.demand.features import begins_of
from models.demand.hierarchy import Hierarchy, hierarchy_of, reconcile
from models.demand.intervals import Spread, fit_spread
from models.demand.metrics import naive_scales
from models.demand.panel import Floats, Panel

MAX_EARLIER: Final = 3
"""Earlier origins, a horizon apart, that choose and calibrate."""
AGGREGATE: Final = "aggregate"
EQUAL_SHARE: Final = 0.02
"""Part of the evidence that equal weights count for beside what validation says."""
QUANTILES: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What would have been forecast before, by what was known then, and what came; newest first, a horizon apart."""

    mean_KMH: Floats
    actual_KMH: Floats
    begun_KM: NDArray[np.bool_]
    """Which series had begun by each origin."""


@dataclass(frozen=True, kw_only=True)
class DemandForecast:
    """What will be sold, of every series."""

    hierarchy: Hierarchy
    starts: pd.DatetimeIndex
    """First day of each period ahead, shape (H,)."""
    mean_MH: Floats
    """Expected units; those of items add up to those of aggregates."""
    spread: Spread | None
    """How sure that is; None where the history is too short to have forecast any of it."""
    classes_N: NDArray[np.str_]
    """Class of demand of each item."""
    reasons_N: NDArray[np.str_]
    """Why an item cannot be forecast by itself, or ''; its mean is then a guess that keeps the sums whole."""
    weights: Mapping[str, Mapping[str, float]]
    """By class of items, and for aggregates: the weight of each candidate."""
    earlier: Earlier | None
    """The forecasts that chose the weights and the spread; None where the history is too short for one."""


def forecast_demand(
    panel: Panel, *, horizon: int, seed: int, threads: int = 1, country: str | None = None
) -> DemandForecast:
    """Forecast every item of a panel and every level above.

    Args:
        panel: sales so far.
        horizon: periods ahead.
        seed: of the trees and of the rows that they learn from.
        threads: of LightGBM.
        country: ISO code of the country whose holidays count, or None.
    """
    hierarchy = hierarchy_of(panel)
    # What never sold by an earlier origin has no class there that would say anything of it.
    ends = earlier_origins(panel, horizon)
    chosen = _Chosen.none()
    spread = before = None
    if ends:
        first = Adjusted.of(panel.until(ends[-1]), horizon, country).panel
        trees = fit_boosting(first, hierarchy, horizon=horizon, seed=seed, threads=threads)
        earlier = [_At.of(panel.until(end), hierarchy, horizon, country, trees) for end in ends]
        actual_KMH = np.stack([hierarchy.all_levels(panel.units[:, end : end + horizon]) for end in ends])
        chosen = _choose(panel, hierarchy, earlier, actual_KMH, ends)
        means_KMH = np.stack([chosen.reconciled(at, hierarchy) for at in earlier])
        begun_KM = np.stack([begins_of(panel, hierarchy) < end for end in ends])
        groups_M = np.concatenate([hierarchy.levels[: hierarchy.aggregates], demand_classes(panel)])
        spread = fit_spread(means_KMH, actual_KMH, begun_KM, groups_M, grain_of(panel))
        before = Earlier(mean_KMH=means_KMH, actual_KMH=actual_KMH, begun_KM=begun_KM)
    adjusted = Adjusted.of(panel, horizon, country)
    trees = fit_boosting(adjusted.panel, hierarchy, horizon=horizon, seed=seed, threads=threads) if ends else None
    now = _At.of(panel, hierarchy, horizon, country, trees)
    return DemandForecast(
        hierarchy=hierarchy,
        starts=panel.future(horizon),
        mean_MH=chosen.reconciled(now, hierarchy),
        spread=spread,
        classes_N=demand_classes(panel),
        reasons_N=not_forecast(panel),
        weights=chosen.weights,
        earlier=before,
    )


def earlier_origins(panel: Panel, horizon: int) -> list[int]:
    """Return the ends of the earlier histories, newest first, a horizon apart."""
    first = max(horizon, 8, 4 * panel.season if panel.season == 7 else 0)
    return list(range(panel.periods - horizon, first - 1, -horizon))[:MAX_EARLIER]


def grain_of(panel: Panel) -> float:
    """Return the units that are counted as one: 1 of whole units, else what small sales are made of."""
    sold = panel.units[panel.units > 0]
    if not len(sold) or np.allclose(sold, np.round(sold)):
        return 1.0
    return float(min(np.quantile(sold, 0.05), 1.0))


@dataclass(frozen=True, kw_only=True)
class _At:
    """All candidates at one origin."""

    series: Mapping[str, Floats]
    """By candidate, of every series, shape (M, H)."""
    smoothed_AH: Floats
    """ETS of the aggregates."""
    classes_N: NDArray[np.str_]

    @classmethod
    def of(cls, panel: Panel, hierarchy: Hierarchy, horizon: int, country: str | None, trees: Boosting | None) -> "_At":
        adjusted = Adjusted.of(panel, horizon, country)
        series = item_candidates(adjusted, hierarchy, horizon, trees)
        fallback = next(iter(series.values()))
        return cls(
            series=series,
            smoothed_AH=smoothed_aggregates(adjusted, hierarchy, horizon, fallback),
            classes_N=demand_classes(panel),
        )


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """What validation chose: a blend for each class, and how far each series was wrong."""

    weights: Mapping[str, Mapping[str, float]]
    variances_M: Floats | None

    @classmethod
    def none(cls) -> "_Chosen":
        """Return equal weights, for a history that is too short to choose."""
        return cls(weights={}, variances_M=None)

    def blended(self, at: _At, hierarchy: Hierarchy) -> Floats:
        """Return the blend of every series, items first by their class, then aggregates with their items' sum."""
        items = hierarchy.aggregates
        names = list(at.series)
        blend_NH = np.zeros_like(next(iter(at.series.values()))[items:])
        for group in np.unique(at.classes_N):
            its = at.classes_N == group
            weights = self.weights.get(str(group)) or dict.fromkeys(names, 1.0 / len(names))
            blend_NH[its] = sum(weights.get(name, 0.0) * at.series[name][items:][its] for name in names)
        tops = _aggregate_candidates(at, hierarchy, blend_NH)
        weights = self.weights.get(AGGREGATE) or dict.fromkeys(tops, 1.0 / len(tops))
        return np.concatenate([sum(weights.get(name, 0.0) * top for name, top in tops.items()), blend_NH])

    def reconciled(self, at: _At, hierarchy: Hierarchy) -> Floats:
        blend = self.blended(at, hierarchy)
        if self.variances_M is None:
            return hierarchy.all_levels(blend[hierarchy.aggregates :])
        return reconcile(hierarchy, blend, self.variances_M)


def _choose(panel: Panel, hierarchy: Hierarchy, earlier: list[_At], actual_KMH: Floats, ends: list[int]) -> _Chosen:
    """Choose the blends by the errors at the earlier origins, each series by the scale of its own changes."""
    items = hierarchy.aggregates
    before = panel.until(ends[-1])
    begins_M = begins_of(before, hierarchy)
    scales_M = naive_scales(hierarchy.all_levels(before.units), begins_M, lag=1, power=2)
    weights: dict[str, Mapping[str, float]] = {}
    for group in np.unique(np.concatenate([at.classes_N for at in earlier])):
        evidence = [
            (
                {name: forecast[items:][its] for name, forecast in at.series.items()},
                actual[items:][its],
                scales_M[items:][its],
            )
            for at, actual in zip(earlier, actual_KMH, strict=True)
            if (its := at.classes_N == group).any()
        ]
        weights[str(group)] = blend_weights(evidence)
    chosen = _Chosen(weights=weights, variances_M=None)
    tops = [
        (_aggregate_candidates(at, hierarchy, chosen.blended(at, hierarchy)[items:]), actual[:items], scales_M[:items])
        for at, actual in zip(earlier, actual_KMH, strict=True)
    ]
    weights[AGGREGATE] = blend_weights(tops)
    blends_KMH = np.stack([chosen.blended(at, hierarchy) for at in earlier])
    variances_M = ((blends_KMH - actual_KMH) ** 2).mean(axis=(0, 2))
    # What sold nothing and was forecast nothing is not known to be sure.
    return _Chosen(weights=weights, variances_M=np.maximum(variances_M, 1e-6))


def _aggregate_candidates(at: _At, hierarchy: Hierarchy, blend_NH: Floats) -> dict[str, Floats]:
    tops = {name: forecast[: hierarchy.aggregates] for name, forecast in at.series.items()}
    return {**tops, SMOOTHING: at.smoothed_AH, "items": hierarchy.sums_AN @ blend_NH}


def blend_weights(evidence: Sequence[tuple[Mapping[str, Floats], Floats, Floats]]) -> dict[str, float]:
    """Return the weights, 0 or more and 1 together, whose blend has the smallest squared scaled error.

    Args:
        evidence: by origin: the candidates' forecasts, what came, and each series' squared scale (``nan``: not
        counted).
    """
    names = list(evidence[0][0])
    gram, cross = np.zeros((len(names), len(names))), np.zeros(len(names))
    for forecasts, actual, scales in evidence:
        counted = np.isfinite(scales)
        errors = [((forecasts[name] - actual)[counted] / np.sqrt(scales[counted])[:, None]).ravel() for name in names]
        stacked = np.stack(errors)
        gram += stacked @ stacked.T
    mean = float(np.trace(gram)) / len(names)
    if mean <= 0:
        return dict.fromkeys(names, 1.0 / len(names))
    # Least squares on the simplex: min a'Ga, a >= 0, 1'a = 1, by its Cholesky root and one heavy row for the sum.
    gram = gram / mean + EQUAL_SHARE * np.eye(len(names))
    root = np.linalg.cholesky(gram).T
    heavy = 1e4
    solution, _ = nnls(np.vstack([root, np.full(len(names), heavy)]), np.append(cross, heavy))
    solution /= solution.sum()
    return {name: round(float(weight), 4) for name, weight in zip(names, solution, strict=True)}
