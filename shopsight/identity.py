"""One spelling for every id, and no id for nobody: imports and services read ids through the same two functions.

Tools write the same id in several ways (``17850.0`` for 17850, a no-break blank behind it) and have words for "there
is none" (``NULL``, ``undefined``). Left as they are, the first split one person in two and the second merge everybody
without an id into one person.
"""

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

BLANKS: Final = (
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    "\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\xad"
)
"""Blanks of Unicode, and marks without width (zero-width space, byte order mark, soft hyphen): no part of an id."""

NOTHING: Final = frozenset(
    {
        "null", "(null)", "<null>", "[null]", "\\n", "nil", "none", "(none)", "nan", "na", "n/a", "#n/a", "<na>", "nat",
        "undefined", "unknown", "(not set)", "not set", "[object object]", "empty", "(empty)",
        "00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000",
    }
)  # fmt: skip
"""Words, in small letters, by which databases, pandas, JavaScript and analytics say that there is no id."""

NOBODY: Final = NOTHING | {
    "0", "-1", "guest", "(guest)", "anonymous", "anon", "visitor", "not logged in", "not_logged_in", "nobody",
}  # fmt: skip
"""Those of a known user too: shops number guests 0 or -1. Devices and items may be numbered from 0."""

WHOLE_FLOAT: Final = r"^(-?\d+)\.0+$"
"""A whole number that went through a column of floats."""

ID_COLUMNS: Final = ("user_id", "anonymous_id", "session_id", "item_id", "order_id")
"""Columns of ids that name the same thing in several rows."""


def clean_id(text: str, column: str) -> str | None:
    """Return one id in its one spelling, or None where it is a word for nobody.

    Args:
        text: as a client or a file gives it.
        column: one of :data:`ID_COLUMNS`.
    """
    spelled = re.sub(WHOLE_FLOAT, r"\1", text.strip(BLANKS))
    return None if not spelled or spelled.lower() in _words(column) else spelled


def clean_ids(ids: pa.ChunkedArray, column: str) -> pa.ChunkedArray:
    """Do to a column of text what :func:`clean_id` does to one id."""
    ids = strip_blanks(ids)
    if pc.any(pc.match_substring(ids, pattern=".0"), min_count=0).as_py():
        ids = pc.replace_substring_regex(ids, pattern=WHOLE_FLOAT, replacement=r"\1")
    words = pa.array(["", *sorted(_words(column))], pa.string())
    return _without(ids, pc.is_in(pc.ascii_lower(ids), value_set=words))


def none_if_empty(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Make empty text null."""
    return _without(texts, pc.equal(texts, ""))


def strip_blanks(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take :data:`BLANKS` off both ends; of text that is all ASCII, as most is, in a fraction of the time."""
    if pc.all(pc.string_is_ascii(texts), min_count=0).as_py():
        return pc.ascii_trim(texts, characters="".join(filter(str.isascii, BLANKS)))
    return pc.utf8_trim(texts, characters=BLANKS)


def _without(texts: pa.ChunkedArray, is_nothing: pa.ChunkedArray) -> pa.ChunkedArray:
    """Make some texts null; mostly there are none such, and no column is copied."""
    if not pc.any(is_nothing, min_count=0).as_py():
        return texts
    return pc.if_else(is_nothing, pa.scalar(None, pa.string()), texts)


def _words(column: str) -> frozenset[str]:
    return NOBODY if column == "user_id" else NOTHING
