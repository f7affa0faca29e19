"""Which words of a sentence answer: how likely each is part of an answer, and the run of words that follows from it.

The run is the one with the highest expected F1 over words, which for chances p of words that are independent is close
to 2 Σp(run) / (words of the run + Σp(sentence)): "plug-in" maximisation of F (Nan et al. 2012, "Optimizing
F-measures").

Shapes: W words of a sentence, H figures of a word, P figures of what a word is.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.answers.words import FUNCTION_WORDS, Token, stem
from models.intent.word_list import praise

MAX_WORDS: Final = 30
"""Words of an answer; 99 in a hundred answers of people are shorter."""
_FAR: Final = 15
_CLAUSES: Final = 3

_OPENERS: Final = frozenset(
    "the this these those my your his her its our their a an that they i we he she you it".split()  # noqa: SIM905
)
_JOINERS: Final = frozenset(
    "and but so because however although though while which who when if as since except or then also".split()  # noqa: SIM905
)
_VERBS: Final = frozenset(
    "is are was were be been seems seem feels feel looks look works work has have had does do did can will".split()  # noqa: SIM905
)
_DEGREES: Final = frozenset("very really so too quite extremely pretty super never more less".split())  # noqa: SIM905
_NEGATIONS: Final = frozenset(
    "no not never hardly barely isn't wasn't don't didn't doesn't can't couldn't won't without".split()  # noqa: SIM905
)
_PROPERTIES: Final = (
    "opener",
    "joiner",
    "verb",
    "punctuation",
    "opinion",
    "degree",
    "negation",
    "function word",
    "number",
    "long",
)
_PUNCTUATION: Final = _PROPERTIES.index("punctuation")
_JOINER: Final = _PROPERTIES.index("joiner")
_OPINION: Final = _PROPERTIES.index("opinion")
_AWAY: Final = ("words after", "words before", "clauses", "any", "log words after", "log words before", "same clause")

WORD_FIGURES: Final = (
    "asked for",
    *_PROPERTIES,
    *(f"{name} before" for name in _PROPERTIES),
    *(f"{name} after" for name in _PROPERTIES),
    *(f"{_PROPERTIES[place]} {where}" for where in ("two before", "two after") for place in (_PUNCTUATION, _OPINION)),
    *(f"{name} from a word asked for" for name in _AWAY),
    *(f"{name} from an opinion" for name in _AWAY),
    "clause of both",
    "place",
    "log words",
    "words from the start",
    "words to the end",
    "log words from the start",
    "log words to the end",
)


@lru_cache(maxsize=50_000)
def _properties(word: str) -> tuple[bool, ...]:
    lower = word.lower().replace("’", "'")
    return (
        lower in _OPENERS,
        lower in _JOINERS,
        lower in _VERBS,
        not word[0].isalnum(),
        praise(lower) != 0,
        lower in _DEGREES,
        lower in _NEGATIONS,
        lower in FUNCTION_WORDS,
        word[0].isdigit(),
        len(word) > 4,
    )


def word_figures(words: list[Token], asked: set[str]) -> NDArray[np.float64]:
    """Return the figures of each word of a sentence, shape (W, H), named by :data:`WORD_FIGURES`.

    Args:
        words: of the sentence, punctuation marks among them.
        asked: terms of the question.
    """
    count = len(words)
    place_W = np.arange(count)
    asked_W = np.array([stem(word.text) in asked for word in words], dtype=float)
    property_WP = np.array([_properties(word.text) for word in words], dtype=float)
    clause_W = np.cumsum(property_WP[:, _PUNCTUATION] + property_WP[:, _JOINER])
    from_asked_WA = _away(np.flatnonzero(asked_W), clause_W)
    from_opinion_WA = _away(np.flatnonzero(property_WP[:, _OPINION]), clause_W)
    few = [_PUNCTUATION, _OPINION]
    return np.column_stack(
        [
            asked_W,
            property_WP,
            _shifted(property_WP, 1),
            _shifted(property_WP, -1),
            _shifted(property_WP, 2)[:, few],
            _shifted(property_WP, -2)[:, few],
            from_asked_WA,
            from_opinion_WA,
            from_asked_WA[:, -1] * from_opinion_WA[:, -1],
            place_W / count,
            np.full(count, np.log1p(count)),
            np.minimum(place_W, 10),
            np.minimum(count - 1 - place_W, 10),
            np.log1p(place_W),
            np.log1p(count - 1 - place_W),
        ]
    )


def _shifted(rows_WP: NDArray[np.float64], by: int) -> NDArray[np.float64]:
    """Return of each word the row of the word ``by`` places before it; zeros where there is none."""
    shifted_WP = np.zeros_like(rows_WP)
    if abs(by) < len(rows_WP):
        if by > 0:
            shifted_WP[by:] = rows_WP[:-by]
        else:
            shifted_WP[:by] = rows_WP[-by:]
    return shifted_WP


def _away(marks: NDArray[np.intp], clause_W: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each word is from the nearest mark, by the columns of ``_AWAY``."""
    count = len(clause_W)
    if len(marks) == 0:
        far = np.log1p(_FAR)
        return np.tile([_FAR, _FAR, _CLAUSES, 0.0, far, far, 0.0], (count, 1))
    apart_WM = np.arange(count)[:, None] - marks[None, :]
    nearest_W = np.abs(apart_WM).argmin(axis=1)
    apart_W = apart_WM[np.arange(count), nearest_W]
    after_W, before_W = np.clip(apart_W, 0, _FAR), np.clip(-apart_W, 0, _FAR)
    clauses_W = np.minimum(np.abs(clause_W - clause_W[marks[nearest_W]]), _CLAUSES)
    return np.column_stack(
        [after_W, before_W, clauses_W, np.ones(count), np.log1p(after_W), np.log1p(before_W), clauses_W == 0]
    )


def best_run(chance_W: NDArray[np.float64]) -> tuple[int, int, float]:
    """Return the run of words with the highest expected F1: its first word, the word after its last, and that F1.

    >>> best_run(np.array([0.1, 0.9, 0.8, 0.1]))
    (1, 3, 0.8717948717948717)
    """
    sums = np.concatenate([[0.0], np.cumsum(chance_W)])
    first, last = np.triu_indices(len(chance_W))
    short = last - first < MAX_WORDS
    first, after = first[short], last[short] + 1
    expected = 2 * (sums[after] - sums[first]) / (after - first + sums[-1])
    best = int(expected.argmax())
    return int(first[best]), int(after[best]), float(expected[best])
