"""How a text becomes words that are counted: the same for queries and items, English and Chinese.

Latin words are folded to lower case and plain letters and cut to their stem (Snowball, by tantivy). Chinese has no
spaces: a run of Han characters becomes its characters and its pairs of neighbours, so that no dictionary is needed.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import tantivy

from models.text.normalise import normalise

_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")
_UNITS: Final = re.compile(r"(\d+(?:\.\d+)?)\s*[-]?\s*(?=[a-z\"'])")
"""A number that a word or a sign of inches follows: ``12-gauge``, ``5g`` and ``3 ft`` are each two words."""
MAX_WORD: Final = 40


@lru_cache(maxsize=1)
def _latin() -> tantivy.TextAnalyzer:
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(MAX_WORD))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def words(text: str) -> list[str]:
    """Return the words of a text in their order, stemmed; each run of Han as characters and pairs.

    >>> words("Trail Running Shoes, 12-gauge")
    ['trail', 'run', 'shoe', '12', 'gaug']
    >>> words("跑步鞋 Nike")
    ['跑', '步', '鞋', '跑步', '步鞋', 'nike']
    """
    return list(_words(normalise(text)))


def plain_words(text: str) -> list[str]:
    """Return the words of a text as they are written, in lower case and not stemmed; runs of Han stay whole.

    >>> plain_words("Running Shoes, 跑鞋")
    ['running', 'shoes', '跑鞋']
    """
    return re.findall(r"[^\W_]+", normalise(text).casefold())


def trigrams(text: str) -> list[str]:
    """Return the groups of three letters within each word, with its ends marked: what misspelt words still share.

    >>> trigrams("Shoe")
    ['<sh', 'sho', 'hoe', 'oe>']
    """
    marked = (f"<{word}>" for word in plain_words(text))
    return [word[start : start + 3] for word in marked for start in range(max(1, len(word) - 2))]


def _words(text: str) -> Iterator[str]:
    place = 0
    for run in _HAN.finditer(text):
        yield from _latin_words(text[place : run.start()])
        han = run.group()
        yield from han
        yield from (han[start : start + 2] for start in range(len(han) - 1))
        place = run.end()
    yield from _latin_words(text[place:])


def _latin_words(text: str) -> list[str]:
    if not text.strip():
        return []
    separated = _UNITS.sub(r"\1 ", text.casefold())
    return list(_latin().analyze(separated))
