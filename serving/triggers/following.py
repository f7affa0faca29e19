"""Follows what the collector keeps, record by record, as soon as it is on disk; the collector knows nothing of it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from models.triggers.engine import ItemChange
from serving.triggers.history import COLUMNS
from shopsight.ingestion.collecting.journal import LANDED, OPEN, SEALED
from shopsight.ingestion.collecting.records import Record, decode
from shopsight.ingestion.collecting.stream import EventStream
from shopsight.live_items import LiveItem
from shopsight.settings import Settings

HASH_BYTES: Final = 16
"""Of an event, in what is left of a landed segment."""


class Source(Protocol):
    """Where accepted events come from."""

    def new_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the events that were accepted since the last call."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class MissedEventsError(Exception):
    """A segment landed before all of it was read here: what was missed is in the event log."""


@dataclass
class _Place:
    offset: int = 0
    events: int = 0


class JournalSource:
    """The segments of the collector's journal, read from where the last look ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[str, _Place] = {}

    def new_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the events of records that were written since; a record that is being written waits.

        Raises:
            MissedEventsError: a segment landed before its last records were read.
        """
        try:
            segments = {path.stem: path for path in self._folder.iterdir() if path.suffix in (OPEN, SEALED)}
        except FileNotFoundError:
            return
        for stem in sorted(segments):
            place = self._places.setdefault(stem, _Place())
            yield from _rows(self._read(segments[stem], place))
        for stem in [stem for stem in self._places if stem not in segments]:
            if not any((self._folder / f"{stem}{suffix}").exists() for suffix in (OPEN, SEALED)):
                place = self._places.pop(stem)
                landed = self._folder / f"{stem}{LANDED}"
                if landed.exists() and landed.stat().st_size > place.events * HASH_BYTES:
                    raise MissedEventsError(stem)

    def close(self) -> None:
        """Do nothing: files are open only while they are read."""

    def _read(self, path: Path, place: _Place) -> Iterator[Record]:
        for name in (path, path.with_suffix(SEALED)):
            try:
                if name.stat().st_size == place.offset:
                    return
                with name.open("rb") as file:
                    file.seek(place.offset)
                    data = memoryview(file.read())
                break
            except FileNotFoundError:  # it has just been sealed, or has landed
                continue
        else:
            return
        start = 0
        while (decoded := decode(data, start)) is not None:
            record, end = decoded
            place.offset += end - start
            place.events += record.accepted.num_rows
            start = end
            yield record


class StreamSource:
    """The event stream that several collectors publish to."""

    def __init__(self, url: str) -> None:
        """Connect.

        Raises:
            StreamUnavailableError: the server does not answer.
        """
        self._stream = EventStream(url)
        self._next = max(self._stream.state().first, 1)  # 0 of a stream that never had a message

    def new_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the events of messages that came since.

        Raises:
            StreamUnavailableError: the server does not answer.
            MissedEventsError: messages were landed and taken out before they were read here.
        """
        state = self._stream.state()
        if state.first > self._next and state.last >= self._next:
            missed, self._next = self._next, state.first
            raise MissedEventsError(f"message {missed}")
        while self._next <= state.last:
            record = self._stream.record(self._next)
            self._next += 1
            if record is not None:
                yield from _rows(iter([record]))

    def close(self) -> None:
        """End the connection."""
        self._stream.close()


class CatalogueSource:
    """Every description of an item that the collector took, also of two that came between two looks.

    Of a file that was written anew the descriptions come once more, which changes nothing.
    """

    def __init__(self, settings: Settings) -> None:
        self._path = settings.live_items_path
        self._head = b""
        self._offset = 0

    def new_changes(self) -> list[ItemChange]:
        """Return the descriptions that came since the last call, in the order of their moments."""
        try:
            with self._path.open("rb") as file:
                head = file.readline()
                if head != self._head or os.fstat(file.fileno()).st_size < self._offset:
                    self._head, self._offset = head, len(head)
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        whole = added[: added.rfind(b"\n") + 1]  # the rest is being written
        self._offset += len(whole)
        changes = []
        for line in whole.splitlines():
            with suppress(KeyError, ValueError, TypeError):  # `/readyz` of the services names a line that is no item
                changes.append(_change(LiveItem.of_row(orjson.loads(line))))
        return sorted((one for one in changes if one is not None), key=lambda one: (one.at, one.item_id))


def _change(item: LiveItem) -> ItemChange | None:
    if item.described_at is None:
        return None
    return ItemChange(
        at=item.described_at,
        item_id=item.item_id,
        price=item.price,
        currency=item.row.get("currency"),
        is_available=item.is_available,
    )


def source_of(settings: Settings) -> Source:
    """Return what to follow, as the settings say."""
    return StreamSource(settings.event_stream) if settings.event_stream else JournalSource(settings.collected_dir)


def _rows(records: Iterator[Record]) -> Iterator[dict[str, Any]]:
    for record in records:
        if record.accepted.num_rows:
            yield from record.accepted.select(list(COLUMNS)).to_pylist()
