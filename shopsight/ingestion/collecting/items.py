"""The collector's door for items: judges what is said of them by the rules of an import, and completes it.

Of an item the newest description holds as a whole, in the warehouse too. So a description that names a price alone is
completed here by what is known of the item; what lands in the event log is the whole one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import orjson

from shopsight.clock import rfc3339
from shopsight.events import ITEM_SCHEMA
from shopsight.ingestion.collecting.door import NO_OBJECT, SOURCE, Refusal
from shopsight.ingestion.collecting.item_states import ItemStates, ItemsUnreadableError
from shopsight.ingestion.collecting.live_file import LiveItemsFile
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.json_lines import StandingObjects, keys_as_columns
from shopsight.ingestion.validation.standing import StandingRules
from shopsight.ingestion.validation.validate import validate
from shopsight.live_items import LiveItem, LiveItems
from shopsight.locking import ResourceBusyError

CONTENT: Final = ("title", "description", "category", "brand", "price", "currency", "availability", "image_url",
                  "attributes")  # fmt: skip
UNKNOWN: Final = "item_unknown"
"""Of a change that was refused because nothing, or nothing any more, is known of its item; nothing of it is kept."""
TAKEN_UP_SECONDS: Final = 60.0
"""How long an export must have been there before what it took up goes: services look at it once a second."""
LOOK_SECONDS: Final = 10.0
"""How often it is looked whether there is another export, while nothing is said of items."""


@dataclass(frozen=True, kw_only=True)
class ItemChange:
    """What is said of one item."""

    line: bytes
    """An object of JSON in the columns of items; what it does not name stays as it is."""
    kind: Literal["describe", "mention", "change", "remove"] = "describe"
    """``mention``: beside an event, so that it only adds what nobody has said; ``change`` and ``remove``: of an item
    that is known, and otherwise refused."""


@dataclass(frozen=True, kw_only=True)
class ItemJudgement:
    """What becomes of some changes."""

    rows: tuple[bytes, ...]
    """Rows for the journal: those that are good, completed, and the others as they came."""
    live: tuple[bytes, ...]
    """The good ones."""
    refusals: tuple[Refusal, ...]


NO_ITEMS: Final = ItemJudgement(rows=(), live=(), refusals=())


class ItemDoor:
    """Judges what is said of items, and has what was kept hold at once. Use it from one thread."""

    def __init__(self, path: Path, *, export: Path, event_log: Path, seconds_now: Callable[[], float]) -> None:
        """Make one.

        Args:
            path: of the file of live items.
            export: the name of the mart ``items``.
            event_log: the folder of the log.
            seconds_now: a clock that nobody sets.
        """
        self._file = LiveItemsFile(path)
        self._states = ItemStates(export, event_log, LiveItems(path))
        self._seconds_now = seconds_now
        self._tidy_at: float | None = None
        self._look_at = float("-inf")
        self._connections = reading, judging, self._other = [utc_connection() for _ in range(3)]
        self._objects = StandingObjects(reading, keys_as_columns(ITEM_SCHEMA.names, rest_into="attributes"))
        self._rules = StandingRules(judging, "items")
        self._newest = datetime(1970, 1, 1, tzinfo=UTC)

    def judge(self, changes: Sequence[ItemChange], *, received_at: datetime) -> ItemJudgement:
        """Return what becomes of changes, in their order; a later one builds on those before.

        Args:
            changes: what is said.
            received_at: when; aware.

        Raises:
            ItemsUnreadableError: what is known of the items cannot be read.
        """
        self._look()
        named = [_names_in(change.line) for change in changes]
        typed, refused = self._rows(changes, named, received_at)
        pending: dict[str, LiveItem] = {}
        rows, live = list[bytes](), list[bytes]()
        for place, change in enumerate(changes):
            if place in refused:
                rows.append(change.line)
                continue
            row, names = typed[place], named[place]
            before = pending.get(row["item_id"]) or self._states.of(row["item_id"])
            is_there = before is not None and before.is_listed
            if change.kind in ("change", "remove") and not is_there:
                refused[place] = [UNKNOWN]
                continue
            if change.kind == "mention" and before is not None and _adds_nothing(row, before):
                continue
            whole = self._completed(row, names or (), before, change.kind, received_at)
            line = orjson.dumps(whole)
            rows.append(line)
            live.append(line)
            item = LiveItem.of_row(whole)
            if before is None or item.is_newer_than(before.described_at):
                pending[item.item_id] = item
        refusals = tuple(Refusal(index=place, reasons=tuple(refused[place])) for place in sorted(refused))
        return ItemJudgement(rows=tuple(rows), live=tuple(live), refusals=refusals)

    def publish(self, lines: Sequence[bytes]) -> None:
        """Have rows that were kept hold, from the next request of every service on.

        Raises:
            OSError: they could not be written.
        """
        if not lines:
            return
        try:
            self._file.append(lines)
        except ResourceBusyError as error:
            raise OSError(str(error)) from error

    def tidy(self) -> None:
        """Let go of what the export has taken up, once all services have seen that; called now and then.

        Raises:
            OSError: the file could not be written anew, or what is known of the items cannot be read.
        """
        if self._seconds_now() < self._look_at:
            return
        self._look_at = self._seconds_now() + LOOK_SECONDS
        try:
            self._look()
        except ItemsUnreadableError as error:
            raise OSError(str(error)) from error
        if self._tidy_at is None or self._seconds_now() < self._tidy_at:
            return
        self._tidy_at = None
        try:
            self._file.keep(lambda item: not self._states.is_taken_up(item))
        except ResourceBusyError as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        """Let go of the database."""
        for connection in self._connections:
            connection.close()

    def _look(self) -> None:
        if self._states.look():
            self._tidy_at = self._seconds_now() + TAKEN_UP_SECONDS

    def _rows(
        self, changes: Sequence[ItemChange], named: Sequence[frozenset[str] | None], received_at: datetime
    ) -> tuple[dict[int, dict[str, Any]], dict[int, list[str]]]:
        """Return the typed row of every good change by its place, and of every other one what it breaks."""
        refused = {place: [NO_OBJECT] for place, names in enumerate(named) if names is None}
        places = [place for place in range(len(changes)) if place not in refused]
        if not places:
            return {}, refused
        read = self._objects.rows([changes[place].line.decode() for place in places]).drop_columns("row")
        chunk = RawChunk(rows=read, lines=np.arange(read.num_rows), raw=lambda _: [], table="items")
        validated = validate(self._other, chunk, source_name=SOURCE, received_at=received_at, judge=self._rules)
        refused |= {places[row]: why for row, why in zip(validated.bad.tolist(), validated.reasons, strict=True)}
        good = [place for place in places if place not in refused]
        return dict(zip(good, validated.good.to_pylist(), strict=True)), refused

    def _completed(
        self,
        row: Mapping[str, Any],
        named: frozenset[str] | tuple[()],
        before: LiveItem | None,
        kind: str,
        received_at: datetime,
    ) -> dict[str, Any]:
        """Return the whole description of an item: what is said now, and else what is known."""
        said = {name: _plain(name, row[name]) for name in CONTENT if name in named}
        standing = {} if before is None or not before.is_listed else dict(before.row)
        standing = {name: standing[name] for name in CONTENT if standing.get(name) is not None}
        content = said | standing if kind == "mention" else standing | said
        begins, ends = row["valid_from"], row["valid_to"]
        if begins is None:
            step = timedelta(microseconds=1)
            earlier = [self._newest, *([before.described_at] if before and before.described_at else [])]
            begins = self._newest = max([received_at, *(moment + step for moment in earlier)])
        if kind == "remove":
            content["availability"], ends = "discontinued", begins
        whole = {name: value for name, value in content.items() if value is not None}
        times = {"valid_from": begins, "valid_to": ends, "created_timestamp": row["created_timestamp"]}
        return (
            {"item_id": row["item_id"], "source": row["source"]}
            | whole
            | {name: rfc3339(moment) for name, moment in times.items() if moment is not None}
        )


def _names_in(line: bytes) -> frozenset[str] | None:
    """Return which columns an object of JSON names, be it to empty them; None where the line is no object."""
    document = json.loads(line)  # which reads half a character, too
    if not isinstance(document, dict):
        return None
    rest = {"attributes"} if document.keys() - set(ITEM_SCHEMA.names) else set()
    return frozenset(document.keys() & set(ITEM_SCHEMA.names) | rest)


def _adds_nothing(row: Mapping[str, Any], before: LiveItem) -> bool:
    """Return whether what stands beside an event says nothing new; what was deleted is not brought back by it."""
    return not before.is_listed or all(row[name] is None or before.row.get(name) is not None for name in CONTENT)


def _plain(name: str, value: Any) -> Any:
    """Return a typed value as JSON has it."""
    if isinstance(value, Decimal):
        return str(value)
    return orjson.loads(value) if name == "attributes" and value is not None else value
