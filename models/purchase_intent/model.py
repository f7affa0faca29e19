"""The trees: LightGBM on the untouched mix of outcomes, seeded and deterministic."""

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.purchase_intent.config import PurchaseIntentConfig
from models.purchase_intent.dataset import SessionRows
from models.purchase_intent.encoding import FeatureEncoder


def tree_settings(config: PurchaseIntentConfig, *, seed: int) -> dict[str, object]:
    """Return LightGBM's parameters; row-wise histograms and one seed make two runs grow the same trees."""
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": config.learning_rate,
        "num_leaves": config.num_leaves,
        "min_data_in_leaf": config.min_rows_in_leaf,
        "lambda_l2": config.l2,
        "feature_fraction": config.column_share,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": config.threads,
        "verbosity": -1,
    }


def grow(
    encoder: FeatureEncoder,
    train: SessionRows,
    validation: SessionRows,
    *,
    config: PurchaseIntentConfig,
    seed: int,
    labels: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None,
) -> lgb.Booster:
    """Grow trees until the validation log loss stops falling; every session weighs the same.

    Args:
        encoder: the columns to read.
        train: sessions to learn from.
        validation: later sessions that stop the growth.
        config: settings of the trees.
        seed: seed of the column draws.
        labels: labels to use instead of the true ones, (train, validation): for the shuffled-label sentinel.
    """
    train_labels, validation_labels = labels or (train.purchased, validation.purchased)
    learning = _dataset(encoder, train, train_labels)
    watched = _dataset(encoder, validation, validation_labels, reference=learning)
    return lgb.train(
        tree_settings(config, seed=seed),
        learning,
        num_boost_round=config.rounds,
        valid_sets=[watched],
        callbacks=[lgb.early_stopping(config.early_stopping_rounds, verbose=False)],
    )


def regrow(
    encoder: FeatureEncoder, rows: SessionRows, *, rounds: int, config: PurchaseIntentConfig, seed: int
) -> lgb.Booster:
    """Grow a fixed number of trees: on training and validation sessions together, so that the freshest count too."""
    settings = tree_settings(config, seed=seed)
    return lgb.train(settings, _dataset(encoder, rows, rows.purchased), num_boost_round=rounds)


def raw_log_odds(booster: lgb.Booster, encoder: FeatureEncoder, rows: SessionRows) -> NDArray[np.float64]:
    """Return uncalibrated log odds of shape ``(rows,)``."""
    return np.asarray(booster.predict(encoder.matrix(rows.columns), raw_score=True), dtype=np.float64)


def _dataset(
    encoder: FeatureEncoder,
    rows: SessionRows,
    labels: NDArray[np.bool_],
    reference: lgb.Dataset | None = None,
) -> lgb.Dataset:
    weights = rows.weights
    return lgb.Dataset(
        encoder.matrix(rows.columns),
        label=labels.astype(np.float64),
        # Mean 1, so that the L2 penalty and the least weight of a leaf mean the same for long and short sessions.
        weight=weights / weights.mean(),
        feature_name=list(encoder.names),
        categorical_feature=encoder.categorical_places,
        reference=reference,
    )
