"""What happens to a text before any model sees it: the same at training and at serving, with numpy alone.

MiniLM's English vocabulary splits Chinese into single characters, knows some 250 of them and has hardly seen those, so
texts with Chinese, Japanese or Korean characters take another path: hashed character n-grams. Such an encoder is given
nothing of them (macro-F1 on the corpus' Chinese texts: 0.68 with both paths, 0.80 with n-grams alone).
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_CHARACTERS: Final = 1000
"""Characters that are read of a text; an encoder of 48 tokens sees about 250 of an English one."""
MAX_NGRAMS: Final = 192
"""N-grams that are read of a text: about 64 Chinese characters."""
NGRAM_CHARACTERS: Final = MAX_NGRAMS // 3 + 1
"""Characters of a text in a CJK script that its n-grams reach, at most."""
PATHS: Final = ("encoder", "ngrams")
LEAST_HAN_PIECES: Final = 2000
"""English MiniLM has 488, the Chinese and the multilingual BERT above 7,000."""

_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_KANA_AND_HANGUL: Final = re.compile("[\u1100-\u11ff\u3040-\u30ff\uac00-\ud7af]")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]")


_DIGITS = re.compile(r"\d+")
_NOT_WORD = re.compile(r"[\W_]+")


def normalise(text: str) -> str:
    """Return ``text`` in NFKC without control and format characters, one space between words, cut to a length.

    Lone surrogates, which JSON can carry and UTF-8 cannot, become spaces.
    """
    clean = unicodedata.normalize("NFKC", text[: 4 * MAX_CHARACTERS])
    kept = (" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in clean)
    return " ".join("".join(kept).split())[:MAX_CHARACTERS]


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


def path_of(text: str) -> str:
    """Return which path decides on a normalised text: ``ngrams`` or ``encoder``."""
    return "ngrams" if has_cjk(text) else "encoder"


def knows_chinese(vocabulary: Iterable[str]) -> bool:
    """Return whether a tokenizer's vocabulary was made for Chinese too: it then has thousands of Han characters."""
    return sum(_count(piece, _HAN) > 0 for piece in vocabulary) >= LEAST_HAN_PIECES


def encoder_text(text: str, *, encoder_knows_chinese: bool) -> str:
    """Return what the encoder reads of a normalised text: nothing, where its vocabulary is not made for it."""
    return text if encoder_knows_chinese or not has_cjk(text) else ""


def character_ngrams(text: str, *, buckets: int) -> list[int]:
    """Return hashed n-grams of one, two and three characters, 1 to ``buckets``, of a text in a CJK script.

    A text without such characters has none: the encoder reads it well by itself. Start and end are marked, as many
    Chinese intents show there (a final question particle, an opening verb).
    """
    if not has_cjk(text):
        return []
    marked = f"^{text.lower()}$"
    grams = [marked[i : i + n] for n in (1, 2, 3) for i in range(len(marked) - n + 1)]
    if len(grams) > MAX_NGRAMS:  # a long text: keep its start, with all three lengths
        width = MAX_NGRAMS // 3
        grams = [marked[i : i + n] for n in (1, 2, 3) for i in range(width)]
    return [zlib.crc32(gram.encode("utf-8", "surrogatepass")) % buckets + 1 for gram in grams]


def ngram_batch(texts: Sequence[str], *, buckets: int) -> NDArray[np.int64]:
    """Return the n-grams of every text, shape ``(texts, longest)``, padded with 0; ``longest`` is at least 2."""
    rows = [character_ngrams(text, buckets=buckets) for text in texts]
    batch = np.zeros((len(rows), max(2, *(len(row) for row in rows), 2)), dtype=np.int64)
    for index, row in enumerate(rows):
        batch[index, : len(row)] = row
    return batch


def _count(text: str, characters: re.Pattern[str]) -> int:
    return len(characters.findall(text))
