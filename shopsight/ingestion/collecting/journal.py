"""The collector's journal: segments of records, each of which is on disk before those who sent it are answered.

``collected/<segment>.open`` is written; full or old enough, it becomes ``<segment>.sealed``, which the landing takes
into the event log. What is left of a landed segment is ``<segment>.landed``: the hashes of its events, sixteen bytes
each, by which a collector that starts anew knows a repetition.
"""

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shopsight.ingestion.collecting.records import (
    MAGIC,
    DamagedSegmentError,
    Record,
    decode,
    encode,
    read_records,
    whole_records,
)
from shopsight.ingestion.log.staging import flush_to_disk
from shopsight.locking import exclusive
from shopsight.whole_files import replaced

OPEN: Final = ".open"
SEALED: Final = ".sealed"
LANDED: Final = ".landed"
DAMAGED: Final = ".damaged"
LOCK_SECONDS: Final = 5.0
"""How long to wait for a collector that is ending."""


class Journal:
    """The journal of one collector; nobody else writes to its folder meanwhile."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        max_seconds: float,
        now: Callable[[], datetime],
        seconds_now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Lock the folder, and seal what a collector that was killed left open, up to its last whole record.

        Args:
            folder: made where it is missing; for its owner alone, because refused events are kept as they came.
            max_bytes: size from which a segment is sealed.
            max_seconds: age from which it is.
            now: the time, by which segments are named.
            seconds_now: a clock that nobody sets.

        Raises:
            ResourceBusyError: another collector writes to the folder.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._now = now
        self._seconds_now = seconds_now
        self._file: int | None = None
        self._path = folder
        self._size = 0
        self._opened_at = 0.0
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._locked = ExitStack()
        self._locked.enter_context(
            exclusive(folder / ".lock", what="the collector's journal", wait_seconds=LOCK_SECONDS)
        )
        for left_open in sorted(folder.glob(f"*{OPEN}")):
            _recover(left_open)

    def append(self, record: Record) -> None:
        """Write a record; when this returns, it outlasts a loss of power.

        Raises:
            OSError: it could not be written, and nothing of it stays; the next one opens a segment of its own.
        """
        data = encode(record)
        if self._file is None:
            self._open()
        assert self._file is not None
        try:
            _write_all(self._file, data)
            os.fsync(self._file)
        except OSError:
            # After a failed fsync nobody knows which pages are on disk, and asking again would say that all are.
            self._give_up()
            raise
        self._size += len(data)
        if self._size >= self._max_bytes:
            self.seal()

    def seal_if_old(self) -> None:
        """Seal the segment that is written, where its time has come."""
        if self._file is not None and self._seconds_now() - self._opened_at >= self._max_seconds:
            self.seal()

    def seal(self) -> None:
        """Seal the segment that is written; without one nothing happens."""
        if self._file is None:
            return
        os.close(self._file)
        self._file = None
        _rename(self._path, SEALED)

    def close(self) -> None:
        """Seal what is open, and let another collector write."""
        self.seal()
        self._locked.close()

    def _open(self) -> None:
        # A name begins with its time, as those of batches do, and two are never alike.
        self._path = self._folder / f"{self._now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(6)}{OPEN}"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._size, self._opened_at = 0, self._seconds_now()
        flush_to_disk(self._folder)

    def _give_up(self) -> None:
        """Leave the segment with the records that were whole before."""
        file, self._file = self._file, None
        assert file is not None
        os.ftruncate(file, self._size)
        os.close(file)
        if self._size:
            _rename(self._path, SEALED)
        else:
            self._path.unlink()


def sealed_segments(folder: Path) -> list[Path]:
    """Return the segments that wait to be landed, oldest first."""
    return sorted(folder.glob(f"*{SEALED}"))


def waiting_records(folder: Path, *, limit: int) -> list[Record]:
    """Return the newest records that wait to be landed, oldest first, with so many accepted events at least.

    Args:
        folder: of a journal that nobody writes to.
        limit: how many events are enough.
    """
    newest: list[list[Record]] = []
    events = 0
    for segment in reversed(sealed_segments(folder)):
        if events >= limit:
            break
        newest.append(list(_records_before_damage(segment)))
        events += sum(record.accepted.num_rows for record in newest[-1])
    return [record for records in reversed(newest) for record in records]


def damaged_segments(folder: Path) -> list[Path]:
    """Return what was set aside because the disk had changed it."""
    return sorted(folder.glob(f"*{DAMAGED}"))


def segment_files(folder: Path) -> dict[str, list[os.stat_result]]:
    """Return what the files of the segments are like that have not landed, by their state; anybody may look."""
    files: dict[str, list[os.stat_result]] = {"open": [], "sealed": [], "damaged": []}
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            state = Path(entry.name).suffix.removeprefix(".")
            if state in files:
                with contextlib.suppress(FileNotFoundError):  # it has just been sealed, or has landed
                    files[state].append(entry.stat())
    return files


def forget(segment: Path, *, hashes: NDArray[np.uint64]) -> None:
    """Delete a segment that is in the event log, and leave the hashes of its events.

    Args:
        segment: sealed.
        hashes: two columns, of what names an event and of what it says.
    """
    with replaced(segment.with_suffix(LANDED)) as draft:
        draft.write_bytes(hashes.astype("<u8").tobytes())
    segment.unlink(missing_ok=True)


def known_hashes(folder: Path, *, limit: int) -> list[tuple[int, int]]:
    """Return the hashes of the newest events of the journal, oldest first, and delete those of older ones.

    A sealed segment that the disk has changed is read as far as it goes: the landing says what is wrong with it.

    Args:
        folder: of a journal that nobody writes to.
        limit: how many at most.
    """
    newest: list[list[tuple[int, int]]] = []
    count = 0
    for path in sorted((*folder.glob(f"*{SEALED}"), *folder.glob(f"*{LANDED}")), reverse=True):
        if count >= limit:
            if path.suffix == LANDED:
                path.unlink()
            continue
        hashes = [tuple(pair) for pair in _hashes_of(path).tolist()][-(limit - count) :]
        newest.append(hashes)
        count += len(hashes)
    return [pair for hashes in reversed(newest) for pair in hashes]


def hashes_in(records: Iterator[Record]) -> NDArray[np.uint64]:
    """Return the hashes of the accepted events of some records, as two columns."""
    pairs = [
        np.stack([record.accepted[name].to_numpy() for name in ("event_hash", "content_hash")], axis=1)
        for record in records
    ]
    return np.concatenate([np.empty((0, 2), np.uint64), *pairs])


def _hashes_of(path: Path) -> NDArray[np.uint64]:
    if path.suffix == LANDED:
        return np.frombuffer(path.read_bytes(), "<u8").reshape(-1, 2)
    return hashes_in(_records_before_damage(path))


def _records_before_damage(path: Path) -> Iterator[Record]:
    with contextlib.suppress(DamagedSegmentError):
        yield from read_records(path)


def _recover(path: Path) -> None:
    """Seal a segment that was left open, without the record that was being written.

    That record was not acknowledged, for it is not whole. Where whole records follow bytes that are none, the disk has
    changed what it held: those bytes are set aside, for nothing that was acknowledged is thrown away.
    """
    data = memoryview(path.read_bytes())
    whole = whole_records(data)
    rest = data[whole:]
    if any(decode(rest, place) is not None for place in _marks(rest)):
        path.with_suffix(DAMAGED).write_bytes(rest)
        flush_to_disk(path.with_suffix(DAMAGED))
    if not whole:
        path.unlink()
        return
    os.truncate(path, whole)
    flush_to_disk(path)
    _rename(path, SEALED)


def _marks(data: memoryview) -> Iterator[int]:
    text = bytes(data)
    place = text.find(MAGIC, 1)
    while place >= 0:
        yield place
        place = text.find(MAGIC, place + 1)


def _rename(path: Path, suffix: str) -> None:
    path.rename(path.with_suffix(suffix))
    flush_to_disk(path.parent)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
