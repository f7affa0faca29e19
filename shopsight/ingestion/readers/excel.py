"""Reads the sheets of an Excel workbook as text, as if each had been saved as CSV."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from shopsight.ingestion.readers.chunks import RawChunk, chunk_of_rows
from shopsight.ingestion.readers.columns import lacks, missing_columns
from shopsight.ingestion.readers.source_files import unreadable

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook


def read_excel(path: Path, *, required: tuple[str, ...] = ()) -> Iterator[RawChunk]:
    """Yield the rows of a workbook, a chunk for each sheet; all sheets with rows have the same header.

    Args:
        path: ``.xlsx``, ``.xlsm``, ``.xlsb``, ``.xls`` or ``.ods``.
        required: columns that the header must have.

    Raises:
        SourceFileError: it is no workbook that can be read, its sheets differ, or a column is missing.
    """
    workbook = _opened(path)
    names: list[str] = []
    for number, sheet in enumerate(workbook.sheet_names, start=1):
        cells = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
        top = next((i for i, row in enumerate(cells) if any(cell != "" for cell in row)), None)
        if top is None:
            continue
        header = [_text(cell).strip() for cell in cells[top]]
        if names and header != names:
            raise unreadable(
                path,
                why=f"its sheet {sheet} has other columns than the first",
                fix="save the sheet you mean as CSV UTF-8",
            )
        names = header
        named = [name for name in names if name]
        if missing := missing_columns(required, named):
            raise lacks(path, missing, named, place=f"sheet {sheet}")
        if repeated := sorted({name for name in named if named.count(name) > 1}):
            raise unreadable(path, why=f"it names {', '.join(repeated)} twice", fix="remove or rename one of them")
        rows = [[_text(cell) for cell in row] for row in cells[top + 1 :]]
        columns = {name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names) if name}
        yield chunk_of_rows(
            pa.table(columns), first_line=top + 2, file_name=path.name, fraction=number / len(workbook.sheet_names)
        )
    if not names:
        raise unreadable(path, why="its sheets are empty", fix="export it again")


def _opened(path: Path) -> "CalamineWorkbook":
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError as error:
        raise unreadable(
            path, why="it is an Excel workbook", fix="save the sheet as CSV UTF-8, or install python-calamine"
        ) from error
    try:
        return CalamineWorkbook.from_path(path)
    except (CalamineError, OSError) as error:
        raise unreadable(
            path, why=f"it is no Excel workbook that can be read ({error})", fix="save the sheet as CSV UTF-8"
        ) from error


def _text(cell: Any) -> str:
    """Return a cell as CSV has it: whole numbers without a point, times in ISO 8601."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="auto")
    if isinstance(cell, date | time | timedelta):
        return str(cell)
    return str(cell)
