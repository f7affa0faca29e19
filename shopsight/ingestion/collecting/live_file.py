"""Writes the file of live items; see :mod:`shopsight.live_items`."""

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import orjson

from shopsight.ingestion.log.staging import flush_to_disk
from shopsight.live_items import LiveItem, LiveItems
from shopsight.locking import exclusive
from shopsight.whole_files import replaced

LOCK_SECONDS: Final = 2.0
"""How long to wait for another collector of the same home, which writes for some milliseconds."""


class LiveItemsFile:
    """The file, to which several collectors of one home may add."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, lines: Sequence[bytes]) -> None:
        """Add rows; when this returns, they are on disk, and in force in whatever asks next.

        Raises:
            OSError: they could not be written, and none of them stays.
            ResourceBusyError: another collector did not end writing.
        """
        with self._locked():
            is_new = not self._path.exists()
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                size = _whole_bytes(file)
                text = (b"" if size else _head()) + b"".join(line + b"\n" for line in lines)
                try:
                    rest = memoryview(text)
                    while rest:
                        rest = rest[os.pwrite(file, rest, size + len(text) - len(rest)) :]
                    os.fsync(file)
                except OSError:
                    os.ftruncate(file, size)
                    raise
            finally:
                os.close(file)
            if is_new:
                flush_to_disk(self._path.parent)

    def keep(self, is_kept: Callable[[LiveItem], bool]) -> None:
        """Write the file anew with the newest row of each item that is to be kept, unless that is all it holds.

        Raises:
            OSError: it could not be written; the file is as it was.
            ResourceBusyError: another collector did not end writing.
        """
        if not self._path.exists():
            return
        with self._locked():
            items = LiveItems(self._path).read()
            remaining = [item for item in items.values() if is_kept(item)]
            if len(remaining) + 1 == self._path.read_bytes().count(b"\n"):
                return
            with replaced(self._path) as draft:
                draft.write_bytes(_head() + b"".join(orjson.dumps(item.row) + b"\n" for item in remaining))

    def _locked(self) -> AbstractContextManager[None]:
        return exclusive(self._path.with_suffix(".lock"), what="live items", wait_seconds=LOCK_SECONDS)


def _head() -> bytes:
    return orjson.dumps({"file": secrets.token_hex(8)}) + b"\n"


def _whole_bytes(file: int) -> int:
    """Return how many bytes are whole lines, and cut off what a killed collector left of one."""
    size = os.fstat(file).st_size
    place = size
    while place:
        begin = max(0, place - 65_536)
        newline = os.pread(file, place - begin, begin).rfind(b"\n")
        if newline >= 0:
            place = begin + newline + 1
            break
        place = begin
    if place < size:
        os.ftruncate(file, place)
    return place
