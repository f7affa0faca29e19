"""An append-only journal of JSON records, each of which carries the hash of the one before it.

Editing, reordering or removing a record in the middle breaks every hash after it. Cutting records off the end leaves a
valid, shorter chain: whoever must notice that too keeps :meth:`Journal.head` somewhere else.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shopsight.errors import ShopsightError

START: Final = "0" * 64
"""What the first record carries in place of a hash."""


class JournalBrokenError(ShopsightError):
    """A record of the journal is not what was written."""


class Journal:
    """A file of one record per line; the caller sees to it that there is one writer at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def records(self) -> list[dict[str, Any]]:
        """Return all records, oldest first, after proving the chain.

        A last line without its newline was never finished (the writer was killed) and does not count.

        Raises:
            JournalBrokenError: a record was changed, moved or taken out.
        """
        content = self.path.read_bytes() if self.path.exists() else b""
        records: list[dict[str, Any]] = []
        previous = START
        for number, line in enumerate(content.split(b"\n")[:-1], start=1):
            record = self._parse(line, number=number)
            body = {name: value for name, value in record.items() if name != "hash"}
            if body.get("previous") != previous or _digest(body) != record.get("hash"):
                raise self._broken(number, "its hash, or the one it carries of the record before, does not fit")
            previous = record["hash"]
            records.append(record)
        return records

    def head(self) -> str:
        """Return the hash of the last record, which stands for the whole journal."""
        records = self.records()
        return str(records[-1]["hash"]) if records else START

    def append(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add a record durably: when this returns it survives a power cut, before that it may be absent, never half.

        Raises:
            JournalBrokenError: the journal as it stands is not intact.
        """
        chained: dict[str, Any] = {**body, "previous": self.head()}
        record = {**chained, "hash": _digest(chained)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        created = not self.path.exists()
        with self.path.open("ab") as file:
            # Cut off what a killed writer left behind, so that the new record begins its own line.
            file.truncate(self._finished_bytes())
            file.write(_canonical(record) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if created:
            fsync_folder(self.path.parent)
        return record

    def _finished_bytes(self) -> int:
        return self.path.read_bytes().rfind(b"\n") + 1

    def _parse(self, line: bytes, *, number: int) -> dict[str, Any]:
        try:
            record = json.loads(line)
        except ValueError as error:
            raise self._broken(number, f"it is not JSON ({error})") from error
        if not isinstance(record, dict):
            raise self._broken(number, "it is not an object")
        return record

    def _broken(self, number: int, why: str) -> JournalBrokenError:
        return JournalBrokenError(
            f"Record {number} of {self.path} is not what was written.",
            why=why,
            fix="restore the journal from a backup; nothing may be approved or served on its word until then",
        )


def fsync_folder(folder: Path) -> None:
    """Make the names inside a folder durable, as a rename or a new file alone is not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _canonical(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body)).hexdigest()
