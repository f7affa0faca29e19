"""What a review speaks of, clause by clause: quality, price, delivery, service and fit, in English and Chinese.

Words, not a model: a shop sees why a clause counts, and no labelled aspects are there to learn from. The tone of each
clause comes from the caller.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from models.intent.word_list import Sentiment
from models.text.normalise import normalise

ASPECTS: Final = ("quality", "price", "delivery", "service", "fit")

_ENGLISH: Final = {
    "quality": r"""quality durab\w* sturd\w* flims\w* broke\w* break\w* fell\sapart crack\w* leak\w* rip\w* tear\w* torn
    material\w* fabric stitch\w* well\s(?:made|built) poorly\s(?:made|built) cheaply\smade defect\w* faulty
    (?:stopped|doesn't|didn't|does\snot|did\snot)\swork\w* works last(?:s|ed) wore\sout feels?\scheap
    solid scratch\w*""",
    "price": r"""price[ds]? pricey cost\w* expensive overpriced cheap cheaper
    bargain value money worth afford\w* deal discount\w* dollars? euros? pounds? bucks""",
    "delivery": r"""deliver\w* shipp\w* arriv\w* packag\w* parcel courier box late on\stime tracking
    came\s(?:in|with|quickly) wait(?:ed|ing) days\slate lost\sin""",
    "service": r"""service support seller staff customer\s(?:care|service) refund\w* replacement warranty return\w*
    respon\w* repl(?:y|ied) help(?:ful|desk)? rude polite complain\w* exchange\w*""",
    "fit": r"""fit fits fitted fitting size[ds]? sizing small large tight loose long short snug true\sto\ssize
    too\s(?:big|small) narrow wide length waist runs""",
}
_CHINESE: Final = {
    "quality": "质量 做工 材质 面料 结实 耐用 坏了 断了 裂 掉色 起球 破 用料 品质",
    "price": "价格 价钱 便宜 贵 划算 性价比 值 实惠 优惠",
    "delivery": "物流 快递 发货 送货 包装 到货 配送 收到 运输",
    "service": "客服 服务 售后 退货 退款 换货 态度 卖家 店家 回复",
    "fit": "尺码 尺寸 大小 合身 偏大 偏小 太大 太小 合适 码数 长度 宽",
}


def _patterns() -> dict[str, re.Pattern[str]]:
    mentions = {}
    for aspect in ASPECTS:
        english = "|".join(_ENGLISH[aspect].split())
        chinese = "|".join(_CHINESE[aspect].split())
        mentions[aspect] = re.compile(rf"\b(?:{english})\b|{chinese}", re.IGNORECASE)
    return mentions


PATTERNS: Final = _patterns()
"""By which words a text speaks of each aspect."""
# "but" and its like turn a sentence round: what stands before and after it may differ in tone.
_ENDS: Final = re.compile(
    r"(?<=[.!?;。！？；])\s*|\n+|,?\s+(?=(?:but|however|although|though|except|yet)\b)|[，,]\s*(?=但|不过|可是|就是|只是)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A clause that speaks of an aspect."""

    aspect: str
    tone: Sentiment
    """``positive``, ``neutral`` or ``negative``."""
    clause: str
    """The words, as they were written."""


def clauses(text: str) -> list[str]:
    """Return the sentences of a text, divided where a "but" turns them round.

    >>> clauses("Great quality, but it arrived late. 质量很好，但是物流太慢")
    ['Great quality', 'but it arrived late.', '质量很好', '但是物流太慢']
    """
    return [part.strip() for part in _ENDS.split(normalise(text)) if part and part.strip()]


def mentions(text: str, tone_of: Callable[[str], Sentiment]) -> list[Mention]:
    """Return what each clause of a review speaks of, and how.

    Args:
        text: the review.
        tone_of: tells the tone of a clause.
    """
    mentions = []
    for clause in clauses(text):
        aspects = [aspect for aspect, pattern in PATTERNS.items() if pattern.search(clause)]
        if aspects:
            tone = tone_of(clause)
            mentions += [Mention(aspect=aspect, tone=tone, clause=clause) for aspect in aspects]
    return mentions
