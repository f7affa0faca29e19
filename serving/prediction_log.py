"""The prediction log: one checksummed row per answer, appended to, never changed.

``bentoml.monitor`` has no fsync, so the services keep their own log. A row goes out in one ``write`` to a file of this
process (``<family>/YYYY-MM-DD/<host>-<pid>.jsonl``, opened to append, and anew where somebody moved it away or removed
it); a thread fsyncs what was written every second, so a power cut loses a second at most. A log that cannot be written
costs no request: the row is counted as lost. So are the rows of a file that is removed while it is open.
"""

import os
import socket
import threading
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import orjson

from shopsight.clock import rfc3339, utc_now

_OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS
_CHECKSUM: Final = b',"crc32":"'
_TAIL_BYTES: Final = 200_000
"""Longer than any row."""


HELD_ROWS: Final[ContextVar[list[Callable[[str], object]] | None]] = ContextVar("held_rows", default=None)
"""Rows of the request that is worked on, which wait until it is known what becomes of its answer; None: they do not."""
UNSEEN: Final = frozenset({"shadow", "dropped"})
"""Roles of answers that no shopper was shown: a shadow's, and a canary's that came too late or was none."""


def was_shown(row: Mapping[str, Any]) -> bool:
    """Return whether somebody was given the answer of a row; rows of a champion have no role."""
    return row.get("role") not in UNSEEN


def encode_row(row: Mapping[str, Any]) -> bytes:
    """Return ``row`` as one line of JSON whose last field is the CRC-32 of everything before it."""
    content = orjson.dumps(dict(row), option=_OPTIONS)[:-1]
    return b'%s%s%08x"}\n' % (content, _CHECKSUM, zlib.crc32(content))


def decode_row(line: bytes) -> dict[str, Any] | None:
    """Return the row of ``line`` without its checksum, or None where the line was torn or changed."""
    content, checksum, rest = line.rstrip(b"\n").rpartition(_CHECKSUM)
    if not checksum or rest != b'%08x"}' % zlib.crc32(content):
        return None
    row: dict[str, Any] = orjson.loads(content + b"}")
    return row


def new_id() -> str:
    """Return an id that no answer had before."""
    return uuid.uuid4().hex


class RowLog(Protocol):
    """Where a desk leaves the row of each answer: the prediction log, or nothing where no shopper sees the answer."""

    def append(self, row: Mapping[str, Any], /) -> object:
        """Keep ``row``."""
        ...


