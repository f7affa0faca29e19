"""Train churn: sentinels, level set on a later date, one look at the test date's customers."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from models.churn.baselines import fit_recency, fit_steady_buyers
from models.churn.bg_nbd import RecencyFrequency
from models.churn.classifier import ChurnClassifier, fit_classifier
from models.churn.config import ChurnConfig
from models.churn.dataset import ACTIVITY, CustomerRows, customer_rows
from models.churn.evaluate import FAMILY, PRIMARY_METRIC, PROTOCOL, evaluate
from models.churn.features import feature_names
from models.churn.histories import LabelledRows
from models.churn.next_order import fit_waiting, steady_curve, surprise_at_the_wait, waiting_curve
from models.churn.predict import ChurnModel
from models.churn.reasons import BG_NBD
from models.churn.sentinels import check_run
from models.churn.steady_churn import fit_steady_churn
from models.churn.value import fit_value
from models.evaluation.curves import Curves
from models.evaluation.results import Evaluation
from models.progress import Progress, ReportProgress
from models.training import BASELINE_FOLDER, impossible, write_results


def train(
    rows: pa.Table,
    *,
    config: ChurnConfig,
    out_dir: Path,
    seed: int,
    device: str,
    precision: str,
    report: ReportProgress,
) -> Evaluation:
    """Train, judge and write an artefact folder: the model, evaluation.json, curves.json, card.json.

    Args:
        rows: the training table; see :func:`models.churn.dataset.customer_rows`.
        config: settings.
        out_dir: folder to write; made if need be.
        seed: seed of the trees and the bootstrap.
        device: recorded only: the published LightGBM wheel grows trees on the CPU.
        precision: recorded only: trees have no mixed precision.
        report: told of each finished step.

    Returns:
        The evaluation; with too few customers it says so, and no model is written.

    Raises:
        BadTrainingTableError: the table lacks a column, or its labels are of another horizon.
        SentinelTrippedError: the data gives the answer away.
    """
    began = time.monotonic()
    out_dir.mkdir(parents=True, exist_ok=True)
    customers = customer_rows(rows, horizon_days=config.horizon_days)
    reason = why_too_small(customers, config)
    if reason:
        card: dict[str, Any] = {"rows": len(rows), "settings": asdict(config), "seed": seed}
        evaluation = impossible(
            out_dir, family=FAMILY, primary_metric=PRIMARY_METRIC, protocol=PROTOCOL, reason=reason, card=card
        )
        _write_baseline(out_dir, customers, evaluation, card, config=config)
        return evaluation

    labelled = customers.labelled
    test_date = newest_closed(labelled, customers.observed_until, config)
    on_test = labelled.as_of == test_date
    test = labelled.take(on_test)
    classifier = fit_classifier(labelled, until=test_date, config=config, seed=seed)
    report(Progress(message="grew the classifier on BG/NBD", fraction=0.4))
    readings = check_run(labelled, classifier, test_date, config=config, seed=seed)
    report(Progress(message="sentinels are quiet", fraction=0.6))
    value = fit_value(labelled, until=test_date, config=config, seed=seed)
    report(Progress(message="grew the forecast of value", fraction=0.7))
    waiting = fit_waiting(labelled, until=test_date, config=config, seed=seed)
    report(Progress(message="grew the forecast of the next order", fraction=0.8))

    steady = fit_steady_buyers(labelled, until=test_date)
    recency = fit_recency(labelled, until=test_date, horizon_days=config.horizon_days)
    probabilities = {
        "lightgbm": classifier.probabilities(test.histories),
        "recency": recency.probabilities(test.histories),
        "bg_nbd": steady.probabilities(test.histories, horizon_days=config.horizon_days),
    }
    values = {
        "lightgbm": value.forecast(test.histories).median,
        "bg_nbd": steady.revenue(test.histories, horizon_days=config.horizon_days),
    }
    curves = {
        "lightgbm": waiting_curve(
            waiting, test.histories, churn=probabilities["lightgbm"], horizon_days=config.horizon_days
        ),
        "bg_nbd": steady_curve(waiting.bg_nbd, waiting.ends, test.histories),
    }
    observed = customers.observed_until - test_date
    waits = {name: surprise_at_the_wait(curve, test.outcomes.days_to_next, observed) for name, curve in curves.items()}
    groups = {name: column[on_test] for name, column in customers.groups.items()}
    evaluation = evaluate(test, "lightgbm", probabilities, values, waits, groups=groups, config=config, seed=seed)
    closed = labelled.as_of + config.horizon_days <= test_date
    base_rate = float(labelled.outcomes.churned[closed].mean())
    ChurnModel(classifier=classifier, value=value, waiting=waiting, base_rate=base_rate).save(out_dir)
    outcome = f"no order within {config.horizon_days} days"
    Curves.of(test.outcomes.churned, probabilities["lightgbm"], outcome=outcome).write(out_dir)
    card = {
        "chosen": "lightgbm",
        "horizon_days": config.horizon_days,
        "as_of_dates": {
            "train": [_date(date) for date in np.unique(labelled.as_of[closed])],
            "level": _date(labelled.as_of[closed].max()),
            "test": _date(test_date),
        },
        "rows": {"train": int(closed.sum()), "test": len(test), "without_history": customers.without_history},
        "churn_rate": {"train": base_rate, "test": float(test.outcomes.churned.mean())},
        "bg_nbd": asdict(classifier.bg_nbd),
        "gamma_gamma": asdict(steady.gamma_gamma) if steady.gamma_gamma else "none: no order has a value",
        "trees": [booster.num_trees() for booster in classifier.committee.boosters],
        "calibration": asdict(classifier.committee.scaling),
        "next_order": {
            "trees": [booster.num_trees() for booster in waiting.committee.boosters],
            "calibration": asdict(waiting.committee.scaling),
            "ends": waiting.ends,
        },
        "sentinels": [asdict(reading) for reading in readings],
        "importance": _importance(classifier, labelled.take(closed)),
        "settings": asdict(config),
        "seed": seed,
        "device": "cpu",
        "asked_for": {"device": device, "precision": precision},
        "train_seconds": round(time.monotonic() - began, 2),
    }
    write_results(out_dir, evaluation, card)
    settings = {name: card[name] for name in ("horizon_days", "rows", "settings", "seed")}
    _write_baseline(out_dir, customers, evaluation, settings, config=config)
    report(Progress(message=f"judged on {len(test)} customers", fraction=1.0))
    return evaluation


def _write_baseline(
    out_dir: Path, customers: CustomerRows, evaluation: Evaluation, card: Mapping[str, Any], *, config: ChurnConfig
) -> None:
    """Write BG/NBD, which stands in where the gate refuses the trees, if enough customers ordered again to fit it."""
    steady = fit_steady_churn(customers, config)
    if steady is None:
        return
    steady.save(out_dir / BASELINE_FOLDER)
    write_results(out_dir / BASELINE_FOLDER, evaluation.of_baseline(BG_NBD), card)


def newest_closed(rows: LabelledRows, until: float, config: ChurnConfig) -> float:
    """Return the newest as-of date whose horizon is over at ``until``."""
    return float(rows.as_of[rows.as_of + config.horizon_days <= until].max())


def why_too_small(customers: CustomerRows, config: ChurnConfig) -> str | None:
    """Return why there is too little to train and judge on, or ``None`` where there is enough."""
    rows, until = customers.labelled, customers.observed_until
    for what in ("test", "level", "training"):
        over = rows.as_of + config.horizon_days <= until
        if not over.any():
            return f"there is no {what} date: its {config.horizon_days} days must be over before the next one's begin"
        until = newest_closed(rows, until, config)
        chosen = over if what == "training" else rows.as_of == until
        count, churned = int(chosen.sum()), int(rows.outcomes.churned[chosen].sum())
        if count < config.min_customers:
            return f"the {what} date has {count} customers of the {config.min_customers} it needs"
        if min(churned, count - churned) < config.min_churned:
            return (
                f"of {count} customers of the {what} date {churned} churned; "
                f"{config.min_churned} must, and {config.min_churned} must not"
            )
        again = int((RecencyFrequency.of(rows.take(rows.as_of == until).histories).repeats > 0).sum())
        if again < config.min_churned:
            return f"of the customers of {_date(until)} {again} ordered again; {config.min_churned} must"
    return None


def _importance(classifier: ChurnClassifier, rows: LabelledRows) -> dict[str, float]:
    """Return the mean absolute contribution of each feature, in log odds, the strongest first."""
    shares = classifier.committee.contributions(classifier.features(rows.histories))[:, :-1]
    names = (*feature_names(), *(ACTIVITY if rows.histories.activity is not None else ()))
    means = dict(zip(names, np.abs(shares).mean(axis=0).tolist(), strict=True))
    steady = classifier.committee.scaling.slope * classifier.offsets(rows.histories)
    means["bg_nbd"] = float(np.abs(steady - steady.mean()).mean())
    return dict(sorted(means.items(), key=lambda pair: -pair[1]))


def _date(days: float) -> str:
    return str(np.datetime64(int(days), "D"))
