"""The checks of every purchase intent training run; none needs the test sessions' labels."""

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.evaluation.probability import roc_auc
from models.evaluation.sentinels import (
    SentinelReading,
    check_apart,
    check_features_not_newer,
    check_newcomers_have_no_past,
    check_not_too_good,
    check_older_features_keep_skill,
    check_shuffled_labels,
)
from models.purchase_intent.config import PurchaseIntentConfig
from models.purchase_intent.dataset import SessionRows
from models.purchase_intent.encoding import FeatureEncoder
from models.purchase_intent.folds import Folds, shuffle_by_session
from models.purchase_intent.model import grow, raw_log_odds
from shopsight.contracts import USER_FEATURES

TOTALS = ("purchases_28d", "revenue_28d", "orders_total", "events_7d", "views_28d", "carts_28d", "sessions_28d")
"""Counts and sums of a shopper's past."""
A_DAY = np.timedelta64(1, "D")


def check_run(
    rows: SessionRows,
    folds: Folds,
    encoder: FeatureEncoder,
    booster: lgb.Booster,
    *,
    config: PurchaseIntentConfig,
    seed: int,
) -> list[SentinelReading]:
    """Run every sentinel.

    Args:
        rows: all sessions, also those between the folds.
        folds: how they were split.
        encoder: the chosen contender's columns.
        booster: its trees, which saw training sessions only and stopped on validation.
        config: the limits.
        seed: of the shuffled labels and their trees.

    Raises:
        SentinelTrippedError: the data or the split gives the answer away.
    """
    validation = folds.validation
    skill = roc_auc(validation.purchased, raw_log_odds(booster, encoder, validation), validation.weights)
    readings = [check_not_too_good(skill, limit=config.too_good_roc_auc)]
    readings.append(check_apart({name: fold.sessions for name, fold in folds.named().items()}, what="sessions"))
    readings.append(_shuffled_labels(folds, encoder, config=config, seed=seed))
    shape_times = rows.started_at + _seconds(np.asarray(rows.columns["seconds_since_start"], dtype=np.float64))
    readings.append(check_features_not_newer(shape_times, rows.times, name="session_features"))
    readings.append(check_newcomers_have_no_past(_past_of_newcomers(rows), limit=config.newcomers_with_past))
    older, has_earlier = a_day_older(rows, validation)
    judged, before = validation.take(has_earlier), older.take(has_earlier)
    buying = judged.buying_session_count
    if min(buying, judged.session_count - buying) >= config.min_purchases:
        readings.append(
            check_older_features_keep_skill(
                roc_auc(judged.purchased, raw_log_odds(booster, encoder, judged), judged.weights),
                roc_auc(before.purchased, raw_log_odds(booster, encoder, before), before.weights),
                limit=config.largest_loss_of_a_day,
                name="user_features",
            )
        )
    return readings


def a_day_older(rows: SessionRows, asked: SessionRows) -> tuple[SessionRows, NDArray[np.bool_]]:
    """Return ``asked`` with its shoppers' features as of a day or more before, and which rows have such.

    They are those of the shopper's newest row that lies at least a day back.
    """
    order = np.lexsort((rows.times, rows.users))
    begin = min(rows.times.min(), asked.times.min() - A_DAY)
    span = int((max(rows.times.max(), asked.times.max()) - begin).astype(np.int64)) + 1

    def stamps(users: NDArray[np.intp], times: NDArray[np.datetime64]) -> NDArray[np.int64]:
        return np.asarray(users.astype(np.int64) * span + (times - begin).astype(np.int64))

    places = np.searchsorted(stamps(rows.users, rows.times)[order], stamps(asked.users, asked.times - A_DAY), "right")
    source = order[np.maximum(places - 1, 0)]
    has_earlier = (places > 0) & (rows.users[source] == asked.users)
    columns = dict(asked.columns)
    for name in USER_FEATURES:
        columns[name] = np.where(has_earlier, rows.columns[name][source], asked.columns[name])
    return asked.with_columns(columns), has_earlier


def _past_of_newcomers(rows: SessionRows) -> dict[str, float]:
    """Return, by total, the share of shoppers' first rows on which it is above zero."""
    order = np.lexsort((rows.times, rows.users))
    first = order[np.append(True, np.diff(rows.users[order]) != 0)]
    return {name: float(np.mean(np.asarray(rows.columns[name], dtype=np.float64)[first] > 0)) for name in TOTALS}


def _shuffled_labels(
    folds: Folds, encoder: FeatureEncoder, *, config: PurchaseIntentConfig, seed: int
) -> SentinelReading:
    shuffled = shuffle_by_session(folds.train.joined(folds.validation), seed=seed)
    labels = shuffled[: len(folds.train)], shuffled[len(folds.train) :]
    booster = grow(encoder, folds.train, folds.validation, config=config, seed=seed, labels=labels)
    positives = len(np.unique(folds.validation.sessions[labels[1]]))
    return check_shuffled_labels(
        roc_auc(labels[1], raw_log_odds(booster, encoder, folds.validation), folds.validation.weights),
        positives=positives,
        negatives=folds.validation.session_count - positives,
    )


def _seconds(seconds: NDArray[np.float64]) -> NDArray[np.timedelta64]:
    return np.round(np.nan_to_num(seconds) * 1e6).astype("timedelta64[us]")
