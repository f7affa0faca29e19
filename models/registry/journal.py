"""An append-only journal of JSON records that only the holder of its key can write.

The ``hash`` of a record is an HMAC over all else in it, the hash of the record before and its own number included:
editing, adding, moving or removing a record without the key is noticed. Cutting records off the end leaves a valid,
shorter journal: the witness beside the key (:mod:`models.registry.journal_head`) says how far it went, and whoever must
notice that without it keeps :meth:`Journal.head` somewhere else.

One journal serves all families, and a fault in it costs the one whose record it hits (:meth:`Journal.records_of`).
"""

import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from models.registry.journal_head import JournalHead, JournalWitness, proved_head
from models.registry.journal_key import JournalKey
from shopsight.errors import ShopsightError

__all__ = ["START", "Journal", "JournalBrokenError", "JournalHead", "fsync_folder"]

START: Final = "0" * 64
"""What the first record carries in place of a hash."""

_OWNER: Final = re.compile(rb'"family":"([a-z0-9_]+)".*"mark":"([0-9a-f]{64})"')
"""Whose a line is, and the proof: read also from a line that is no JSON any more."""


class JournalBrokenError(ShopsightError):
    """A record of the journal is not what was written."""


@dataclass(frozen=True)
class _Fault:
    number: int
    why: str
    family: str | None
    """Whose record it hits; None where the line does not prove that any more."""


