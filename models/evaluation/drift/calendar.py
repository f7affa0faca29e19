"""Days that are like those that are judged: a weekend is compared with weekends, not with whole weeks."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.drift.measuring import Floats

DAY: Final = 86_400.0
UNLIKE: Final = 0.2
"""Share of the days of the judged window by which its weekdays differ from those of the reference."""


def matched(before: Floats, after: Floats, *, min_rows: int) -> tuple[NDArray[np.int64] | None, str | None]:
    """Return the rows of the reference that are of the weekdays of the judged window, and a sentence about it.

    Args:
        before: moments of the reference in seconds since 1970, NaN where unknown.
        after: moments of the judged window.
        min_rows: with fewer rows of these weekdays, all rows stay.

    Returns:
        None and None where the weekdays of both are alike, or those of the judged window are not in the reference.
    """
    shares = [_weekdays(values) for values in (before, after)]
    if shares[0] is None or shares[1] is None:
        return None, None
    if np.abs(shares[0] - shares[1]).sum() / 2 <= UNLIKE:
        return None, None
    wanted = np.flatnonzero(shares[1] > 0.02)
    is_known = np.isfinite(before)
    weekday = np.full(len(before), -1)
    weekday[is_known] = _weekday(before[is_known])
    same_days = np.flatnonzero(np.isin(weekday, wanted))
    if len(same_days) < min_rows or len(same_days) == len(before):
        return None, None
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    listed = ", ".join(names[day] for day in wanted)
    return same_days, f"compared with {listed} of the reference: the current rows are of no other days"


def _weekday(values: Floats) -> NDArray[np.int64]:
    """Return the weekdays of moments, 0 for Monday; 1970 began on a Thursday."""
    return np.asarray((values // DAY + 3) % 7, dtype=np.int64)


def _weekdays(values: Floats) -> NDArray[np.float64] | None:
    """Return the share of rows on each weekday, or None where no row has a moment."""
    days = _weekday(values[np.isfinite(values)])
    return np.bincount(days, minlength=7) / len(days) if len(days) else None
