"""The shape of a dossier, and how its parts are written down with the figures that they hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from serving.audit.dossier.sources import Sources
from serving.audit.dossier.wording import Figure, Part, Parts, Words


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under headings."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Parts]]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands below it, in order."""

    title: str
    blocks: list["Parts | Table | list[Parts]"] = field(default_factory=list)
    """A paragraph, a table, or the points of a list."""


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """A whole document."""

    family: str
    version: str
    language: str
    head: str
    """How far the registry's journal had come: what the document says is what was decided by then."""
    title: Parts
    sections: Sequence[Section]


class Writer:
    """Writes parts of a dossier: words of one language, and figures from the sources of one version."""

    def __init__(self, words: Words, sources: Sources) -> None:
        self.words = words
        self.sources = sources

    def figure(self, evidence: str, style: str = "plain") -> Figure:
        """Return what some evidence says, as a dossier states it."""
        text = self.words.written(self.sources.value(evidence), style)
        return Figure(evidence=evidence, style=style, text=text)

    def said(self, evidence: str) -> bool:
        """Return whether there is a value."""
        return self.figure(evidence).text != self.words("not_said")

    def say(self, key: str, **figures: Part) -> Parts:
        """Return a sentence of the catalogue."""
        return self.words.sentence(key, **figures)

    def estimate(self, evidence: str) -> Parts:
        """Return a figure with its interval."""
        value, low, high = (self.figure(f"{evidence}/{name}", "figure") for name in ("value", "low", "high"))
        return (value, " [", low, ", ", high, "]")

    def named(self, group: str, name: str) -> Parts:
        """Return a name of the code with what the catalogue says of it."""
        text = self.words.get(f"{group}.{name}")
        return (name, f" – {text}") if text else (name,)

    def values(self, *rows: tuple[str, str, str]) -> Table:
        """Return a table of single values: a label's key, the evidence and the style of each."""
        return Table(
            headings=(self.words("heading.what"), self.words("heading.value")),
            rows=[((self.words(f"label.{label}"),), (self.figure(place, style),)) for label, place, style in rows],
        )

    def leaves(self, evidence: str) -> Table:
        """Return a table of every value below some evidence, by its dotted name."""
        return Table(
            headings=(self.words("heading.setting"), self.words("heading.value")),
            rows=[((name,), (self.figure(place),)) for name, place in self.sources.leaves(evidence)],
        )
