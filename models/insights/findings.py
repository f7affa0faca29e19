"""One finding, and what makes it news: enough shoppers, an interval that excludes chance, and a size that matters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pyarrow as pa

MIN_SHOPPERS: Final = 10
"""Shoppers, or reviews, below which nothing is judged."""
MIN_VAIN: Final = 5
"""Shoppers of a query from which a lack is told: it is no change, so that chance has less of a say."""
MIN_GROWTH: Final = 1.2
"""What the lower end of a ratio must reach to be news: in a large shop every small change is sure."""
WEEKS_BEFORE: Final = 4
"""Weeks that a week is compared with."""

KINDS: Final = (
    "rising_query",
    "rising_word",
    "rising_category",
    "rising_attribute",
    "unmet_query",
    "unmet_item",
    "pain_point",
    "cannibal",
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One subject in one week."""

    kind: str
    """Of :data:`KINDS`."""
    subject: str
    """The query, category, ``attribute=value``, item or brand."""
    other: str | None = None
    """The aspect of a brand, or the item that takes the subject's sales."""
    count: int
    """How many shoppers, reviews or units it was."""
    of: int
    """Among how many."""
    count_before: int | None = None
    """The same of the weeks, brands or days that it is compared with; None where a share speaks for itself."""
    of_before: int | None = None
    value: float
    """The ratio or the share."""
    low: float
    """95%."""
    high: float
    p: float | None = None
    is_news: bool
    rows: str
    """SQL for the rows that ``count`` counts, as ``shopsight query`` takes it."""
    numbers: str
    """SQL for one row of ``count``, ``of``, ``count_before`` and ``of_before``."""


@dataclass(frozen=True, kw_only=True)
class Week:
    """What a week has brought."""

    begins: date
    """Monday, in the shop's zone."""
    findings: Sequence[Finding]
    judged: dict[str, int]
    """How many subjects of each kind there was enough of."""
    silent: dict[str, str]
    """Why a kind says nothing, where it could not be judged at all."""

    def news(self, kind: str) -> list[Finding]:
        """Return what is news, the largest first."""
        news = [one for one in self.findings if one.kind == kind and one.is_news]
        return sorted(news, key=lambda one: (-one.low, -one.count, one.subject, one.other or ""))


SCHEMA: Final = pa.schema(
    [
        pa.field("week", pa.date32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("other", pa.string()),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("of", pa.int64(), nullable=False),
        pa.field("count_before", pa.int64()),
        pa.field("of_before", pa.int64()),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("p", pa.float64()),
        pa.field("is_news", pa.bool_(), nullable=False),
        pa.field("rows", pa.string(), nullable=False),
        pa.field("numbers", pa.string(), nullable=False),
    ]
)
"""A row is a finding; ``rows`` is the SQL for what it counts, ``numbers`` that for all of its numbers."""


def table_of(week: Week) -> pa.Table:
    """Return a week's findings, news and others, as a table of :data:`SCHEMA`."""
    rows: list[dict[str, Any]] = [{"week": week.begins, **vars(one)} for one in week.findings]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
