"""How much of what a change of taste cost came back, and when."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.loop.play import Day
from models.evaluation.bootstrap import Estimate, bootstrap_clusters

LAST_DAYS: Final = 7
"""The days at the end whose lists show what came back: a week has one of each weekday."""


def summary(days: Sequence[Day], *, change: int, seed: int, resamples: int = 1000) -> dict[str, Any]:
    """Return the figures of the days of one shop, with intervals over shoppers.

    Args:
        days: that were played, in order.
        change: the day on which the taste changed.
        seed: of the resamples.
        resamples: draws of the bootstrap.

    Raises:
        ValueError: there is no day before the change, or none after it.
    """
    first = days[0].version
    released = next((day.day for day in days if day.day >= change and day.version != first), None)
    ends = released if released is not None else days[-1].day + 1
    phases = {
        "before": [day for day in days if day.day < change],
        "bottom": [day for day in days if change <= day.day < ends],
        "after": days[-LAST_DAYS:],
    }
    if not (phases["before"] and phases["bottom"]):
        raise ValueError("days before the change and after it are needed")
    detected = next((day.day for day in days if day.day >= change and day.evening.reasons), None)
    return {
        "change": change,
        "first retraining": detected,
        "why": next((day.evening.reasons for day in days if day.day == detected), None),
        "days to the first retraining": None if detected is None else detected - change,
        "release": released,
        "days to the release": None if released is None else released - change,
        "retrainings before the change": sum(bool(day.evening.reasons) for day in days if day.day < change),
        "retrainings": sum(day.evening.trained is not None for day in days),
        "releases": len({day.version for day in days}) - 1,
        **{name: _as_numbers(one) for name, one in _figures(phases, seed=seed, resamples=resamples).items()},
        "curve": [_point(day) for day in days],
    }


def _figures(phases: Mapping[str, Sequence[Day]], *, seed: int, resamples: int) -> dict[str, Estimate]:
    rows = [(phase, day) for phase, of_phase in phases.items() for day in of_phase]
    gains = {name: np.concatenate([getattr(day, name) for _, day in rows]) for name in ("served", "stale", "oracle")}
    within = {
        phase: np.concatenate([np.full(len(day.served), own == phase) for own, day in rows]).astype(float)
        for phase in phases
    }
    shoppers = np.unique(np.concatenate([np.array(day.shoppers, dtype=object) for _, day in rows]), return_inverse=True)

    def figures(weights: NDArray[np.float64]) -> dict[str, float]:
        def mean(name: str, phase: str) -> float:
            return float(np.average(gains[name], weights=weights * within[phase]))

        before, bottom, after = mean("served", "before"), mean("served", "bottom"), mean("served", "after")
        stale, oracle = mean("stale", "after"), mean("oracle", "after")
        return {
            "before": before,
            "bottom": bottom,
            "after": after,
            "after, had nothing been trained": stale,
            "after, trained on the new taste alone": oracle,
            "recovered": (after - bottom) / (before - bottom),
            "recovered of what the new taste allows": (after - stale) / (oracle - stale),
        }

    return bootstrap_clusters(
        figures, weights=np.ones(len(shoppers[1])), clusters=shoppers[1], seed=seed, resamples=resamples
    )


def _as_numbers(estimate: Estimate) -> dict[str, float]:
    return {"value": round(estimate.value, 4), "low": round(estimate.low, 4), "high": round(estimate.high, 4)}


def _point(day: Day) -> dict[str, Any]:
    return {
        "day": day.day,
        "date": day.date,
        "contacts": len(day.served),
        **{name: round(float(getattr(day, name).mean()), 4) for name in ("served", "stale", "oracle")},
        "version": day.version,
        "asked": day.evening.reasons,
        "trained": day.evening.trained,
        "eligible": day.evening.eligible,
        "begun": day.evening.begun,
        "refused": day.evening.said,
    }
