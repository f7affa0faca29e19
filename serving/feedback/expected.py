"""What share of the newest lists' items will be clicked, estimated before what came of them is known.

What came of a day's lists is known when the window of its last one is over. Until then the click-through is estimated
from what was shown: each place of a placement has the click-through of the days before, and each item draws more or
less than its places explain. A day that shows other items than the days before has another estimate, which carrying
the last known figure over cannot give. How wrong it is was measured: the same estimate is made of each past day from
what was known at its end, and compared with what came.

Source of the items' factors: the Gamma-Poisson model of W. DuMouchel, "Bayesian data mining in large frequency tables",
The American Statistician 53 (1999).

Shapes: R rows, one for a day, a place and an item; P places; I items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

if TYPE_CHECKING:
    import duckdb

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PAST_DAYS: Final = 28
"""An estimate reads so many days before its own."""
MIN_CLICKED: Final = 50
"""Fewer clicked impressions in these days say nothing."""
JUDGED_FOR_AN_INTERVAL: Final = 19
"""With so many past errors, the smallest and the largest bound the next one in nine cases of ten."""
PLACE_PRIOR: Final = 50.0
"""A place counts as if it had had so many further impressions with the click-through of its placement."""
CONCENTRATIONS: Final = (1.0, 3.0, 10.0, 30.0, 100.0, 1_000.0)
"""Of the items' factors: in clicks, how much it takes to believe that an item is not like the others."""

IMPRESSIONS: Final = """
    select
        answered_on,
        placement,
        position,
        item_id,
        count(*) as impressions,
        count(*) filter (where clicks > 0) as clicked,
        bool_and(is_complete) as is_complete
    from list_feedback
    group by all
    order by all
"""


@dataclass(frozen=True, kw_only=True)
class ExpectedDay:
    """The click-through of a day, estimated from what was known at its end."""

    day: date
    impressions: int
    expected: float
    low: float | None
    """Nine days of ten, or more, lie between these bounds, by the errors of the days before; None of too few days."""
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """Estimates of the days that can be estimated, and how wrong they were."""

    days: Sequence[ExpectedDay]
    """The days whose windows are not over."""
    judged: int
    """Past days of which the same estimate was compared with what came."""
    error: float | None
    """The mean of their relative errors, without sign; None where there are none."""
    error_of_carrying_over: float | None
    """The same of an estimate that is the last known day's click-through."""
    not_evaluable: str | None
    """Why nothing is estimated, or without an interval; None where all is."""


@dataclass(frozen=True, kw_only=True)
class _Impressions:
    """What was shown, and clicked."""

    days_R: Ints
    places_R: Ints
    placements_P: Ints
    items_R: Ints
    impressions_R: Floats
    clicked_R: Floats

    def of_days(self, first: int, last: int) -> "_Impressions":
        """Return the rows of ``first`` to ``last``, both among them."""
        rows = (self.days_R >= first) & (self.days_R <= last)
        return _Impressions(
            days_R=self.days_R[rows],
            places_R=self.places_R[rows],
            placements_P=self.placements_P,
            items_R=self.items_R[rows],
            impressions_R=self.impressions_R[rows],
            clicked_R=self.clicked_R[rows],
        )

    @property
    def click_through(self) -> float:
        return float(self.clicked_R.sum() / self.impressions_R.sum())


