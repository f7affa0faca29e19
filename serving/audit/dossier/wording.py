"""The texts of a dossier, one catalogue per language, and how a figure is written."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from serving.audit.dossier.sources import Missing
from shopsight.errors import ShopsightError

TEXTS: Final = Path(__file__).parent / "texts"
LANGUAGES: Final = ("en", "zh")
_BLANK: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value that a dossier states, with the evidence that it is read back from."""

    evidence: str
    style: str
    """How it is written; see :meth:`Words.written`."""
    text: str


Part = str | Figure
Parts = tuple[Part, ...]
"""A sentence or a cell: plain words and figures."""


class Words:
    """The catalogue of a language."""

    def __init__(self, language: str) -> None:
        """Read it.

        Raises:
            ShopsightError: there is none of this language.
        """
        if language not in LANGUAGES:
            raise ShopsightError(
                f"There is no dossier in the language {language!r}.",
                why=f"its texts are written in {', '.join(LANGUAGES)}",
                fix="name one of these with --language",
            )
        self.language = language
        self._texts = catalogue(language)

    def __call__(self, key: str) -> str:
        """Return a text that has no blanks."""
        return self._texts[key]

    def get(self, key: str, default: str = "") -> str:
        """Return a text that need not be there."""
        return self._texts.get(key, default)

    def sentence(self, key: str, **figures: Part) -> Parts:
        """Return a text with its ``{blanks}`` filled in."""
        return tuple(self._filled(self._texts[key], figures))

    def written(self, value: Any, style: str) -> str:
        """Return a value as a dossier states it.

        Args:
            value: from :meth:`serving.audit.dossier.sources.Sources.value`.
            style: ``count``, ``size`` (how many there are), ``figure`` (four decimals), ``share``, ``moment``,
                ``text``, ``plain`` (as JSON has it), or ``term.GROUP``: by the catalogue's text ``term.GROUP.VALUE``.
        """
        if isinstance(value, Missing) or value is None:
            return self._texts["not_said"]
        if style in ("count", "size"):
            return f"{value if style == 'count' else len(value):,}"
        if style == "figure":
            return f"{float(value):.4f}"
        if style == "share":
            return f"{float(value):.1%}"
        if style == "moment":
            return str(value)[:19].replace("T", " ") + " UTC"
        if style.startswith("term."):
            return self._texts.get(f"{style}.{str(value).lower()}", str(value))
        return f"{value:.6g}" if style == "plain" and isinstance(value, float) else str(value)

    def _filled(self, text: str, figures: Mapping[str, Part]) -> Iterator[Part]:
        for place, piece in enumerate(_BLANK.split(text)):
            filled: Part = figures[piece] if place % 2 else piece
            if filled:
                yield filled


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return the texts of a language, by dotted key."""
    content = yaml.safe_load((TEXTS / f"{language}.yml").read_text(encoding="utf-8"))
    return dict(_flat(content, ""))


def _flat(content: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(content, Mapping):
        for name, inner in content.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, " ".join(str(content).split())
