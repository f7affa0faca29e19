"""All seeds in one document: means at the top level, intervals, baselines, ablation, groups, and each seed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.recommendation.baselines import BASELINES
from benchmarks.recommendation.figures import group_figures, intervals, list_figures, means, per_user
from benchmarks.recommendation.results import SeedResult
from models.evaluation.bootstrap import bootstrap_mean
from models.recommender.dataset import Case

Values = dict[str, NDArray[np.float64]]


def document(
    results: Mapping[int, SeedResult],
    cases: Sequence[Case],
    users_per_item_N: NDArray[np.int64],
    *,
    baselines: Sequence[str] = BASELINES,
) -> dict[str, Any]:
    """Return every figure of the ``results`` by seed; intervals are over users, of each user's mean over seeds."""
    first_seed, first = next(iter(results.items()))
    # Seeds may choose different views: only what every seed has ranked has a mean over seeds.
    names = [name for name in first.ranked if all(name in result.ranked for result in results.values())]
    values = {
        name: _over_seeds([per_user(result.ranked[name], cases) for result in results.values()]) for name in names
    }
    lists = {
        name: _mean_of([list_figures(result.ranked[name], users_per_item_N) for result in results.values()])
        for name in ("candidate", *baselines)
    }
    candidate = values["candidate"]
    reports = [result.report for result in results.values()]
    return {
        **means(candidate),
        **lists["candidate"],
        "train_seconds": round(float(np.mean([report["train_seconds"] for report in reports])), 3),
        "train_cpu_seconds": round(float(np.mean([report["train_cpu_seconds"] for report in reports])), 1),
        "parameters": reports[0]["parameters"],
        "peak_memory_mb": max(report["peak_memory_mb"] for report in reports),
        "intervals": intervals(candidate, seed=first_seed),
        "gains": {name: _gain(candidate, values[name], seed=first_seed) for name in baselines},
        "baselines": {
            name: means(values[name]) | lists[name] | {"intervals": intervals(values[name], seed=first_seed)}
            for name in baselines
        },
        "ablation": {
            name: {metric: means(values[name])[metric] for metric in ("ndcg@10", "recall@10")}
            | {"candidate_gains": _gain(candidate, values[name], seed=first_seed)}
            for name in names
            if name not in ("candidate", *baselines)
        },
        "groups": group_figures(first.ranked["candidate"], cases, users_per_item_N),
        "per_seed": {
            str(seed): means(per_user(result.ranked["candidate"], cases)) | result.report
            for seed, result in results.items()
        },
    }


def _over_seeds(seeds: Sequence[Values]) -> Values:
    return {metric: np.mean([one[metric] for one in seeds], axis=0) for metric in seeds[0]}


def _gain(candidate: Values, other: Values, *, seed: int) -> dict[str, float]:
    interval = bootstrap_mean(candidate["ndcg@10"] - other["ndcg@10"], seed=seed)
    return {"value": round(interval.value, 5), "low": round(interval.low, 5), "high": round(interval.high, 5)}


def _mean_of(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([one[name] for one in figures])), 5) for name in figures[0]}
