"""How much less a place further down a list is looked at, told from items that stood at several places.

In the position-based model a click at place k on item i has the chance examination_k x attraction_i. Each item is
compared with itself: given all clicks of an item, the share of them that fell on each place depends on how often it
stood there and on the places' examination alone, so no attraction has to be estimated. That is the likelihood of a
Poisson regression with an effect for each item; its estimating equation is unbiased for any clicks whose mean is such a
product, and thousands of items with few clicks each do not bias it, as they would EM over both factors.

It takes an item to be wanted as much wherever it stood. A model that puts an item first for those who want it most
breaks that, and the first places are then said to be looked at more than they are.

Sources: A. Agarwal, I. Zaitsev, X. Wang, C. Li, M. Najork, T. Joachims, "Estimating position bias without intrusive
interventions", WSDM 2019 (the same item at several places); J. Hausman, B. Hall, Z. Griliches, "Econometric models for
count data with an application to the patents-R&D relationship", Econometrica 52 (1984) (the conditional likelihood);
J. Wooldridge, "Distribution-free estimation of some nonlinear panel data models", Journal of Econometrics 90 (1999)
(its robustness); D. Hunter, "MM algorithms for generalized Bradley-Terry models", Annals of Statistics 32 (2004) (when
there is an estimate at all).

Shapes: R pairs of an item and a place, K places that are estimated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from models.evaluation.bootstrap import Estimate
from models.evaluation.proportions import Z_95, wilson

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MIN_CLICKS: Final = 50
"""On items that stood at several places; of fewer nothing is said."""
MIN_ITEMS: Final = 10
"""With clicks, at several places: the standard errors are over items."""
TOLERANCE: Final = 1e-9
MAX_STEPS: Final = 100


@dataclass(frozen=True, kw_only=True)
class PositionBias:
    """How often each place is looked at, as a share of the first of them."""

    not_evaluable: str | None = None
    """Why nothing could be said; all below is then empty."""
    positions: tuple[int, ...] = ()
    """Places that are estimated, the first one the reference."""
    examination: Mapping[int, Estimate] = field(default_factory=dict)
    """By place; 1 at the reference by definition."""
    covariance: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    """Of the logarithms of the examination, shape (K, K)."""
    clicks: int = 0
    """Clicks that the estimate is told from."""
    items: int = 0
    """Items that they fell on."""

    def corrected(self, impressions: Mapping[int, int], clicks: Mapping[int, int]) -> Estimate | None:
        """Return the click rate that a list would have if each of its places were looked at as the reference is.

        The interval adds what is not sure of the rate to what is not sure of the examination, as logarithms (G. Zou,
        A. Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27, 2008).

        Args:
            impressions: of a group of lists, by place; places without an estimate are passed over.
            clicks: the same.

        Returns:
            None where no impression stood at a place that is estimated.
        """
        shown_K = np.array([impressions.get(place, 0) for place in self.positions], np.float64)
        weight_K = shown_K * np.array([self.examination[place].value for place in self.positions])
        if not weight_K.sum():
            return None
        hits = sum(clicks.get(place, 0) for place in self.positions)
        rate = wilson(hits, int(shown_K.sum()))
        assert rate is not None
        mean = float(weight_K.sum() / shown_K.sum())
        share_K = weight_K / weight_K.sum()
        spread = Z_95 * float(np.sqrt(share_K @ self.covariance @ share_K))
        if not hits:
            return Estimate(value=0.0, low=0.0, high=rate.high / mean * float(np.exp(spread)))
        below, above = np.log(rate.value / rate.low), np.log(rate.high / rate.value)
        return Estimate(
            value=rate.value / mean,
            low=float(rate.value / mean * np.exp(-np.hypot(below, spread))),
            high=float(rate.value / mean * np.exp(np.hypot(above, spread))),
        )


def estimate_position_bias(
    item_R: Sequence[str], position_R: Sequence[int], shown_R: Sequence[int], clicks_R: Sequence[int]
) -> PositionBias:
    """Return how often each place is looked at.

    Args:
        item_R: items; a pair of an item and a place stands there once.
        position_R: places, 1 at the top.
        shown_R: how often the item stood at the place, at least 1.
        clicks_R: how often it was clicked there.
    """
    codes_R = np.unique(np.asarray(item_R, dtype=str), return_inverse=True)[1]
    place, impressions, clicks = (np.asarray(column, np.int64) for column in (position_R, shown_R, clicks_R))
    rows = _Rows(item=codes_R.astype(np.int64), place=place, impressions=impressions, clicks=clicks)
    rows = rows.informative()
    reason = rows.too_few()
    if reason:
        return PositionBias(not_evaluable=reason)
    rows = rows.at(_comparable(rows)).informative()
    reason = rows.too_few(" whose clicks compare them with each other")
    if reason:
        return PositionBias(not_evaluable=reason)
    places_K, place_R = np.unique(rows.place, return_inverse=True)
    fitted = _fit(rows, place_R, len(places_K))
    if fitted is None:
        return PositionBias(not_evaluable=f"the estimate did not settle within {MAX_STEPS} steps")
    log_K, covariance = fitted
    half_K = Z_95 * np.sqrt(np.diag(covariance))
    bounds = zip(places_K.tolist(), *np.exp([log_K, log_K - half_K, log_K + half_K]).tolist(), strict=True)
    return PositionBias(
        positions=tuple(places_K.tolist()),
        examination={place: Estimate(value=value, low=low, high=high) for place, value, low, high in bounds},
        covariance=covariance,
        clicks=int(rows.clicks.sum()),
        items=len(np.unique(rows.item)),
    )


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Pairs of an item and a place."""

    item: Ints
    place: Ints
    impressions: Ints
    clicks: Ints

    def only(self, members_R: NDArray[np.bool_]) -> "_Rows":
        _, item = np.unique(self.item[members_R], return_inverse=True)
        place, impressions, clicks = self.place[members_R], self.impressions[members_R], self.clicks[members_R]
        return _Rows(item=item.astype(np.int64), place=place, impressions=impressions, clicks=clicks)

    def at(self, places: Ints) -> "_Rows":
        return self.only(np.isin(self.place, places))

    def informative(self) -> "_Rows":
        """Return the rows of items with clicks that stood at two places or more, of places with clicks."""
        rows, before = self, -1
        while len(rows.item) != before:
            before = len(rows.item)
            if not before:
                break
            _, place_R = np.unique(rows.place, return_inverse=True)
            rows = rows.only(np.bincount(place_R, weights=rows.clicks)[place_R] > 0)
            clicked_I, places_I = np.bincount(rows.item, weights=rows.clicks), np.bincount(rows.item)
            rows = rows.only((clicked_I[rows.item] > 0) & (places_I[rows.item] > 1))
        return rows

    def too_few(self, which: str = "") -> str | None:
        """Return why these rows say too little, or None."""
        clicks, items = int(self.clicks.sum()), len(np.unique(self.item))
        if clicks >= MIN_CLICKS and items >= MIN_ITEMS:
            return None
        return (
            f"not enough clicks: {clicks} on {items} items that stood at several places{which}, "
            f"of {MIN_CLICKS} on {MIN_ITEMS} that it takes"
        )


