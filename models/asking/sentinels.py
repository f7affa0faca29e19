"""The checks of every question's model; none reads the labels of the judged cut-offs."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.asking.model import QuestionModel, draw, grow, grow_on
from models.asking.question import Question
from models.asking.rows import STATE, STEP_DAYS, TASTE, CaseRows
from models.churn.dataset import LAST_DAY
from models.evaluation.probability import roc_auc
from models.evaluation.sentinels import (
    SentinelReading,
    check_features_not_newer,
    check_not_too_good,
    check_older_features_keep_skill,
    check_shuffled_labels,
)

TOO_GOOD: Final = 0.97
"""ROC AUC of held-out rows above which a feature holds the outcome, as in the churn family."""
LARGEST_LOSS: Final = 0.1
"""ROC AUC that the daily state and taste of shoppers may cost when they are told from the cut-off before."""
MIN_CASES: Final = 20
"""Shoppers of either outcome without whom that loss is not judged."""


def check_question(
    rows: CaseRows, question: Question, model: QuestionModel, *, until: float, seed: int
) -> list[SentinelReading]:
    """Run every sentinel.

    Args:
        rows: the population at all cut-offs.
        question: what is asked.
        model: fitted on what was known at ``until``.
        until: the first judged cut-off.
        seed: of the shuffled labels and the trees.

    Raises:
        SentinelTrippedError: the data give the answer away.
    """
    closed = rows.as_of + question.horizon_days <= until
    drawn = draw(rows.outcomes, closed, seed=seed)
    readings = [check_not_too_good(roc_auc(rows.outcomes[drawn], model.committee.held_out), limit=TOO_GOOD)]
    readings.append(check_features_not_newer(_moments(rows.known_at), _moments(rows.as_of), name="features"))
    last = rows.as_of - np.where(np.isinf(rows.since_last), 0.0, rows.since_last)
    readings.append(check_features_not_newer(_moments(last), _moments(rows.as_of), name="what_was_done"))
    readings.append(_shuffled_labels(rows, question, closed, until=until, seed=seed))
    return readings + _older_features(rows, question, closed, seed=seed)


def _shuffled_labels(
    rows: CaseRows, question: Question, closed: NDArray[np.bool_], *, until: float, seed: int
) -> SentinelReading:
    rng = np.random.default_rng(seed)
    shuffled = rows.outcomes.copy()
    for date in np.unique(rows.as_of[closed]):
        here = rows.as_of == date
        shuffled[here] = rng.permutation(shuffled[here])
    blind = grow_on(rows, question, shuffled, until=until, seed=seed)
    # At one date: shoppers repeat over the dates, whose base rates differ and are no secret.
    newest = blind.drawn & (rows.as_of == rows.as_of[closed].max())
    held_out = blind.model.committee.held_out[newest[blind.drawn]]
    positives = int(shuffled[newest].sum())
    if not 0 < positives < newest.sum():
        return SentinelReading(sentinel="shuffled_labels", value=0.5, limit=0.5)
    return check_shuffled_labels(
        roc_auc(shuffled[newest], held_out), positives=positives, negatives=int(newest.sum()) - positives
    )


def _older_features(
    rows: CaseRows, question: Question, closed: NDArray[np.bool_], *, seed: int
) -> list[SentinelReading]:
    """Judge the newest closed cut-off by a model of what was known before it, with its features and with earlier ones.

    A window of the marts that ends after its own day holds the outcome now and does not in its version of the week
    before. Nothing where too few were there a week before.
    """
    level = float(rows.as_of[closed].max())
    before = rows.as_of + question.horizon_days <= level
    older, has_earlier = _told_from_the_date_before(rows, level)
    chosen = (rows.as_of == level) & has_earlier
    truth = rows.outcomes[chosen]
    seen = rows.outcomes[before]
    if min(truth.sum(), (~truth).sum(), seen.sum(), (~seen).sum()) < MIN_CASES:
        return []
    judge = grow(rows, question, rows.outcomes, until=level, seed=seed)
    now, then = (roc_auc(truth, judge.probabilities(version.take(chosen))) for version in (rows, older))
    return [check_older_features_keep_skill(now, then, limit=LARGEST_LOSS, name="features")]


def _told_from_the_date_before(rows: CaseRows, date: float) -> tuple[CaseRows, NDArray[np.bool_]]:
    """Return rows whose shoppers at ``date`` have the state and taste of a week before, and who has such."""
    columns = [rows.names.index(name) for name in (*STATE, *TASTE)]
    now, then = (np.flatnonzero(rows.as_of == day) for day in (date, date - STEP_DAYS))
    order = np.argsort(rows.people[then])
    place = np.searchsorted(rows.people[then][order], rows.people[now])
    place = order[np.minimum(place, max(len(order) - 1, 0))] if len(order) else np.zeros(len(now), dtype=np.intp)
    matched = rows.people[then][place] == rows.people[now] if len(order) else np.zeros(len(now), dtype=np.bool_)
    features, has_earlier = rows.features.copy(), np.zeros(len(rows), dtype=np.bool_)
    features[np.ix_(now[matched], columns)] = rows.features[np.ix_(then[place[matched]], columns)]
    has_earlier[now[matched]] = True
    histories = rows.histories
    if histories.activity is not None:
        # The same columns, as churn reads them; the day of the last visit stays.
        states = [rows.names.index(name) for name in LAST_DAY]
        activity = histories.activity.copy()
        activity[:, 1:] = features[rows.has_ordered][:, states]
        histories = replace(histories, activity=activity)
    return replace(rows, features=features, histories=histories), has_earlier


def _moments(days: Any) -> Any:
    return np.round(np.asarray(days) * 86_400e6).astype("datetime64[us]")
