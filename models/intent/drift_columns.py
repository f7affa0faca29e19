"""What is watched for drift in the texts that the intent model reads: length, language, words, and where they point.

Every figure is of one text alone, so that the rows that a model was trained on can lie beside it without their texts.
"""

import re
import zlib
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.evaluation.drift.findings import DriftColumns
from models.evaluation.drift.windows import watched_rows
from models.intent.corpus import read_corpus
from models.text.normalise import detect_language, normalise

EMBEDDING: Final = tuple(f"embedding_{number}" for number in range(1, 9))

WATCHED_COLUMNS = DriftColumns(
    numerical=("characters", "words", "unknown_word_share", *EMBEDDING), categorical=("language", "channel")
)
"""Length, share of words that the shipped corpus has not, direction in a space of words; script, and where it was
typed."""

_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u9fff\uac00-\ud7af]+")


def watched(training_set: pd.DataFrame) -> pd.DataFrame:
    """Return the watched columns of the training set."""
    texts = [normalise(text) for text in training_set["text"].fillna("").astype(str)]
    tokens = [words_of(text) for text in texts]
    vocabulary = known_words()
    measured = training_set.assign(
        characters=[len(text) for text in texts],
        words=[len(of_text) for of_text in tokens],
        unknown_word_share=[sum(w not in vocabulary for w in of_text) / max(len(of_text), 1) for of_text in tokens],
        language=[detect_language(text) for text in texts],
        **dict(zip(EMBEDDING, embed(tokens).T, strict=True)),
    )
    return watched_rows(measured, WATCHED_COLUMNS)


def words_of(text: str) -> list[str]:
    """Return the words of a text, case folded; of a text in a CJK script its characters.

    >>> words_of("Red SHOES 多少钱?")
    ['red', 'shoes', '多', '少', '钱']
    """
    return _WORD.findall(text.casefold())


def embed(tokens: list[list[str]]) -> NDArray[np.float64]:
    """Return a vector of each text, ``(texts, 8)``: the sum of its words' random signs over the root of their count.

    A projection of the bag of words that needs no table and no language: texts about other things have other words,
    and move the mean of some dimension. Source: P. Kanerva et al., "Random indexing of text samples" (2000).
    """
    bits = np.arange(len(EMBEDDING))
    out = np.zeros((len(tokens), len(EMBEDDING)))
    for row, of_text in zip(out, tokens, strict=True):
        if of_text:
            hashes = np.array([zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in of_text])
            row[:] = (2 * (hashes[:, None] >> bits & 1) - 1).sum(axis=0) / np.sqrt(len(of_text))
    return out


@cache
def known_words() -> frozenset[str]:
    """Return the words of the shipped corpus, which every intent model was taught."""
    return frozenset(word for utterance in read_corpus() for word in words_of(utterance.text))