class PredictionLog:
    """Appends the rows of one process; safe to call from several threads."""

    def __init__(
        self,
        folder: Path,
        *,
        stamp: Mapping[str, Any] = MappingProxyType({}),
        clock: Callable[[], datetime] = utc_now,
        sync_seconds: float = 1.0,
        on_row: Callable[[Mapping[str, Any], bool], None] = lambda _row, _written: None,
        on_lost: Callable[[int], None] = lambda _rows: None,
    ) -> None:
        """Make the log of a process in a family's folder.

        Args:
            folder: the family's.
            stamp: fields of each row.
            clock: the time.
            sync_seconds: how long a row may wait to be durable.
            on_row: called with each row that was to be written, and whether it was.
            on_lost: called with how many rows were lost.
        """
        self.folder = folder
        self._stamp = stamp
        self._on_row = on_row
        self.rows_lost = 0
        self.failure: str | None = None
        """Why the last row was lost; None once a row is written again."""
        self._removed = ""
        self._rows_in_file = 0
        """What this process wrote to the file that is open."""
        self._clock = clock
        self._on_lost = on_lost
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._day = ""
        self._path = folder
        self._unsynced = False
        self._torn = False
        self._is_silent = False
        self._closing = threading.Event()
        self._syncer = threading.Thread(
            target=self._sync_regularly, args=(sync_seconds,), name="prediction-log-sync", daemon=True
        )
        self._syncer.start()

    def append(self, row: Mapping[str, Any]) -> bool:
        """Write ``row``; return whether it is in the log. A failure to write is counted, not raised."""
        if self._is_silent:
            return False
        if (waiting := HELD_ROWS.get()) is not None:
            waiting.append(lambda role: self._written({**row, "role": role}))
            return True
        return self._written(row)

    def _written(self, row: Mapping[str, Any]) -> bool:
        line = encode_row({**row, **self._stamp})
        with self._lock:
            written = self._was_written(line)
        self._on_row(row, written)
        return written

    @property
    def note(self) -> str | None:
        """What is amiss, or was, for ``/readyz``; None where nothing ever was."""
        if self.failure is None and not self.rows_lost:
            return None
        return f"{self.rows_lost} rows lost; last failure: {self.failure or 'mended'}{self._removed}"

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Take no rows for the length of the block: nobody gets the answers that are made in it."""
        self._is_silent = True
        try:
            yield
        finally:
            self._is_silent = False

    def close(self) -> None:
        """Make every row durable and close the file."""
        self._closing.set()
        self._syncer.join()
        with self._lock:
            self._close_file()

    def _was_written(self, line: bytes) -> bool:
        try:
            self._write(line)
        except OSError as error:
            self.failure = str(error)
            self._lose(1)
            return False
        self._unsynced = True
        self.failure = None
        return True

    def _lose(self, rows: int) -> None:
        self.rows_lost += rows
        self._on_lost(rows)

    def _write(self, line: bytes) -> None:
        day = self._clock().strftime("%Y-%m-%d")
        if self._descriptor is None or day != self._day or self._is_moved_away(self._descriptor):
            self._close_file()
            self._open_file(day)
        descriptor = self._descriptor
        assert descriptor is not None
        # After a torn row a line break keeps the damage to that row.
        rest = b"\n" + line if self._torn else line
        self._torn = True
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        self._torn = False
        self._rows_in_file += 1

    def _open_file(self, day: str) -> None:
        folder = self.folder / day
        folder.mkdir(parents=True, exist_ok=True)
        # Of several machines that share the folder each would append at an end of its own.
        self._path = folder / f"{socket.gethostname()}-{os.getpid()}.jsonl"
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._day = day
        # In a container every process has the same number: an earlier one may have been killed in mid-row.
        size = os.fstat(self._descriptor).st_size
        self._torn = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"

    def _is_moved_away(self, descriptor: int) -> bool:
        """Return whether the file's name leads to another file, or to none: rows in it would be lost to readers."""
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(descriptor))
        except (FileNotFoundError, NotADirectoryError):
            return True

    def _close_file(self) -> None:
        if self._descriptor is not None:
            self._sync(self._descriptor)
            self._count_what_was_removed(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _count_what_was_removed(self, descriptor: int) -> None:
        """Count the rows of a file that has no name any more; what was moved away has one, and its rows are there."""
        rows, self._rows_in_file = self._rows_in_file, 0
        if rows and os.fstat(descriptor).st_nlink == 0:
            self._removed = f"; {self._path} was removed with {rows} rows in it, noticed at {rfc3339(self._clock())}"
            self._lose(rows)

    def _sync_regularly(self, seconds: float) -> None:
        while not self._closing.wait(seconds):
            try:
                with self._lock:
                    if self._descriptor is not None and self._is_moved_away(self._descriptor):
                        self._close_file()  # without a request, too, it is noticed that rows are lost
                    if not self._unsynced or self._descriptor is None:
                        continue
                    # Synced through a copy: appends go on while the disk works.
                    copy = os.dup(self._descriptor)
                    self._unsynced = False
            except OSError as error:
                self.failure = f"sync: {error}"
                continue
            self._sync(copy)
            os.close(copy)

    def _sync(self, descriptor: int) -> None:
        try:
            os.fsync(descriptor)
        except OSError as error:
            self.failure = f"fsync: {error}"


@dataclass(frozen=True, kw_only=True)
class LogContent:
    """What a log holds."""

    rows: list[dict[str, Any]]
    """Intact rows, file by file, in the order they were written."""
    damaged: list[str]
    """``file:line`` of every row whose checksum does not match."""


def read_log(folder: Path) -> LogContent:
    """Read every ``*.jsonl`` below ``folder`` (a family, a day, or all) and verify each row."""
    rows: list[dict[str, Any]] = []
    damaged: list[str] = []
    for path, number, row in iterate_log(folder):
        if row is None:
            damaged.append(f"{path}:{number}")
        else:
            rows.append(row)
    return LogContent(rows=rows, damaged=damaged)


def iterate_log(folder: Path) -> Iterator[tuple[Path, int, dict[str, Any] | None]]:
    """Yield file, line and row of every ``*.jsonl`` below ``folder``; None for a row whose checksum does not match."""
    for path, number, line in _lines(folder):
        yield path, number, decode_row(line)


def last_rows(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the last row of each file below ``folder``, where it is intact, without reading the rows before it."""
    for path in sorted(folder.rglob("*.jsonl")):
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - _TAIL_BYTES))
            lines = file.read().splitlines()
        row = decode_row(lines[-1]) if lines else None
        if row is not None:
            yield path, row


def _lines(folder: Path) -> Iterator[tuple[Path, int, bytes]]:
    for path in sorted(folder.rglob("*.jsonl")):
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield path, number, line
