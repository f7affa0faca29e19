"""How the response to something shown falls with its place, and with how often the same shopper has seen it.

Shoppers who see a thing five times are not those who see it once: they come more often, and it is shown to them because
they want it. So each shopper's response to one thing is compared with their own response to the same thing at other
times and places. Given all clicks of such a pair, their shares by place and number depend on the impressions and on the
two effects alone: the conditional likelihood of a Poisson regression with an effect for each pair (J. Hausman, B. Hall,
Z. Griliches, Econometrica 52, 1984; its robustness: J. Wooldridge, Journal of Econometrics 90, 1999).

It takes impressions to go on whether or not there was a click. Where fewer of them follow a click than follow no click,
clicks seem to end them, and nothing is said: those who click want the thing, so that more should follow.

Shapes: R rows of a pair, a place and a number; K effects, those of the references left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from models.evaluation.bootstrap import Estimate
from models.evaluation.proportions import Z_95, wilson

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_LEVEL_CLICKS: Final = 20
"""Clicks of pairs that say something, of each place and number that is estimated."""
MIN_PAIRS: Final = 30
"""Pairs with clicks and several impressions: the standard errors are over pairs."""
TOLERANCE: Final = 1e-8
MAX_STEPS: Final = 50


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """Whether impressions go on after a click."""

    followed: int
    """Clicked impressions that another one of their pair followed."""
    clicked: int
    expected: float
    """Share that would be followed, were it that of impressions of the same numbers without a click."""

    @property
    def ends_with_clicks(self) -> bool:
        """Return whether surely fewer are followed than without a click."""
        share = wilson(self.followed, self.clicked)
        return share is not None and share.high < self.expected


@dataclass(frozen=True, kw_only=True)
class ExposureResponse:
    """Effects as shares of the first place and of the first time."""

    not_evaluable: str | None = None
    """Why nothing could be said; all below is then empty."""
    position: Mapping[int, Estimate] = field(default_factory=dict)
    """By place; 1 at the first one by definition."""
    frequency: Mapping[int, Estimate] = field(default_factory=dict)
    """By number of the impression; 1 at the first one by definition."""
    clicks: int = 0
    """Clicks that the estimate rests on."""
    pairs: int = 0


def estimate_exposure_response(
    pair_R: ArrayLike,
    position_R: ArrayLike,
    number_R: ArrayLike,
    impressions_R: ArrayLike,
    clicks_R: ArrayLike,
    *,
    continuation: Continuation,
) -> ExposureResponse:
    """Return the effects of place and number.

    Args:
        pair_R: shopper and thing, as one code.
        position_R: place, 1 at the top; any one number where there are no places.
        number_R: the how manieth time it was shown, from 1; the last number stands for all beyond.
        impressions_R: of the row.
        clicks_R: those of them that were clicked.
        continuation: whether impressions go on after a click.
    """
    rows = _Rows(*(np.asarray(column, np.int64) for column in (pair_R, position_R, number_R, impressions_R, clicks_R)))
    rows = _estimable(rows)
    pairs = len(np.unique(rows.pair))
    if continuation.ends_with_clicks:
        share = continuation.followed / continuation.clicked
        return ExposureResponse(
            not_evaluable=f"impressions seem to end with a click: {share:.0%} of clicked ones are followed by another, "
            f"of others {continuation.expected:.0%}"
        )
    if pairs < MIN_PAIRS:
        return ExposureResponse(
            not_evaluable=f"{pairs} pairs of a shopper and a thing were clicked and say something; it takes {MIN_PAIRS}"
        )
    design = _Design.of(rows)
    fitted = _fit(rows, design)
    if fitted is None:
        return ExposureResponse(not_evaluable="places and numbers hang together too closely to be told apart")
    log_K, covariance = fitted
    half_K = Z_95 * np.sqrt(np.diag(covariance))
    estimates = [
        Estimate(value=float(np.exp(log)), low=float(np.exp(log - half)), high=float(np.exp(log + half)))
        for log, half in zip(log_K, half_K, strict=True)
    ]
    one, split = Estimate(value=1.0, low=1.0, high=1.0), len(design.positions) - 1
    return ExposureResponse(
        position=dict(zip(design.positions, [one, *estimates[:split]], strict=True)),
        frequency=dict(zip(design.numbers, [one, *estimates[split:]], strict=True)),
        clicks=int(rows.clicks.sum()),
        pairs=pairs,
    )


def proposed_cap(response: ExposureResponse, *, worth: float) -> tuple[int | None, str]:
    """Return after how many impressions to stop, and why; None where nothing says that.

    Args:
        response: with the effect of numbers.
        worth: share of the first impression's response below which another one is not worth its place.
    """
    if response.not_evaluable:
        return None, response.not_evaluable
    numbers = sorted(response.frequency)
    below = [number for number in numbers if response.frequency[number].high < worth]
    for number in numbers[1:]:
        if all(later in below for later in numbers if later >= number):
            bound = f"{response.frequency[number].high:.0%} at most"
            return number - 1, f"from number {number} on the response is surely below {worth:.0%} of the first: {bound}"
    return None, f"no number from which on the response is surely below {worth:.0%} of the first"


@dataclass(frozen=True)
class _Rows:
    pair: Ints
    position: Ints
    number: Ints
    impressions: Ints
    clicks: Ints

    def only(self, members_R: NDArray[np.bool_]) -> "_Rows":
        return _Rows(*(column[members_R] for column in vars(self).values()))


def _estimable(rows: _Rows) -> _Rows:
    """Return rows of pairs with clicks and several rows, and of places and numbers with enough clicks."""
    before = -1
    while len(rows.pair) != before and len(rows.pair):
        before = len(rows.pair)
        pair_R = np.unique(rows.pair, return_inverse=True)[1]
        clicked, size = np.bincount(pair_R, weights=rows.clicks), np.bincount(pair_R)
        rows = rows.only((clicked[pair_R] > 0) & (size[pair_R] > 1))
        for column in ("position", "number"):
            level_R = np.unique(getattr(rows, column), return_inverse=True)[1]
            enough = np.bincount(level_R, weights=rows.clicks) >= MIN_LEVEL_CLICKS
            rows = rows.only(enough[level_R]) if len(level_R) else rows
    return rows


@dataclass(frozen=True)
class _Design:
    positions: tuple[int, ...]
    numbers: tuple[int, ...]
    columns: sparse.csr_matrix
    """Shape (R, K), one at the row's place and one at its number."""
    member: sparse.csr_matrix
    """Shape (pairs, R), one at the rows of each pair."""

    @classmethod
    def of(cls, rows: _Rows) -> "_Design":
        parts, levels = [], []
        for values in (rows.position, rows.number):
            names, level_R = np.unique(values, return_inverse=True)
            ones = sparse.csr_matrix((np.ones(len(values)), (np.arange(len(values)), level_R)))
            parts.append(ones[:, 1:])
            levels.append(tuple(names.tolist()))
        pair_R = np.unique(rows.pair, return_inverse=True)[1]
        member = sparse.csr_matrix((np.ones(len(pair_R)), (pair_R, np.arange(len(pair_R)))))
        return cls(levels[0], levels[1], sparse.hstack(parts).tocsr(), member)


