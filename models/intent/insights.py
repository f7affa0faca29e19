"""What shoppers praise and complain of: reviews counted by week, category, item and aspect, with the words behind."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from models.intent.aspects import Mention, mentions
from models.intent.word_list import Sentiment

EXAMPLES: Final = 3
"""Clauses that are kept beside each number."""

SCHEMA: Final = pa.schema(
    [
        pa.field("week", pa.date32(), nullable=False),
        ("category", pa.string()),
        ("item_id", pa.string()),
        pa.field("aspect", pa.string(), nullable=False),
        pa.field("mentions", pa.int64(), nullable=False),
        pa.field("praised", pa.int64(), nullable=False),
        pa.field("complained", pa.int64(), nullable=False),
        pa.field("complaints", pa.list_(pa.string()), nullable=False),
        pa.field("praises", pa.list_(pa.string()), nullable=False),
    ]
)
"""A row is an item's aspect in a week (from Monday, in the shop's zone): clauses that speak of it, and how."""


def review_insights(reviews: pa.Table, tone_of: Callable[[str], Sentiment], *, zone: str = "UTC") -> pa.Table:
    """Return the table of :data:`SCHEMA`, most complaints first.

    Args:
        reviews: columns ``event_timestamp``, ``category``, ``item_id`` and ``text``.
        tone_of: tells the tone of a clause.
        zone: in which the shop's days begin and end.
    """
    cells: dict[tuple[date, str | None, str | None, str], list[Mention]] = defaultdict(list)
    clock = ZoneInfo(zone)
    columns = (reviews.column(name).to_pylist() for name in ("event_timestamp", "category", "item_id", "text"))
    for written, category, item_id, text in zip(*columns, strict=True):
        for mention in mentions(text, tone_of):
            cells[_monday(written, clock), category, item_id, mention.aspect].append(mention)
    rows: list[dict[str, Any]] = [
        {
            "week": week,
            "category": category,
            "item_id": item_id,
            "aspect": aspect,
            "mentions": len(cell),
            "praised": sum(one.tone == "positive" for one in cell),
            "complained": sum(one.tone == "negative" for one in cell),
            "complaints": [one.clause for one in cell if one.tone == "negative"][:EXAMPLES],
            "praises": [one.clause for one in cell if one.tone == "positive"][:EXAMPLES],
        }
        for (week, category, item_id, aspect), cell in cells.items()
    ]
    rows.sort(
        key=lambda row: (-row["complained"], row["week"], row["category"] or "", row["item_id"] or "", row["aspect"])
    )
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _monday(moment: datetime, clock: ZoneInfo) -> date:
    day = moment.astimezone(clock).date()
    return day - timedelta(days=day.weekday())
