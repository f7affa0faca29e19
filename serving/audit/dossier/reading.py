"""A dossier read back from its page: which document it is, and its text and figures in order."""

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from models.registry.journal import JournalHead
from serving.audit.dossier.page import META
from shopsight.errors import ShopsightError


@dataclass(frozen=True, kw_only=True)
class Token:
    """A run of words, or a figure."""

    text: str
    evidence: str = ""
    """What a figure says it is read from; empty of words."""
    style: str = ""
    section: str = ""
    """The last heading before it."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What is compared: wherever it stands, the same words and figures are the same."""
        return (self.evidence, self.style, self.text)


@dataclass(frozen=True, kw_only=True)
class Read:
    """A page that was read."""

    family: str
    version: str
    language: str
    head: JournalHead
    tokens: list[Token]


def read_page(text: str, *, name: str | Path) -> Read:
    """Read a page.

    Args:
        text: the HTML.
        name: of the file, for messages.

    Raises:
        ShopsightError: it is no dossier.
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    try:
        which = json.loads(reader.which)
        words = {key: str(which[key]) for key in ("family", "version", "language")}
        return Read(**words, head=JournalHead.parse(which["head"]), tokens=reader.tokens)
    except (ValueError, KeyError, TypeError) as error:
        raise ShopsightError(
            f"{name} is no dossier.",
            why=f"it does not say which model it is about ({error})",
            fix="name a page that `shopsight dossier FAMILY` wrote, as it wrote it",
        ) from error


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.which = ""
        self.tokens: list[Token] = []
        self._figure: tuple[str, str] | None = None
        self._text = ""
        self._section = ""
        self._in: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._flush()
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and given.get("name") == META:
            self.which = given.get("content", "")
        if tag == "a":
            self._figure = given.get("data-evidence", ""), given.get("data-style", "")
        if tag != "meta":
            self._in.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "h2":
            self._section = " ".join(self._text.split())
        self._flush()
        if tag == "a":
            self._figure = None
        if tag in self._in:
            del self._in[len(self._in) - 1 - self._in[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if "style" not in self._in:
            self._text += data

    def close(self) -> None:
        super().close()
        self._flush()

    def _flush(self) -> None:
        text, self._text = " ".join(self._text.split()), ""
        if text:
            evidence, style = self._figure or ("", "")
            self.tokens.append(Token(text=text, evidence=evidence, style=style, section=self._section))
