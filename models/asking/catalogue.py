"""The categories, brands and items that a question may name."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from models.asking.question import Filter, RefusedQuestionError

_KEYWORD: Final = r"(?P<word>category|categories|departments?|brands?|item|product|sku)"
_END: Final = (
    r"(?=\s+(?:with(?:in)?|in the|over the|during|who|that|which|and|or|to the|into|on the|at least|for|again)\b"
    r"|[,.;?!]|$)"
)
_WORDS: Final = "order item product visit search review return view question rating refund session cart checkout"
_GENERIC: Final = frozenset(f"{_WORDS} {' '.join(f'{word}s' for word in _WORDS.split())} shop home sale other".split())
"""Words of the grammar, which name no category or brand unless one is announced."""


@dataclass(frozen=True)
class Catalogue:
    """Names in small letters, and what each stands for."""

    categories: Mapping[str, tuple[str, tuple[str, ...]]]
    """Of a level's name or a whole path: how it is written, and the paths that lie at it or below."""
    brands: Mapping[str, str]
    items: Mapping[str, str]
    """Of an item's id: itself. Titles are not read: they hold the grammar's own words."""

    @classmethod
    def of(cls, paths: Iterable[str], brands: Iterable[str], items: Iterable[str]) -> "Catalogue":
        """Index category paths (joined by ``>``), brands and item ids."""
        below: dict[str, set[str]] = {}
        written: dict[str, str] = {}
        for path in paths:
            levels = [level.strip() for level in path.split(">")]
            for depth, level in enumerate(levels):
                for name in (level, " > ".join(levels[: depth + 1])):
                    below.setdefault(name.lower(), set()).add(path)
                    written[name.lower()] = name
        return cls(
            {name: (written[name], tuple(sorted(lower))) for name, lower in below.items()},
            {brand.lower(): brand for brand in brands},
            {item.lower(): item for item in items},
        )

    def take(self, text: str) -> tuple[str, list[Filter]]:
        """Return the text with each named thing as ``@0``, ``@1``, …, and what those are.

        Raises:
            RefusedQuestionError: a category, brand or item is announced that the shop does not have.
        """
        filters: list[Filter] = []

        def placed(one: Filter) -> str:
            filters.append(one)
            return f" @{len(filters) - 1} "

        text = re.sub(r'"([^"]+)"|“([^”]+)”', lambda quoted: f"<{quoted[1] or quoted[2]}>", text)
        announced = re.compile(
            rf"(?:\b(?:in|from|of|by|within|with)\s+)?(?:(?:the|an?)\s+)?\b{_KEYWORD}\b(?:\s+(?:called|named))?\s+"
        )
        position = 0
        while match := announced.search(text, position):
            word, rest = match["word"], text[match.end() :]
            name, length = self._name_at(rest, word)
            if name is None and not rest.startswith("<") and word in ("item", "product"):
                position = match.end()  # "an item of brand …", "an item within …": no item is named
                continue
            if name is None:
                raise self._unknown(word, rest)
            text = text[: match.start()] + placed(self._filter(name, word)) + text[match.end() + length :]
            position = 0
        for names, word in ((self.categories, "category"), (self.brands, "brand")):
            for name in sorted(
                (name for name in names if len(name) > 2 and name not in _GENERIC), key=len, reverse=True
            ):
                pattern = re.compile(
                    rf"(?:\b(?:in|from|of|by)\s+)?(?:\bthe\s+)?<?(?<![\w@]){re.escape(name)}(?!\w)>?(?:\s+{word})?(?:\s+(?=items?|products?))?"
                )
                while match := pattern.search(text):
                    text = text[: match.start()] + placed(self._filter(name, word)) + text[match.end() :]
        if quoted := re.search(r"<([^>]+)>", text):
            raise self._unknown("category or brand", quoted[1])
        return text, filters

    def _name_at(self, rest: str, word: str) -> tuple[str | None, int]:
        """Return the longest name of the kind with which the text begins, and how many signs it takes."""
        names: Iterable[str] = (
            self.categories if word[0] in "cd" else self.brands if word.startswith("brand") else self.items
        )
        quoted = rest.startswith("<")
        begin = rest[1:] if quoted else rest
        fitting = [name for name in names if begin.startswith(name) and not re.match(r"\w", begin[len(name) :])]
        name = max(fitting, key=len, default=None)
        return name, 0 if name is None else len(name) + 2 * quoted

    def _filter(self, name: str, word: str) -> Filter:
        if word[0] in "cd":
            written, paths = self.categories[name]
            return Filter(categories=paths, category_name=written)
        if word.startswith("brand"):
            return Filter(brand=self.brands[name])
        return Filter(item_id=self.items[name])

    def _unknown(self, word: str, rest: str) -> RefusedQuestionError:
        match = re.match(rf"<([^>]+)>|(.+?){_END}", rest)
        name = (match[1] or match[2]) if match else rest
        names = [*self.categories] if word[0] in "cd" else [*self.brands] if word.startswith("brand") else [*self.items]
        near = difflib.get_close_matches(name, names, n=5, cutoff=0.5) or sorted(names, key=len)[:5]
        return RefusedQuestionError(
            f"the shop has no {word} {name!r}",
            why="no event and no item of the log names it",
            fix=f"name one that it has, such as: {', '.join(near)}"
            if near
            else f"the log names no {word}: leave it out",
        )
