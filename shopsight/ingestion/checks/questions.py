"""How a question to a whole file is put: SQL over the rows that would be accepted, and from when on it worries."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Question:
    """One way for a file to be wrong although each of its rows is right.

    Queries read the tables of :mod:`shopsight.ingestion.checks.kept_rows`.
    """

    name: str
    """Stable name of the check."""
    broken: str
    """A query that returns what breaks it: a column ``place``, then the fields that matter, then perhaps
    ``other_place``, a second row that it is about."""
    out_of: str
    """A query that returns how many there are in all, broken or not."""
    unit: str
    """What is counted: rows, orders, sessions."""
    meaning: str
    """What is true of the broken ones."""
    why: str
    """What goes wrong because of it, in a sentence."""
    fix: str
    """What to do about it, in a sentence."""
    needs: tuple[str, ...] = ()
    """Columns without a value in any of which there is nothing to ask."""
    warn_above: float = 0.0
    """Largest share of broken ones that any healthy file has: more is WARN."""
    fail_above: float = 1.0
    """Largest share under which most of the file is still right: more is FAIL."""
