"""Whether other words for a sentence say the same: no number, name or claim that the sentence has not, and none less.

A model may word what the assistant says. What it gives back is held against the template's sentence, which the rows
prove: it may use that sentence's own words and such as claim nothing.
"""

import re
from collections import Counter
from typing import Final

from models.assistant.saying import Sentence
from models.text.tokens import words_of

_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
NEUTRAL: Final = frozenset(
    """a an the is are it its it's this that these those of for at in on with and or to from you your we our i here
    there have has do does please would like which one ones so as can be for about what by my me""".split()  # noqa: SIM905
)
"""English words that claim nothing by themselves."""
NEUTRAL_HAN: Final = frozenset("的是了在有您你我们和与这那个款为请吧呢哦这边给")
"""Chinese characters of words that claim nothing."""
NEGATIONS: Final = re.compile(
    r"\b(?:not|no|never|nothing|neither|nor|none|nobody|cannot|without|fails?|sold out)\b|n't\b|不|没|无|未|非|别|售完",
    re.IGNORECASE,
)


def says_the_same(words: str, sentence: Sentence) -> bool:
    """Return whether other words claim what a sentence claims.

    Every number, every quotation and name, and every "not" has to be there, as often as in the sentence, and no other;
    beside them there are the sentence's own words and :data:`NEUTRAL` ones. A sentence turned round with its own words
    ("A is cheaper than B") is none: the quotations have to keep their order.
    """
    if len(words) > 2 * len(sentence.text) + 40 or "\n" in words:
        return False
    if Counter(_NUMBER.findall(words)) != Counter(_NUMBER.findall(sentence.text)):
        return False
    if len(NEGATIONS.findall(words)) != len(NEGATIONS.findall(sentence.text)):
        return False
    return _quotes_in_order(words, sentence) and _no_other_words(words, sentence)


def _quotes_in_order(words: str, sentence: Sentence) -> bool:
    """Return whether all quotations are there, in the order in which the sentence has them."""
    there = [quote for quote in sentence.quotes if quote in sentence.text]
    if any(words.count(quote) != sentence.text.count(quote) for quote in there):
        return False
    order = sorted(set(there), key=sentence.text.find)
    return order == sorted(set(there), key=words.find)


def _no_other_words(words: str, sentence: Sentence) -> bool:
    own = set(words_of(sentence.text))
    content = {word for word in own if word not in NEUTRAL and word not in NEUTRAL_HAN}
    said = set(words_of(words))
    return said <= own | NEUTRAL | NEUTRAL_HAN and content <= said
