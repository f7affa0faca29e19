"""The shop's policy pages: Markdown whose sentences are quoted, never followed."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final

from models.text.normalise import detect_language, normalise
from models.text.tokens import words_of

_HEADING: Final = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+(?=[\"'(A-Z0-9])|(?<=[。！？；])")
_MARKUP: Final = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+|[*_`]{1,3}|!?\[([^\]]*)\]\([^)]*\)|<[^>]+>")
HEADING_WEIGHT: Final = 3.0
"""What a topic or word counts in a heading, beside 1 in the text below."""
TOPIC_WEIGHT: Final = 2.0
"""What a shared topic counts, beside the rareness of a shared word."""
NUMBER_WEIGHT: Final = 4.0
"""What a number counts where a question asks for one."""
CLOSE: Final = 0.35
"""Share of the best sentence's score from which another one of its section is quoted, too."""
MAX_SENTENCES: Final = 2
"""Sentences that are quoted."""


def _topic(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


TOPICS: Final[Mapping[str, re.Pattern[str]]] = {
    "returns": _topic(
        r"\breturn(?:s|ed|ing|able)?\b|\bsen[dt] (?:it |them |this |that |something |the \w+ )?back\b|\b(?:give"
        r"|bring|take) (?:it|them|this|that|something|things) back\b",
        r"\bwithdraw\w*|\bchange (?:my|your) mind\b|\bdoesn'?t fit\b|\bdo(?:es)? not fit\b|\bdon'?t like (?:it|them)\b",
        "退货|退回|寄回|退换|退吗|退掉|不合适|七天无理由|无理由",
    ),
    "refund": _topic(
        r"\brefund\w*|\bmoney back\b|\breimburs\w*|\bpaid back\b", "退款|退钱|钱.{0,6}退|退回.{0,4}(?:款|钱)"
    ),
    "exchange": _topic(
        r"\bexchang\w*|\bswap\w*|\bdifferent size\b|\banother (?:size|colou?r)\b",
        "换货|调换|换(?:一)?(?:个|件|双)?(?:尺码|大小|颜色|号)",
    ),
    "warranty": _topic(
        r"\bwarrant\w*|\bguarantee\w*|\bdefect\w*|\bfaulty\b|\bbroken\b|\bbreaks?\b|\brepair\w*",
        "保修|质保|维修|坏了|质量问题|瑕疵",
    ),
    "delivery": _topic(
        r"\bdeliver(?:y|ies|ed|ing|s)?\b|\bship(?:ping|ped|s|ment|ments)?\b|\bpostage\b|\bdispatch\w*"
        r"|\bcourier\b|\bexpress\b|\barrive\w*|\bhow soon\b",
        "配送|送货|发货|快递|物流|邮费|运费|包邮|几天(?:能)?到|多久(?:能)?到|到货|寄到|送到",
    ),
    "abroad": _topic(
        r"\babroad\b|\binternational\w*|\boverseas\b|\bother countr\w+|\bship to\b|\boutside\b|\bcountries\b"
        r"|\bworldwide\b",
        "国外|海外|国际|境外|其他国家",
    ),
    "payment": _topic(
        r"\bpay(?:ment|ments|ing)?\b|\bpaypal\b|\bcredit cards?\b|\bcards?\b|\binstal\w*|\bapple pay\b"
        r"|\bbank transfer\b",
        "付款|支付|信用卡|支付宝|微信支付|分期|银行卡|转账",
    ),
    "invoice": _topic(r"\binvoic\w*|\breceipts?\b|\bvat\b", "发票|收据|开票"),
    "voucher": _topic(
        r"\bvouchers?\b|\bcoupons?\b|\bdiscount codes?\b|\bpromo\w*|\bgift ?cards?\b|\bstudent discount\b",
        "优惠券|优惠码|折扣码|礼品卡|代金券|促销码",
    ),
    "cancel": _topic(r"\bcancel\w*", "取消"),
    "address": _topic(r"\baddress\w*", "地址"),
    "privacy": _topic(
        r"\bprivacy\b|\bpersonal (?:data|information)\b|\bmy data\b|\bgdpr\b|\bcookies?\b"
        r"|\bdelete my (?:account|data)\b",
        "隐私|个人信息|个人数据|我的数据|删除.{0,4}账[户号]",
    ),
    "contact": _topic(
        r"\bopening hours\b|\bopen(?:ing)?\b.{0,12}\b(?:on|hours|today|sunday|weekend)|\bphone number\b"
        r"|\be-?mail\b|\bcontact\b|\bstores?\b|\bwhen are you open\b|\bhours\b",
        "营业时间|几点|电话|邮箱|联系方式|门店|实体店|怎么联系",
    ),
}
"""What policy pages are about; a question and a section share a topic where both have a word of it."""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A sentence of a policy page."""

    row: str
    """Its id: ``policies:returns.md#2.1``, the first sentence below the second heading."""
    text: str
    heading: str
    section: int


class Policies:
    """The pages, ready to be asked."""

    def __init__(self, pages: Mapping[str, str]) -> None:
        """Take the pages' Markdown, by their names."""
        self.passages: list[Passage] = []
        for name in sorted(pages):
            self.passages += _passages(name, pages[name], first_section=len({p.section for p in self.passages}))
        self._words = [Counter(_words(passage.text)) for passage in self.passages]
        holding = Counter(word for words in self._words for word in words)
        self._rareness = {word: log(1 + len(self.passages) / count) for word, count in holding.items()}

    def answer(self, text: str, language: str) -> list[Passage]:
        """Return the sentences that answer a question, in their order; none where no section is about its topic.

        Sections in the language of the question come first; where there are none on the topic, others are quoted.
        """
        topics = topics_of(text)
        words = set(_words(text))
        if not topics:
            return []
        sections: dict[int, list[int]] = {}
        for place, passage in enumerate(self.passages):
            sections.setdefault(passage.section, []).append(place)
        ranked = sorted(
            (
                (self._is_in(places, language), self._section_score(places, topics, words), -section)
                for section, places in sections.items()
                if topics & self._topics(places)
            ),
            reverse=True,
        )
        if not ranked:
            return []
        places = sections[-ranked[0][2]]
        scored = sorted(places, key=lambda place: (-self._score(place, topics, words, text), place))
        best = self._score(scored[0], topics, words, text)
        chosen = [place for place in scored[:MAX_SENTENCES] if self._score(place, topics, words, text) >= CLOSE * best]
        return [self.passages[place] for place in sorted(chosen)]

    def _topics(self, places: Sequence[int]) -> set[str]:
        heading = self.passages[places[0]].heading
        return topics_of(f"{heading}\n" + "\n".join(self.passages[place].text for place in places))

    def _is_in(self, places: Sequence[int], language: str) -> bool:
        return detect_language(" ".join(self.passages[place].text for place in places)) == language

    def _section_score(self, places: Sequence[int], topics: set[str], words: set[str]) -> float:
        heading = self.passages[places[0]].heading
        in_heading = len(topics & topics_of(heading)) * TOPIC_WEIGHT * HEADING_WEIGHT
        in_heading += sum(self._rareness.get(word, 0.0) for word in words & set(_words(heading))) * HEADING_WEIGHT
        in_text = max(self._score(place, topics, words, "") for place in places)
        return in_heading + in_text

    def _score(self, place: int, topics: set[str], words: set[str], text: str) -> float:
        shared = sum(self._rareness[word] for word in words & self._words[place].keys())
        score = shared + TOPIC_WEIGHT * len(topics & topics_of(self.passages[place].text))
        asks_for_a_number = _HOW_MUCH.search(text) is not None
        return score + (NUMBER_WEIGHT if asks_for_a_number and _NUMBER.search(self.passages[place].text) else 0.0)


_HOW_MUCH: Final = re.compile(
    r"\bhow (?:long|many|much|soon|fast|quick\w*)\b|\bwhen\b|\bhours\b|\btimes?\b|\bcosts?\b"
    r"|多久|几天|多少|多长|几点|什么时候",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(
    r"\d|\b(?:one|two|three|five|seven|ten|free)\b|[一二三五七十两]\s?[天年个周]|免费", re.IGNORECASE
)
_FUNCTION: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "do",
        "does",
        "for",
        "from",
        "have",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "my",
        "of",
        "on",
        "or",
        "our",
        "that",
        "the",
        "this",
        "to",
        "we",
        "what",
        "when",
        "will",
        "with",
        "you",
        "your",
        "的",
        "了",
        "吗",
        "我",
        "你",
        "们",
        "是",
        "有",
        "在",
        "可",
        "以",
        "能",
        "会",
        "请",
        "问",
        "呢",
        "么",
        "怎",
        "什",
    ]
)


