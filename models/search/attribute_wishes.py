"""Attributes that a query names, such as a colour, as the catalogue's items have them.

A named value puts first what has it among the items that meet the rest of the query; what a query says no to is left
out. A value counts by its whole name, and a colour or a material also by its own word: wood is meant by Beech Wood.

Shapes: N items.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.search.attributes import Attributes
from models.search.documents import Ints
from models.search.words import words
from models.text.attribute_words import COLOURS, MATERIALS, NO_NAME
from models.text.negation import said_no_to
from models.text.normalise import normalise
from models.text.tokens import tokens_of, words_of

Mask = NDArray[np.bool_]
_OF_OTHERS: Final = frozenset(words_of(form) for form in COLOURS[NO_NAME])
"""Words that hold a value's name and do not mean it, such as black tea."""
_OWN_WORDS: Final = {
    words_of(form): words_of(name)
    for kind in (COLOURS, MATERIALS)
    for name, forms in kind.items()
    if name != NO_NAME
    for form in (name, *forms)
}
"""By each written form of a colour or a material, the name that it goes by here."""
Phrase = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AttributeWish:
    """A value that a query names."""

    values: Mapping[str, tuple[str, ...]]
    """All values that are meant, by attribute, as the catalogue writes them."""
    wanted: bool = True
    """False: the query says no to it."""


@dataclass(frozen=True, kw_only=True)
class NamedAttributes:
    """The values that a query names, and the rest of it."""

    wishes: tuple[AttributeWish, ...] = ()
    rest: str = ""

    @property
    def wanted(self) -> tuple[AttributeWish, ...]:
        """What items should have."""
        return tuple(wish for wish in self.wishes if wish.wanted)

    @property
    def unwanted(self) -> tuple[AttributeWish, ...]:
        """What items must not have."""
        return tuple(wish for wish in self.wishes if not wish.wanted)


def by_attribute(wishes: Iterable[AttributeWish]) -> dict[str, list[str]]:
    """Return the values of some wishes together, by attribute."""
    values: dict[str, dict[str, None]] = defaultdict(dict)
    for wish in wishes:
        for name, of in wish.values.items():
            values[name].update(dict.fromkeys(of))
    return {name: list(of) for name, of in sorted(values.items())}


class AttributeReader:
    """Reads attribute values off queries to one catalogue."""

    def __init__(self, attributes: Sequence[Attributes], nouns: Collection[str]) -> None:
        """Make one.

        Args:
            attributes: of each item.
            nouns: words of categories; a value that is one of them, in whatever form, is no wish.
        """
        stems = {stem for noun in nouns for stem in words(noun)}
        having: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, of_item in enumerate(attributes):
            for name, values in of_item.items():
                for value in values:
                    having[name, value].append(place)
        self._places: dict[tuple[str, str], Ints] = {
            key: np.array(places, dtype=np.int64) for key, places in having.items()
        }
        whole: dict[Phrase, set[str]] = defaultdict(set)
        meant: dict[Phrase, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for name, value in sorted(having):
            whole[words_of(value)].add(name)
            for phrase in _phrases(value):
                if not (len(phrase) == 1 and (phrase[0].isdigit() or not stems.isdisjoint(words(phrase[0])))):
                    meant[phrase][name].add(value)
        # Where red is a colour, it is not the light of a lamp whose kind is Red Light.
        self._meant: dict[Phrase, dict[str, set[str]]] = {
            phrase: {name: values for name, values in named.items() if not whole[phrase] or name in whole[phrase]}
            for phrase, named in meant.items()
        }
        self._max_words = max(map(len, [*self._meant, *_OF_OTHERS]), default=0)

    def read(self, query: str) -> NamedAttributes:
        """Return what a query names.

        >>> reader = AttributeReader([{"colour": ["Red"]}], ())
        >>> reader.read("red shoes")
        NamedAttributes(wishes=(AttributeWish(values={'colour': ('Red',)}, wanted=True),), rest='shoes')
        """
        plain = normalise(query).casefold()
        tokens = tokens_of(plain)
        spans: list[tuple[int, int]] = []
        phrases: list[Phrase] = []
        place = 0
        while place < len(tokens):
            for length in range(min(self._max_words, len(tokens) - place), 0, -1):
                phrase = tuple(token.text for token in tokens[place : place + length])
                if phrase in _OF_OTHERS or phrase in self._meant:
                    if phrase in self._meant:
                        spans.append((tokens[place].start, tokens[place + length - 1].end))
                        phrases.append(phrase)
                    place += length
                    break
            else:
                place += 1
        said_no = said_no_to(plain, spans)
        wishes = tuple(
            AttributeWish(values={name: tuple(sorted(of)) for name, of in self._meant[phrase].items()}, wanted=not no)
            for phrase, no in zip(phrases, said_no, strict=True)
        )
        return NamedAttributes(wishes=wishes, rest=_without(plain, spans))

    def meets(self, wishes: Iterable[AttributeWish], count: int) -> Mask:
        """Return which of ``count`` items have what is wished for, shape (N,): of each attribute one of the values."""
        of_attributes: dict[tuple[str, ...], Mask] = {}
        for wish in wishes:
            key = tuple(sorted(wish.values))
            of_attributes[key] = of_attributes.get(key, np.zeros(count, dtype=np.bool_)) | self._having(wish, count)
        met = np.ones(count, dtype=np.bool_)
        for mask in of_attributes.values():
            met &= mask
        return met

    def has_any(self, wishes: Iterable[AttributeWish], count: int) -> Mask:
        """Return which of ``count`` items have any of the values, shape (N,)."""
        mask = np.zeros(count, dtype=np.bool_)
        for wish in wishes:
            mask |= self._having(wish, count)
        return mask

    def any_of(self, name: str, values: Iterable[str], count: int) -> Mask:
        """Return which of ``count`` items have one of some values of an attribute, in either case, shape (N,)."""
        asked = {value.casefold() for value in values}
        mask = np.zeros(count, dtype=np.bool_)
        for (of, value), places in self._places.items():
            if of == name and value.casefold() in asked:
                mask[places] = True
        return mask

    def _having(self, wish: AttributeWish, count: int) -> Mask:
        mask = np.zeros(count, dtype=np.bool_)
        for name, values in wish.values.items():
            for value in values:
                mask[self._places[name, value]] = True
        return mask


def _phrases(value: str) -> set[Phrase]:
    """Return the wordings that mean a value: its own, and the colours and materials in it."""
    whole = words_of(value)
    phrases = {whole} if whole else set()
    for start in range(len(whole)):
        for end in range(start + 1, len(whole) + 1):
            name = _OWN_WORDS.get(whole[start:end])
            if name is not None:
                phrases.add(name)
                if start == 0 and end == len(whole):
                    phrases |= {form for form, own in _OWN_WORDS.items() if own == name}
    return phrases - _OF_OTHERS


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    parts, place = [], 0
    for start, end in spans:
        parts.append(text[place:start])
        place = end
    return " ".join(" ".join([*parts, text[place:]]).split())
