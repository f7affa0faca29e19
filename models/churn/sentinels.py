"""The checks of every churn training run; none reads the test date's labels.

That no customer is on both sides of a fold is checked where the folds are made, in :mod:`models.tabular.committee`.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.churn.classifier import ChurnClassifier, fit_classifier, grow
from models.churn.config import ChurnConfig
from models.churn.histories import LabelledRows
from models.evaluation.probability import roc_auc
from models.evaluation.sentinels import (
    SentinelReading,
    check_features_not_newer,
    check_not_too_good,
    check_older_features_keep_skill,
    check_shift_changes_little,
    check_shuffled_labels,
)


def check_run(
    rows: LabelledRows, classifier: ChurnClassifier, test_date: float, *, config: ChurnConfig, seed: int
) -> list[SentinelReading]:
    """Run every sentinel.

    Args:
        rows: customers at all as-of dates.
        classifier: fitted on what was known at ``test_date``.
        test_date: in days since 1970 UTC.
        config: the limits.
        seed: of the shuffled labels and the trees.

    Raises:
        SentinelTrippedError: the data gives the answer away.
    """
    closed = rows.as_of + config.horizon_days <= test_date
    truth = rows.outcomes.churned
    held_out = roc_auc(truth[closed], classifier.committee.held_out)
    readings = [check_not_too_good(held_out, limit=config.too_good_roc_auc)]
    readings.append(_shuffled_labels(rows, test_date, config=config, seed=seed))
    judged = rows.take(rows.as_of == test_date).histories
    later = replace(judged, as_of=judged.as_of + 1.0)
    change = float(np.abs(classifier.probabilities(later) - classifier.probabilities(judged)).mean())
    readings.append(check_shift_changes_little(change, limit=config.largest_shift))
    histories = rows.histories
    newest_orders = _moments(histories.days[histories.ends - 1])
    readings.append(check_features_not_newer(newest_orders, _moments(histories.as_of), name="order_history"))
    if histories.activity is not None:
        seen = _moments(histories.as_of - histories.activity[:, 0])
        readings.append(check_features_not_newer(seen, _moments(histories.as_of), name="last_visit"))
        readings += _older_visits(rows, test_date, config=config, seed=seed)
    return readings


def _shuffled_labels(rows: LabelledRows, test_date: float, *, config: ChurnConfig, seed: int) -> SentinelReading:
    truth = rows.outcomes.churned
    closed = rows.as_of + config.horizon_days <= test_date
    shuffled = truth.copy()
    rng = np.random.default_rng(seed)
    for date in np.unique(rows.as_of):
        here = rows.as_of == date
        shuffled[here] = rng.permutation(shuffled[here])
    blind = fit_classifier(rows, until=test_date, config=config, seed=seed, labels=shuffled)
    newest = closed & (rows.as_of == rows.as_of[closed].max())
    return check_shuffled_labels(
        roc_auc(shuffled[closed], blind.committee.held_out),
        # Customers repeat over the dates: one date's are the independent ones.
        positives=int(truth[newest].sum()),
        negatives=int((~truth[newest]).sum()),
    )


def _older_visits(rows: LabelledRows, test_date: float, *, config: ChurnConfig, seed: int) -> list[SentinelReading]:
    """Judge the level date by a model of what was known before it, with its own visits and with earlier ones.

    Nothing where too few of its customers were there on the date before.
    """
    closed = rows.as_of + config.horizon_days <= test_date
    level_date = float(rows.as_of[closed].max())
    older, has_earlier = visits_of_the_date_before(rows, rows.as_of == level_date)
    now = rows.take((rows.as_of == level_date) & has_earlier)
    then = older.take((rows.as_of == level_date) & has_earlier)
    truth = now.outcomes.churned
    if min(truth.sum(), (~truth).sum()) < config.min_churned:
        return []
    judge = grow(rows, rows.outcomes.churned, until=level_date, config=config, seed=seed)
    return [
        check_older_features_keep_skill(
            roc_auc(truth, judge.probabilities(now.histories)),
            roc_auc(truth, judge.probabilities(then.histories)),
            limit=config.largest_loss_of_older_visits,
            name="visits",
        )
    ]


def visits_of_the_date_before(rows: LabelledRows, chosen: NDArray[np.bool_]) -> tuple[LabelledRows, NDArray[np.bool_]]:
    """Return rows whose chosen ones know of visits what their customer's as-of date before knew, and who has such.

    The day of the last visit stays: it is checked by itself, and a week is no detail to it.
    """
    histories = rows.histories
    assert histories.activity is not None  # the caller saw to it
    order = np.lexsort((histories.as_of, histories.customers))
    has_before = np.append(False, np.diff(histories.customers[order]) == 0)
    before = np.empty(len(order), dtype=np.intp)
    before[order] = np.where(has_before, np.roll(order, 1), order)
    has_earlier = np.empty(len(order), dtype=np.bool_)
    has_earlier[order] = has_before
    activity = histories.activity.copy()
    activity[chosen, 1:] = histories.activity[before[chosen], 1:]
    return replace(rows, histories=replace(histories, activity=activity)), has_earlier


def _moments(days: Any) -> Any:
    return np.round(np.asarray(days) * 86_400e6).astype("datetime64[us]")
