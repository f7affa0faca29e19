"""The shop's file of synonyms: read again when it changes; where it is wrong, what was in force stays."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from models.search.synonyms import NO_SYNONYMS, Synonyms
from serving.items.shop_file import ShopFile
from serving.schemas import Request
from shopsight.books import read_book
from shopsight.errors import ShopsightError

Phrase = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


class UnusableSynonymsError(ShopsightError):
    """A file of synonyms that cannot be read, or says something else than groups of phrases."""


class SynonymBook(Request):
    """All synonyms of a shop."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    synonyms: list[Annotated[list[Phrase], Field(min_length=2, max_length=50)]] = Field(default=[], max_length=2_000)
    """Groups of phrases that mean the same."""


def read_synonyms(path: Path) -> Synonyms:
    """Read a file of synonyms.

    Raises:
        UnusableSynonymsError: it cannot be read; every line that is wrong is named.
    """
    book = read_book(SynonymBook, path, what="synonyms", page="docs/search.md", error=UnusableSynonymsError)
    return Synonyms(groups=tuple(tuple(group) for group in book.synonyms))


def synonyms_file(path: Path, *, seconds_now: Callable[[], float] = time.monotonic) -> ShopFile[Synonyms]:
    """Return what is called for the synonyms in force; a shop without a file has none, which is no failure."""
    return ShopFile(path, read_synonyms, what="synonyms", absent=NO_SYNONYMS, seconds_now=seconds_now)
