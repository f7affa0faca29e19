"""What a shopper's message says: what is to be done, which names it holds, and what may be spent."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from models.assistant import cues
from models.assistant.graph import ShopGraph
from models.assistant.words import Lexicon, Mention
from models.intent.attributes import price_range
from models.text.attribute_words import NEGATION
from models.text.negation import said_no_to
from models.text.normalise import detect_language, normalise
from models.text.tokens import Token, tokens_of

Language = Literal["en", "zh"]
AROUND_SHARE: Final = 0.2
"""Around 50 is 40 to 60."""
_CHINESE_NUMBER: Final = re.compile(
    "[一二两三四五六七八九十百千]+(?=\\s?(?:元|块|欧))|(?<=预算)[一二两三四五六七八九十百千]+"
)
_DIGITS: Final = {**{digit: n for n, digit in enumerate("一二三四五六七八九", start=1)}, "两": 2}
_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
_NO_AFTER: Final = re.compile(
    r"\s*(?:ones?|的|色)?\s*(?:除外|不要|不行|不考虑|免谈|就算了|is out\b|are out\b|excluded\b|is not for me\b)",
    re.IGNORECASE,
)
"""What stands right behind a word that is not wanted."""
_OR: Final = re.compile(r"\b(?:or|also|too|as well|plus)\b|或者?|也(?:可以|行)", re.IGNORECASE)
STOP: Final = frozenset(
    """a about all am an and any anything are as at available be been buy by can come comes could do does find for from
    get give go good great has have help hello hey hi how i if in is it item items just like looking made make me more
    my need nice of on one ones only or our out please product products really see sell shop show size so some
    something that the their them there these they thing things this those to too under up us use used very want was we
    well what when where which who will with would you your price cheap cheaper expensive euro euros eur best
    set pack day new any also""".split()  # noqa: SIM905 - words read better in lines
)
"""Words that are no traits of items, even where a description has them."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One message, read."""

    text: str
    """As it was written, normalised."""
    plain: str
    """With misspelt names as they are meant."""
    language: Language
    mentions: Sequence[Mention] = ()
    unwanted: Sequence[Mention] = ()
    """Of these, what stands behind a "not"."""
    items: Sequence[frozenset[str]] = ()
    """For each item that is named, the ids that the name may stand for."""
    gte: float | None = None
    lte: float | None = None
    traits: frozenset[str] = frozenset()
    adds: bool = False
    """Whether values are added to those of before ("or", "also")."""
    cues: frozenset[str] = field(default_factory=frozenset)
    """Names of the expressions of :mod:`models.assistant.cues` that it has."""

    @property
    def wanted(self) -> list[Mention]:
        """The mentions that are not said no to."""
        return [mention for mention in self.mentions if mention not in self.unwanted]

    @property
    def has_price(self) -> bool:
        """Whether it says what may be spent."""
        return self.gte is not None or self.lte is not None

    def values(self, facet: str) -> frozenset[str]:
        """Return the values of a facet that it asks for."""
        return frozenset().union(*(mention.values(facet) for mention in self.wanted))

    @property
    def names_goods(self) -> bool:
        """Whether it says anything of what is wanted."""
        goods = [m for m in self.mentions if any(meaning.facet != "item" for meaning in m.meanings)]
        return bool(goods) or self.has_price or bool(self.traits)


CUES: Final = {
    name.lower(): pattern
    for name, pattern in vars(cues).items()
    if isinstance(pattern, re.Pattern) and not name.startswith("_") and name not in ("AROUND", "BUDGET", "FLOOR")
}


