"""Puts a table into the wrappings that shops send: signs between fields, encodings, line ends, packings, folders."""

import bz2
import csv
import gzip
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar

import openpyxl
import pyarrow as pa

from generated_exports.exports import Delivery

T = TypeVar("T")
PACKED = {"gz": ".gz", "bz2": ".bz2", "zst": ".zst", "zip": ".zip"}


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A table as text."""

    names: list[str]
    rows: list[list[str]]


def packed(data: bytes, name: str, packing: str) -> tuple[str, bytes]:
    """Return a file's name and bytes after packing; ``none`` leaves them."""
    if packing == "none":
        return name, data
    if packing == "gz":
        data = gzip.compress(data, 1)
    elif packing == "bz2":
        data = bz2.compress(data)
    elif packing == "zst":
        data = pa.compress(data, codec="zstd", asbytes=True)
    else:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr(name, data)
        data = archive.getvalue()
    return name + PACKED[packing], data


def pick_packing(rng: Random, faults: list[str]) -> str:
    """Draw how a file is packed."""
    packing = rng.choice(("none", "none", "none", "none", *PACKED))
    if packing != "none":
        faults.append(f"wrapping: {packing}")
    return packing


def text_of(rng: Random, sheet: Sheet, faults: list[str], *, encodings: Sequence[str] = ()) -> bytes:
    """Return delimited text, with what programs put around and between its fields."""
    sign = rng.choice((",", ",", ",", ";", "\t", "|"))
    end = rng.choice(("\n", "\n", "\r\n", "\r"))
    names, rows = list(sheet.names), [list(row) for row in sheet.rows]
    if sign != ",":
        faults.append(f"wrapping: {'tab' if sign == chr(9) else sign}")
    if end == "\r":
        faults.append("wrapping: CR")
    if rng.random() > 0.9:
        faults.append("wrapping: index column")
        names, rows = ["", *names], [[str(i), *row] for i, row in enumerate(rows)]
    if rng.random() > 0.95:
        faults.append("wrapping: delimiter at the end")
        names, rows = [*names, ""], [[*row, ""] for row in rows]
    out = io.StringIO()
    above = rng.random()
    if 0.85 < above < 0.93:
        faults.append("wrapping: sep=")
        out.write(f"sep={sign}{end}")
    elif above > 0.93:
        faults.append("wrapping: comment")
        out.write(f"# exported by the shop{end}")
    # Python's writer leaves a line feed bare where lines end otherwise, which nothing could read.
    quoting: Literal[0, 1] = csv.QUOTE_ALL if rng.random() > 0.8 or end == "\r" else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=sign, lineterminator=end, quoting=quoting)
    writer.writerow(names)
    has_blanks = rng.random() > 0.9
    for row in rows:
        writer.writerow(row)
        if has_blanks and rng.random() > 0.6:
            out.write(rng.choice((end, sign * (len(names) - 1) + end)))
    if has_blanks:
        faults.append("wrapping: blank lines")
    return encoded(rng, out.getvalue(), faults, encodings)


def encoded(rng: Random, text: str, faults: list[str], encodings: Sequence[str]) -> bytes:
    """Return text in one of some encodings that can write it, else UTF-8, with or without a mark."""
    encoding = rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", *encodings))
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode()
    if encoding != "utf-8":
        faults.append(f"wrapping: {encoding}")
    return data


def workbook_of(rng: Random, sheet: Sheet, numeric: set[str]) -> bytes:
    """Return an Excel file; cells of numeric columns are numbers where they can be."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(sheet.names)
    is_typed = rng.random() > 0.5
    for row in sheet.rows:
        cells: list[str | float | None] = []
        for name, cell in zip(sheet.names, row, strict=True):
            is_number = is_typed and name in numeric and cell.replace(".", "", 1).lstrip("-").isdigit()
            cells.append(float(cell) if is_number else cell or None)
        page.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def split(rng: Random, rows: Sequence[T], faults: list[str]) -> list[list[T]]:
    """Split rows into shards of which each may repeat the end of the one before."""
    count = 2 + rng.randrange(2)
    step = max(1, -(-len(rows) // count))
    overlap = rng.choice((0, 1)) if len(rows) > 1 else 0
    if overlap:
        faults.append("duplicates: overlapping shards")
    return [list(rows[max(0, at - overlap) : at + step]) for at in range(0, len(rows), step)]


def delivered(name: str, data: bytes) -> Delivery:
    """Return the import of a single file."""
    return Delivery(name=name, files={name: data})
