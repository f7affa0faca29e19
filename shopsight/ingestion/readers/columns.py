"""Which columns a file lacks, and which of its own may have been meant."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from shopsight.ingestion.readers.source_files import SourceFileError, unreadable

NAMES_SHOWN: Final = 60


def missing_columns(required: Iterable[str], names: Sequence[str]) -> list[str]:
    """Return the required columns that are not among the names; a path like ``properties.id`` needs ``properties``."""
    return [name for name in required if root_of(name, names) is None]


def root_of(name: str, names: Sequence[str]) -> str | None:
    """Return the column that a name or a path begins with, the longest that there is, or None.

    A column may have points in its own name, as flattened JSON has.
    """
    if name in names:
        return name
    ends = [i for i in range(len(name) - 1, 0, -1) if name[i] == "." or name.startswith("[]", i)]
    return next((name[:end] for end in ends if name[:end] in names), None)


def lacks(path: Path, missing: Sequence[str], names: Sequence[str], *, place: str = "it") -> SourceFileError:
    """Return the error for a file without these columns, with names of its own that may have been meant."""
    by_small = {name.casefold(): name for name in names if name}
    capitals = {name: by_small[name.casefold()] for name in missing if name.casefold() in by_small}
    close = {
        name: by_small[alike[0]]
        for name in missing
        if name not in capitals and (alike := difflib.get_close_matches(name.casefold(), by_small, n=1, cutoff=0.75))
    }
    fix = "rename or add the column, or import the file under the format it was written in"
    if close:
        fix = f"write {', '.join(f'{there} for {name}' for name, there in close.items())} if that is meant; else {fix}"
    if capitals:
        fix = f"rename {', '.join(f'{there} to {name}' for name, there in capitals.items())}: capitals count"
    listed = ", ".join(list(filter(None, names))[:NAMES_SHOWN])
    return unreadable(path, why=f"{place} has no column {', '.join(missing)}; it has: {listed}", fix=fix)
