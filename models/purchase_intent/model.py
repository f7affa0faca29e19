"""The trees: they grow on the untouched mix of outcomes, seeded and deterministic."""

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.purchase_intent.config import PurchaseIntentConfig
from models.purchase_intent.dataset import SessionRows
from models.purchase_intent.encoding import FeatureEncoder
from models.tabular.trees import grow_trees, tree_parameters


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
    return grow_trees(
        _parameters(config, seed=seed),
        learning,
        max_rounds=config.rounds,
        validation=watched,
        early_stopping_rounds=config.early_stopping_rounds,
    )


def regrow(
    encoder: FeatureEncoder, rows: SessionRows, *, rounds: int, config: PurchaseIntentConfig, seed: int
) -> lgb.Booster:
    """Grow a fixed number of trees: on training and validation sessions together, so that the freshest count too."""
    learning = _dataset(encoder, rows, rows.purchased)
    return grow_trees(_parameters(config, seed=seed), learning, max_rounds=rounds)


def raw_log_odds(booster: lgb.Booster, encoder: FeatureEncoder, rows: SessionRows) -> NDArray[np.float64]:
    """Return uncalibrated log odds of shape ``(rows,)``."""
    return np.asarray(booster.predict(encoder.matrix(rows.columns), raw_score=True), dtype=np.float64)


def _parameters(config: PurchaseIntentConfig, *, seed: int) -> dict[str, object]:
    return tree_parameters(
        {"objective": "binary"},
        learning_rate=config.learning_rate,
        num_leaves=config.num_leaves,
        min_rows_in_leaf=config.min_rows_in_leaf,
        l2=config.l2,
        feature_fraction=config.feature_fraction,
        threads=config.threads,
        seed=seed,
    )


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
