"""Texts as tokens: words, numbers and single Chinese characters."""

import re
from dataclasses import dataclass
from typing import Final

from models.text.normalise import normalise

HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN: Final = re.compile(rf"[^\W\d_{HAN}]+(?:['’][a-z]+)?|\d+(?:[.,]\d+)?|[{HAN}]")


@dataclass(frozen=True, kw_only=True)
class Token:
    """A word, a number or a Chinese character, in small letters, and where it stands."""

    text: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a normalised text.

    >>> [token.text for token in tokens_of("250g of Coffee, 蓝色")]
    ['250', 'g', 'of', 'coffee', '蓝', '色']
    """
    return [Token(text=m.group().casefold(), start=m.start(), end=m.end()) for m in _TOKEN.finditer(text)]


def words_of(text: str) -> tuple[str, ...]:
    """Return the tokens' texts."""
    return tuple(token.text for token in tokens_of(normalise(text)))
