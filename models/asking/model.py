"""The model of a question: the calibrated trees of every table, with what churn knows of orders among its features.

Where the question is whether customers order at all, the trees begin at the log odds of BG/NBD, as those of churn do.
Shapes: R rows, F features.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.asking.question import Question
from models.asking.rows import CaseRows
from models.churn.bg_nbd import BetaGeometric, RecencyFrequency, fit_bg_nbd
from models.churn.classifier import log_odds
from models.churn.dataset import ACTIVITY
from models.churn.features import churn_features, feature_names
from models.evaluation.calibration import LogitScaling, fit_level
from models.tabular.committee import Committee, CommitteeConfig, fit_committee

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FEW_ROWS: Final = 60_000
"""Up to here the trees are those of a small shop's churn model."""
MAX_TRAINED: Final = 25_000
"""Rows that trees are grown on: all of the rarer outcome, and a draw of the other."""


def trees_for(rows: int) -> CommitteeConfig:
    """Return how the trees grow, by the number of training rows: the churn family's settings of each size."""
    few = rows < FEW_ROWS
    return CommitteeConfig(
        members=3,
        repeats=1,
        learning_rate=0.08 if few else 0.05,
        rounds=200 if few else 400,
        early_stopping_rounds=15 if few else 30,
        num_leaves=5 if few else 8,
        min_rows_in_leaf=40 if few else 150,
        feature_fraction=0.5,
        bagging_fraction=0.7,
        l2=10.0 if few else 20.0,
        threads=1,
    )


@dataclass(frozen=True, kw_only=True)
class QuestionModel:
    """A fitted committee, and BG/NBD where there are enough customers for it."""

    question: Question
    bg_nbd: BetaGeometric | None
    committee: Committee

    def probabilities(self, rows: CaseRows) -> Floats:
        """Return the calibrated probability of the target, shape (R,)."""
        return self.committee.probabilities(self.features(rows), self.offsets(rows))

    def log_odds(self, rows: CaseRows) -> Floats:
        """Return the log odds of :meth:`probabilities`."""
        return self.committee.scaling.log_odds(self.committee.raw_log_odds(self.features(rows), self.offsets(rows)))

    def names(self, rows: CaseRows) -> tuple[str, ...]:
        """Return the names of the columns of :meth:`features`."""
        return rows.names if self.bg_nbd is None else (*rows.names, *feature_names(), *ACTIVITY)

    def features(self, rows: CaseRows) -> Floats:
        """Return what the trees read, shape (R, F)."""
        return all_features(rows, self.bg_nbd, self.question)

    def offsets(self, rows: CaseRows) -> Floats | None:
        """Return where the trees begin, shape (R,); None where they begin at the base rate."""
        return steady_log_odds(rows, self.bg_nbd, self.question)


def asks_for_any_order(question: Question) -> bool:
    """Return whether the question is whether customers order at all, or do not: what BG/NBD forecasts."""
    (target, *others) = question.target
    return question.subject == "customers" and target.kind == "order" and target.is_plain and not others


def all_features(rows: CaseRows, bg_nbd: BetaGeometric | None, question: Question) -> Floats:
    """Return the features of the rows, those of orders after the others, ``nan`` of who has not ordered."""
    if bg_nbd is None:
        return rows.features
    of_orders = np.full((len(rows), len(feature_names()) + len(ACTIVITY)), np.nan)
    if len(rows.histories):
        of_orders[rows.has_ordered] = churn_features(rows.histories, bg_nbd, horizon_days=question.horizon_days)
    return np.hstack([rows.features, of_orders])


def steady_log_odds(rows: CaseRows, bg_nbd: BetaGeometric | None, question: Question) -> Floats | None:
    """Return BG/NBD's log odds of the target; None where the question is another, or nobody ordered twice."""
    if bg_nbd is None or not asks_for_any_order(question):
        return None
    none_comes = log_odds(bg_nbd.no_order(RecencyFrequency.of(rows.histories), days=question.horizon_days))
    return none_comes if question.target[0].negated else -none_comes


