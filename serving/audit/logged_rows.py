"""Rows of the prediction log, by the id of an answer and from the newest back.

Nothing indexes the log: an id is looked for in the files' bytes, the newest day first, and only the line that has it is
read. That is bounded by the size of the log, and a log of 100,000 answers takes some tens of milliseconds.
"""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serving.prediction_log import decode_row, read_log
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES
from shopsight.settings import Settings

CHUNK: Final = 16 * 2**20
"""Bytes that are searched at once."""


class UnknownAnswerError(ShopsightError):
    """The prediction log has no such answer."""


@dataclass(frozen=True, kw_only=True)
class LoggedRow:
    """An answer, and where in the log it stands."""

    row: dict[str, Any]
    family: str
    path: Path
    line: int
    """From 1."""


def find_row(settings: Settings, answer_id: str) -> LoggedRow:
    """Return the row of an answer.

    Args:
        settings: of the home.
        answer_id: a ``prediction_id`` or a ``recommendation_id``, as the answer had it.

    Raises:
        UnknownAnswerError: there is none.
        ShopsightError: its row was damaged.
    """
    needle = f'"{answer_id}"'.encode()
    # Lists first for an id such as theirs, and last for any other.
    of_list = answer_id.startswith("rec_")
    for family in sorted(FAMILIES, key=lambda name: (name == "recommender") is not of_list):
        for folder in _days(settings, family):
            for path in sorted(folder.glob("*.jsonl")):
                for place in _places(path, needle):
                    line = _line_at(path, place)
                    # An id that somebody sent within a request is no answer's.
                    if not any(field + needle in line for field in (b'"recommendation_id":', b'"prediction_id":')):
                        continue
                    row = decode_row(line)
                    if row is None:
                        raise _damaged(path, answer_id)
                    if answer_id in (row.get("recommendation_id"), row.get("prediction_id")):
                        number = _number_of(path, place)
                        return LoggedRow(row=row, family=family, path=path, line=number)
    raise UnknownAnswerError(
        f"The prediction log has no answer {answer_id!r}.",
        why=f"no file below {settings.predictions_dir} has the id; warm-ups and `shopsight recommend` leave no rows",
        fix="copy the `prediction_id` or `recommendation_id` of an answer that a service of this home gave",
    )


@dataclass(frozen=True, kw_only=True)
class NewestRows:
    """The newest answers of a home."""

    rows: Sequence[dict[str, Any]]
    """The newest first."""
    damaged: Sequence[str]
    """``file:line`` of every row that was met and is not what was written."""


def newest_rows(settings: Settings, families: Sequence[str], count: int) -> NewestRows:
    """Return the newest rows of some families' logs; days are read from the newest back, until there are enough."""
    rows: list[dict[str, Any]] = []
    damaged: list[str] = []
    for family in families:
        of_family = 0
        for folder in _days(settings, family):
            if of_family >= count:
                break
            content = read_log(folder)
            of_family += len(content.rows)
            rows += content.rows
            damaged += content.damaged
    rows.sort(key=lambda row: str(row.get("answered_at")), reverse=True)
    return NewestRows(rows=rows[:count], damaged=damaged)


def _days(settings: Settings, family: str) -> list[Path]:
    return sorted((settings.predictions_dir / family).glob("????-??-??"), reverse=True)


def _places(path: Path, needle: bytes) -> Iterator[int]:
    """Yield where in a file a text begins."""
    overlap = len(needle) - 1
    with path.open("rb") as file:
        offset = 0
        while len(content := file.read(CHUNK)) > overlap:
            start = content.find(needle)
            while start >= 0:
                yield offset + start
                start = content.find(needle, start + 1)
            offset += len(content) - overlap  # where a text may be that this chunk has the beginning of
            file.seek(offset)


def _line_at(path: Path, place: int) -> bytes:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = content.find(b"\n", place)
        return content[content.rfind(b"\n", 0, place) + 1 : len(content) if end < 0 else end]


def _number_of(path: Path, place: int) -> int:
    """Return the number of the line that a place is in."""
    with path.open("rb") as file:
        lines = 1
        while place > 0 and (chunk := file.read(min(CHUNK, place))):
            lines += chunk.count(b"\n")
            place -= len(chunk)
    return lines


def _damaged(path: Path, answer_id: str) -> ShopsightError:
    return ShopsightError(
        f"The row of {answer_id} in {path} is not what was written.",
        why="its checksum does not match: the line was torn or changed",
        fix="restore the file from a backup; nothing can be said of this answer",
    )
