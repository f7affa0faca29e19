"""How well a purchase is foreseen within a visit, event by event, on a log of events in RetailRocket's columns.

Protocol: visits of 30 minutes; a row for each event before the visit's first purchase asks for a purchase later in the
visit. Days are split in order (55% training, 15% validation, 10% calibration, 20% test); a visit that runs over
midnight into the next part is left out. A row weighs one over its visit's rows. Settings and the model proposed come
from validation alone. Figures are means over the seeds; intervals resample shoppers.
"""

import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.purchase_intent.contenders import (
    MEAN,
    PROPOSABLE,
    SEQUENCES,
    TREES,
    Answers,
    Visits,
    cart_seen,
    contend,
)
from benchmarks.purchase_intent.event_log import EventLog, Floats
from benchmarks.purchase_intent.signals import signals
from models.evaluation.bootstrap import bootstrap_clusters
from models.evaluation.calibration import sigmoid
from models.evaluation.probability import RankedScores, calibration_error, equal_mass_bins, negative_log_likelihood
from shopsight.errors import ShopsightError

SHARES = (0.55, 0.15, 0.10, 0.20)
"""Shares of the days: training, validation, calibration, test."""
BASELINES = ("cart_seen", "lightgbm_counts")
CURVE = (1, 2, 3, 5, 8, 13, 20)
"""Numbers of events seen at which the visits that got that far without a purchase are judged."""
MIN_VISITS = 30
"""A point of the curve needs this many visits with a purchase, and without one."""


def split_by_day(log: EventLog) -> list[Visits]:
    """Return training, validation, calibration, test, and training with validation.

    Raises:
        ShopsightError: a part lacks visits with a purchase, or without one.
    """
    moments = log.moments()
    visits = log.visits[moments]
    opens = np.flatnonzero(np.diff(log.visits, prepend=-1))
    closes = np.append(opens[1:], len(log.times)) - 1
    rows = Visits(
        signals=signals(log, moments),
        types=log.kinds[moments],
        outcomes=(log.purchase_times < np.iinfo(np.int64).max)[visits],
        visits=visits,
        shoppers=log.shoppers[moments],
    )
    edges = log.days.min() + np.round(np.cumsum([0.0, *SHARES]) * (np.ptp(log.days) + 1)).astype(np.int64)
    first, last = log.days[opens][visits], log.days[closes][visits]
    spans = [*pairwise(edges.tolist()), (int(edges[0]), int(edges[2]))]
    parts = [rows.take((first >= begin) & (last < end)) for begin, end in spans]
    for name, part in zip(("training", "validation", "calibration", "test"), parts, strict=False):
        if len(part) == 0 or part.outcomes.all() or not part.outcomes.any():
            raise ShopsightError(
                f"the {name} days have no visits with a purchase, or none without",
                why=f"{len(part)} moments there, of which {int(part.outcomes.sum())} before a purchase",
                fix="give a longer log",
            )
    return parts


def measure(log: EventLog, *, seeds: Sequence[int], resamples: int) -> dict[str, Any]:
    """Return all figures of the log's test days."""
    began = time.process_time()
    train, validation, calibration, test, both = split_by_day(log)
    answers: list[Answers] = []
    for seed in seeds:
        answers.append(contend(train, validation, calibration, test, train_and_validation=both, seed=seed))
        print(f"seed {seed}: all contenders trained", file=sys.stderr)
    losses = {
        name: [
            negative_log_likelihood(validation.outcomes, sigmoid(one.validation[name]), validation.weights)
            for one in answers
        ]
        for name in (*TREES, *SEQUENCES, MEAN)
    }
    chosen = min(PROPOSABLE, key=lambda name: float(np.mean(losses[name])))
    glance = sigmoid(cart_seen(both, test))
    scores = {name: [sigmoid(one.test[name]) for one in answers] for name in losses} | {"cart_seen": [glance]}
    estimates = _figures(test, scores, chosen=chosen, resamples=resamples)
    return {
        "model": chosen,
        "chosen_by": "lowest log loss on validation days, mean over the seeds",
        **estimates[chosen],
        "gains": {name: estimates[f"gain over {name}"] for name in scores if name != chosen},
        "baselines": {name: estimates[name] for name in BASELINES},
        "other_models": {name: estimates[name] for name in scores if name not in (chosen, *BASELINES)},
        "validation_log_loss": {name: round(float(np.mean(values)), 4) for name, values in losses.items()},
        "curve": _curve(test, scores, chosen=chosen, resamples=resamples),
        "visits": {
            name: {
                "visits": len(np.unique(part.visits)),
                "with_purchase": len(np.unique(part.visits[part.outcomes])),
                "moments": len(part),
                "shoppers": len(np.unique(part.shoppers)),
            }
            for name, part in zip(
                ("train", "validation", "calibration", "test"), (train, validation, calibration, test), strict=True
            )
        },
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def _figures(
    test: Visits, scores: dict[str, list[Floats]], *, chosen: str, resamples: int, metrics: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return figures by model, means over its seeds, and the chosen one's paired gains; only ``metrics`` if given."""
    truth = test.outcomes
    prepared = {
        name: [(one, RankedScores.of(truth, one), equal_mass_bins(one, test.weights)) for one in repeats]
        for name, repeats in scores.items()
    }

    def figures(weights: Floats) -> dict[str, float]:
        values: dict[str, float] = {}
        for name, repeats in prepared.items():
            rows = []
            for one, ranked, bins in repeats:
                areas = ranked.areas(weights)
                row = {"roc_auc": areas.roc_auc, "pr_auc": areas.pr_auc}
                if not metrics:
                    row["ece"] = calibration_error(truth, one, weights, bin_of_row=bins)
                    row["brier"] = float((weights * (one - truth) ** 2).sum() / weights.sum())
                rows.append(row)
            values |= {f"{name}/{metric}": float(np.mean([row[metric] for row in rows])) for metric in rows[0]}
        for name in prepared:
            if name != chosen:
                for metric in ("roc_auc", "pr_auc"):
                    values[f"gain over {name}/{metric}"] = values[f"{chosen}/{metric}"] - values[f"{name}/{metric}"]
        return values

    estimates = bootstrap_clusters(
        figures, weights=test.weights, clusters=test.shoppers.astype(np.intp), seed=1, resamples=resamples
    )
    nested: dict[str, dict[str, Any]] = {}
    for key, estimate in estimates.items():
        name, metric = key.rsplit("/", 1)
        row = nested.setdefault(name, {"intervals": {}})
        row[metric] = round(estimate.value, 4)
        row["intervals"][metric] = [round(estimate.low, 4), round(estimate.high, 4)]
    return nested


def _curve(test: Visits, scores: dict[str, list[Floats]], *, chosen: str, resamples: int) -> list[dict[str, Any]]:
    points = []
    for seen in CURVE:
        here = test.signals["events_so_far"] == seen
        buying = int(test.outcomes[here].sum())
        if min(buying, int(here.sum()) - buying) < MIN_VISITS:
            continue
        judged = {name: [one[here] for one in scores[name]] for name in (chosen, *BASELINES)}
        values = _figures(test.take(here), judged, chosen=chosen, resamples=resamples, metrics=("roc_auc", "pr_auc"))
        points.append(
            {
                "events_seen": seen,
                "visits": int(here.sum()),
                "purchase_rate": round(buying / int(here.sum()), 4),
                **values[chosen],
                **{name: values[name] for name in BASELINES},
            }
        )
    return points
