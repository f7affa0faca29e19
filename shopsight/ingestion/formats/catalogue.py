"""Gathers what events say about their items, for sources that send no catalogue of their own."""

from collections import Counter
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from shopsight.ingestion.readers.chunks import RawChunk, chunk_of_rows

DETAILS: Final = ("category", "brand", "price", "currency")


class Catalogue:
    """Titles and details of the items that were seen so far."""

    def __init__(self) -> None:
        self._titles: dict[str, Counter[str]] = {}
        self._details: dict[str, dict[str, Any]] = {}

    def note(self, rows: pa.Table) -> None:
        """Take in rows with ``item_id``, ``title`` and any of :data:`DETAILS`, all text."""
        rows = rows.filter(pc.and_(pc.is_valid(rows["title"]), pc.is_valid(rows["item_id"])))
        counts = rows.group_by(["item_id", "title"]).aggregate([([], "count_all")])
        for item, title, count in zip(*(counts[name].to_pylist() for name in counts.column_names), strict=True):
            self._titles.setdefault(item, Counter())[title] += count
        details = [name for name in DETAILS if name in rows.column_names]
        latest = rows.group_by("item_id", use_threads=False).aggregate([(name, "last") for name in details])
        for row in latest.to_pylist():
            known = {name: row[f"{name}_last"] for name in details if row[f"{name}_last"] is not None}
            self._details.setdefault(row["item_id"], {}).update(known)

    def chunk(self, file_name: str) -> RawChunk:
        """Return a row per item: its most frequent title, and the last of every detail that was given."""
        rows = [
            {"item_id": item, "title": min(titles, key=lambda title: (-titles[title], title)), **self._details[item]}
            for item, titles in sorted(self._titles.items())
        ]
        columns = pa.schema([(name, pa.string()) for name in ("item_id", "title", *DETAILS)])
        return chunk_of_rows(pa.Table.from_pylist(rows, columns), first_line=1, table="items", file_name=file_name)