def topics_of(text: str) -> set[str]:
    """Return the topics that a text has words of."""
    return {topic for topic, pattern in TOPICS.items() if pattern.search(text)}


def _words(text: str) -> Iterable[str]:
    """Yield what texts are compared by: English words without a plural's ``s``, pairs of Chinese characters."""
    words = words_of(text)
    for place, word in enumerate(words):
        if word in _FUNCTION:
            continue
        if word.isascii():
            yield word.removesuffix("s") if len(word) > 3 else word
        elif place + 1 < len(words) and not words[place + 1].isascii():
            yield word + words[place + 1]


def _passages(name: str, text: str, *, first_section: int) -> list[Passage]:
    passages: list[Passage] = []
    section, sentence, heading, titles = 0, 0, "", dict[int, str]()
    for line in text.splitlines():
        if (match := _HEADING.match(line)) is not None:
            level = len(match.group(1))
            titles = {depth: title for depth, title in titles.items() if depth < level} | {level: match.group(2)}
            section, sentence, heading = section + 1, 0, " – ".join(titles[depth] for depth in sorted(titles))
            continue
        plain = normalise(_MARKUP.sub(lambda match: match.group(1) or "", line))
        for part in filter(None, map(str.strip, _SENTENCES.split(plain))):
            sentence += 1
            passages.append(
                Passage(
                    row=f"policies:{name}#{section}.{sentence}",
                    text=part,
                    heading=heading,
                    section=first_section + section,
                )
            )
    return passages
