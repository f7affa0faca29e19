"""Reads what stands above the rows of delimited text: marks, blank lines, remarks, Excel's ``sep=;`` and the names."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from shopsight.ingestion.readers.columns import lacks, missing_columns
from shopsight.ingestion.readers.source_files import unreadable

MAX_HEADER_BYTES: Final = 1024 * 1024
DELIMITERS: Final = ",;\t|"
MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the fields of a file are."""

    names: list[str]
    """A name for each field; a field without one is called ``unnamed_1`` by its place."""
    delimiter: str
    raw: bytes = b""
    """The line itself, without its break; empty where the file has none."""
    nameless: tuple[str, ...] = ()
    """Names that were made up, for columns that are left out: pandas' index, or a delimiter at the line's end."""
    lines: int = 0
    """Lines from the file's beginning to its first row."""


def read_header(file: BinaryIO, path: Path, required: tuple[str, ...], delimiter: str | None = None) -> Header:
    """Read on to the first row, and return what its fields are.

    Args:
        file: text in UTF-8, at its beginning.
        path: for messages.
        required: names that the header must have.
        delimiter: what parts the fields; None takes it from the header.

    Raises:
        SourceFileError: there is no header, or it lacks a required name, or it has one twice.
    """
    first, lines, said = _first_line(file, path, required)
    try:
        text = first.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise unreadable(path, why=f"its header is not UTF-8 ({error})", fix="save it in UTF-8") from error
    delimiter = delimiter or said or delimiter_of(text)
    try:
        names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter))]
    except csv.Error as error:
        raise unreadable(
            path,
            why=f"its header cannot be split into fields ({error}): some of its lines end in CR alone, others do not",
            fix="let all lines end alike, and put fields with line breaks into quotes",
        ) from error
    if missing := missing_columns(required, names):
        raise lacks(path, missing, names, place="its header")
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise unreadable(path, why=f"its header names {', '.join(repeated)} twice", fix="remove or rename one of them")
    named = [name or _made_up(place, names) for place, name in enumerate(names, start=1)]
    return Header(
        names=named,
        delimiter=delimiter,
        raw=first.rstrip(b"\r\n"),
        nameless=tuple(new for new, old in zip(named, names, strict=True) if not old),
        lines=lines,
    )


def header_of_names(file: BinaryIO, names: tuple[str, ...], delimiter: str | None = None) -> Header:
    """Return the header of a file without one; its delimiter makes as many fields of a line as there are names."""
    head = cast(io.BufferedReader, file).peek(MAX_HEADER_BYTES)
    text = head.removeprefix(MARK).split(b"\n")[0].decode(errors="replace").rstrip("\r")
    fitting = [sign for sign in DELIMITERS if len(next(csv.reader([text], delimiter=sign), [])) == len(names)]
    return Header(names=list(names), delimiter=delimiter or (fitting or [","])[0])


def _first_line(file: BinaryIO, path: Path, required: tuple[str, ...]) -> tuple[bytes, int, str | None]:
    """Return the header, the lines read up to its end, and the delimiter that a line ``sep=;`` above it names."""
    lines, said = 0, None
    while True:
        first = file.readline(MAX_HEADER_BYTES)
        lines += 1
        if not first:
            raise unreadable(path, why="it is empty", fix="export it again; a header line is needed even without rows")
        if b"\x00" in first:
            raise unreadable(path, why="it looks like a binary file", fix="save it as text in UTF-8")
        while first.startswith(MARK):
            first = first.removeprefix(MARK)
        if named := re.fullmatch(rb"sep=(.)", first.strip(b"\r\n"), re.IGNORECASE):
            said = named[1].decode(errors="replace")
        elif first.strip() and not _is_remark(first, required):
            break
    while first.count(b'"') % 2 and (more := file.readline(MAX_HEADER_BYTES)) and len(first) < MAX_HEADER_BYTES:
        first, lines = first + more, lines + 1
    return first, lines, said


def _is_remark(line: bytes, required: tuple[str, ...]) -> bool:
    """Return whether a line is a comment: it begins with # and does not hold the names."""
    text = line.decode(errors="replace").strip()
    return text.startswith("#") and not (required and set(required) <= set(text.split(delimiter_of(text))))


def delimiter_of(text: str) -> str:
    """Return the sign that most likely parts the fields of a line."""
    outside = re.sub(r'"[^"]*"', "", text)
    return max(DELIMITERS, key=outside.count)


def _made_up(place: int, names: list[str]) -> str:
    name = f"unnamed_{place}"
    while name in names:
        name += "_"
    return name
