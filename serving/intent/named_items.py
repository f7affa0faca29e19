"""Which items of the catalogue a text names: by the beginning of their titles, two words or more.

A dictionary of beginnings rather than a pattern of all titles: a look-up takes as long in a shop of 100,000 items as in
one of 100.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

MIN_WORDS: Final = 2
MAX_WORDS: Final = 8
"""Words of a title's beginning that are looked up."""
MAX_ITEMS: Final = 5
"""Items that one name may stand for, such as a model in several colours."""

_WORD: Final = re.compile(r"[^\W_]+")


class NamedItems:
    """Looks for the items of one catalogue."""

    def __init__(self, items: Iterable[tuple[str, str | None]]) -> None:
        """Take ids and titles; an item without a title of its own cannot be named."""
        self._ids: dict[tuple[str, ...], list[str]] = {}
        for item_id, title in items:
            words = _words(title or "")
            if title == item_id:
                continue
            for count in range(MIN_WORDS, min(len(words), MAX_WORDS) + 1):
                item_ids = self._ids.setdefault(tuple(words[:count]), [])
                if len(item_ids) < MAX_ITEMS:
                    item_ids.append(item_id)

    @classmethod
    def from_export(cls, path: Path) -> "NamedItems":
        """Read the exported ``items`` mart; without one, nothing is ever named."""
        if not path.exists():
            return cls(())
        import pyarrow.parquet as pq

        table = pq.read_table(path, columns=["item_id", "title"])
        return cls(zip(table["item_id"].to_pylist(), table["title"].to_pylist(), strict=True))

    def find(self, text: str) -> list[list[str]]:
        """Return the ids that each name in the text stands for, in the order of the text; the longest name counts."""
        return list(self._matches(_words(text)))

    def _matches(self, words: Sequence[str]) -> Iterator[list[str]]:
        place = 0
        while place < len(words):
            for count in range(min(MAX_WORDS, len(words) - place), MIN_WORDS - 1, -1):
                ids = self._ids.get(tuple(words[place : place + count]))
                if ids:
                    yield ids
                    place += count
                    break
            else:
                place += 1


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
