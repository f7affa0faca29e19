"""The S3-Rec text format: one user per line, ``user item item …``, oldest first; attributes as ``{item: [id, …]}``."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shopsight.errors import ShopsightError


class UnreadableInteractionsError(ShopsightError):
    """The file is not in the S3-Rec text format."""


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """What the interactions file says: users and, for each, item ids in the order of the file."""

    users: list[str]
    items: list[list[str]]

    @property
    def interactions(self) -> int:
        """Number of items over all users."""
        return sum(map(len, self.items))


def read_sequences(path: Path) -> Sequences:
    """Read an interactions file; blank lines are passed over.

    Raises:
        UnreadableInteractionsError: the file is absent, empty or not text, a line has no item, or a user comes twice.
    """
    users: dict[str, int] = {}
    items: list[list[str]] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not (words := line.split()):
            continue
        if len(words) == 1:
            raise UnreadableInteractionsError(
                f"Line {number} of {path} names a user and no item.",
                why=f"a line is 'user item item …'; this one is {line[:60]!r}",
                fix="give every user at least one item, or leave the line out",
            )
        if (first := users.setdefault(words[0], number)) != number:
            raise UnreadableInteractionsError(
                f"Line {number} of {path} repeats user {words[0]!r} of line {first}.",
                why="one line is one user's whole history, oldest first; two lines have no order",
                fix="join the lines in the order of time",
            )
        items.append(words[1:])
    if not items:
        raise UnreadableInteractionsError(
            f"{path} holds no user.", why="every line of it is blank", fix="pass a file with lines 'user item item …'"
        )
    return Sequences(users=list(users), items=items)


def read_attributes(path: Path, item_ids: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return each item's attribute codes, shape (N, A), from 1 and padded with 0; an item of no entry has none.

    Raises:
        UnreadableInteractionsError: the file is not a JSON object of lists.
    """
    try:
        raw = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise UnreadableInteractionsError(
            f"{path} is not JSON.", why=str(error), fix='pass a file like {"4": [1, 2], "83": [4]}'
        ) from error
    if not isinstance(raw, dict) or not all(isinstance(names, list) for names in raw.values()):
        raise UnreadableInteractionsError(
            f"{path} is not an object of lists.",
            why="attributes are one list of ids per item",
            fix='pass a file like {"4": [1, 2], "83": [4]}',
        )
    wanted = [sorted({str(name) for name in raw.get(item_id, [])}) for item_id in item_ids]
    codes = {name: code for code, name in enumerate(sorted({name for names in wanted for name in names}), start=1)}
    attributes_NA = np.zeros((len(item_ids), max(map(len, wanted), default=0)), dtype=np.int64)
    for row, names in enumerate(wanted):
        attributes_NA[row, : len(names)] = [codes[name] for name in names]
    return attributes_NA


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableInteractionsError(
            f"{path} cannot be read as text.", why=str(error), fix="pass an existing UTF-8 text file"
        ) from error
