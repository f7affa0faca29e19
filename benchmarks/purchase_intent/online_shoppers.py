"""How well a session's purchase is foreseen, on the public table of online shoppers.

Protocol: the untouched class mix, every row of the file, stratified 5-fold cross-validation, repeated with each seed.
In each fold the models are calibrated on, and take their F1 threshold from, rows of the training part alone.
Figures are means over the repeats; intervals come from 1,000 bootstrap resamples of sessions. ``PageValues`` is
computed from the transaction itself, so the figures without it are those that a shop can act on.

Columns, kinds of model and their settings were chosen once, by 5-fold cross-validation inside the training part (80% of
the sessions) of a split with seed 99, which is none of the seeds of the figures.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.purchase_intent.mixture import KINDS as PARTS
from benchmarks.purchase_intent.mixture import MIXTURE, MixtureConfig, fit_mixture
from benchmarks.purchase_intent.thresholds import best_threshold, f1_score
from models.evaluation.bootstrap import bootstrap_clusters
from models.evaluation.probability import RankedScores, calibration_error, equal_mass_bins
from shopsight.errors import ShopsightError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

KINDS = ("Administrative", "Informational", "ProductRelated")
NUMBERS = (*KINDS, *(f"{kind}_Duration" for kind in KINDS), "BounceRates", "ExitRates", "PageValues", "SpecialDay")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "June", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CODES = ("OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType", "Weekend")
RATE_KEYS = (
    *(("TrafficType",), ("Region",), ("Browser",), ("OperatingSystems",)),
    *(("Month", "VisitorType"), ("TrafficType", "VisitorType")),
)
"""Columns, and pairs of them, whose purchase rates the trees read."""
OUTCOME = "Revenue"
FROM_THE_TRANSACTION = "PageValues"


def read_sessions(path: Path) -> pa.Table:
    """Read the CSV file.

    Raises:
        ShopsightError: it cannot be read, or lacks a column.
    """
    try:
        table = pa_csv.read_csv(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ShopsightError(f"cannot read {path}", why=str(error), fix="give the UCI file as CSV") from error
    missing = [name for name in (*NUMBERS, "Month", *CODES, OUTCOME) if name not in table.column_names]
    if missing:
        raise ShopsightError(
            f"{path} lacks the columns {', '.join(missing)}",
            why=f"it has: {', '.join(table.column_names)}",
            fix="give the UCI file online_shoppers_intention.csv with its own header",
        )
    return table


def outcomes_of(table: pa.Table) -> Bools:
    """Return which sessions end in a purchase."""
    return np.array([str(value).upper() == "TRUE" for value in table[OUTCOME].to_pylist()])


def features(table: pa.Table, *, with_page_values: bool) -> tuple[Floats, list[str]]:
    """Return the features as a matrix of shape (sessions, features), and their names."""
    columns = {name: np.asarray(table[name].cast(pa.float64()).to_numpy()) for name in NUMBERS}
    columns["Month"] = np.array([MONTHS.index(month) for month in table["Month"].to_pylist()], dtype=np.float64)
    for name in CODES:
        columns[name] = np.unique(table[name].to_pylist(), return_inverse=True)[1].astype(np.float64)
    pages = np.sum([columns[kind] for kind in KINDS], axis=0)
    seconds = np.sum([columns[f"{kind}_Duration"] for kind in KINDS], axis=0)
    columns["pages"], columns["seconds"] = pages, seconds
    columns["seconds_per_page"] = seconds / np.maximum(pages, 1)
    for kind in KINDS:
        columns[f"{kind}_seconds_per_page"] = columns[f"{kind}_Duration"] / np.maximum(columns[kind], 1)
    columns["product_share"] = columns["ProductRelated"] / np.maximum(pages, 1)
    columns["product_share_of_seconds"] = columns["ProductRelated_Duration"] / np.maximum(seconds, 1)
    bounces, exits = columns["BounceRates"], columns["ExitRates"]
    columns["exit_beyond_bounce"] = exits - bounces
    columns["bounce_over_exit"] = bounces / (exits + 1e-4)
    # Rates are means over the session's pages: times the pages they count something.
    columns["exits"], columns["bounces"] = exits * np.maximum(pages, 1), bounces * np.maximum(pages, 1)
    if with_page_values:
        value = columns["PageValues"]
        columns["value_of_all_pages"], columns["value_per_page"] = value * pages, value / np.maximum(pages, 1)
        columns["value_at_exit"], columns["value_at_bounce"] = value * exits, value * bounces
        columns["value_per_second"] = value / (seconds + 1)
        columns["value_per_product_page"] = value / (columns["ProductRelated"] + 1)
    else:
        del columns[FROM_THE_TRANSACTION]
    return np.stack(list(columns.values()), axis=1), list(columns)


def cross_validate(
    features_RF: Floats, outcomes: Bools, names: Sequence[str], *, seed: int, folds: int, config: MixtureConfig
) -> dict[str, tuple[Floats, Bools]]:
    """Return, per model, each session's probability and "yes" from models that did not see it."""
    predictions = {name: (np.empty(len(outcomes)), np.empty(len(outcomes), dtype=np.bool_)) for name in MODELS}
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    categorical = [names.index(name) for name in (*CODES, "Month")]
    keys = [tuple(names.index(name) for name in key) for key in RATE_KEYS]
    for number, (inside, outside) in enumerate(splitter.split(features_RF, outcomes)):
        seen, truth, unseen = features_RF[inside], outcomes[inside], features_RF[outside]
        mixture = fit_mixture(
            seen, truth, categorical=categorical, keys=keys, config=config, seed=1_000 * seed + 100 * number
        )
        line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000)).fit(seen, truth)
        row_probabilities = mixture.probabilities(unseen)
        answers = {name: (row_probabilities[name], mixture.held_out[name]) for name in (MIXTURE, *PARTS)} | {
            "logistic_regression": (line.predict_proba(unseen)[:, 1], line.predict_proba(seen)[:, 1]),
            "base_rate": (np.full(len(outside), truth.mean()), np.full(len(inside), truth.mean())),
        }
        for name, (probabilities, for_threshold) in answers.items():
            predictions[name][0][outside] = probabilities
            predictions[name][1][outside] = probabilities >= best_threshold(truth, for_threshold)
    return predictions


