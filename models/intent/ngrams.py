"""Hashed character n-grams: how the classifier reads texts in Chinese, Japanese and Korean, with numpy alone.

Macro-F1 on the corpus' Chinese texts: 0.68 where the English encoder reads them too, 0.80 with n-grams alone.
"""

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.text.normalise import has_cjk

MAX_NGRAMS: Final = 192
"""N-grams that are read of a text: about 64 Chinese characters."""
NGRAM_CHARACTERS: Final = MAX_NGRAMS // 3 + 1
"""Characters of a text in a CJK script that its n-grams reach, at most."""
PATHS: Final = ("encoder", "ngrams")


def path_of(text: str) -> str:
    """Return which path decides on a normalised text: ``ngrams`` or ``encoder``."""
    return "ngrams" if has_cjk(text) else "encoder"


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