def _comparable(rows: _Rows) -> Ints:
    """Return the places that clicks compare with the first place, or with whichever place most others hang together.

    Each of them has to have won a click that it could have lost to each other one, over some chain of items: without
    that the best estimate of one of them would be none at all, or without end (Hunter 2004, assumption 1).
    """
    places_K, place_R = np.unique(rows.place, return_inverse=True)
    shape = (int(rows.item.max()) + 1, len(places_K))
    stood = sparse.csr_matrix((np.ones(len(place_R)), (rows.item, place_R)), shape=shape)
    won = sparse.csr_matrix(((rows.clicks > 0).astype(float), (rows.item, place_R)), shape=shape)
    _, group_K = connected_components(stood.T @ won, directed=True, connection="strong")
    sizes = np.bincount(group_K)
    first = group_K[np.argmin(places_K)]
    comparable: Ints = places_K[group_K == (first if sizes[first] > 1 else np.argmax(sizes))]
    return comparable


@dataclass(frozen=True, kw_only=True)
class _Step:
    """The likelihood of some examination, and where it rises."""

    likelihood: float
    score: Floats
    """Shape (K,)."""
    information: Floats
    """Shape (K, K)."""
    spread: Floats
    """Sum over items of the outer products of their scores, shape (K, K)."""


def _step(rows: _Rows, place_R: NDArray[np.intp], log_K: Floats) -> _Step:
    clicks_I = np.bincount(rows.item, weights=rows.clicks)
    expected_R = rows.impressions * np.exp(log_K)[place_R]
    share_R = expected_R / np.bincount(rows.item, weights=expected_R)[rows.item]
    shape = (len(clicks_I), len(log_K))
    share = sparse.csr_matrix((share_R, (rows.item, place_R)), shape=shape)
    score = sparse.csr_matrix((rows.clicks - clicks_I[rows.item] * share_R, (rows.item, place_R)), shape=shape)
    return _Step(
        likelihood=float(rows.clicks @ np.log(share_R)),
        score=np.asarray(score.sum(axis=0)).ravel(),
        information=np.diag(share.T @ clicks_I) - (share.T @ sparse.diags(clicks_I) @ share).toarray(),
        spread=(score.T @ score).toarray(),
    )


def _fit(rows: _Rows, place_R: NDArray[np.intp], places: int) -> tuple[Floats, Floats] | None:
    """Return the logarithms of the examination and their covariance over items (a sandwich), zero at the reference.

    The likelihood has one summit: Newton's steps, halved where they would go past it, lead there.
    """
    log_K = np.zeros(places)
    step = _step(rows, place_R, log_K)
    for _ in range(MAX_STEPS):
        change_K = np.zeros(places)
        change_K[1:] = np.linalg.solve(step.information[1:, 1:], step.score[1:])
        newer = _step(rows, place_R, log_K + change_K)
        while newer.likelihood < step.likelihood - TOLERANCE and np.abs(change_K).max() > TOLERANCE:
            change_K /= 2
            newer = _step(rows, place_R, log_K + change_K)
        log_K, step = log_K + change_K, newer
        if np.abs(change_K).max() <= TOLERANCE:
            items = int(rows.item.max()) + 1
            covariance, inverse = np.zeros((places, places)), np.linalg.inv(step.information[1:, 1:])
            covariance[1:, 1:] = inverse @ step.spread[1:, 1:] @ inverse * items / (items - 1)
            return log_K, covariance
    return None