BASELINES = ("logistic_regression", "base_rate")
MODELS = (MIXTURE, *PARTS, *BASELINES)


def figures(outcomes: Bools, repeats: Sequence[tuple[Floats, Bools]], *, seed: int, resamples: int) -> dict[str, Any]:
    """Return each figure's mean over the repeats, with its interval over sessions."""
    ranked = [RankedScores.of(outcomes, probabilities) for probabilities, _ in repeats]
    bins = [equal_mass_bins(probabilities) for probabilities, _ in repeats]

    def all_of(weights: Floats) -> dict[str, float]:
        rows = []
        for order, bin_of_row, (probabilities, yes) in zip(ranked, bins, repeats, strict=True):
            areas = order.areas(weights)
            hits = (weights * (outcomes & yes)).sum()
            rows.append(
                {
                    "roc_auc": areas.roc_auc,
                    "pr_auc": areas.pr_auc,
                    "f1": 2 * hits / ((weights * outcomes).sum() + (weights * yes).sum()),
                    "ece": calibration_error(outcomes, probabilities, weights, bin_of_row=bin_of_row),
                    "brier": float(np.average((probabilities - outcomes) ** 2, weights=weights)),
                }
            )
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    count = len(outcomes)
    intervals = bootstrap_clusters(
        all_of, weights=np.ones(count), clusters=np.arange(count), seed=seed, resamples=resamples
    )
    return {name: round(estimate.value, 4) for name, estimate in intervals.items()} | {
        "intervals": {name: [round(estimate.low, 4), round(estimate.high, 4)] for name, estimate in intervals.items()},
        "per_repeat": [
            {
                "roc_auc": round(order.areas(np.ones(count)).roc_auc, 4),
                "pr_auc": round(order.areas(np.ones(count)).pr_auc, 4),
                "f1": round(f1_score(outcomes, yes), 4),
            }
            for order, (_, yes) in zip(ranked, repeats, strict=True)
        ],
    }


def measure(
    table: pa.Table, *, with_page_values: bool, seeds: Sequence[int], folds: int, resamples: int
) -> dict[str, Any]:
    """Return the figures of the mixture, those of its parts and of the baselines beside them."""
    began = time.process_time()
    matrix, names = features(table, with_page_values=with_page_values)
    outcomes = outcomes_of(table)
    repeats: dict[str, list[tuple[Floats, Bools]]] = {name: [] for name in MODELS}
    for seed in seeds:
        answered = cross_validate(matrix, outcomes, names, seed=seed, folds=folds, config=MixtureConfig())
        for name, answers in answered.items():
            repeats[name].append(answers)
        print(f"{'with' if with_page_values else 'without'} PageValues: seed {seed} done", file=sys.stderr)
    values = {name: figures(outcomes, answers, seed=1, resamples=resamples) for name, answers in repeats.items()}
    return values[MIXTURE] | {
        "parts": {name: values[name] for name in PARTS},
        "baselines": {name: values[name] for name in BASELINES},
        "features": names,
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def measure_file(path: Path, *, seeds: Sequence[int], folds: int, resamples: int) -> dict[str, Any]:
    """Return the figures of a file, with and without ``PageValues``.

    Raises:
        ShopsightError: it cannot be read, or lacks a column.
    """
    table = read_sessions(path)
    sure: dict[str, Any] = {"seeds": seeds, "folds": folds, "resamples": resamples}
    return {
        "protocol": f"untouched class mix, all rows, {folds}-fold stratified cross-validation, seeds {list(seeds)}",
        "sessions": table.num_rows,
        "purchase_rate": round(float(np.mean(outcomes_of(table))), 4),
        "with_page_values": measure(table, with_page_values=True, **sure),
        "without_page_values": measure(table, with_page_values=False, **sure),
    }
