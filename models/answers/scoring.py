"""How an answer compares with those that people marked: word F1 as SQuAD 2.0 counts it (Rajpurkar et al. 2018)."""

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Final

from models.answers.words import tokens

_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION: Final = str.maketrans("", "", string.punctuation + "。，！？；：“”‘’、（）")


def _words(text: str) -> Counter[str]:
    plain = _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION))
    return Counter(token.text for token in tokens(plain))


def word_f1(answer: str, marked: str) -> float:
    """Return the F1 of the words of two texts, without articles and punctuation; Chinese counts by characters.

    >>> word_f1("the bass is weak", "bass is very weak")
    0.8571428571428571
    """
    first, second = _words(answer), _words(marked)
    if not first or not second:
        return float(first == second)
    common = (first & second).total()
    return 2 * common / (first.total() + second.total())


def answer_f1(answer: str | None, marked: Sequence[str]) -> float:
    """Return the F1 of an answer beside the one of people that it is most like; 1 or 0 where one of them has none."""
    if not marked or answer is None:
        return float(not marked and answer is None)
    return max(word_f1(answer, one) for one in marked)
