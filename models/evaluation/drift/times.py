"""How moments moved: whether they are fresh, whole, and of the same hours; windows of other days are no drift."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.evaluation.drift.findings import DriftConfig, Measurement
from models.evaluation.drift.measuring import Floats, category_measures, compare_shares, moved_shares

DAY: Final = 86_400.0
STALE_SHARE: Final = 0.05
"""Share of the reference's length by which its newest moment may be newer than the judged window's."""
WHOLE_DAY: Final = 0.9
"""Days of both windows from which hours are compared."""
FINE: Final = 0.02
"""Share of the most frequent moment up to which moments are fine, and not days."""
FAR: Final = 3.0
"""Lengths of the reference beyond which a moment is far from all others."""
GAP: Final = 3.0
"""How many times longer than any before a gap must be."""
MIN_MISSED: Final = 20
"""Rows that would have been expected in a gap."""
FEW_DAYS: Final = 4
"""Days from which rows a day are compared."""
VOLUME: Final = 1.5
"""How many times more or fewer rows a day matter."""
TIMES_MORE: Final = 5.0
"""How many times more or fewer rows matter where they cannot be counted by day."""
WEEKS: Final = 14
"""Days of both windows from which weekdays are compared."""


def time_measures(before: Floats, after: Floats, config: DriftConfig) -> Iterator[Measurement]:
    """Yield what is compared of moments in seconds since 1970, without nulls."""
    yield _staleness(before, after)
    yield _strays(before, after, config)
    hours = [pd.Series((values % DAY) // 3600).value_counts() for values in (before, after)]
    if len(hours[0]) > 1 and min(_length(before), _length(after)) >= WHOLE_DAY * DAY:
        yield from _named("hours of the day", category_measures(hours[0], hours[1], config))
    yield moved_shares("share at midnight", before % DAY == 0, after % DAY == 0, config)
    yield moved_shares("share at whole hours", before % 3600 == 0, after % 3600 == 0, config)
    yield moved_shares("share in whole seconds", before % 1 == 0, after % 1 == 0, config)
    yield from _frozen(before, after, config)
    if min(_length(before), _length(after)) >= WEEKS * DAY:
        days = [pd.Series((values // DAY) % 7).value_counts() for values in (before, after)]
        yield from _named("weekdays", category_measures(days[0], days[1], config))
    yield from _gaps(before, after)


def _named(what: str, measurements: Iterator[Measurement]) -> Iterator[Measurement]:
    for one in measurements:
        yield replace(one, method=f"{what}: {one.method}", said=f"{what}: {one.said}")


def _length(values: Floats) -> float:
    """Return the seconds between the first and the last but for a few strays."""
    low, high = np.quantile(values, [0.005, 0.995])
    return max(1.0, float(high - low))


def _staleness(before: Floats, after: Floats) -> Measurement:
    newest, now = float(np.quantile(before, 0.995)), float(np.quantile(after, 0.995))
    behind, length = newest - now, _length(before)
    # Moments of a reference that would lie behind the judged window's newest: were both alike, it would be 0.5%.
    beyond = int((before > np.max(after)).sum())
    chance = len(before) / (len(before) + len(after))
    return Measurement(
        method="freshness",
        effect=max(0.0, behind / length),
        limit=STALE_SHARE,
        p_value=chance**beyond if behind > 0 else 1.0,
        said=f"newest row of {_day(float(np.max(after)))}, that of the reference of {_day(float(np.max(before)))}",
    )


def _strays(before: Floats, after: Floats, config: DriftConfig) -> Measurement:
    """Compare how many moments lie far from their own window, as 1970 and 2099 do."""
    reach = FAR * _length(before) + 7 * DAY
    far = [np.abs(values - np.median(values)) > reach for values in (before, after)]
    return moved_shares("share of moments far from all others", far[0], far[1], config)


def _frozen(before: Floats, after: Floats, config: DriftConfig) -> Iterator[Measurement]:
    was, now = (pd.Series(values).value_counts() for values in (before, after))
    if was.iloc[0] > FINE * len(before):  # days: how many rows one has tells the length of the window
        return
    yield compare_shares(
        "share of one moment",
        (float(was.iloc[0]), len(before)),
        (float(now.iloc[0]), len(after)),
        limit=config.share,
        label=f"share of the most frequent moment, now {_day(float(now.index[0]))},",
    )


def _gaps(before: Floats, after: Floats) -> Iterator[Measurement]:
    """Yield the longest time without rows, where it is longer than any before."""
    pauses = [_largest_pause(values) for values in (before, after)]
    if not pauses[0] or not pauses[1]:
        return
    missed = [pause * len(values) / _length(values) for pause, values in zip(pauses, (before, after), strict=True)]
    longer = min(pauses[1] / pauses[0], missed[1] / missed[0])
    yield Measurement(
        method="gap",
        effect=longer,
        limit=GAP,
        # A gap in which so many rows were expected; bursts make gaps, so that only a long one says something.
        p_value=float(np.exp(-missed[1] / MIN_MISSED * 12)) if longer >= GAP else 1.0,
        said=f"{pauses[1] / 3600:.3g} hours without rows; the longest before was {pauses[0] / 3600:.3g}",
    )


def _largest_pause(values: Floats) -> float:
    inner = np.sort(values)
    cut = len(inner) // 200
    inner = inner[cut : len(inner) - cut]
    return float(np.diff(inner).max()) if len(inner) > 2 else 0.0


def rows_a_day(values: Floats) -> NDArray[np.int64]:
    """Return the rows of each whole day, from the second to the last but one."""
    days = (values // DAY).astype(np.int64)
    counts = np.bincount(days - days.min()) if len(days) and np.ptp(days) < 10_000 else np.array([], dtype=np.int64)
    return counts[1:-1].astype(np.int64)


def volume(before: Floats, after: Floats) -> Measurement:
    """Compare the rows a day, or where there are few whole days the rows an hour, which nights and weekends move."""
    from scipy.stats import ttest_ind

    was, now = rows_a_day(before), rows_a_day(after)
    if min(len(was), len(now)) < FEW_DAYS:
        rates = [len(values) / max(1.0, _length(values) / 3600) for values in (before, after)]
        more = max(rates[1] / rates[0], rates[0] / rates[1])
        said = f"rows an hour: {rates[0]:,.0f}, now {rates[1]:,.0f}"
        return Measurement(
            method="rows an hour", effect=more, limit=TIMES_MORE, p_value=0.0 if more >= TIMES_MORE else 1.0, said=said
        )
    middles = float(np.median(was)), float(np.median(now))
    apart = abs(np.log(max(middles[1], 0.5) / max(middles[0], 0.5)))
    return Measurement(
        method="rows a day",
        effect=float(np.exp(apart)),
        limit=VOLUME,
        p_value=float(ttest_ind(np.log1p(was), np.log1p(now), equal_var=False).pvalue) if apart else 1.0,
        said=f"rows a day: {middles[0]:,.0f} in the middle, now {middles[1]:,.0f}",
    )


def _day(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.6g} s"
