"""When a customer orders next: a curve of waiting that agrees with their probability to leave.

The survival model tells how the wait is spread over the first weeks; the curve is bent, all hazards by one factor for a
customer, until it passes through the probability of no order within the horizon, so that no answer contradicts another.
Behind the last period BG/NBD says how it goes on, up to a year.

Shapes: R rows, K periods, A anchors of the curve.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.churn.bg_nbd import BetaGeometric, RecencyFrequency
from models.churn.config import ChurnConfig
from models.churn.histories import Histories, LabelledRows
from models.churn.survival import ChurnSurvival, fit_survival

Floats = NDArray[np.float64]

WITHIN_DAYS: Final = (7, 14, 28, 56)
"""Within how many days the probability of an order is told."""
LATER_DAYS: Final = (84, 119, 168, 238, 365)
"""Anchors of the curve after that; a year is as far as it goes."""
INTERVAL: Final = (0.1, 0.9)
"""Shares of the wait at the ends of the interval: it holds four fifths."""


@dataclass(frozen=True, kw_only=True)
class WaitingCurve:
    """The probability of no order yet, at some days from the as-of date; hazards are steady between them."""

    days_A: Floats
    """Anchors, rising from 0."""
    waiting_RA: Floats
    """Probability of no order by each anchor; the first column is 1."""

    def within(self, days: float) -> Floats:
        """Return the probability of an order within some days, at most a year, shape (R,)."""
        place = max(int(np.searchsorted(self.days_A, days)), 1)
        begin, end = self.days_A[place - 1], self.days_A[place]
        logs = np.log(self.waiting_RA[:, place - 1 : place + 1])
        log_waiting = logs[:, 0] + (logs[:, 1] - logs[:, 0]) * (days - begin) / (end - begin)
        return np.asarray(-np.expm1(log_waiting), dtype=np.float64)

    def days(self, share: float) -> Floats:
        """Return by how many days each customer has ordered with probability ``share``; infinite beyond a year."""
        logs, wanted = np.log(self.waiting_RA), np.log1p(-share)
        place = np.maximum((logs > wanted).sum(axis=1), 1)
        reached = place < len(self.days_A)
        place, row = np.minimum(place, len(self.days_A) - 1), np.arange(len(logs))
        before, after = logs[row, place - 1], logs[row, place]
        part = (before - wanted) / np.maximum(before - after, 1e-12)
        begin, end = self.days_A[place - 1], self.days_A[place]
        return np.where(reached, begin + np.clip(part, 0.0, 1.0) * (end - begin), np.inf)


@dataclass(frozen=True, kw_only=True)
class NextOrder:
    """The wait for each customer's next order, in days from the as-of date; infinite: not within a year."""

    median: Floats
    low: Floats
    high: Floats
    within_RK: Floats
    """Probability of an order within each of :data:`WITHIN_DAYS`."""


def fit_waiting(rows: LabelledRows, *, until: float, config: ChurnConfig, seed: int) -> ChurnSurvival:
    """Fit the survival model of the wait on what was known at ``until``.

    Raises:
        ValueError: too little is known at ``until``.
    """
    ends = tuple(sorted({*WITHIN_DAYS, config.horizon_days}))
    return fit_survival(rows, until=until, config=config, seed=seed, ends=ends)


def waiting_curve(survival: ChurnSurvival, histories: Histories, *, churn: Floats, horizon_days: int) -> WaitingCurve:
    """Return each customer's curve, bent to be ``churn`` at the horizon, which is the end of a period."""
    waiting_RK = np.clip(survival.survival(histories), 1e-9, 1.0 - 1e-9)
    factor = np.log(np.clip(churn, 1e-9, 1.0 - 1e-9)) / np.log(waiting_RK[:, survival.ends.index(horizon_days)])
    bent_RK = waiting_RK ** factor[:, None]
    return extended(bent_RK, survival.bg_nbd, survival.ends, histories)


def extended(waiting_RK: Floats, bg_nbd: BetaGeometric, ends: Sequence[int], histories: Histories) -> WaitingCurve:
    """Return the curve through the ends of the periods, and as BG/NBD would have it go on from the last."""
    customers, last = RecencyFrequency.of(histories), ends[-1]
    later = [days for days in LATER_DAYS if days > last]
    at_last = bg_nbd.no_order(customers, days=last)
    tail = [waiting_RK[:, -1] * bg_nbd.no_order(customers, days=days) / at_last for days in later]
    return WaitingCurve(
        days_A=np.array([0, *ends, *later], dtype=np.float64),
        waiting_RA=np.column_stack([np.ones(len(histories)), waiting_RK, *tail]),
    )


def steady_curve(bg_nbd: BetaGeometric, ends: Sequence[int], histories: Histories) -> WaitingCurve:
    """Return the curve of BG/NBD alone, the baseline."""
    customers = RecencyFrequency.of(histories)
    waiting_RK = np.column_stack([bg_nbd.no_order(customers, days=days) for days in ends])
    return extended(waiting_RK, bg_nbd, ends, histories)


def next_order(curve: WaitingCurve) -> NextOrder:
    """Return the median wait, the interval around it, and the probabilities within some days."""
    low, high = INTERVAL
    return NextOrder(
        median=curve.days(0.5),
        low=curve.days(low),
        high=curve.days(high),
        within_RK=np.stack([curve.within(days) for days in WITHIN_DAYS], axis=1),
    )


def surprise_at_the_wait(curve: WaitingCurve, days_to_next: Floats, observed_days: float) -> Floats:
    """Return, shape (R,), how surprising each wait was: minus the log of the probability of the period it ended in.

    A wait that is not over says that no period ended by ``observed_days`` held the order.

    Args:
        curve: the forecast.
        days_to_next: whole days to the next order, infinite where none came.
        observed_days: how far the log reaches beyond the as-of date.
    """
    ends = [float(days) for days in curve.days_A[1:] if days <= observed_days]
    gone = np.column_stack([np.zeros(len(days_to_next)), *(curve.within(end) for end in ends)])
    period = np.searchsorted(ends, days_to_next, side="right")
    row, came = np.arange(len(period)), period < len(ends)
    chance = np.where(
        came, gone[row, np.minimum(period + 1, len(ends))] - gone[row, period], 1.0 - gone[row, len(ends)]
    )
    return -np.log(np.maximum(chance, 1e-12))
