"""Sentences, words and word forms of questions and passages, in English and Chinese."""

import re
from itertools import pairwise
from typing import Final, NamedTuple

MAX_SENTENCE: Final = 600
"""Characters of a sentence; what has no full stop for longer is cut at a space."""

# Reviews often lack the space after a full stop ("so far.The sound"); "3.5" and "U.S." are no ends.
_END: Final = re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<=[a-z)\d][.!?])(?=[A-Z])|(?<=[。！？；])|\n+")
_UNSPACED: Final = "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
_LETTERS: Final = rf"(?:(?!{_UNSPACED})[^\W_])+"
_TOKEN: Final = re.compile(rf"{_LETTERS}(?:['’-]{_LETTERS})*|{_UNSPACED}|[^\w\s]|_")
_CHARACTER: Final = re.compile(_UNSPACED)

FUNCTION_WORDS: Final = frozenset(
    """a an the is are was were be been being do does did how what why when where which who whose whom can could will
    would should shall may might must i you he she it we they me my your his her its our their this that these those of
    in on at to for with from by as and or but if so not no yes there here about into than then too very just any some
    have has had having like think thing get got guys am s t""".split()  # noqa: SIM905
)
"""Words of an English question that say nothing of what it is about."""
CHINESE_FUNCTION_WORDS: Final = frozenset(
    "的了吗呢吧啊是有在和与也都很就不么怎什哪几多个这那我你他它们会能可以请问如何"
)
"""Characters of a Chinese question that say nothing of what it is about."""
_SUFFIXES: Final = ("ingly", "edly", "ies", "ing", "ed", "es", "ly", "s", "e", "y")
_MIN_STEM: Final = 3


class Token(NamedTuple):
    """A word, a Chinese character or a punctuation mark, and where it stands."""

    start: int
    end: int
    text: str


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return where each sentence of a text starts and ends, without the white space around it.

    >>> text = "Loud.The bass is weak! 很好。"
    >>> [text[start:end] for start, end in sentence_spans(text)]
    ['Loud.', 'The bass is weak!', '很好。']
    """
    ends = [match.start() for match in _END.finditer(text)] + [len(text)]
    starts = [0] + [match.end() for match in _END.finditer(text)]
    spans = []
    for start, end in zip(starts, ends, strict=True):
        while end - start > MAX_SENTENCE:
            cut = text.rfind(" ", start + 1, start + MAX_SENTENCE)
            cut = cut if cut > start else start + MAX_SENTENCE
            spans.append((start, cut))
            start = cut
        spans.append((start, end))
    return [trimmed for span in spans if (trimmed := _trim(text, *span))[0] < trimmed[1]]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))


def tokens(text: str) -> list[Token]:
    """Return the words, Chinese characters and punctuation marks of a text."""
    return [Token(match.start(), match.end(), match.group()) for match in _TOKEN.finditer(text)]


def stem(word: str) -> str:
    """Return what the forms of an English word share; other words come back as they are, in lower case.

    >>> [stem(word) for word in ("batteries", "Battery", "easily", "easy", "fitting", "fit's")]
    ['batter', 'batter', 'easi', 'eas', 'fit', 'fit']
    """
    word = word.lower().replace("’", "'").split("'")[0]
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _MIN_STEM:
            word = word[: -len(suffix)]
            break
    return word[:-1] if len(word) > _MIN_STEM and word[-1] == word[-2] else word


def terms(words: list[Token]) -> list[str]:
    """Return the stems of a text's words; of Chinese its characters, and each two that follow each other."""
    pairs = [
        first.text + second.text
        for first, second in pairwise(words)
        if first.end == second.start and _CHARACTER.match(first.text) and _CHARACTER.match(second.text)
    ]
    return [stem(word.text) for word in words if word.text[0].isalnum()] + pairs


def question_terms(words: list[Token]) -> list[str]:
    """Return the terms of a question that say what it is about, in its order, each once."""
    content = [
        word for word in words if word.text.lower() not in FUNCTION_WORDS and word.text not in CHINESE_FUNCTION_WORDS
    ]
    return list(dict.fromkeys(terms(content)))