def bg_nbd_at(rows: CaseRows, until: float) -> BetaGeometric | None:
    """Fit BG/NBD to the newest histories up to ``until``; None where nobody ordered twice."""
    histories = rows.histories
    if not (histories.as_of <= until).any():
        return None
    newest = histories.take(histories.as_of == histories.as_of[histories.as_of <= until].max())
    customers = RecencyFrequency.of(newest)
    return fit_bg_nbd(customers) if int((customers.repeats > 0).sum()) >= 10 else None


def fit(rows: CaseRows, question: Question, *, until: float, seed: int) -> QuestionModel:
    """Fit on what was known at ``until``; the level is that of the newest date whose horizon is over by then.

    The model that the level is measured on saw nothing of that date or later, as in the churn family.
    """
    final = grow(rows, question, rows.outcomes, until=until, seed=seed)
    closed = rows.as_of + question.horizon_days <= until
    newest = rows.as_of[closed].max()
    before = rows.as_of + question.horizon_days <= newest
    if not before.any() or not _has_both(rows.outcomes[before]) or not _has_both(rows.outcomes[rows.as_of == newest]):
        return final
    judged = rows.take(rows.as_of == newest)
    earlier = grow(rows, question, rows.outcomes, until=float(newest), seed=seed)
    level = fit_level(earlier.log_odds(judged), judged.outcomes)
    scaling = final.committee.scaling
    moved = LogitScaling(slope=scaling.slope, intercept=scaling.intercept + level)
    return replace(final, committee=replace(final.committee, scaling=moved))


@dataclass(frozen=True, kw_only=True)
class Grown:
    """A model, and the rows that it was grown on."""

    model: QuestionModel
    drawn: Bools
    """Of all rows, shape (R,)."""


def grow(rows: CaseRows, question: Question, labels: Bools, *, until: float, seed: int) -> QuestionModel:
    """Grow on the dates whose horizons are over at ``until``; see :func:`grow_on`."""
    return grow_on(rows, question, labels, until=until, seed=seed).model


def grow_on(rows: CaseRows, question: Question, labels: Bools, *, until: float, seed: int) -> Grown:
    """Grow on the dates whose horizons are over at ``until``: on all rows of the rarer outcome, and some of the other.

    What was left out is put back into the level of the log odds.
    """
    bg_nbd = bg_nbd_at(rows, until)
    closed = rows.as_of + question.horizon_days <= until
    drawn = draw(labels, closed, seed=seed)
    training = rows.take(drawn)
    committee = fit_committee(
        all_features(training, bg_nbd, question),
        labels[drawn],
        config=trees_for(len(training)),
        seed=seed,
        groups=training.people,
        offsets=steady_log_odds(training, bg_nbd, question),
    )
    positive, negative = (
        int((drawn & which).sum()) / max(int((closed & which).sum()), 1) for which in (labels, ~labels)
    )
    scaling = committee.scaling
    level = LogitScaling(slope=scaling.slope, intercept=scaling.intercept - float(np.log(positive / negative)))
    model = QuestionModel(question=question, bg_nbd=bg_nbd, committee=replace(committee, scaling=level))
    return Grown(model=model, drawn=drawn)


def draw(labels: Bools, closed: Bools, *, seed: int) -> Bools:
    """Return which closed rows are grown on: all, or those of the rarer outcome and a draw of the others."""
    if int(closed.sum()) <= MAX_TRAINED:
        return closed
    rarer = closed & (labels if labels[closed].mean() <= 0.5 else ~labels)
    others = np.flatnonzero(closed & ~rarer)
    room = max(MAX_TRAINED - int(rarer.sum()), int(rarer.sum()))
    chosen = np.random.default_rng(seed).permutation(others)[:room]
    drawn = rarer.copy()
    drawn[chosen] = True
    return drawn


def _has_both(outcomes: Bools) -> bool:
    return min(int(outcomes.sum()), int((~outcomes).sum())) >= 10
