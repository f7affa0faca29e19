"""Every word of the pages, from one catalogue per language; and how numbers and moments are written."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "zh": "中文"}
"""By the code that HTML and the catalogues have: what its speakers call it."""
TEXTS: Final = Path(__file__).with_name("texts")
NONE: Final = "–"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return the texts of a language by their keys."""
    texts: dict[str, str] = json.loads((TEXTS / f"{language}.json").read_text(encoding="utf-8"))
    return texts


def chosen_language(asked: str | None, stored: str | None, accepted: str) -> str:
    """Return the language of a page: what the address asks for, else the browser's cookie, else what it accepts.

    >>> chosen_language(None, None, "zh-CN,zh;q=0.9,en;q=0.8")
    'zh'
    >>> chosen_language("en", "zh", "zh")
    'en'
    """
    wanted = [asked, stored, *(part.partition(";")[0].strip()[:2].lower() for part in accepted.split(","))]
    return next((one for one in wanted if one is not None and one in LANGUAGES), "en")


class Words:
    """Says things in one language."""

    def __init__(self, language: str, zone: str) -> None:
        """Open a catalogue.

        Args:
            language: of :data:`LANGUAGES`.
            zone: the shop's time zone, in which moments are written.
        """
        self.language = language
        self._texts = catalogue(language)
        self._zone = ZoneInfo(zone)

    def __call__(self, key: str, **values: Any) -> str:
        """Return a text with values in it.

        Raises:
            KeyError: the catalogue has no such text.
        """
        return self._texts[key].format(**values)

    def value(self, value: Any, form: str = "") -> str:
        """Return a figure or a cell of a table as it is written.

        Args:
            value: what it is.
            form: ``money``, ``share``, ``count`` or ``number``; empty: as the value's type says.
        """
        if value is None:
            return NONE
        if isinstance(value, bool):
            return self("yes") if value else self("no")
        if isinstance(value, datetime):
            return value.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, (list, tuple)):
            return "; ".join(str(one) for one in value)
        if isinstance(value, str):
            return value
        return _number(value, form)

    def change(self, now: Any, before: Any, form: str = "") -> str:
        """Return by how much a figure differs from an earlier one: shares in points, others in per cent.

        Empty where that says nothing: one is missing, or the earlier one is 0.
        """
        if now is None or before is None:
            return ""
        if form == "share":
            return self("figure.points", points=f"{100 * (float(now) - float(before)):+.1f}")
        if not before:
            return ""
        return f"{float(now) / float(before) - 1:+.0%}"


def _number(value: Any, form: str) -> str:
    if form == "share":
        return f"{float(value):.1%}"
    if form == "money":
        return f"{float(value):,.2f}"
    if form == "count" or isinstance(value, int):
        return f"{int(value):,}"
    return f"{float(value):,.1f}" if abs(float(value)) >= 100 else f"{float(value):,.3g}"
