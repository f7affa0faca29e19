"""What the assistant says: sentences from templates, each with the rows that it stands on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from models.assistant.graph import SEPARATOR, Item
from models.assistant.wish import EXCLUDED, PRICE, STOCK, TRAIT, Condition

STATEMENT: Final = "statements:"
"""Rows that say what the assistant is and can do: the texts of this folder."""
MAX_QUOTED: Final = 300
"""Characters that are quoted of a text."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence and the ids of its rows."""

    text: str
    rows: tuple[str, ...]
    name: str
    """Of its template."""
    quotes: tuple[str, ...] = ()
    """What it repeats of other people's texts, letter for letter: data, which nobody follows."""

    def __post_init__(self) -> None:
        """Refuse what stands on nothing."""
        if not self.rows:
            raise ValueError(f"a sentence stands on a row: {self.text!r}")


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """A line of a comparison: what each item has of one thing."""

    name: str
    values: tuple[str, ...]
    rows: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Items side by side."""

    item_ids: tuple[str, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the assistant asks back."""

    facet: str
    values: tuple[str, ...]


@dataclass(kw_only=True)
class Reply:
    """What a message is answered with."""

    act: str
    """What was done, such as ``find``."""
    language: str
    sentences: list[Sentence] = field(default_factory=list)
    item_ids: list[str] = field(default_factory=list)
    """Items that are shown, in their order."""
    comparison: Comparison | None = None
    question: Asked | None = None
    relaxed: list[str] = field(default_factory=list)
    """Conditions that were let go, in words."""
    hand_over: str | None = None
    """Why a person is asked for; None where none is."""

    @property
    def text(self) -> str:
        """The sentences after each other."""
        return ("" if self.language == "zh" else " ").join(sentence.text for sentence in self.sentences)


@cache
def texts(language: str) -> Mapping[str, Any]:
    """Return the templates of a language."""
    path = Path(__file__).with_name("texts") / f"{language}.yml"
    templates: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return templates


class Voice:
    """Words things in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = texts(language)

    def says(self, name: str, rows: Iterable[str], /, *, quotes: Sequence[str] = (), **values: object) -> Sentence:
        """Return a sentence of a template."""
        text = str(self._texts[name]).format_map(values)
        return Sentence(text=text, rows=tuple(dict.fromkeys(rows)), name=name, quotes=tuple(quotes))

    def states(self, name: str) -> Sentence:
        """Return a sentence about the assistant itself."""
        return self.says(name, [f"{STATEMENT}{name}"])

    def word(self, name: str, /, **values: object) -> str:
        """Return a word; of an attribute that has none here its own name."""
        return str(self._texts["words"].get(name, name)).format_map(values)

    def listed(self, values: Sequence[str], joined_by: str = "and") -> str:
        """Return values as a list in words."""
        if len(values) < 2:
            return "".join(values)
        comma = "、" if self.language == "zh" else ", "
        word = self.word(joined_by)
        return comma.join(values[:-1]) + (word if self.language == "zh" else f" {word} ") + values[-1]

    def value(self, facet: str, value: str) -> str:
        """Return a value as it is said: of a category the last part of its path."""
        return value.split(SEPARATOR)[-1] if facet == "category" else value

    def condition(self, condition: Condition) -> str:
        """Return a condition in words."""
        if condition.facet == STOCK:
            return self.word("stock")
        if condition.facet == TRAIT:
            return self.word("trait", trait=" ".join(sorted(condition.values)))
        if condition.facet == EXCLUDED:
            values = sorted(value.split("=", 1)[1] for value in condition.values)
            return self.word("excluded", values=self.listed(values, "or"))
        if condition.facet == PRICE:
            if condition.gte is not None and condition.lte is not None:
                return self.word("between", low=f"{condition.gte:g}", high=f"{condition.lte:g}")
            if condition.lte is not None:
                return self.word("under", amount=f"{condition.lte:g}")
            return self.word("over", amount=f"{condition.gte:g}")
        values = [self.value(condition.facet, value) for value in sorted(condition.values)]
        return self.word("facet", facet=self.word(condition.facet), values=self.listed(values, "or"))


def money(amount: float, currency: str | None) -> str:
    """Return an amount as it is said.

    >>> money(129, "EUR"), money(5.5, None)
    ('129.00 EUR', '5.50')
    """
    return f"{amount:.2f} {currency}" if currency else f"{amount:.2f}"


def stars_of(item: Item) -> str:
    """Return an item's mean rating as it is said, to a tenth."""
    return "" if item.stars is None else f"{item.stars:.1f}"


def quoted(text: str) -> str:
    """Return what is quoted of a text: its beginning, with a sign where it goes on, and no quotation marks inside."""
    plain = " ".join(text.replace("“", "'").replace("”", "'").replace('"', "'").split())
    return plain if len(plain) <= MAX_QUOTED else plain[: MAX_QUOTED - 1].rstrip() + "…"
