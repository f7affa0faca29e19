"""Items as the shop has described them since the warehouse was built, for every service to read at every request.

The collector adds a line to one file of the home before it answers, the very row that lands in the event log later.
Of two descriptions of an item the one of the later ``valid_from`` holds, here as in the warehouse; a line goes once the
export of the mart ``items`` has taken it up. The first line of the file is another one in each that takes its place.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from shopsight.whole_files import FileVersion, version_of

UNAVAILABLE: Final = ("out_of_stock", "sold_out", "discontinued", "unavailable", "false", "0")
"""Words of ``availability`` for what cannot be bought, as the warehouse reads them; any other word is in stock."""


@dataclass(frozen=True, kw_only=True)
class LiveItem:
    """What is known of one item."""

    item_id: str
    described_at: datetime | None
    """From when on this holds; None where no catalogue has described the item."""
    title: str | None
    description: str | None
    category: str | None
    brand: str | None
    price: float | None
    is_available: bool
    is_listed: bool
    """False once the item was deleted: its newest description ends when it begins."""
    row: Mapping[str, Any] = field(repr=False, default_factory=dict)
    """What is said of it, in the canonical columns of items."""

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "LiveItem":
        """Return what a row of the catalogue says.

        Args:
            row: in canonical columns, complete; times as RFC 3339.

        Raises:
            KeyError, ValueError, TypeError: it is none.
        """
        begins, ends = datetime.fromisoformat(row["valid_from"]), row.get("valid_to")
        is_listed = ends is None or datetime.fromisoformat(ends) > begins
        price = row.get("price")
        return cls(
            item_id=row["item_id"],
            described_at=begins,
            title=row.get("title"),
            description=row.get("description"),
            category=row.get("category"),
            brand=row.get("brand"),
            price=None if price is None else float(price),
            is_available=is_listed and can_be_bought(row.get("availability")),
            is_listed=is_listed,
            row=row,
        )

    def is_newer_than(self, described_at: datetime | None) -> bool:
        """Return whether this holds beside a description of another moment; of two of one moment, the warehouse's."""
        return described_at is None or (self.described_at is not None and self.described_at > described_at)


class LiveItems:
    """The file as a service reads it: what was added since the last look, or all of it where another file is there."""

    def __init__(self, path: Path) -> None:
        self.failure: str | None = None
        """What is wrong with the file, or None."""
        self._path = path
        self._head = b""
        self._offset = 0
        self._items: dict[str, LiveItem] = {}

    def version(self) -> FileVersion | None:
        """Return what changes with every description: one look at the file's entry, some microseconds."""
        return version_of(self._path)

    def read(self) -> Mapping[str, LiveItem]:
        """Return the newest description of each item, by its id; call it by one thread at a time."""
        try:
            with self._path.open("rb") as file:
                head = file.readline()
                is_same = head == self._head and os.fstat(file.fileno()).st_size >= self._offset
                file.seek(self._offset if is_same else len(head))
                place, added = file.tell(), file.read()
        except FileNotFoundError:
            self._items, self._head, self._offset, self.failure = {}, b"", 0, None
            return self._items
        items = dict(self._items) if is_same else {}
        failure = self.failure if is_same else None
        whole = added[: added.rfind(b"\n") + 1]  # the rest is being written
        for line in whole.splitlines():
            try:
                item = LiveItem.of_row(orjson.loads(line))
            except (KeyError, ValueError, TypeError) as error:
                failure = f"{self._path} has a line that is no item: {error}"
                continue
            before = items.get(item.item_id)
            if before is None or not before.is_newer_than(item.described_at):
                items[item.item_id] = item
        self._items, self._head, self._offset, self.failure = items, head, place + len(whole), failure
        return self._items


def can_be_bought(availability: object) -> bool:
    """Return whether a word of ``availability`` says that an item is in stock; without one it is.

    >>> can_be_bought("Sold out"), can_be_bought("in_stock"), can_be_bought(None)
    (False, True, True)
    """
    return availability is None or str(availability).strip().lower().replace(" ", "_") not in UNAVAILABLE
