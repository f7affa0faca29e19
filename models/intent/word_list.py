"""Whether a review praises or complains: a small word list with negation, in English and Chinese.

No model: the list gives a first sort of reviews where no star rating came with them, and says ``neutral`` where it
knows no word. How often it agrees with the stars of real reviews is in docs/api.md.
"""

import re
from typing import Final, Literal

Sentiment = Literal["positive", "neutral", "negative"]

_POSITIVE: Final = frozenset(
    """amazing awesome beautiful best better comfortable cute delicious delighted durable easy effective elegant
    enjoy enjoyed excellent excited fabulous fantastic fast favorite favourite flawless gentle glad good gorgeous
    great happy helps impressed incredible like liked lovely love loved loves luxurious nice perfect perfectly
    pleasant pleased pretty recommend recommended reliable satisfied smooth soft sturdy super superb thanks
    terrific wonderful works worth yummy""".split()  # noqa: SIM905
)
_NEGATIVE: Final = frozenset(
    """annoying avoid awful bad beware broke broken burned cheap cheaply crap damaged dangerous defective difficult
    disappointed disappointing disappointment disgusting dislike dried fail failed fails fake faulty garbage gross
    hate hated horrible horrid hurts irritated itchy junk leak leaked leaking leaks mediocre messy misleading
    missing nasty overpriced painful poor poorly refund return returned returning ripped rough rude ruined scam sick
    smelly stinks stopped terrible trash ugly uncomfortable unhappy unfortunately useless waste wasted weak weird
    worse worst worthless wrong""".split()  # noqa: SIM905
)
_NEGATIONS: Final = frozenset(
    "no not never hardly barely isnt wasnt dont didnt doesnt cant couldnt wont without".split()  # noqa: SIM905
)
_NEGATION_REACH: Final = 3

_CHINESE_NEGATIVE: Final = re.compile(
    "不好|不行|不满|不喜欢|不推荐|不值|不舒服|不如|差|失望|垃圾|后悔|退货|退款|坏了|难用|难吃|难看|骗|假货|糟|破"
)
_CHINESE_POSITIVE: Final = re.compile("好|喜欢|满意|不错|推荐|值得|漂亮|舒服|完美|赞|棒|划算|惊喜|给力|爱了|物美价廉")


def praise(text: str) -> int:
    """Return the praising minus the complaining words of a text; a word after a negation counts the other way.

    >>> praise("Not good at all, it broke after a day")
    -2
    """
    words = re.findall(r"[a-z]+", re.sub(r"['’]", "", text.casefold()))
    score = 0
    for place, word in enumerate(words):
        sign = (word in _POSITIVE) - (word in _NEGATIVE)
        if sign and not _NEGATIONS.isdisjoint(words[max(0, place - _NEGATION_REACH) : place]):
            sign = -sign
        score += sign
    score -= len(_CHINESE_NEGATIVE.findall(text))
    score += len(_CHINESE_POSITIVE.findall(_CHINESE_NEGATIVE.sub("", text)))
    return score


def sentiment(text: str) -> Sentiment:
    """Return the sign of :func:`praise` as a word.

    >>> sentiment("Not good at all, it broke after a day")
    'negative'
    """
    score = praise(text)
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"
