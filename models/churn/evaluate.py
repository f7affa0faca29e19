"""The one look at the test date: figures of the candidate and its baselines, and the parts of the test customers."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.churn.config import ChurnConfig
from models.churn.histories import LabelledRows
from models.evaluation.bootstrap import Estimate, Figures, bootstrap_clusters
from models.evaluation.fairness import Groups, group_slices
from models.evaluation.probability import (
    RankedScores,
    calibration_error,
    equal_mass_bins,
    squared_distances,
    surprises,
)
from models.evaluation.results import Evaluation, by_model

Floats = NDArray[np.float64]

FAMILY = "churn"
PRIMARY_METRIC = "roc_auc"
BASELINES_TO_BEAT = ("recency", "bg_nbd")
PROTOCOL = (
    "customers (users with an order before it) at the newest as-of date whose horizon is over; trained on as-of dates "
    "whose horizons were over by that date, its level set on the last of them by a model that saw only what was over "
    "before; churned: no order within the horizon; intervals resample customers"
)
MIN_SLICE_CASES = 30
"""A slice needs this many customers who churned, and who did not; below it its AUC says nothing."""


def evaluate(
    test: LabelledRows,
    candidate: str,
    probabilities: Mapping[str, Floats],
    values: Mapping[str, Floats],
    waits: Mapping[str, Floats],
    *,
    groups: Groups,
    config: ChurnConfig,
    seed: int,
) -> Evaluation:
    """Judge the candidate on the customers of the test date.

    Args:
        test: the customers and what they did.
        candidate: name of the candidate.
        probabilities: of churn, by candidate and baseline.
        values: forecast revenue, by candidate and baseline; the mean absolute error becomes ``value_mae``.
        waits: how surprising each wait for the next order was; the mean becomes ``wait_log_loss``.
        groups: who the customers are, for the gaps between groups.
        config: number of resamples.
        seed: seed of the bootstrap.
    """
    truth = test.outcomes.churned
    ranked = {name: RankedScores.of(truth, scores) for name, scores in probabilities.items()}
    bins = {name: equal_mass_bins(scores) for name, scores in probabilities.items()}
    rows = {
        name: {
            "log_loss": surprises(truth, scores),
            "brier": squared_distances(truth, scores),
            **({"value_mae": np.abs(values[name] - test.outcomes.revenue)} if name in values else {}),
            **({"wait_log_loss": waits[name]} if name in waits else {}),
        }
        for name, scores in probabilities.items()
    }

    def figures(weights: Floats) -> dict[str, float]:
        scored: dict[str, float] = {}
        for name, scores in probabilities.items():
            areas = ranked[name].areas(weights)
            scored |= {f"{name}/roc_auc": areas.roc_auc, f"{name}/pr_auc": areas.pr_auc}
            scored[f"{name}/ece"] = calibration_error(truth, scores, weights, bin_of_row=bins[name])
            scored |= {f"{name}/{key}": float((weights * row).sum() / weights.sum()) for key, row in rows[name].items()}
        gains = {
            f"gain/{name}": scored[f"{candidate}/{PRIMARY_METRIC}"] - scored[f"{name}/{PRIMARY_METRIC}"]
            for name in BASELINES_TO_BEAT
        }
        return scored | gains

    estimates = _bootstrapped(figures, len(test), config=config, seed=seed)
    judged_models = by_model(estimates)
    gains = judged_models.pop("gain")
    return Evaluation(
        family=FAMILY,
        candidate=candidate,
        primary_metric=PRIMARY_METRIC,
        protocol=PROTOCOL,
        cases=len(test),
        metrics=judged_models.pop(candidate),
        baselines=judged_models,
        gains=gains,
        slices=_slices(test, probabilities[candidate], config=config, seed=seed)
        | group_slices(
            groups,
            truth,
            probabilities[candidate],
            weights=np.ones(len(test)),
            cases=np.arange(len(test)),
            people=np.arange(len(test)),
            min_cases=MIN_SLICE_CASES,
            seed=seed,
            resamples=config.resamples,
        ),
    )


def _slices(test: LabelledRows, scores: Floats, *, config: ChurnConfig, seed: int) -> dict[str, dict[str, Estimate]]:
    truth, orders = test.outcomes.churned, test.histories.lengths
    fresh = test.histories.recency_days <= config.horizon_days
    chosen = {
        "one day with orders": orders == 1,
        "two to four": (orders > 1) & (orders < 5),
        "five or more": orders >= 5,
        "ordered within the last horizon": fresh,
        "silent for longer": ~fresh,
    }
    slices: dict[str, dict[str, Estimate]] = {}
    for name, rows in chosen.items():
        if min((truth & rows).sum(), (~truth & rows).sum()) < MIN_SLICE_CASES:
            continue
        ranked = RankedScores.of(truth[rows], scores[rows])

        def figures(
            weights: Floats, ranked: RankedScores = ranked, truth: NDArray[np.bool_] = truth[rows]
        ) -> dict[str, float]:
            areas = ranked.areas(weights)
            rate = float((weights * truth).sum() / weights.sum())
            return {"roc_auc": areas.roc_auc, "pr_auc": areas.pr_auc, "base_rate": rate}

        slices[name] = _bootstrapped(figures, int(rows.sum()), config=config, seed=seed)
    return slices


def _bootstrapped(figures: Figures, count: int, *, config: ChurnConfig, seed: int) -> dict[str, Estimate]:
    return bootstrap_clusters(
        figures,
        weights=np.ones(count),
        clusters=np.arange(count),
        seed=seed,
        resamples=config.resamples,
    )
