"""Words of a text, in English and Chinese, and the shop's own names among them; a slip of the pen is read as meant."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from models.assistant import cues
from models.assistant.graph import SEPARATOR, Item, ShopGraph
from models.intent.attributes import category_names
from models.text.attribute_words import COLOURS, MATERIALS, NO_NAME
from models.text.tokens import Token, words_of

MAX_NAME: Final = 12
"""Tokens of a name that are looked up; a Chinese character is one."""
MAX_ITEMS: Final = 8
"""Items that one name may stand for, such as a model in several colours."""
MIN_MISSPELT: Final = 4
"""Letters from which on a word may be another, misspelt; from eight on by two letters."""
MIN_CUE: Final = 5
"""Letters above which a misspelt word may be one of a cue, such as budget."""
COMMON: Final = 0.6
"""Share of the items whose description has a word from which on it tells nothing."""
MAX_FILLER: Final = 3
"""Letters up to which a word of a longer value is no name by itself."""
OWN_FACETS: Final = ("category", "brand")
FACETS_OF_WORDS: Final = (("colour", COLOURS), ("color", COLOURS), ("material", MATERIALS))
"""Attributes whose values have words of their own, also those that a shop does not sell."""
_CORPUS: Final = Path(__file__).parents[1] / "intent" / "corpus"


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a name stands for: values of a facet, or items."""

    facet: str
    """``category``, ``brand``, an attribute's name, or ``item``."""
    values: frozenset[str]
    is_part: bool = False
    """Whether only a word of the values was named, such as nylon of Recycled Nylon."""


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A name in a text."""

    meanings: tuple[Meaning, ...]
    first: int
    """Its first token."""
    after: int
    """The token after its last."""
    start: int
    end: int
    text: str

    def values(self, facet: str) -> frozenset[str]:
        """Return what it stands for under a facet."""
        return frozenset().union(*(meaning.values for meaning in self.meanings if meaning.facet == facet))


@dataclass(kw_only=True)
class _Forms:
    meanings: dict[tuple[str, ...], dict[tuple[str, bool], set[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )

    def add(self, form: str | tuple[str, ...], facet: str, values: Iterable[str], *, is_part: bool = False) -> None:
        words = words_of(form) if isinstance(form, str) else form
        if 0 < len(words) <= MAX_NAME:
            self.meanings[words][facet, is_part].update(values)


class Lexicon:
    """The names of one shop, by their written forms."""

    def __init__(self, graph: ShopGraph, synonyms: Sequence[Sequence[str]] = ()) -> None:
        """Collect them.

        Args:
            graph: the shop.
            synonyms: groups of phrases that mean the same: where one names a category or a value, the others do.
        """
        forms = _Forms()
        for group in synonyms:
            for facet, value in {named for phrase in group for named in _values_named(graph, phrase)}:
                for form in group:
                    forms.add(form, facet, [value])
        _add_categories(forms, graph)
        for brand in graph.facets.get("brand", ()):
            forms.add(brand, "brand", [brand])
        attributes = {facet: values for facet, values in sorted(graph.facets.items()) if facet not in OWN_FACETS}
        for facet, values in attributes.items():
            _add_values(forms, facet, values)
        for facet, values in attributes.items():  # whole names come first, whatever attribute they are of
            _add_parts(forms, facet, values)
        for words, ids in _item_names(graph.items.values()).items():
            forms.add(words, "item", ids)
        for form in COLOURS[NO_NAME]:
            if words_of(form) not in forms.meanings:
                forms.add(form, NO_NAME, [])
        self._meanings = {
            words: tuple(
                Meaning(facet=facet, values=frozenset(values), is_part=is_part)
                for (facet, is_part), values in sorted(by_facet.items())
            )
            for words, by_facet in forms.meanings.items()
        }
        self._max_words = max(map(len, self._meanings), default=0)
        self.traits = _traits(graph.items.values())
        """Words that some of the items' descriptions have, by which they can be told apart."""
        self._written = Counter(word for words in self._meanings for word in words if word.isalpha() and len(word) > 2)
        self._written.update(self.traits)
        self._spelt = _by_length({*self._written, *(word for word in cue_words() if len(word) > MIN_CUE)})

    def mentions(self, tokens: Sequence[Token]) -> list[Mention]:
        """Return the names among tokens, from left to right; the longest counts."""
        mentions, place = [], 0
        while place < len(tokens):
            for count in range(min(self._max_words, len(tokens) - place), 0, -1):
                words = tuple(token.text for token in tokens[place : place + count])
                meanings = self._meanings.get(words)
                if meanings is None:
                    continue
                if any(meaning.facet != NO_NAME for meaning in meanings):
                    mentions.append(
                        Mention(
                            meanings=meanings,
                            first=place,
                            after=place + count,
                            start=tokens[place].start,
                            end=tokens[place + count - 1].end,
                            text=" ".join(words),
                        )
                    )
                place += count
                break
            else:
                place += 1
        return mentions

    def spelt(self, word: str) -> str:
        """Return the shop's word that a misspelt one is meant to be, or the word itself."""
        if word in self._written or word in english_words() or len(word) < MIN_MISSPELT or not word.isascii():
            return word
        if not word.isalpha() or word.startswith(cue_stems()):
            return word
        reach = 2 if len(word) >= 8 else 1
        best: tuple[int, int, str] | None = None
        for length in range(len(word) - reach, len(word) + reach + 1):
            for other in self._spelt.get(length, ()):
                away = edits(word, other, reach)
                if away <= reach and (best is None or (away, -self._written[other], other) < best):
                    best = (away, -self._written[other], other)
        return word if best is None else best[2]


