"""Figures of all models on the same customers, their intervals, and the paired gains.

Shapes: R rows (a customer at a test date).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.churn.histories import LabelledRows
from models.churn.value import ForecastValue
from models.evaluation.bootstrap import Estimate, bootstrap_clusters
from models.evaluation.probability import RankedScores, calibration_error, equal_mass_bins

Floats = NDArray[np.float64]


def churn_figures(
    test: LabelledRows, probabilities: Mapping[str, Floats], *, chosen: str, seed: int, resamples: int
) -> dict[str, Any]:
    """Return each model's figures with intervals over customers, and the chosen one's gain over the others."""
    truth = test.outcomes.churned
    ranked = {name: RankedScores.of(truth, scores) for name, scores in probabilities.items()}
    bins = {name: equal_mass_bins(scores) for name, scores in probabilities.items()}

    def figures(weights: Floats) -> dict[str, float]:
        values: dict[str, float] = {}
        for name, scores in probabilities.items():
            areas = ranked[name].areas(weights)
            values[f"{name}/roc_auc"], values[f"{name}/pr_auc"] = areas.roc_auc, areas.pr_auc
            values[f"{name}/ece"] = calibration_error(truth, scores, weights, bin_of_row=bins[name])
            values[f"{name}/brier"] = float((weights * (scores - truth) ** 2).sum() / weights.sum())
        for name in probabilities:
            if name != chosen:
                for metric in ("roc_auc", "pr_auc"):
                    values[f"gain over {name}/{metric}"] = values[f"{chosen}/{metric}"] - values[f"{name}/{metric}"]
        return values

    return nested(_bootstrapped(figures, test, seed=seed, resamples=resamples))


def value_figures(
    test: LabelledRows,
    forecast: ForecastValue,
    others: Mapping[str, Floats],
    *,
    share: float,
    seed: int,
    resamples: int,
) -> dict[str, Any]:
    """Return the mean absolute errors of revenue, the gains, and how often the interval held the revenue."""
    revenue = test.outcomes.revenue
    inside = (forecast.low <= revenue) & (revenue <= forecast.high)
    errors = {"median": np.abs(forecast.median - revenue), "mean": np.abs(forecast.mean - revenue)}
    errors |= {name: np.abs(values - revenue) for name, values in others.items()}
    totals = {"mean": forecast.mean, "median": forecast.median, **others}

    def figures(weights: Floats) -> dict[str, float]:
        total = weights.sum()
        values = {f"{name}/mae": float((weights * row).sum() / total) for name, row in errors.items()}
        spent = (weights * revenue).sum()
        values |= {f"{name}/total_over_actual": float((weights * row).sum() / spent) for name, row in totals.items()}
        values |= {f"gain over {name}/mae": values[f"{name}/mae"] - values["median/mae"] for name in others}
        values["interval/coverage"] = float((weights * inside).sum() / total)
        return values

    answer = nested(_bootstrapped(figures, test, seed=seed, resamples=resamples))
    answer["interval"] |= {
        "share_promised": round(share, 2),
        "mean_width": round(float((forecast.high - forecast.low).mean()), 2),
    }
    return answer


def nested(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    """Return ``name/metric`` estimates by name: the figures, and their intervals under ``intervals``."""
    tree: dict[str, Any] = {}
    for key, estimate in estimates.items():
        name, metric = key.split("/")
        entry = tree.setdefault(name, {"intervals": {}})
        entry[metric] = round(estimate.value, 4)
        entry["intervals"][metric] = [round(estimate.low, 4), round(estimate.high, 4)]
    return tree


def _bootstrapped(figures: Any, test: LabelledRows, *, seed: int, resamples: int) -> dict[str, Estimate]:
    return bootstrap_clusters(
        figures,
        weights=np.ones(len(test)),
        clusters=test.histories.customers,
        seed=seed,
        resamples=resamples,
    )
