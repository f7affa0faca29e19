"""What happens to a text before any model sees it: the same at training and at serving.

An encoder whose vocabulary was not made for Chinese, Japanese and Korean is given nothing of such texts: MiniLM's
English vocabulary splits Chinese into single characters, knows some 250 of them and has hardly seen those.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Final

MAX_CHARACTERS: Final = 1000
"""Characters that are read of a text; an encoder of 48 tokens sees about 250 of an English one."""
MAX_REMEMBERED: Final = 2**15
MIN_HAN_PIECES: Final = 2000
"""English MiniLM has 488, the Chinese and the multilingual BERT above 7,000."""

_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_KANA_AND_HANGUL: Final = re.compile("[\u1100-\u11ff\u3040-\u30ff\uac00-\ud7af]")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]")
_DIGITS: Final = re.compile(r"\d+")
_NOT_WORD: Final = re.compile(r"[\W_]+")


class _Spaces(dict[int, int]):
    """A table of ``str.translate`` that is filled as characters come: what is written stays, the others are spaces.

    No text makes it larger than some megabytes: of characters that come late nothing is remembered.
    """

    def __missing__(self, point: int) -> int:
        is_written = unicodedata.category(chr(point)) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        replacement = point if is_written else ord(" ")
        if len(self) < MAX_REMEMBERED:
            self[point] = replacement
        return replacement


_WITHOUT_CONTROLS: Final = _Spaces()


def normalise(text: str) -> str:
    """Return ``text`` in NFKC without control and format characters, one space between words, cut to a length.

    Lone surrogates, which JSON can carry and UTF-8 cannot, become spaces.
    """
    clean = unicodedata.normalize("NFKC", text[: 4 * MAX_CHARACTERS])
    return " ".join(clean.translate(_WITHOUT_CONTROLS).split())[:MAX_CHARACTERS]


def skeleton(text: str) -> str:
    """Return what makes two texts the same: letters only, case folded, every number one sign."""
    return _NOT_WORD.sub(" ", _DIGITS.sub("0", text.casefold())).strip() or text


def detect_language(text: str) -> str:
    """Return ``zh``, ``en`` or ``other`` by script alone.

    Kana or Hangul make a text ``other``; else any Han character makes it ``zh`` (Chinese shoppers mix in Latin brand
    names); else Latin letters, when they are most of the letters, make it ``en``. Latin script is all that ``en``
    says: Spanish reads as ``en`` too. No letters at all is ``other``.
    """
    han = _count(text, _HAN)
    if _count(text, _KANA_AND_HANGUL):
        return "other"
    if han:
        return "zh"
    letters = sum(c.isalpha() for c in text)
    return "en" if letters and 2 * _count(text, _LATIN) > letters else "other"


def has_cjk(text: str) -> bool:
    """Return whether any character is Han, Kana or Hangul."""
    return _count(text, _HAN) + _count(text, _KANA_AND_HANGUL) > 0


def letters_by_script(text: str) -> Counter[str]:
    """Return how many letters a text has of each script, by the script's name in Unicode; Han is ``CJK``.

    >>> letters_by_script("cr\u00e8me \u05d6\u05d5\u05dc 42")
    Counter({'LATIN': 5, 'HEBREW': 3})
    """
    return Counter("LATIN" if c.isascii() else unicodedata.name(c, "?").split()[0] for c in text if c.isalpha())


def knows_chinese(vocabulary: Iterable[str]) -> bool:
    """Return whether a tokenizer's vocabulary was made for Chinese too: it then has thousands of Han characters."""
    return sum(_count(piece, _HAN) > 0 for piece in vocabulary) >= MIN_HAN_PIECES


def encoder_text(text: str, *, encoder_knows_chinese: bool) -> str:
    """Return what the encoder reads of a normalised text: nothing, where its vocabulary is not made for it."""
    return text if encoder_knows_chinese or not has_cjk(text) else ""


def _count(text: str, characters: re.Pattern[str]) -> int:
    return len(characters.findall(text))
