"""The champion's catalogue as the shop has it now: what the warehouse exported last, and what the shop said since.

A model knows its items as they were when it was trained. The warehouse writes the mart ``items`` after every build, by
one rename; the collector adds to the file of live items before it answers. A running service takes both up, and needs
no training for it. Of an item the newer description holds.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.catalogue import ITEM_STATE, Catalogue
from shopsight.live_items import LiveItem, LiveItems
from shopsight.marts import mart_file
from shopsight.whole_files import FileVersion, version_of

LOOK_AGAIN_SECONDS: Final = 1.0
"""How long a look at the export is good for. The file of live items is looked at by every request: it takes some µs."""
MAX_NEWCOMERS: Final = 1_000
"""Items that a service shows beside those that its model knows; of more, the newest."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ALSO_READ: Final = ("description", "described_at")


@dataclass(frozen=True, kw_only=True)
class _Exported:
    """What the export says."""

    catalogue: Catalogue
    """The model's items, and room for newcomers."""
    described_us: Sequence[int | None] = ()
    """When each of the model's items was described, in microseconds since 1970; empty where the export does not say."""
    newcomers: Mapping[str, LiveItem] = field(default_factory=dict)
    """Items that the model does not know."""

    def described_at(self, item_id: str) -> datetime | None:
        """Return from when on holds what the export says of an item; None where no catalogue has described it."""
        if (newcomer := self.newcomers.get(item_id)) is not None:
            return newcomer.described_at
        place = self.catalogue.positions.get(item_id)
        moment = self.described_us[place] if place is not None and self.described_us else None
        return None if moment is None else EPOCH + timedelta(microseconds=moment)