class Reader:
    """Reads messages by the names of one shop."""

    def __init__(self, graph: ShopGraph, lexicon: Lexicon) -> None:
        self._graph = graph
        self.lexicon = lexicon

    def read(self, text: str, *, language: Language | None = None) -> Reading:
        """Return what a message says.

        Args:
            text: the message.
            language: of the talk so far, which holds where the text's own cannot be told.
        """
        clean = normalise(text)
        script = detect_language(clean)
        spoken: Language = "zh" if script == "zh" else "en" if script == "en" or language is None else language
        plain, tokens = self._spelt(_with_digits(clean))
        mentions = self.lexicon.mentions(tokens)
        named = [mention for mention in mentions if mention.values("item")]
        others = [replace_items(mention) for mention in mentions if mention not in named]
        mentions = [mention for mention in others if mention.meanings]
        unwanted = _unwanted(plain, mentions)
        gte, lte = _price(plain)
        return Reading(
            text=clean,
            plain=plain,
            language=spoken,
            mentions=mentions,
            unwanted=unwanted,
            items=[self._narrowed(mention.values("item"), mentions) for mention in named],
            gte=gte,
            lte=lte,
            traits=self._traits(tokens, [*mentions, *named], plain),
            adds=_OR.search(plain) is not None,
            cues=frozenset(name for name, pattern in CUES.items() if pattern.search(plain)),
        )

    def _spelt(self, text: str) -> tuple[str, list[Token]]:
        """Return the text with the shop's words where they were misspelt, and its tokens."""
        pieces, place = [], 0
        for token in tokens_of(text):
            meant = self.lexicon.spelt(token.text)
            pieces += [text[place : token.start], text[token.start : token.end] if meant == token.text else meant]
            place = token.end
        plain = "".join([*pieces, text[place:]])
        return plain, tokens_of(plain)

    def _narrowed(self, item_ids: frozenset[str], mentions: Sequence[Mention]) -> frozenset[str]:
        """Return the ids of a name that fit what else the text says, all of them where none does."""
        ids = item_ids
        for mention in mentions:
            for meaning in mention.meanings:
                fitting = {
                    item_id
                    for item_id in ids
                    if any(
                        value in self._graph.items[item_id].values(meaning.facet)
                        or (
                            meaning.facet == "category"
                            and (self._graph.items[item_id].category or "").startswith(value)
                        )
                        for value in meaning.values
                    )
                }
                ids = frozenset(fitting) or ids
        return ids

    def _traits(self, tokens: Sequence[Token], mentions: Sequence[Mention], plain: str) -> frozenset[str]:
        taken = {place for mention in mentions for place in range(mention.first, mention.after)}
        return frozenset(
            token.text
            for place, token in enumerate(tokens)
            if place not in taken
            and token.text in self.lexicon.traits
            and token.text not in STOP
            and not NEGATION.search(plain[: token.start])
        )


def replace_items(mention: Mention) -> Mention:
    """Return a mention without the items that it may stand for."""
    return replace(mention, meanings=tuple(meaning for meaning in mention.meanings if meaning.facet != "item"))


def _unwanted(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    """Return what the text says no to."""
    spans = [(mention.start, mention.end) for mention in mentions]
    answers = said_no_to(text, spans, behind=_NO_AFTER)
    return [mention for mention, no in zip(mentions, answers, strict=True) if no]


def _price(text: str) -> tuple[float | None, float | None]:
    """Return the lowest and the highest price that a text names."""
    if (around := cues.AROUND.search(text)) is not None:
        amount = _amount(around)
        return round(amount * (1 - AROUND_SHARE), 2), round(amount * (1 + AROUND_SHARE), 2)
    named = price_range(text)
    if named is not None:
        return named["gte"], named["lte"]
    if (budget := cues.BUDGET.search(text)) is not None:
        return None, _amount(budget)
    if (floor := cues.FLOOR.search(text)) is not None:
        return _amount(floor), None
    return None, None


def _amount(match: re.Match[str]) -> float:
    return float(next(filter(None, match.groups())).replace(",", "."))


def _with_digits(text: str) -> str:
    """Return a text whose Chinese amounts are written in digits.

    >>> _with_digits("两百元以内")
    '200元以内'
    """
    return _CHINESE_NUMBER.sub(lambda match: str(_number(match.group())), text)


def _number(words: str) -> int:
    total, digit = 0, 0
    for word in words:
        if word in _DIGITS:
            digit = _DIGITS[word]
        else:
            total += (digit or 1) * _UNITS[word]
            digit = 0
    return total + digit
