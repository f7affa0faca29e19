"""How well each sentence of some passages fits a question: what the ranking and the abstaining are computed from.

Shapes: S sentences, D numbers of a vector, F figures of a sentence, G figures of a question.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.answers.words import Token, question_terms, sentence_spans, terms, tokens
from models.intent.word_list import praise

K1: Final = 1.2
B: Final = 0.75
"""BM25's usual saturation and length normalisation (Robertson and Zaragoza 2009)."""

ASKING: Final = (
    ("how",),
    ("what", "which", "who"),
    ("why",),
    ("where", "when"),
    ("is", "are", "was", "were", "do", "does", "did", "can", "could", "will", "would", "has", "have", "should"),
)
"""Kinds of a question, by its first word."""

SENTENCE_FIGURES: Final = (
    "bm25",
    "bm25 of the best",
    "weight of shared terms",
    "shares the last term",
    "previous sentence shares a term",
    "similarity",
    "similarity below the most similar",
    "log words",
    "place",
    "log sentences",
    "opinion",
    "opinion words",
    "shared terms and an opinion",
    "terms asked for",
    *(f"asks {words[0]}" for words in ASKING),
)
QUESTION_FIGURES: Final = (
    "best score",
    "second best score",
    "sum of chances",
    "most bm25",
    "most similarity",
    "mean similarity",
    "terms asked for",
    "share of terms in any sentence",
    "log sentences",
    *(f"asks {words[0]}" for words in ASKING),
)


class Sentence(NamedTuple):
    """A sentence, and which passage it is of."""

    passage: int
    text: str
    words: list[Token]


class Question(NamedTuple):
    """A question: its terms and how it begins."""

    terms: list[str]
    kinds: list[float]


def read_question(text: str) -> Question:
    """Return what a question asks for."""
    words = tokens(text)
    first = words[0].text.lower() if words else ""
    return Question(question_terms(words), [float(first in kind) for kind in ASKING])


def read_sentences(texts: Sequence[str]) -> list[Sentence]:
    """Return the sentences of passages, in their order, without those that have no word."""
    sentences = [
        Sentence(passage, text[start:end], tokens(text[start:end]))
        for passage, text in enumerate(texts)
        for start, end in sentence_spans(text)
    ]
    return [sentence for sentence in sentences if any(word.text[0].isalnum() for word in sentence.words)]


def bm25(asked: Sequence[str], documents: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Return how well each document fits the terms asked for, by BM25 over these documents alone, shape (S,)."""
    counts = [Counter(document) for document in documents]
    idf = _idf(asked, counts)
    mean = sum(map(len, documents)) / max(len(documents), 1) or 1.0
    return np.array(
        [
            sum(
                idf[term] * (K1 + 1) * count[term] / (count[term] + K1 * (1 - B + B * len(document) / mean))
                for term in asked
                if count[term]
            )
            for count, document in zip(counts, documents, strict=True)
        ]
    )


def _idf(asked: Sequence[str], counts: Sequence[Counter[str]]) -> dict[str, float]:
    having = {term: sum(term in count for count in counts) for term in asked}
    return {term: math.log(1 + (len(counts) - n + 0.5) / (n + 0.5)) for term, n in having.items()}


def sentence_figures(
    question: Question, sentences: Sequence[Sentence], similarity_S: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the figures of each sentence, shape (S, F), named by :data:`SENTENCE_FIGURES`."""
    documents = [terms(sentence.words) for sentence in sentences]
    asked = question.terms
    bm25_S = bm25(asked, documents)
    sets = [set(document) for document in documents]
    idf = _idf(asked, [Counter(terms) for terms in sets])
    weight = sum(idf.values()) or 1.0
    shared_S = np.array([sum(idf[term] for term in asked if term in document) / weight for document in sets])
    opinion_S = np.array([float(praise(sentence.text)) for sentence in sentences])
    any_S = np.array([not document.isdisjoint(asked) for document in sets], dtype=float)
    same_passage_S = np.array(
        [place > 0 and sentences[place - 1].passage == one.passage for place, one in enumerate(sentences)]
    )
    count = len(sentences)
    columns = [
        bm25_S,
        bm25_S / (bm25_S.max() + 1e-9),
        shared_S,
        np.array([float(bool(asked) and asked[-1] in document) for document in sets]),
        np.roll(any_S, 1) * same_passage_S,
        similarity_S,
        similarity_S - similarity_S.max(),
        np.log1p([len(sentence.words) for sentence in sentences]),
        np.arange(count) / count,
        np.full(count, math.log(count)),
        opinion_S,
        np.minimum(np.abs(opinion_S), 3),
        shared_S * (opinion_S != 0),
        np.full(count, len(asked)),
        *(np.full(count, kind) for kind in question.kinds),
    ]
    return np.column_stack(columns).astype(np.float64)


def question_figures(
    question: Question, figures_SF: NDArray[np.float64], scores_S: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the figures of the whole question, shape (G,), named by :data:`QUESTION_FIGURES`.

    Args:
        question: what was asked.
        figures_SF: of its sentences, by :func:`sentence_figures`.
        scores_S: log odds that each sentence answers.
    """
    best = np.sort(scores_S)[::-1]
    column = dict(zip(SENTENCE_FIGURES, figures_SF.T, strict=True))
    return np.array(
        [
            best[0],
            best[1] if len(best) > 1 else best[0],
            math.log1p(float((1 / (1 + np.exp(-best))).sum())),
            column["bm25"].max(),
            column["similarity"].max(),
            column["similarity"].mean(),
            len(question.terms),
            column["weight of shared terms"].max(),
            column["log sentences"][0],
            *question.kinds,
        ]
    )