def expected_click_through(connection: "duckdb.DuckDBPyConnection", *, window: timedelta) -> Expectation:
    """Return the click-through that the days are expected to have whose windows are not over.

    Args:
        connection: with the table ``list_feedback``.
        window: how long after a list an event may be owed to it.
    """
    columns = connection.sql(IMPRESSIONS).fetchnumpy()
    if not len(columns["answered_on"]):
        return _nothing("no list is counted yet")
    dates = columns["answered_on"].astype("datetime64[D]")
    placement_R = np.unique(columns["placement"].astype(str), return_inverse=True)[1]
    position_R = np.asarray(columns["position"], dtype=np.int64)
    places, places_R = np.unique(np.column_stack([placement_R, position_R]), axis=0, return_inverse=True)
    impressions = _Impressions(
        days_R=dates.astype(np.int64),
        places_R=places_R.ravel(),
        placements_P=places[:, 0],
        items_R=np.unique(columns["item_id"].astype(str), return_inverse=True)[1],
        impressions_R=np.asarray(columns["impressions"], dtype=np.float64),
        clicked_R=np.asarray(columns["clicked"], dtype=np.float64),
    )
    is_open_R = ~np.asarray(columns["is_complete"], dtype=np.bool_)
    return expect(
        impressions, open_days=set(impressions.days_R[is_open_R].tolist()), lag=max(-(-window // timedelta(days=1)), 1)
    )


def expect(impressions: _Impressions, *, open_days: set[int], lag: int) -> Expectation:
    """Return the estimates of the ``open_days``; what came of a day is known ``lag`` days later."""
    past: list[tuple[float, float, float]] = []
    """Of each judged day: expected, measured, and the last figure known at its end."""
    expected_days: list[ExpectedDay] = []
    refused = False
    for day in sorted(set(impressions.days_R.tolist())):
        before = impressions.of_days(day - lag - PAST_DAYS + 1, day - lag)
        today = impressions.of_days(day, day)
        if before.clicked_R.sum() < MIN_CLICKED:
            refused |= day in open_days
            continue
        expected = _expected(before, today)
        if day not in open_days:
            last = before.of_days(int(before.days_R.max()), day)
            past.append((expected, today.click_through, last.click_through))
            continue
        low, high = _bounds(expected, past)
        expected_days.append(
            ExpectedDay(
                day=date(1970, 1, 1) + timedelta(days=day),
                impressions=int(today.impressions_R.sum()),
                expected=expected,
                low=low,
                high=high,
            )
        )
    judged = [one for one in past if one[1] > 0]
    why = None
    if refused and not expected_days:
        why = f"fewer than {MIN_CLICKED} shown items were clicked in the {PAST_DAYS} days whose windows are over"
    elif expected_days and len(judged) < JUDGED_FOR_AN_INTERVAL:
        why = f"an interval takes {JUDGED_FOR_AN_INTERVAL} past days; there are {len(judged)}"
    return Expectation(
        days=expected_days,
        judged=len(judged),
        error=_mean_error([(expected, measured) for expected, measured, _ in judged]),
        error_of_carrying_over=_mean_error([(carried, measured) for _, measured, carried in judged]),
        not_evaluable=why,
    )


def _expected(before: _Impressions, today: _Impressions) -> float:
    """Return the click-through of what is shown today, from the days before."""
    places = len(before.placements_P)
    clicked_P = np.bincount(before.places_R, weights=before.clicked_R, minlength=places)
    impressions_P = np.bincount(before.places_R, weights=before.impressions_R, minlength=places)
    clicked, total = (np.bincount(before.placements_P, weights=counts) for counts in (clicked_P, impressions_P))
    # A placement that was not shown before has the click-through of all.
    rate = (clicked + PLACE_PRIOR * before.click_through) / (total + PLACE_PRIOR)
    rate_P = (clicked_P + PLACE_PRIOR * rate[before.placements_P]) / (impressions_P + PLACE_PRIOR)
    items = int(max(before.items_R.max(), today.items_R.max())) + 1
    clicked_I = np.bincount(before.items_R, weights=before.clicked_R, minlength=items)
    explained_I = np.bincount(before.items_R, weights=before.impressions_R * rate_P[before.places_R], minlength=items)
    concentration = max(CONCENTRATIONS, key=lambda one: _log_likelihood(clicked_I, explained_I, one))
    factor_I = (clicked_I + concentration) / (explained_I + concentration)
    clicks = (today.impressions_R * rate_P[today.places_R] * factor_I[today.items_R]).sum()
    return float(clicks / today.impressions_R.sum())


def _log_likelihood(clicked_I: NDArray[Any], explained_I: NDArray[Any], concentration: float) -> float:
    """Return how likely the items' clicks are where factors are drawn from a Gamma distribution of mean 1."""
    with_impressions = explained_I > 0
    clicked_I, explained_I = clicked_I[with_impressions], explained_I[with_impressions]
    total_I = explained_I + concentration
    return float(
        (
            gammaln(clicked_I + concentration)
            - gammaln(concentration)
            + concentration * np.log(concentration / total_I)
            + clicked_I * np.log(explained_I / total_I)
        ).sum()
    )


def _bounds(expected: float, past: Sequence[tuple[float, float, float]]) -> tuple[float | None, float | None]:
    """Return the estimate times the smallest and the largest error of the past days."""
    ratios = [measured / estimate for estimate, measured, _ in past[-PAST_DAYS:] if estimate > 0]
    if len(ratios) < JUDGED_FOR_AN_INTERVAL:
        return None, None
    return expected * min(ratios), expected * max(ratios)


def _mean_error(pairs: Sequence[tuple[float, float]]) -> float | None:
    if not pairs:
        return None
    return float(np.mean([abs(estimate - measured) / measured for estimate, measured in pairs]))


def _nothing(why: str) -> Expectation:
    return Expectation(days=[], judged=0, error=None, error_of_carrying_over=None, not_evaluable=why)
