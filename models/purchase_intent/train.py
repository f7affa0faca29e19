"""Train purchase intent: contenders, choice on validation, sentinels, calibration, one look at the test sessions."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.evaluation.calibration import LogitScaling, fit_logit_scaling, sigmoid
from models.evaluation.curves import Curves
from models.evaluation.probability import negative_log_likelihood, pr_auc, roc_auc
from models.evaluation.results import Evaluation
from models.progress import Progress, ReportProgress
from models.purchase_intent.baselines import base_rate, cart_seen, fit_counts_regression
from models.purchase_intent.config import PurchaseIntentConfig
from models.purchase_intent.dataset import SessionRows, session_rows
from models.purchase_intent.encoding import FEATURES, FeatureEncoder
from models.purchase_intent.evaluate import FAMILY, PRIMARY_METRIC, PROTOCOL, evaluate
from models.purchase_intent.folds import Folds, split_by_time, why_too_small
from models.purchase_intent.model import grow, raw_log_odds, regrow
from models.purchase_intent.predict import PurchaseIntentModel
from models.purchase_intent.sentinels import check_run
from models.training import impossible, write_results
from shopsight.contracts import SESSION_FEATURES

CONTENDERS: Mapping[str, tuple[str, ...]] = {"lightgbm_session_only": SESSION_FEATURES, "lightgbm": FEATURES}
"""Columns that each contender reads; the first asks whether the user's past is worth its lookup."""
OUTCOME = "a purchase later in the session"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Grown trees and how they did on validation."""

    encoder: FeatureEncoder
    booster: lgb.Booster
    validation: Mapping[str, float]


def train(
    rows: pa.Table,
    *,
    config: PurchaseIntentConfig,
    out_dir: Path,
    seed: int,
    device: str,
    precision: str,
    report: ReportProgress,
) -> Evaluation:
    """Train, judge and write an artefact folder: the model, evaluation.json, curves.json, card.json.

    Args:
        rows: the training table: keys, label and features; see :func:`models.purchase_intent.dataset.session_rows`.
        config: settings.
        out_dir: folder to write; made if need be.
        seed: seed of the trees and the bootstrap.
        device: recorded only: the published LightGBM wheel grows trees on the CPU.
        precision: recorded only: trees have no mixed precision.
        report: told of each finished step.

    Returns:
        The evaluation; with too few sessions it says so, and no model is written.

    Raises:
        BadTrainingTableError: the table lacks a column or a key.
        SentinelTrippedError: the data gives the answer away.
    """
    began = time.monotonic()
    out_dir.mkdir(parents=True, exist_ok=True)
    everything = session_rows(rows)
    folds = split_by_time(everything, config) if len(everything) else None
    reason = why_too_small(folds, config) if folds else "the training table has no rows"
    if folds is None or reason:
        return impossible(
            out_dir,
            family=FAMILY,
            primary_metric=PRIMARY_METRIC,
            protocol=PROTOCOL,
            reason=reason or "",
            card={"rows": len(everything), "settings": asdict(config), "seed": seed},
        )

    contenders = {}
    for number, (name, columns) in enumerate(CONTENDERS.items()):
        contenders[name] = _contend(columns, folds, config=config, seed=seed)
        done = contenders[name].validation
        report(Progress(message=f"grew {name}", fraction=0.2 * (number + 1), metrics=done))
    chosen = min(contenders, key=lambda name: contenders[name].validation["log_loss"])
    winner = contenders[chosen]
    readings = check_run(everything, folds, winner.encoder, winner.booster, config=config, seed=seed)
    report(Progress(message="sentinels are quiet", fraction=0.6))

    probabilities: dict[str, NDArray[np.float64]] = {
        "base_rate": base_rate(folds.train, folds.test),
        "cart_seen": cart_seen(folds.train, folds.test),
        "logistic_regression": fit_counts_regression(folds.train, seed=seed).probabilities(folds.test),
    }
    finals: dict[str, tuple[lgb.Booster, LogitScaling]] = {}
    fresh = folds.train.joined(folds.validation)
    for name, contender in contenders.items():
        booster = regrow(contender.encoder, fresh, rounds=contender.booster.best_iteration, config=config, seed=seed)
        raw = raw_log_odds(booster, contender.encoder, folds.calibration)
        scaling = fit_logit_scaling(raw, folds.calibration.purchased, folds.calibration.weights)
        finals[name] = booster, scaling
        probabilities[name] = scaling.probabilities(raw_log_odds(booster, contender.encoder, folds.test))
    report(Progress(message="calibrated on the later fold", fraction=0.7))

    evaluation = evaluate(folds.test, chosen, probabilities, config=config, seed=seed)
    booster, scaling = finals[chosen]
    PurchaseIntentModel(booster, contenders[chosen].encoder, scaling).save(out_dir)
    curves = Curves.of(folds.test.purchased, probabilities[chosen], folds.test.weights, outcome=OUTCOME)
    curves.write(out_dir)
    card = {
        "chosen": chosen,
        "chosen_by": "lowest log loss on the validation fold",
        "contenders": {name: contender.validation for name, contender in contenders.items()},
        "folds": {name: _describe(fold) for name, fold in folds.named().items()},
        "left_out_sessions": everything.session_count - sum(f.session_count for f in folds.named().values()),
        "rounds": booster.num_trees(),
        "calibration": asdict(scaling),
        "sentinels": [asdict(reading) for reading in readings],
        "importance": _importance(booster, contenders[chosen].encoder, folds.calibration),
        "settings": asdict(config),
        "seed": seed,
        "device": "cpu",
        "asked_for": {"device": device, "precision": precision},
        "train_seconds": round(time.monotonic() - began, 2),
    }
    write_results(out_dir, evaluation, card)
    report(Progress(message=f"judged {chosen} on {folds.test.session_count} test sessions", fraction=1.0))
    return evaluation


def _contend(columns: tuple[str, ...], folds: Folds, *, config: PurchaseIntentConfig, seed: int) -> Contender:
    encoder = FeatureEncoder.fit(folds.train.columns, names=columns, max_categories=config.max_categories)
    booster = grow(encoder, folds.train, folds.validation, config=config, seed=seed)
    scores = sigmoid(raw_log_odds(booster, encoder, folds.validation))
    outcomes, weights = folds.validation.purchased, folds.validation.weights
    figures = {
        "log_loss": negative_log_likelihood(outcomes, scores, weights),
        "pr_auc": pr_auc(outcomes, scores, weights),
        "roc_auc": roc_auc(outcomes, scores, weights),
        "rounds": float(booster.best_iteration),
    }
    return Contender(encoder=encoder, booster=booster, validation=figures)


def _describe(fold: SessionRows) -> dict[str, Any]:
    return {
        "first_session_at": str(fold.started_at.min()) + "Z",
        "last_session_at": str(fold.started_at.max()) + "Z",
        "rows": len(fold),
        "sessions": fold.session_count,
        "sessions_with_purchase": fold.buying_session_count,
        "users": len(np.unique(fold.users)),
    }


def _importance(booster: lgb.Booster, encoder: FeatureEncoder, rows: SessionRows) -> dict[str, dict[str, float]]:
    """Return, by feature, the loss it removed (gain) and its mean absolute contribution, in log odds, to a row."""
    gains = booster.feature_importance(importance_type="gain")
    shares = np.asarray(booster.predict(encoder.matrix(rows.columns), pred_contrib=True), dtype=np.float64)[:, :-1]
    means = np.average(np.abs(shares), axis=0, weights=rows.weights)
    order = np.argsort(-means, kind="stable")
    return {
        encoder.names[place]: {"gain": float(gains[place]), "mean_contribution": float(means[place])} for place in order
    }
