"""Sentinels: checks in every training run that stop it when the data or the split gives the answer away.

Each returns what it saw, for the model card, or raises :class:`SentinelTrippedError`. None needs the test split.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shopsight.errors import ShopsightError


class SentinelTrippedError(ShopsightError):
    """A training run found its own data too good to be true, or out of order in time."""


@dataclass(frozen=True, kw_only=True)
class SentinelReading:
    """What a sentinel that did not trip saw."""

    sentinel: str
    value: float
    limit: float


def chance_half_width(positives: int, negatives: int) -> float:
    """Return how far from 0.5 the ROC AUC of random scores strays: four standard errors (1 run in 16,000).

    Source: H. Mann, D. Whitney (1947), the variance of the rank-sum statistic without ties.

    Raises:
        ValueError: one of the classes is empty.
    """
    if positives < 1 or negatives < 1:
        raise ValueError("the AUC of one class alone is undefined")
    return float(4.0 * np.sqrt((positives + negatives + 1) / (12.0 * positives * negatives)))


def check_shuffled_labels(roc_auc: float, *, positives: int, negatives: int) -> SentinelReading:
    """Check that a model trained and judged on shuffled labels scores chance.

    Shuffle the labels of training and validation cases together: a case that sits on both sides, or a feature made
    from labels, then shows; chance agreement of a random model with the true labels does not.

    Args:
        roc_auc: validation ROC AUC of the model trained on shuffled labels, against the shuffled labels.
        positives: independent positive cases (sessions, not rows) in validation.
        negatives: independent negative cases in validation.

    Raises:
        SentinelTrippedError: the AUC is further from 0.5 than chance explains.
    """
    limit = chance_half_width(positives, negatives)
    if abs(roc_auc - 0.5) > limit:
        raise SentinelTrippedError(
            f"training stopped: a model of shuffled labels scores ROC AUC {roc_auc:.3f}",
            why=f"chance is 0.5 within {limit:.3f}; cases sit on both sides of the split, or a feature holds the label",
            fix="look for repeated sessions across the folds and for features computed from the label",
        )
    return SentinelReading(sentinel="shuffled_labels", value=roc_auc, limit=limit)


def check_shuffled_accuracy(accuracy: float, *, chance: float, cases: int) -> SentinelReading:
    """Check that a classifier of several labels that was trained on shuffled labels is right no more than by chance.

    Args:
        accuracy: on validation cases, against their shuffled labels.
        chance: share of the commonest label.
        cases: number of validation cases.

    Raises:
        SentinelTrippedError: the accuracy is further above chance than four standard errors.
    """
    limit = chance + 4 * float(np.sqrt(chance * (1 - chance) / cases))
    if accuracy > limit:
        raise SentinelTrippedError(
            f"training stopped: a model of shuffled labels is right in {accuracy:.3f} of the validation cases",
            why=f"chance is {chance:.3f} and at most {limit:.3f} by luck; cases stand on both sides of the split",
            fix="look for cases that repeat across the sides of the split",
        )
    return SentinelReading(sentinel="shuffled_labels_accuracy", value=accuracy, limit=limit)


def check_not_too_good(roc_auc: float, *, limit: float) -> SentinelReading:
    """Check that a validation ROC AUC is humanly possible.

    Raises:
        SentinelTrippedError: it is above ``limit``.
    """
    if roc_auc > limit:
        raise SentinelTrippedError(
            f"training stopped: validation ROC AUC {roc_auc:.4f} is above {limit:.4f}",
            why="no shopper is that predictable; a feature most likely holds the outcome",
            fix="look at the importances for a column filled from the outcome, or raise too_good_roc_auc with a reason",
        )
    return SentinelReading(sentinel="too_good_roc_auc", value=roc_auc, limit=limit)


def check_features_not_newer(
    feature_times: NDArray[np.datetime64], label_times: NDArray[np.datetime64], *, name: str
) -> SentinelReading:
    """Check that no feature row became known after the moment it is used at; a missing time (NaT) is no row.

    Args:
        feature_times: when each row's features were known, shape ``(rows,)``.
        label_times: the moment each row predicts from.
        name: name of the features, for the message.

    Raises:
        SentinelTrippedError: a feature is newer than its label.
    """
    newer = feature_times > label_times  # NaT compares False
    if newer.any():
        row = int(np.argmax(newer))
        raise SentinelTrippedError(
            f"training stopped: {int(newer.sum())} of {len(newer)} rows use {name} from their future",
            why=f"row {row} predicts from {label_times[row]} with {name} of {feature_times[row]}",
            fix="build the training set through the feature store, which joins each row to what was known then",
        )
    return SentinelReading(sentinel=f"{name}_not_newer", value=float(newer.sum()), limit=0.0)


def check_shift_changes_little(change: float, *, limit: float) -> SentinelReading:
    """Check that telling the features from a day later changes forecasts little, as one day changes a shopper little.

    Args:
        change: mean absolute change of the probabilities.
        limit: the maximum.

    Raises:
        SentinelTrippedError: it is above ``limit``: a feature most likely holds the day, or the days around it.
    """
    if not change <= limit:
        raise SentinelTrippedError(
            f"training stopped: features of one day later change probabilities by {change:.3f}",
            why=f"the limit is {limit:.3f}; a forecast that hangs on the very day knows something beside the shopper",
            fix="look for a feature that jumps at the as-of date",
        )
    return SentinelReading(sentinel="one_day_shift", value=change, limit=limit)


def check_older_features_keep_skill(now: float, older: float, *, limit: float, name: str) -> SentinelReading:
    """Check that features told from an earlier day cost little skill: what a shopper did ages slowly.

    A feature that sums over days around its own, those after it among them, holds the outcome today and does not in
    its version of the day before.

    Args:
        now: ROC AUC of held-out cases with their features.
        older: ROC AUC of the same cases and model with the same shoppers' features of an earlier day.
        limit: the maximum loss.
        name: name of the features, for the message.

    Raises:
        SentinelTrippedError: more is lost.
    """
    loss = now - older
    if not loss <= limit:
        raise SentinelTrippedError(
            f"training stopped: with {name} of an earlier day ROC AUC falls from {now:.3f} to {older:.3f}",
            why=f"at most {limit:.3f} may be lost; a feature most likely sums over days that come after its own",
            fix="look for a window in the features that ends after the day it is told from",
        )
    return SentinelReading(sentinel=f"older_{name}_keep_skill", value=loss, limit=limit)


def check_newcomers_have_no_past(shares: Mapping[str, float], *, limit: float) -> SentinelReading:
    """Check that whoever is seen for the first time has done nothing yet: totals over the whole log would say more.

    Args:
        shares: share of newcomers for whom a count or a sum of their past is above zero, by its name.
        limit: the maximum.

    Raises:
        SentinelTrippedError: a total is above it.
        ValueError: there is no total to look at.
    """
    worst = max(shares, key=lambda name: shares[name])
    if not shares[worst] <= limit:
        raise SentinelTrippedError(
            f"training stopped: {shares[worst]:.0%} of shoppers seen for the first time have {worst} above zero",
            why=f"at most {limit:.0%} may, where ids were joined; the total most likely counts what comes later",
            fix="count only what lies before the row's own moment",
        )
    return SentinelReading(sentinel="newcomers_have_no_past", value=shares[worst], limit=limit)


def check_apart(parts: Mapping[str, NDArray[Any]], *, what: str) -> SentinelReading:
    """Check that no two parts of the data share a key: a model that remembers is not one that foresees.

    Args:
        parts: keys in each part (session numbers, customer numbers), by the part's name.
        what: what the keys stand for, for the message.

    Raises:
        SentinelTrippedError: a key is in two parts.
    """
    for (name, keys), (other_name, other_keys) in combinations(parts.items(), 2):
        both = np.intersect1d(keys, other_keys)
        if len(both):
            raise SentinelTrippedError(
                f"training stopped: {len(both)} {what} are in both {name} and {other_name}",
                why=f"the first is number {both[0]}; what a model remembers of one part answers the other",
                fix=f"split by {what}, not by row",
            )
    return SentinelReading(sentinel=f"{what}_apart", value=0.0, limit=0.0)
