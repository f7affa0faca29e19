"""What a check answers."""

from dataclasses import dataclass
from typing import Final, Literal

Status = Literal["PASS", "WARN", "FAIL"]
EXAMPLES: Final = 3
"""Rows shown per check."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row that a check speaks of."""

    file_name: str
    line: int
    raw: str
    """The row itself, or as JSON the fields that the check is about."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question to a file, and its answer."""

    name: str
    """Stable: scripts go by it."""
    status: Status
    rows: int
    """Rows (of questions to a whole file: orders, ids, sessions) that break it."""
    said: str
    examples: tuple[Example, ...] = ()
    why: str = ""
    """What goes wrong where it is broken; empty where ``said`` tells."""
    fix: str = ""