class Journal:
    """A file of one record per line; the caller sees to it that there is one writer at a time."""

    def __init__(self, path: Path, key: JournalKey) -> None:
        self.path = path
        self._key = key
        self._witness = JournalWitness(key.file.with_suffix(".head"))

    def records(self) -> list[dict[str, Any]]:
        """Return all records, oldest first, after proving each of them.

        A last line without its newline was never finished (the writer was killed) and does not count.

        Raises:
            JournalBrokenError: a record was changed, forged, moved or taken out.
            JournalKeyError: the key is not there.
        """
        records, faults = self._read()
        if faults:
            raise self._broken(faults[0])
        return records

    def records_of(self, family: str) -> list[dict[str, Any]]:
        """Return the records of one family, oldest first, whatever became of the others'.

        A line that is not what was written costs the family whose it was, where the line still proves that by its
        ``mark``. Any other fault may hide a record of every family, but of those that have a later one: it names the
        record of its family before it, so that none can be missing.

        Raises:
            JournalBrokenError: a record of the family was changed, forged, moved or taken out, or may have been.
            JournalKeyError: the key is not there.
        """
        records, faults = self._read()
        own = [record for record in records if record["family"] == family]
        last = own[-1]["number"] if own else 0
        for fault in faults:
            if fault.family == family or (fault.family is None and fault.number > last):
                raise self._broken(fault)
        previous = START
        for record in own:
            if record.get("previous_of_family", previous) != previous:
                raise self._broken(_Fault(record["number"], f"a record of {family} before it is missing", family))
            previous = record["hash"]
        return own

    def head(self) -> JournalHead:
        """Return what stands for the whole journal: how far it goes in records that are what was written.

        Raises:
            JournalKeyError: the key is not there.
        """
        records, _ = self._read()
        return JournalHead(records[-1]["number"], str(records[-1]["hash"])) if records else JournalHead(0, START)

    def confirm(self, seen: JournalHead, *, by: str) -> None:
        """Prove that the journal goes on from where it was once seen.

        Args:
            seen: the head at that time.
            by: what holds the head, for the message.

        Raises:
            JournalBrokenError: records were cut off its end or written anew since.
        """
        self.confirm_all([(by, seen)])

    def confirm_all(self, witnesses: Iterable[tuple[str, JournalHead]]) -> None:
        """As :meth:`confirm`, of many that saw it, reading it once."""
        records, faults = self._read()
        hashes = {0: START} | {record["number"]: record["hash"] for record in records}
        for by, seen in witnesses:
            if seen.records in hashes and hmac.compare_digest(hashes[seen.records], seen.hash):
                continue
            if seen.records not in hashes and any(fault.number == seen.records for fault in faults):
                continue  # damaged there, which is a fault of its own
            raise JournalBrokenError(
                f"{self.path} is not the journal that it was.",
                why=f"{by} was made when it had {seen.records} records, and "
                + ("the last of them is another one now" if seen.records in hashes else f"it has {len(records)} now"),
                fix="restore the journal from a backup: records were cut off its end or written anew",
            )

    def append(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add a record durably: when this returns it survives a power cut, before that it may be absent, never half.

        Args:
            body: what happened; ``family`` says to which one.

        Raises:
            JournalBrokenError: the journal as it stands is not intact.
            JournalKeyError: the key is not there, or cannot be made.
        """
        before = self.records()
        key = self._key.read_or_make(first=not any("mark" in record for record in before))
        number, family = len(before) + 1, body["family"]
        own = [record["hash"] for record in before if record["family"] == family]
        chained: dict[str, Any] = {
            **body,
            "number": number,
            "mark": _mark(key, number, family),
            "previous": before[-1]["hash"] if before else START,
            "previous_of_family": own[-1] if own else START,
        }
        record = {**chained, "hash": _hmac(key, _canonical(chained))}
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
        self._witness.write(JournalHead(number, record["hash"]), key)
        return record

    def _read(self) -> tuple[list[dict[str, Any]], list[_Fault]]:
        """Return the records that are what was written, and what is wrong with the rest."""
        witness = self._witness.read()
        lines = self.path.read_bytes().split(b"\n")[:-1] if self.path.exists() else []
        key = self._key.read() if lines or witness else None
        records: list[dict[str, Any]] = []
        faults: list[_Fault] = []
        number, previous = 0, START
        for line, record in self._authentic(lines, key):
            number += 1
            if record is None:
                why = "it was changed, or not written with the journal's key"
                faults.append(_Fault(number, why, _owner(line, number, key)))
                previous = ""
                continue
            if record["number"] != number or previous not in ("", record.get("previous")):
                faults.append(_Fault(number, "a record before it is missing, or it was moved", None))
            number, previous = record["number"], record["hash"]
            records.append(record)
        if records and key is not None and "mark" not in records[-1] and not faults:
            faults.append(_Fault(number, "it was not written with the journal's key, which is there", None))
        if witness is not None:
            faults.extend(self._missed(witness, key, number, records))
        return records, faults

    def _missed(self, witness: bytes, key: bytes | None, lines: int, records: list[dict[str, Any]]) -> Iterator[_Fault]:
        """Yield what the witness saw and the journal lacks."""
        if key is None:
            raise self._key.missing()
        head = proved_head(witness, key)
        if head is None:
            yield _Fault(lines + 1, f"{self._witness.file} is not what was written, so records may be cut off", None)
        elif head.records > lines:
            yield _Fault(head.records, f"{self._witness.file} saw it, and records were cut off the end", None)
        elif any(one["number"] == head.records and one["hash"] != head.hash for one in records):
            yield _Fault(head.records, f"{self._witness.file} saw another one in its place", None)

    def _authentic(self, lines: list[bytes], key: bytes | None) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
        """Yield each line with its record, or None where it is not one that was written.

        Journals of version 0.1 have no key: their records count until the first one that was written with it.
        """
        sealed = False
        for number, line in enumerate(lines, start=1):
            record = _parsed(line)
            body = {name: value for name, value in record.items() if name != "hash"} if record else {}
            if record is not None and "mark" in record:
                if key is None:
                    raise self._key.missing()
                sealed = True
                proved = hmac.compare_digest(_hmac(key, _canonical(body)), record["hash"])
            elif record is not None and not sealed:
                proved = hashlib.sha256(_canonical(body)).hexdigest() == record["hash"]
                record = {**record, "number": number}
            else:
                proved = False
            yield line, record if proved else None

    def _finished_bytes(self) -> int:
        return self.path.read_bytes().rfind(b"\n") + 1

    def _broken(self, fault: _Fault) -> JournalBrokenError:
        return JournalBrokenError(
            f"Record {fault.number} of {self.path} is not what was written.",
            why=fault.why,
            fix=f"restore the journal from a backup, with {self._witness.file.name} of the same day; nothing may be "
            "approved or served on its word until then",
        )


def fsync_folder(folder: Path) -> None:
    """Make the names inside a folder durable, as a rename or a new file alone is not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line; blanks, escapes and fields that stand twice would make the same one, unwritten."""
    try:
        record = json.loads(line, parse_constant=_refuse)
        spelt = isinstance(record, dict) and _canonical(record) == line
    except (ValueError, RecursionError):
        return None
    whole = spelt and all(isinstance(record.get(name), str) for name in ("family", "hash"))
    # Only ASCII: hashes are compared in constant time, which takes no other text.
    return record if whole and record["hash"].isascii() else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _owner(line: bytes, number: int, key: bytes | None) -> str | None:
    """Return the family that a damaged line still proves to be of."""
    match = _OWNER.search(line)
    if match is None or key is None:
        return None
    family = match[1].decode()
    return family if hmac.compare_digest(_mark(key, number, family), match[2].decode()) else None


def _mark(key: bytes, number: int, family: str) -> str:
    return _hmac(key, f"record {number} is of {family}".encode())


def _hmac(key: bytes, content: bytes) -> str:
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def _canonical(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
