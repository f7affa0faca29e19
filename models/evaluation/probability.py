"""How good probabilities of one yes-or-no outcome are: do they rank, and are they true?

Every figure takes a weight per row, so that a session with fifty rows can count as much as one with two, and so that a
bootstrap resample is nothing but other weights over scores that were sorted once.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RankedScores:
    """Scores and outcomes sorted once, best first, so that both areas cost one cumulative sum over the rows.

    Rows of equal score form one group and are passed together: no order among ties is ever rewarded. Areas grow only at
    groups that hold a positive, so only those are kept (a fifth of the rows, where a fifth are positive).
    """

    order: NDArray[np.intp]
    """Row numbers, best score first."""
    positives: NDArray[np.intp]
    """Row numbers of the positives, in that order."""
    group_firsts: NDArray[np.intp]
    """Place in ``positives`` of the first one of each group."""
    group_begins: NDArray[np.intp]
    """Rows that rank above each group."""
    group_ends: NDArray[np.intp]
    """Rows that rank above the end of each group."""

    @classmethod
    def of(cls, outcomes: NDArray[np.bool_], scores: Floats) -> "RankedScores":
        """Sort ``scores`` of shape ``(rows,)``.

        Raises:
            ValueError: the arrays are empty, differ in length, or a score is not a finite number.
        """
        if len(scores) == 0 or len(scores) != len(outcomes):
            raise ValueError("outcomes and scores must have the same length, above zero")
        if not np.isfinite(scores).all():
            raise ValueError("scores must be finite")
        order = np.argsort(-scores, kind="stable")
        changes = np.flatnonzero(np.diff(scores[order])) + 1
        begins, ends = np.append(0, changes), np.append(changes, len(scores))
        places = np.flatnonzero(outcomes[order])
        groups, firsts = np.unique(np.searchsorted(ends, places, side="right"), return_index=True)
        return cls(
            order=order,
            positives=order[places],
            group_firsts=firsts,
            group_begins=begins[groups],
            group_ends=ends[groups],
        )

    def areas(self, weights: Floats) -> "Areas":
        """Return both areas under row weights of shape ``(rows,)``; ``nan`` where a class they need is empty."""
        if len(self.positives) == 0:
            return Areas(roc_auc=float("nan"), pr_auc=float("nan"))
        weight_above = np.cumsum(np.append(0.0, weights[self.order]))
        gained = np.add.reduceat(weights[self.positives], self.group_firsts)
        hits = np.cumsum(gained)
        above, through = weight_above[self.group_begins], weight_above[self.group_ends]
        positives, negatives = hits[-1], weight_above[-1] - hits[-1]
        roc = pr = float("nan")
        # Sums of products, not dots: a dot of this length wakes the threads of BLAS, at 3 times the processor time.
        if positives > 0:
            precision = np.divide(hits, through, out=np.zeros_like(hits), where=through > 0)
            pr = float((precision * gained).sum() / positives)
            if negatives > 1e-9 * positives:  # the difference of two sums is zero only up to rounding
                passed_over = (above - (hits - gained) + through - hits) / 2  # ties count half
                roc = float(1.0 - (passed_over * gained).sum() / (positives * negatives))
        return Areas(roc_auc=roc, pr_auc=pr)


class Areas(NamedTuple):
    """The two figures of a ranking."""

    roc_auc: float
    """How often a positive ranks above a negative, ties counting half; 0.5 is chance."""
    pr_auc: float
    """Average precision, without interpolation; the base rate is chance."""


def roc_auc(outcomes: NDArray[np.bool_], scores: Floats, weights: Floats | None = None) -> float:
    """Return the area under the ROC curve; see :class:`Areas`."""
    return RankedScores.of(outcomes, scores).areas(_ones(scores) if weights is None else weights).roc_auc


def pr_auc(outcomes: NDArray[np.bool_], scores: Floats, weights: Floats | None = None) -> float:
    """Return the average precision; see :class:`Areas`."""
    return RankedScores.of(outcomes, scores).areas(_ones(scores) if weights is None else weights).pr_auc


def brier_score(outcomes: NDArray[np.bool_], probabilities: Floats, weights: Floats | None = None) -> float:
    """Return the mean squared distance of probability and outcome; lower is better.

    Source: G. Brier, "Verification of forecasts expressed in terms of probability" (1950).
    """
    return float(np.average(squared_distances(outcomes, probabilities), weights=weights))


def negative_log_likelihood(outcomes: NDArray[np.bool_], probabilities: Floats, weights: Floats | None = None) -> float:
    """Return the mean of ``-log p(outcome)`` in nats; lower is better.

    Probabilities are held off 0 and 1 by 1e-12: a model that is certain and wrong pays 27.6 nats, not infinity.
    """
    return float(np.average(surprises(outcomes, probabilities), weights=weights))


def squared_distances(outcomes: NDArray[np.bool_], probabilities: Floats) -> Floats:
    """Return each row's part of :func:`brier_score`."""
    return (probabilities - outcomes) ** 2


def surprises(outcomes: NDArray[np.bool_], probabilities: Floats) -> Floats:
    """Return each row's part of :func:`negative_log_likelihood`."""
    clipped = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return -np.where(outcomes, np.log(clipped), np.log1p(-clipped))


def equal_mass_bins(probabilities: Floats, weights: Floats | None = None, *, bins: int = 15) -> NDArray[np.intp]:
    """Return the bin of each row, by rising probability, so that every bin holds about the same weight.

    Equal mass, because rare outcomes crowd bins of equal width into the first one. Equal probabilities share a bin.

    Source: K. Nguyen, B. O'Connor, "Posterior calibration and exploratory analysis" (2015).
    """
    values, inverse = np.unique(probabilities, return_inverse=True)
    mass = np.bincount(inverse, weights=_ones(probabilities) if weights is None else weights, minlength=len(values))
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    bin_of_value: NDArray[np.intp] = np.minimum((middle * bins).astype(np.intp), bins - 1)
    return bin_of_value[inverse]


def calibration_error(
    outcomes: NDArray[np.bool_],
    probabilities: Floats,
    weights: Floats | None = None,
    *,
    bin_of_row: NDArray[np.intp] | None = None,
) -> float:
    """Return the expected calibration error: mean ``|mean probability - rate|`` over 15 :func:`equal_mass_bins`.

    The figure is never negative, so noise raises it: compare it only at a similar number of cases.

    Args:
        outcomes: what happened, shape ``(rows,)``.
        probabilities: what was forecast.
        weights: weight of each row, 1 where absent.
        bin_of_row: bins to use instead, so that bootstrap resamples share them.
    """
    weights = _ones(probabilities) if weights is None else weights
    bin_of_row = equal_mass_bins(probabilities, weights) if bin_of_row is None else bin_of_row
    return float(np.abs(np.bincount(bin_of_row, weights=weights * (probabilities - outcomes))).sum() / weights.sum())


def _ones(like: Floats) -> Floats:
    return np.ones(len(like), dtype=np.float64)