def _fit(rows: _Rows, design: _Design) -> tuple[Floats, Floats] | None:
    """Return the logarithms of the effects and their covariance over pairs (a sandwich); None without a summit."""
    clicks_P = design.member @ rows.clicks
    log_K = np.zeros(design.columns.shape[1])
    if not len(log_K):
        return None
    for _ in range(MAX_STEPS):
        weight_R = rows.impressions * np.exp(design.columns @ log_K)
        expected_R = weight_R * (design.member.T @ (clicks_P / (design.member @ weight_R)))
        mean = design.member @ sparse.diags(expected_R) @ design.columns
        score = design.columns.T @ (rows.clicks - expected_R)
        information = (design.columns.T @ sparse.diags(expected_R) @ design.columns).toarray()
        information -= (mean.T @ sparse.diags(1 / clicks_P) @ mean).toarray()
        if not np.all(np.isfinite(information)) or np.linalg.cond(information) > 1e8:
            return None
        step_K = np.linalg.solve(information, score)
        log_K = log_K + np.clip(step_K, -1.0, 1.0)
        if np.abs(step_K).max() < TOLERANCE:
            by_pair = design.member @ sparse.diags(rows.clicks - expected_R) @ design.columns
            pairs, inverse = len(clicks_P), np.linalg.inv(information)
            return log_K, inverse @ (by_pair.T @ by_pair).toarray() @ inverse * pairs / (pairs - 1)
    return None
