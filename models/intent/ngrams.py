"""Hashed character n-grams of words: the spelling that a sentence encoder looks past, with numpy alone.

Shapes: N texts, G buckets.
"""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_CHARACTERS: Final = 400
"""Characters of a text whose n-grams are read."""
LENGTHS: Final = (1, 2, 3, 4)
MIN_TEXTS: Final = 3
"""Training texts that a bucket must be in to count; what nobody wrote twice says nothing of a label."""


@dataclass(frozen=True, kw_only=True)
class Bag:
    """Which buckets texts fall into, and how much each counts; rows of length 1, or empty."""

    starts: NDArray[np.int64]
    """Where the entries of each text begin, and one past the last: shape (N + 1,)."""
    buckets: NDArray[np.int64]
    weights: NDArray[np.float32]


def character_ngrams(text: str, *, buckets: int) -> Counter[int]:
    """Return how often each bucket, 0 to ``buckets`` - 1, has an n-gram of one to four characters of a word.

    A word has a space before and behind it, so that its beginning and its end are told from its middle. Chinese has no
    spaces: there it is what stands between punctuation.
    """
    counts: Counter[str] = Counter()
    for word in text[:MAX_CHARACTERS].lower().split():
        padded = f" {word} "
        for length in LENGTHS:
            counts.update(padded[start : start + length] for start in range(len(padded) - length + 1))
    hashed: Counter[int] = Counter()
    for gram, count in counts.items():
        if gram != " ":
            hashed[zlib.crc32(gram.encode("utf-8", "surrogatepass")) % buckets] += count
    return hashed


def inverse_frequencies(texts: Sequence[str], *, buckets: int) -> NDArray[np.float32]:
    """Return the smoothed inverse document frequency of every bucket, shape (G,); 0 below :data:`MIN_TEXTS`."""
    counts_G = np.zeros(buckets)
    for text in texts:
        counts_G[list(character_ngrams(text, buckets=buckets))] += 1
    idf_G = np.log((1 + len(texts)) / (1 + counts_G)) + 1
    return np.where(counts_G >= MIN_TEXTS, idf_G, 0).astype(np.float32)


def bag_of(texts: Sequence[str], *, idf_G: NDArray[np.float32]) -> Bag:
    """Return the TF-IDF of texts over the buckets: 1 + log(count), times ``idf_G``, each text of length 1."""
    starts, buckets, weights = [0], [], []
    for text in texts:
        counts = {b: n for b, n in character_ngrams(text, buckets=len(idf_G)).items() if idf_G[b] > 0}
        places = np.fromiter(counts, dtype=np.int64, count=len(counts))
        row = (1 + np.log(np.fromiter(counts.values(), dtype=np.float64, count=len(counts)))) * idf_G[places]
        buckets.append(places)
        weights.append(row / max(float(np.linalg.norm(row)), 1e-9))
        starts.append(starts[-1] + len(places))
    return Bag(
        starts=np.array(starts, dtype=np.int64),
        buckets=np.concatenate([*buckets, np.zeros(0, dtype=np.int64)]),
        weights=np.concatenate([*weights, np.zeros(0)]).astype(np.float32),
    )
