"""A shop's own calendar: a sale is compared with a sale, a summer with a summer, and neither with an ordinary week."""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final, Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.evaluation.drift.measuring import Floats
from shopsight.books import read_book
from shopsight.errors import ShopsightError

MAJORITY: Final = 0.5
"""Share of the judged rows from which a period of the calendar is theirs."""


class UnusableCalendarError(ShopsightError):
    """A calendar that cannot be read, or has a period that is none."""


class Period(BaseModel):
    """Days that are unlike others, and like those of the same name."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str = Field(min_length=1, max_length=100)
    first_day: date = Field(alias="from")
    last_day: date = Field(alias="until")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"{self.name!r} ends on {self.last_day}, before it begins on {self.first_day}")
        return self


class ShopCalendar(BaseModel):
    """The periods of a shop; those of one name are alike."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    periods: tuple[Period, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "ShopCalendar":
        """Read a calendar.

        Raises:
            UnusableCalendarError: it is not YAML, or has what a calendar does not have; the error says where.
        """
        return read_book(cls, path, what="periods", page="docs/drift.md", error=UnusableCalendarError)

    def like(
        self, before: Floats, after: Floats, *, min_rows: int, zone: str
    ) -> tuple[NDArray[np.int64] | None, str | None]:
        """Return the rows of the reference that are of a like time as the judged ones, and a sentence about it.

        Args:
            before: moments of the reference in seconds since 1970, NaN where unknown.
            after: moments of the judged window.
            min_rows: with fewer like rows, all rows stay, and the sentence says so.
            zone: of the shop's days.

        Returns:
            None for the rows where all stay; None for the sentence where the calendar says nothing of either window.
        """
        name = self.name_of(after, zone)
        if name is None:
            special = np.logical_or.reduce([self._within(one, before, zone) for one in self.names] or [before < before])
            ordinary = np.flatnonzero(~special)
            if not special.any() or len(ordinary) < min_rows:
                return None, None
            left_out = f"{int(special.sum()):,} rows of the reference are of special periods and left out"
            return ordinary, f"{left_out}: the current rows are of none"
        like = np.flatnonzero(self._within(name, before, zone))
        if len(like) < min_rows:
            rows = f"the reference has {len(like):,} rows of that, of {min_rows:,} needed"
            return None, f"the current rows are of {name!r}, and {rows}: what moved may be {name!r} itself"
        return like, f"compared with {len(like):,} rows of the reference that are of {name!r}, as the current rows are"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the periods, each once."""
        return tuple(dict.fromkeys(period.name for period in self.periods))

    def name_of(self, moments: Floats, zone: str) -> str | None:
        """Return the name of the periods that most of the moments are in."""
        moments = moments[np.isfinite(moments)]
        if not len(moments):
            return None
        shares = {name: float(self._within(name, moments, zone).mean()) for name in self.names}
        name = max(shares, key=lambda one: shares[one], default=None)
        return name if name is not None and shares[name] > MAJORITY else None

    def _within(self, name: str, moments: Floats, zone: str) -> NDArray[np.bool_]:
        within = np.zeros(len(moments), dtype=np.bool_)
        for period in self.periods:
            if period.name == name:
                begin = _midnight(period.first_day, zone)
                end = _midnight(period.last_day + timedelta(days=1), zone)
                within |= (moments >= begin) & (moments < end)
        return within


def _midnight(day: date, zone: str) -> float:
    """Return when a day begins, in seconds since 1970."""
    return datetime.combine(day, time(), ZoneInfo(zone)).timestamp()
