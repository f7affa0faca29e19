"""What stood behind a list beside its request and its shopper: the shop's rules, and its items as they were.

Both change seldom and neither fits into a row, so each state is written once, beside the rows that name it:
``<family>/YYYY-MM-DD/<host>-<pid>-<token>.states`` has a checksummed line per state of one process and day. The first
says what differs from the model's own items, each further one what differs from the one before. A state has no person
in it. What cannot be written costs no request: its rows name no state, and cannot be replayed.
"""

import os
import re
import secrets
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue
from serving.items.rules import RuleBook
from serving.prediction_log import decode_row, encode_row
from shopsight.errors import ShopsightError

COLUMNS: Final = ("item_ids", "titles", "categories", "brands", "prices", "available", "listed")
_NAME: Final = re.compile(r"(\d{4}-\d\d-\d\d/[^/:]+\.states):([1-9]\d*)")


class StateGoneError(ShopsightError):
    """The state that a row names is not there any more, or was changed."""


class ListStates:
    """Writes the states of one process; safe to call from several threads."""

    def __init__(self, folder: Path, trained: Catalogue) -> None:
        """Make it, in a family's folder of the prediction log; ``trained`` is the catalogue of the model itself."""
        self.failure: str | None = None
        """Why the last state could not be written; None once one is written again."""
        self._folder = folder
        self._trained = trained
        self._lock = threading.Lock()
        self._token = secrets.token_hex(4)  # in a container every process has the same number
        self._file = ""
        self._number = 0
        self._last: tuple[Catalogue, RuleBook] | None = None
        self._numbers: list[tuple[RuleBook, int]] = []
        """Rules, and the number of their state over the items of ``_last``: arms of an experiment take turns."""

    def name_of(self, catalogue: Catalogue, book: RuleBook | None, now: datetime) -> str | None:
        """Return the name of a state, which is written where it is a new one; None where that failed.

        Args:
            catalogue: the items, as :class:`serving.items.live_catalogue.LiveCatalogue` gives them.
            book: the rules in force; None where the answer follows none, so that any will do.
            now: the moment of the answer.
        """
        day = now.strftime("%Y-%m-%d")
        with self._lock:
            if not self._file.startswith(day):
                self._file = f"{day}/{socket.gethostname()}-{os.getpid()}-{self._token}"
                self._number, self._last, self._numbers = 0, None, []
            rules = book if book is not None else self._last[1] if self._last else RuleBook()
            if self._last is None or catalogue is not self._last[0]:
                self._numbers = []
            # Rules are the same object as long as their file is; comparing them costs more than all the rest.
            number = next((number for book, number in self._numbers if book is rules), None) or next(
                (number for book, number in self._numbers if book == rules), None
            )
            if number is None:
                try:
                    self._write(catalogue, rules)
                except OSError as error:
                    self.failure = str(error)
                    # Another file next time: this one may end in half a line, or have been taken away.
                    self._file, self._token = "", secrets.token_hex(4)
                    return None
                number = self._number
                self._numbers.append((rules, number))
            return f"{self._file}.states:{number}"

    def _write(self, catalogue: Catalogue, rules: RuleBook) -> None:
        before, old_rules = self._last or (self._trained, RuleBook())
        record: dict[str, Any] = {"state": self._number + 1, "room": len(catalogue) - len(self._trained)}
        record["items"] = changes(_with_room_of(before, catalogue), catalogue)
        if rules != old_rules:
            record["rules"] = rules.model_dump(mode="json", exclude_defaults=True)
        path = self._folder / f"{self._file}.states"
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | (os.O_CREAT | os.O_EXCL if self._number == 0 else 0)
        descriptor = os.open(path, flags, 0o600)
        try:
            line = encode_row(record)
            if os.write(descriptor, line) != len(line):
                raise OSError(f"{path} took a part of a line")
        finally:
            os.close(descriptor)
        self._last, self._number, self.failure = (catalogue, rules), self._number + 1, None


@dataclass(frozen=True, kw_only=True)
class ListState:
    """Rules and items of one moment."""

    catalogue: Catalogue
    rules: RuleBook


def read_state(folder: Path, name: str, trained: Catalogue) -> ListState:
    """Return a state that a row names.

    Args:
        folder: the family's, of the prediction log.
        name: of the state.
        trained: the catalogue of the model that answered.

    Raises:
        StateGoneError: its file is not there, or a line of it up to the state was changed.
    """
    matched = _NAME.fullmatch(name)
    if matched is None:
        raise _gone(folder / name, "that is no name of a state")
    path, wanted = folder / matched[1], int(matched[2])
    try:
        lines = path.read_bytes().splitlines()[:wanted]
    except OSError as error:
        raise _gone(path, error.strerror or str(error)) from error
    records = [decode_row(line) for line in lines]
    catalogue, rules = trained, RuleBook()
    for number, record in enumerate(records, start=1):
        if record is None or record["state"] != number:
            raise _gone(path, f"its line {number} is not what was written")
        room = len(trained) + record["room"] - len(catalogue)
        catalogue = changed(catalogue.with_room(room) if room else catalogue, record["items"])
        if "rules" in record:
            rules = RuleBook.model_validate(record["rules"])
    if len(records) < wanted:
        raise _gone(path, f"it has {len(records)} lines, and state {wanted} is not among them")
    return ListState(catalogue=catalogue, rules=rules)


def changes(before: Catalogue, after: Catalogue) -> dict[str, dict[str, Any]]:
    """Return, column by column, the values of ``after`` at the places where it differs from ``before``."""
    differing: dict[str, dict[str, Any]] = {}
    for column in COLUMNS:
        values = getattr(after, column)
        places = _differing(getattr(before, column), values)
        if places:
            differing[column] = {str(place): _plain(values[place]) for place in places}
    if before.descriptions != after.descriptions:
        differing["descriptions"] = {str(place): text for place, text in after.descriptions.items()}
    return differing


def changed(before: Catalogue, differing: Mapping[str, Mapping[str, Any]]) -> Catalogue:
    """Return ``before`` with what :func:`changes` gave put in."""
    columns: dict[str, Any] = {}
    for column in COLUMNS:
        if column in differing:
            values = getattr(before, column).copy()
            for place, value in differing[column].items():
                values[int(place)] = np.nan if value is None and column == "prices" else value
            columns[column] = values
    if "item_ids" in columns:
        named = enumerate(columns["item_ids"])
        columns["positions"] = {item_id: p for p, item_id in named if p < before.num_known or item_id}
    if "descriptions" in differing:
        columns["descriptions"] = {int(place): text for place, text in differing["descriptions"].items()}
    return replace(before, **columns)


def _with_room_of(before: Catalogue, after: Catalogue) -> Catalogue:
    room = len(after) - len(before)
    return before.with_room(room) if room > 0 else before


def _differing(before: Sequence[Any] | NDArray[Any], after: Sequence[Any] | NDArray[Any]) -> list[int]:
    if before is after:
        return []
    if isinstance(before, np.ndarray):
        after = np.asarray(after)
        same = (before == after) | ((before != before) & (after != after))
        return [int(place) for place in np.flatnonzero(~same)]
    return [place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]


def _plain(value: Any) -> Any:
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.floating | float):
        return None if np.isnan(value) else float(value)
    return value


def _gone(path: Path, why: str) -> StateGoneError:
    return StateGoneError(
        f"The rules and items that {path} had are gone.",
        why=why,
        fix="restore the file of states from a backup: it belongs beside the rows of its day",
    )
