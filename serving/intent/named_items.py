"""Which items of the catalogue a text names: by the beginning of their titles, two words or more.

A dictionary of beginnings rather than a pattern of all titles: a look-up takes as long in a shop of 100,000 items as in
one of 100.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

MIN_WORDS: Final = 2
MAX_WORDS: Final = 8
"""Words of a title's beginning that are looked up."""
MAX_ITEMS: Final = 5
"""Items that one name may stand for, such as a model in several colours."""

_WORD: Final = re.compile(r"[^\W_]+")


class NamedItems:
    """Looks for the items of one catalogue."""

    def __init__(self, items: Iterable[tuple[str, str | None]], *, before: "NamedItems | None" = None) -> None:
        """Take ids and titles; an item without a title of its own cannot be named.

        Args:
            items: those of a catalogue.
            before: names that stay, but those of ``items``.
        """
        items = list(items)
        self._before = before
        self._anew = frozenset(item_id for item_id, _ in items) if before else frozenset()
        self._ids: dict[tuple[str, ...], list[str]] = {}
        for item_id, title in items:
            words = _words(title or "")
            if title == item_id:
                continue
            for count in range(MIN_WORDS, min(len(words), MAX_WORDS) + 1):
                item_ids = self._ids.setdefault(tuple(words[:count]), [])
                if len(item_ids) < MAX_ITEMS:
                    item_ids.append(item_id)

    def with_titles(self, titles: Mapping[str, str | None]) -> "NamedItems":
        """Return the names with other titles of some items; one that is None names its item no more."""
        return NamedItems(titles.items(), before=self)

    def find(self, text: str) -> list[list[str]]:
        """Return the ids that each name in the text stands for, in the order of the text; the longest name counts."""
        return list(self._matches(_words(text)))

    def _matches(self, words: Sequence[str]) -> Iterator[list[str]]:
        place = 0
        while place < len(words):
            for count in range(min(MAX_WORDS, len(words) - place), MIN_WORDS - 1, -1):
                ids = self._named(tuple(words[place : place + count]))
                if ids:
                    yield ids
                    place += count
                    break
            else:
                place += 1

    def _named(self, words: tuple[str, ...]) -> list[str]:
        own = self._ids.get(words, [])
        if self._before is None:
            return own
        return [*own, *(one for one in self._before._named(words) if one not in self._anew)][:MAX_ITEMS]  # noqa: SLF001 - another of this class


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
