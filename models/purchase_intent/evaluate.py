"""The one look at the test sessions: figures of the candidate, its baselines, and the parts of the test fold."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Estimate, Figures, bootstrap_clusters
from models.evaluation.fairness import group_slices
from models.evaluation.probability import (
    RankedScores,
    calibration_error,
    equal_mass_bins,
    squared_distances,
    surprises,
)
from models.evaluation.results import Evaluation, by_model
from models.purchase_intent.config import PurchaseIntentConfig
from models.purchase_intent.dataset import SessionRows

Floats = NDArray[np.float64]

FAMILY = "purchase_intent"
PRIMARY_METRIC = "pr_auc"
PROTOCOL = (
    "sessions split by start time (train, validation, calibration, test; whole sessions, closed before the next fold "
    "opens); each row predicts a purchase later in its session from what was known at its event; a row weighs one over "
    "its session's rows, so a figure is that of a random moment of a random session; intervals resample users"
)
BASELINES_TO_BEAT = ("base_rate", "cart_seen")
CURVE_POSITIONS = (1, 2, 3, 5, 8, 13)
"""Numbers of events seen at which the test sessions that got that far are judged."""
LARGEST_SEGMENTS = 5
"""So many of the devices, countries and favourite categories with the most sessions are judged on their own."""
MIN_SLICE_SESSIONS = 30
"""A slice needs this many sessions with a purchase, and without one; below it its AUC says nothing."""


def evaluate(
    test: SessionRows,
    candidate: str,
    probabilities: Mapping[str, Floats],
    *,
    config: PurchaseIntentConfig,
    seed: int,
) -> Evaluation:
    """Judge the candidate on the test sessions.

    Args:
        test: the test fold.
        candidate: name of the chosen contender.
        probabilities: probability of each test row by contender and baseline, the candidate's among them.
        config: number of resamples.
        seed: seed of the bootstrap.
    """
    judged = {name: _JudgedScores.of(test, scores) for name, scores in probabilities.items()}

    def figures(weights: Floats) -> dict[str, float]:
        row = {f"{name}/{metric}": value for name, one in judged.items() for metric, value in one(weights).items()}
        gains = {f"gain/{name}": row[f"{candidate}/pr_auc"] - row[f"{name}/pr_auc"] for name in BASELINES_TO_BEAT}
        return row | gains

    estimates = bootstrap_clusters(
        figures, weights=test.weights, clusters=test.users, seed=seed, resamples=config.resamples
    )
    judged_models = by_model(estimates)
    gains = judged_models.pop("gain")
    return Evaluation(
        family=FAMILY,
        candidate=candidate,
        primary_metric=PRIMARY_METRIC,
        protocol=PROTOCOL,
        cases=len(np.unique(test.users)),
        metrics=judged_models.pop(candidate),
        baselines=judged_models,
        gains=gains,
        slices=_slices(test, probabilities, candidate, config=config, seed=seed)
        | group_slices(
            test.groups,
            test.purchased,
            probabilities[candidate],
            weights=test.weights,
            cases=test.sessions,
            people=test.users,
            min_cases=MIN_SLICE_SESSIONS,
            seed=seed,
            resamples=config.resamples,
        ),
    )


@dataclass(frozen=True)
class _JudgedScores:
    """One model's test rows, with all that no resample changes computed once."""

    ranked: RankedScores
    row_log_loss: Floats
    row_brier: Floats
    bins: NDArray[np.intp]
    outcomes: NDArray[np.bool_]
    scores: Floats

    @classmethod
    def of(cls, test: SessionRows, scores: Floats) -> "_JudgedScores":
        return cls(
            ranked=RankedScores.of(test.purchased, scores),
            row_log_loss=surprises(test.purchased, scores),
            row_brier=squared_distances(test.purchased, scores),
            bins=equal_mass_bins(scores, test.weights),
            outcomes=test.purchased,
            scores=scores,
        )

    def __call__(self, weights: Floats) -> dict[str, float]:
        areas, total = self.ranked.areas(weights), weights.sum()
        return {
            "pr_auc": areas.pr_auc,
            "roc_auc": areas.roc_auc,
            "log_loss": float((weights * self.row_log_loss).sum() / total),
            "brier": float((weights * self.row_brier).sum() / total),
            "ece": calibration_error(self.outcomes, self.scores, weights, bin_of_row=self.bins),
        }


def _slices(
    test: SessionRows,
    probabilities: Mapping[str, Floats],
    candidate: str,
    *,
    config: PurchaseIntentConfig,
    seed: int,
) -> dict[str, dict[str, Estimate]]:
    new = np.isnan(np.asarray(test.columns["days_since_first_event"], dtype=np.float64))
    cart = np.asarray(test.columns["carts_so_far"], dtype=np.float64) > 0
    chosen = {f"after {n} events": test.positions == n for n in CURVE_POSITIONS}
    chosen |= {"new users": new, "known users": ~new, "with a cart": cart, "without a cart": ~cart}
    chosen |= _segments(test)
    slices: dict[str, dict[str, Estimate]] = {}
    for name, rows in chosen.items():
        part = test.take(rows)
        buying = part.buying_session_count
        if min(buying, part.session_count - buying) < MIN_SLICE_SESSIONS:
            continue
        figures = _slice_figures(part.purchased, probabilities[candidate][rows], probabilities["cart_seen"][rows])
        slices[name] = bootstrap_clusters(
            figures, weights=part.weights, clusters=part.users, seed=seed, resamples=config.resamples
        )
    return slices


def _segments(test: SessionRows) -> dict[str, NDArray[np.bool_]]:
    """Return the rows of each large device, country and favourite category of the shopper."""
    columns = dict(test.segments) | {"category": np.asarray(test.columns["favourite_category"], dtype=np.object_)}
    segments = {}
    for kind, values in columns.items():
        has_value = np.array([value is not None for value in values], dtype=np.bool_)
        names, group = np.unique(values[has_value].astype(str), return_inverse=True)
        sizes = np.bincount(group, weights=test.weights[has_value], minlength=len(names))
        for place in np.argsort(-sizes, kind="stable")[:LARGEST_SEGMENTS]:
            segments[f"{kind} {names[place]}"] = values == names[place]
    return segments


def _slice_figures(outcomes: NDArray[np.bool_], candidate: Floats, cart_seen: Floats) -> Figures:
    ranked, baseline = RankedScores.of(outcomes, candidate), RankedScores.of(outcomes, cart_seen)

    def figures(weights: Floats) -> dict[str, float]:
        areas = ranked.areas(weights)
        return {
            "pr_auc": areas.pr_auc,
            "roc_auc": areas.roc_auc,
            "base_rate": float(weights[outcomes].sum() / weights.sum()),
            "gain_over_cart_seen": areas.pr_auc - baseline.areas(weights).pr_auc,
        }

    return figures