def edits(one: str, other: str, limit: int) -> int:
    """Return how many letters have to be changed, added, left out or swapped with the next; above ``limit``, more.

    The optimal string alignment distance.

    >>> edits("shose", "shoes", 2), edits("tennt", "tent", 2)
    (1, 1)
    """
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    two_before: list[int] = []
    before = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        row = [i]
        for j, against in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, two_before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        two_before, before = before, row
    return before[-1]


@cache
def english_words() -> frozenset[str]:
    """Return the English words that shoppers use: those of the corpus of intents, and of the assistant's own cues."""
    words = set(cue_words())
    for path in sorted(_CORPUS.rglob("*en.txt")):
        words.update(re.findall(r"[a-z]+", path.read_text().casefold()))
    return frozenset(words)


@cache
def cue_words() -> frozenset[str]:
    """Return the English words of the cues, which are misspelt as well."""
    return frozenset(word for text in _cue_patterns() for word in re.findall(r"[a-z]{3,}", _OTHER_SIGNS.sub(" ", text)))


@cache
def cue_stems() -> tuple[str, ...]:
    """Return what words of cues begin with, such as ``accessor``."""
    return tuple(sorted({stem for text in _cue_patterns() for stem in re.findall(r"([a-z]{4,})\\w", text)}))


_OTHER_SIGNS: Final = re.compile(r"[a-z]+\\w|\\[a-zA-Z]")


def _cue_patterns() -> list[str]:
    return [pattern.pattern for pattern in vars(cues).values() if isinstance(pattern, re.Pattern)]


def _by_length(words: Iterable[str]) -> dict[int, list[str]]:
    lengths: dict[int, list[str]] = defaultdict(list)
    for word in sorted(words):
        if len(word) >= MIN_MISSPELT - 1 and word.isascii():
            lengths[len(word)].append(word)
    return lengths


def _values_named(graph: ShopGraph, name: str) -> list[tuple[str, str]]:
    """Return the facets and values that a name in the shop's file stands for; of a path its last part will do."""
    wanted = name.casefold()
    return [
        (facet, value)
        for facet, values in sorted(graph.facets.items())
        for value in sorted(values)
        if wanted in (value.casefold(), value.split(SEPARATOR)[-1].casefold())
    ]


def _add_categories(forms: _Forms, graph: ShopGraph) -> None:
    paths = sorted(graph.facets.get("category", ()))
    heads: dict[str, set[str]] = defaultdict(set)
    for form, path in category_names(paths).items():
        forms.add(form, "category", [path])
        if " " in form:
            heads[form.split()[-1]].add(path)
    for head, those in heads.items():
        if len(head) > 2 and words_of(head) not in forms.meanings:
            forms.add(head, "category", those, is_part=True)


def _add_values(forms: _Forms, facet: str, values: Iterable[str]) -> None:
    for value in sorted(values):
        forms.add(value, facet, [value])
    for own_facet, table in (*FACETS_OF_WORDS, (None, COLOURS), (None, MATERIALS)):
        for name, others in table.items():
            if name != NO_NAME and own_facet in (None, facet):
                _add_synonyms(forms, facet, values, (name, *others), is_own=own_facet is not None)


def _add_synonyms(forms: _Forms, facet: str, values: Iterable[str], synonyms: Sequence[str], *, is_own: bool) -> None:
    """Add other words for values; where the shop has none of them, a wish for it is a wish all the same."""
    exact = {value for value in values if value.casefold() in synonyms}
    holding = {value for value in values for form in synonyms if form in value.casefold().split()} - exact
    for form in synonyms:
        if exact:
            forms.add(form, facet, exact)
        if holding:
            forms.add(form, facet, holding, is_part=bool(exact))
        if is_own and not exact and not holding:
            forms.add(form, facet, [synonyms[0]])


def _add_parts(forms: _Forms, facet: str, values: Iterable[str]) -> None:
    """Add the words of longer values, but those that are names themselves."""
    parts: dict[str, set[str]] = defaultdict(set)
    for value in sorted(values):
        words = words_of(value)
        for word in words if len(words) > 1 else ():
            if len(word) > MAX_FILLER:
                parts[word].add(value)
    for word, those in parts.items():
        if (word,) not in forms.meanings or all(is_part for _, is_part in forms.meanings[word,]):
            forms.add((word,), facet, those, is_part=True)


def _item_names(items: Iterable[Item]) -> dict[tuple[str, ...], list[str]]:
    """Return the items by the beginnings of their titles, two tokens or more: how people call them."""
    ids: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for item in items:
        words = words_of(item.title)
        if item.title == item.item_id:
            continue
        brand = words_of(item.brand) if item.brand else ()
        starts_with_brand = bool(brand) and words[: len(brand)] == brand
        for count in range(2, min(len(words), MAX_NAME) + 1):
            if not (starts_with_brand and count <= len(brand)):
                ids[words[:count]].append(item.item_id)
        ids[words].append(item.item_id)
    return {words: sorted(set(those)) for words, those in ids.items() if len(set(those)) <= MAX_ITEMS}


def _traits(items: Iterable[Item]) -> frozenset[str]:
    items = list(items)
    counts = Counter(word for item in items for word in set(words_of(item.description)) if word.isalpha())
    return frozenset(word for word, count in counts.items() if count <= COMMON * len(items) and len(word) > 2)
