"""When to say "I do not know": of a label that is too unsure to act on, and of a language that was never taught.

A text in a script that the training texts do not have comes to the classifier as nothing but unknown pieces. Its
probability then tells of those, not of the text, and is no measure of how unsure it is.

Source: Y. Geifman, R. El-Yaniv, "Selective classification for deep neural networks" (2017), with the plain share on
validation in place of a bound; the test split says what came of it.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.text.normalise import letters_by_script

SHIPPED_SCRIPTS: Final = ("CJK", "LATIN")
"""What the shipped corpus teaches every model, whatever the shop adds."""
MIN_TEXTS: Final = 100
"""Texts of a script from which on it counts as taught: a word list of five labels needs some twenty of each."""
FOREIGN_SHARE: Final = 1 / 3
"""Share of a text's letters from which on its language is another; of the shipped corpus no text has such a letter."""
KANA_SHARE: Final = 1 / 8
"""The same of kana and Hangul, beside which stand Chinese characters: a Japanese query may be kana to a fifth."""
MIN_KANA: Final = 2
"""Chinese sellers like one の for its looks."""
_BESIDE_CHINESE: Final = ("HIRAGANA", "KATAKANA", "HANGUL")


def reject_threshold(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], *, precision: float, min_coverage: float
) -> float:
    """Return the lowest probability to act on: as few texts as can be are rejected.

    Args:
        confidence: probability of each text's most probable label, shape ``(texts,)``.
        right: whether that label is the true one, shape ``(texts,)``.
        precision: share of the texts acted on that must be right.
        min_coverage: share of the texts that are acted on even where ``precision`` is out of reach.

    Returns:
        The threshold; 0 where nothing has to be rejected.

    >>> confidence, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, True, False])
    >>> reject_threshold(confidence, right, precision=0.95, min_coverage=0.5)
    0.7
    """
    order = np.argsort(-confidence, kind="stable")
    share_right = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    min_answers = max(1, ceil(min_coverage * len(order)))
    enough = np.flatnonzero(share_right[min_answers - 1 :] >= precision) + min_answers
    answered = int(enough.max()) if len(enough) else min_answers
    return 0.0 if answered == len(order) else float(confidence[order[answered - 1]])


def taught_scripts(texts: Iterable[str]) -> list[str]:
    """Return the scripts that training texts teach, sorted: those in which enough of them are written."""
    counts: Counter[str] = Counter()
    for text in texts:
        if letters := letters_by_script(text):
            counts[letters.most_common(1)[0][0]] += 1
    return sorted({*SHIPPED_SCRIPTS, *(script for script, texts_of in counts.items() if texts_of >= MIN_TEXTS)})


def is_foreign(text: str, *, scripts: Collection[str]) -> bool:
    """Return whether a text is in a language that none of these scripts writes; one without letters is in none.

    >>> is_foreign("red shoes", scripts=SHIPPED_SCRIPTS), is_foreign("\u05e0\u05e2\u05dc", scripts=SHIPPED_SCRIPTS)
    (False, True)
    """
    letters = letters_by_script(text)
    foreign = {script: count for script, count in letters.items() if script not in scripts}
    kana = sum(foreign.get(script, 0) for script in _BESIDE_CHINESE)
    total = letters.total()
    return bool(foreign) and (
        sum(foreign.values()) >= FOREIGN_SHARE * total or kana >= max(MIN_KANA, KANA_SHARE * total)
    )
