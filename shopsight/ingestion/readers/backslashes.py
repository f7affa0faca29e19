r"""Reads what databases write into delimited text beside RFC 4180: ``\"`` for a quote, ``\N`` for null."""

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

ESCAPED_QUOTE: Final = re.compile(rb'(?<!\\)((?:\\\\)*)\\"')
NULL: Final = "\\N"


def escapes_quotes(block: bytes, delimiter: str) -> bool:
    r"""Return whether text writes a quote as ``\"``.

    Under RFC 4180 a field may end in a backslash (``"C:\",``), and a quote in a field is doubled (``\""``); a quote
    with anything else behind it would end the field in its middle, which no writer does.
    """
    if b'\\"' not in block:
        return False
    ends = re.escape(delimiter.encode()) + rb'\r\n"'
    return re.search(ESCAPED_QUOTE.pattern + b"[^" + ends + b"]", block) is not None


def with_doubled_quotes(block: bytes) -> bytes:
    r"""Return text with ``""`` for ``\"``: as long as before, so that every row is where it was."""
    return ESCAPED_QUOTE.sub(rb'\1""', block)


def without_backslashes(rows: pa.Table, block: bytes, *, escaped: bool) -> pa.Table:
    r"""Return columns of text with nothing for ``\N``, and a backslash for two where quotes are escaped by one."""
    if b"\\" not in block:
        return rows
    for place, name in enumerate(rows.column_names):
        column = rows[name]
        if escaped:
            column = pc.replace_substring(column, "\\\\", "\\")
        rows = rows.set_column(place, name, pc.if_else(pc.equal(column, NULL), "", column))
    return rows
