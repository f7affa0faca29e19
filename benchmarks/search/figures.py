"""NDCG of graded results, and paired intervals between contenders."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Estimate, bootstrap_mean

Floats = NDArray[np.float64]
LENGTH = 10


def ndcg(gains: Floats, ideal: Floats, *, length: int = LENGTH) -> float:
    """Return NDCG of a list: its gains in order, over those of the best list there could be; nan where none is wanted.

    Source: K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20 (2002).
    """
    discounts = 1.0 / np.log2(np.arange(2, length + 2))
    best = np.sort(ideal)[::-1][:length]
    most = float(best @ discounts[: len(best)])
    reached = gains[:length]
    return float(reached @ discounts[: len(reached)]) / most if most > 0 else float("nan")


def as_figure(estimate: Estimate, *, digits: int = 4) -> dict[str, float]:
    """Return an estimate as the documents have it."""
    return {name: round(getattr(estimate, name), digits) for name in ("value", "low", "high")}


def beside(values: Mapping[str, Sequence[float]], ours: str, *, seed: int, resamples: int) -> dict[str, Any]:
    """Return the mean of each contender and, paired over the queries, how far ours is ahead of each other one.

    Args:
        values: one figure of each query, by contender; a query that is nan for one is left out for all.
        ours: which of them is measured.
        seed: of the bootstrap.
        resamples: of it.
    """
    columns = {name: np.asarray(column, dtype=np.float64) for name, column in values.items()}
    whole = ~np.isnan(np.stack(list(columns.values()))).any(axis=0)
    means = {name: bootstrap_mean(column[whole], seed=seed, resamples=resamples) for name, column in columns.items()}
    ahead = {
        name: bootstrap_mean((columns[ours] - column)[whole], seed=seed, resamples=resamples)
        for name, column in columns.items()
        if name != ours
    }
    return {
        "queries": int(whole.sum()),
        "ours": as_figure(means[ours]),
        "baselines": {name: as_figure(means[name]) for name in ahead},
        "ahead_by": {name: as_figure(one) for name, one in ahead.items()},
    }
