"""Reads a folder of parts as one file: shards of an export, and Hive partitions whose values stand in folder names."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa

from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.source_files import unreadable

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file of a source."""

    path: Path
    values: dict[str, str] = field(default_factory=dict)
    """Columns that the names of its folders give, as ``event_date=2026-03-01`` does."""


def parts_of(path: Path) -> list[Part]:
    """Return the file itself, or the files below a folder in the order of their names.

    Hidden files and those that Spark and Hive leave beside the data (``_SUCCESS``) are none.

    Raises:
        SourceFileError: the folder holds no file.
    """
    if not path.is_dir():
        return [Part(path=path)]
    inside = sorted(file for file in path.rglob("*") if file.is_file())
    files = [file for file in inside if not any(s[0] in "._" for s in file.relative_to(path).parts)]
    if not files:
        raise unreadable(path, why="the folder holds no files", fix="give the folder with the parts of the export")
    return [Part(path=file, values=_values(file.relative_to(path).parts[:-1])) for file in files]


def read_parts(path: Path, read: Callable[[Part], Iterator[RawChunk]]) -> Iterator[RawChunk]:
    """Yield the rows of every part, with the columns that the names of its folders give.

    Args:
        path: file or folder.
        read: how a part is read.
    """
    parts = parts_of(path)
    for done, part in enumerate(parts):
        for chunk in read(part):
            fraction = (done + chunk.fraction) / len(parts)
            yield replace(chunk, rows=_with_values(chunk.rows, part.values), fraction=fraction)


def _values(folders: tuple[str, ...]) -> dict[str, str]:
    pairs = [folder.split("=", 1) for folder in folders if "=" in folder]
    return {name: "" if value == NULL_PARTITION else unquote(value) for name, value in pairs}


def _with_values(rows: pa.Table, values: dict[str, str]) -> pa.Table:
    for name, value in values.items():
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.array([value] * rows.num_rows, pa.string()))
    return rows