class LiveCatalogue:
    """Called for the catalogue as it is now; the last state that could be read stays where a later one cannot.

    The places of items never change, nor does their number: there is room for newcomers behind the model's items.
    """

    def __init__(
        self,
        trained: Catalogue,
        path: Path,
        live: Path,
        *,
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make one.

        Args:
            trained: the model's own catalogue.
            path: the name of the mart ``items``.
            live: the file of live items, which need not be there.
            seconds_now: a clock that nobody sets.
        """
        self._live = LiveItems(live)
        self._live_items: Mapping[str, LiveItem] = {}
        self._unread: str | None = None
        self._path = path
        self._seconds_now = seconds_now
        self._lock = threading.Lock()
        self._look_again = float("-inf")
        self._read: FileVersion | None = None
        self._exported = _Exported(catalogue=trained.with_room(MAX_NEWCOMERS))
        self._catalogue = self._exported.catalogue
        self._in_force: FileVersion | None = None
        self._places: dict[str, int] = {}
        self._export_failure: str | None = None
        self._left_out = 0

    @property
    def failure(self) -> str | None:
        """Why the state is not that of the export and the live items as they are now, or None while it is."""
        too_many = (
            f"{self._left_out} items are left out: the model knows none of them, and there is room for {MAX_NEWCOMERS} "
            "such; train it again"
        )
        live = self._unread or self._live.failure
        return self._export_failure or live or (too_many if self._left_out else None)

    def __call__(self) -> Catalogue:
        """Return the catalogue.

        The export is looked at once a second, by one request while the others go on; but what the collector has
        answered for holds here, so where something was added to the live items, requests wait until it is taken up.
        """
        if self._live.version() != self._in_force:
            with self._lock:
                if (seen := self._live.version()) != self._in_force:
                    self._compose(seen)
        if self._seconds_now() >= self._look_again and self._lock.acquire(blocking=False):
            try:
                if self._look():
                    self._compose(self._live.version())
                self._look_again = self._seconds_now() + LOOK_AGAIN_SECONDS
            finally:
                self._lock.release()
        return self._catalogue

    def _compose(self, seen: FileVersion | None) -> None:
        """Put what was said since over what the export says; ``seen`` is the file of live items before it is read."""
        try:
            self._live_items, in_force, self._unread = self._live.read(), seen, None
        except OSError as error:
            in_force, self._unread = (
                self._in_force,
                f"live items cannot be read, those of before stay in force: {error}",
            )
        said = {
            item_id: item
            for item_id, item in self._live_items.items()
            if item.is_newer_than(self._exported.described_at(item_id))
        }
        positions = self._exported.catalogue.positions
        changed = {positions[item_id]: item for item_id, item in said.items() if item_id in positions}
        newcomers = {i: item for i, item in self._exported.newcomers.items() if i not in said}
        newcomers |= {i: item for i, item in said.items() if i not in positions}
        newest = sorted(
            (item for item in newcomers.values() if item.is_listed or item.item_id in self._places),
            key=lambda item: (item.is_listed, item.described_at or EPOCH),
            reverse=True,
        )
        self._make_room(newest)
        placed = {self._places[item.item_id]: item for item in newest if item.item_id in self._places}
        self._left_out = sum(item.is_listed for item in newest) - sum(item.is_listed for item in placed.values())
        self._catalogue, self._in_force = self._exported.catalogue.with_live(changed | placed), in_force

    def _make_room(self, newest: list[LiveItem]) -> None:
        """Give each of the newest a place that it keeps; a place is given away only where none is free."""
        wanted = {item.item_id for item in newest[:MAX_NEWCOMERS]}
        missing = [item_id for item_id in wanted if item_id not in self._places]
        if not missing:
            return
        first = self._exported.catalogue.num_known
        taken = set(self._places.values())
        free = [place for place in range(first, first + MAX_NEWCOMERS) if place not in taken]
        unwanted = [item_id for item_id in self._places if item_id not in wanted]
        free += [self._places.pop(item_id) for item_id in unwanted[: max(0, len(missing) - len(free))]]
        self._places |= dict(zip(missing, free, strict=False))

    def _look(self) -> bool:
        """Read the export where there is another one; return whether it was taken up."""
        try:
            path = mart_file(self._path)
        except (OSError, ValueError, KeyError) as error:
            self._export_failure = f"{self._path} cannot be read; the stock and prices of before stay in force: {error}"
            return False
        seen = version_of(path)
        if seen is None:
            self._export_failure = (
                f"{self._path} is missing; stock and prices are those of the last one, or of the training"
            )
            return False
        if seen == self._read:
            self._export_failure = None
            return False
        try:
            exported = self._of(path)
        except (OSError, KeyError, pa.ArrowException) as error:
            self._export_failure = f"{self._path} cannot be read; the stock and prices of before stay in force: {error}"
            return False
        if exported.catalogue.num_known and not exported.catalogue.listed.any():
            self._export_failure = (
                f"{self._path} has none of the model's items; the stock and prices of before stay in force"
            )
            return False
        self._exported, self._read, self._export_failure = exported, seen, None
        return True

    def _of(self, path: Path) -> _Exported:
        # Not read_table: it imports pandas where that is installed, and the Bento need not carry it.
        with pq.ParquetFile(path) as file:
            names = set(file.schema_arrow.names)
            optional = [name for name in ("is_listed", *_ALSO_READ) if name in names]
            items = file.read(columns=["item_id", *(n for n in ITEM_STATE if n != "is_listed"), *optional])
        catalogue = self._exported.catalogue.with_items(items)
        model_ids, item_ids = (
            pa.array(catalogue.item_ids[: catalogue.num_known], pa.string()),
            items["item_id"].cast(pa.string()),
        )
        described: list[int | None] = []
        if "described_at" in optional:
            moments = items["described_at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
            described = moments.take(pc.index_in(model_ids, value_set=item_ids)).to_pylist()
        others = items.filter(pc.invert(pc.is_in(item_ids, value_set=model_ids)))
        newcomers = {row["item_id"]: _newcomer(row) for row in others.to_pylist()}
        return _Exported(catalogue=catalogue, described_us=described, newcomers=newcomers)


def _newcomer(row: Mapping[str, Any]) -> LiveItem:
    """Return an item of the export that the model does not know."""
    is_listed = row.get("is_listed") is not False
    price = row["price"]
    return LiveItem(
        item_id=row["item_id"],
        described_at=row.get("described_at"),
        title=row["title"],
        description=row.get("description"),
        category=row["category"],
        brand=row["brand"],
        price=None if price is None or np.isnan(price) else price,
        is_available=bool(row["is_available"]) and is_listed,
        is_listed=is_listed,
    )
