"""What shoppers type: searches, comparisons, questions, reviews, chit-chat, from a grammar over the catalogue."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop import phrases
from shopsight.sample_shop import vocabulary as words
from shopsight.sample_shop.catalogue import Catalogue
from shopsight.sample_shop.rows import CODE, Rows
from shopsight.sample_shop.search import SEARCH_KINDS
from shopsight.sample_shop.shelves import LEAVES

INTENTS: Final = ("search_product", "compare_product", "ask_question", "leave_review", "other")
_DRAWS = 16

# Channels are noisy, as the search box is (``SEARCH_KINDS``). Columns in the order of INTENTS.
INTENT_BY_CHANNEL: Final = {
    "ask_question": (0.07, 0.19, 0.66, 0.03, 0.05),
    "rate_item": (0.00, 0.03, 0.03, 0.91, 0.03),
}

T = TypeVar("T")


class Dice:
    """A short row of drawn integers, spent one by one, so that a text costs no call of the generator."""

    def __init__(self, draws: Sequence[int]) -> None:
        self._draws: Iterator[int] = iter(draws)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, all equally likely."""
        return options[next(self._draws) % len(options)]

    def chance(self, percent: int) -> bool:
        """Return True in ``percent`` of a hundred cases."""
        return next(self._draws) % 100 < percent


def write_utterances(
    catalogue: Catalogue,
    rows: Rows,
    chinese_R: NDArray[np.bool_],
    shelf_R: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.object_], NDArray[np.int8]]:
    """Return each row's text (or None) and its true intent's number (or -1).

    Args:
        catalogue: what is talked about.
        rows: the rows; searches, questions and ratings get a text, a fifth of the ratings none.
        chinese_R: whether the row's shopper writes Chinese.
        shelf_R: shelf that a search is about.
        rng: source of every choice.
    """
    text_R = np.full(len(rows), None, dtype=np.object_)
    label_R = np.full(len(rows), -1, dtype=np.int8)
    intent_of_kind = np.array([INTENTS.index(kind.intent) for kind in SEARCH_KINDS], dtype=np.int8)
    for channel in ("search", *INTENT_BY_CHANNEL):
        at = np.flatnonzero(rows.name_R == CODE[channel])
        if channel == "rate_item":
            at = at[rng.random(len(at)) < 0.8]
        if channel == "search":
            label_R[at] = intent_of_kind[rows.search_kind_R[at]]
        else:
            label_R[at] = rng.choice(len(INTENTS), size=len(at), p=INTENT_BY_CHANNEL[channel])
        item = rows.item_R[at].astype(np.int64)
        on_shelf = catalogue.pick(shelf_R[at], rng.random(len(at)))
        item = np.where(item < 0, on_shelf, item)
        rival = catalogue.pick(catalogue.leaf_I[item].astype(np.int64), rng.random(len(at)))
        draws = rng.integers(0, 1 << 30, size=(len(at), _DRAWS)).tolist()
        rating, kind = rows.rating_R[at].tolist(), rows.search_kind_R[at].tolist()
        for nth, row in enumerate(at.tolist()):
            facts = _facts(catalogue, int(item[nth]), int(rival[nth]), rating[nth])
            dice, chinese = Dice(draws[nth]), bool(chinese_R[row])
            if channel == "search" and label_R[row] == 0:
                text_R[row] = _search_product(SEARCH_KINDS[kind[nth]].name, facts, chinese, dice)
            else:
                text_R[row] = _write(INTENTS[label_R[row]], channel, facts, chinese, dice)
    return text_R, label_R


def _facts(catalogue: Catalogue, item: int, rival: int, rating: int) -> dict[str, str]:
    shelf, other = LEAVES[catalogue.leaf_I[item]], LEAVES[catalogue.leaf_I[rival]]
    look = catalogue.looks[item]
    return {
        "noun": shelf.noun.lower(),
        "zh": shelf.zh,
        "brand": catalogue.brands[item],
        "model": catalogue.models[item],
        "rival": catalogue.models[rival]
        if rival != item
        else f"{words.BRANDS[other.department][item % 6]} {words.SERIES[item % 16]}",
        "colour": look if shelf.packs else look.lower(),
        "colour_zh": words.COLOURS_ZH.get(look, look),
        "budget": str(int(catalogue.price_I[item] * 1.2) // 5 * 5 + 5),
        "mood": "good" if rating >= 4 or rating < 0 else "mixed" if rating == 3 else "bad",
        "shelf": str(catalogue.leaf_I[item]),
    }


def _with_traits(facts: dict[str, str], dice: Dice) -> dict[str, str]:
    shelf = LEAVES[int(facts["shelf"])]
    facts = facts | {
        "trait": dice.pick(shelf.traits),
        "kind": dice.pick(shelf.kinds).lower(),
        "use": dice.pick(phrases.USES),
    }
    facts["trait2"] = dice.pick(shelf.traits)
    return facts


def _search_product(kind: str, facts: dict[str, str], chinese: bool, dice: Dice) -> str:
    """Write a search for items: an exact one names an item's model, a broad one does not, and some are misspelt."""
    facts = _with_traits(facts, dice)
    exact = dice.chance(25) if kind == "misspelt" else kind == "exact"
    if chinese:
        return dice.pick(_CHINESE_BY_EXACTNESS[exact]).format_map(facts)
    keywords = dice.chance(62)
    text = dice.pick((_KEYWORDS_BY_EXACTNESS if keywords else _SENTENCES_BY_EXACTNESS)[exact]).format_map(facts)
    return _finished(text, keywords, dice, misspelt=kind == "misspelt")


def _finished(text: str, keywords: bool, dice: Dice, *, misspelt: bool) -> str:
    if not keywords and dice.chance(18):
        text = f"{dice.pick(phrases.OPENINGS)} {text}"
    style = _STYLES[dice.pick((0, 0, 0, 1, 1, 2, 3))]
    text = style(text, dice) if keywords or dice.chance(50) else text
    return _misspell(text, dice) if misspelt else text


def _write(intent: str, channel: str, facts: dict[str, str], chinese: bool, dice: Dice) -> str:
    facts = _with_traits(facts, dice)
    if chinese:
        bank = phrases.CHINESE_REVIEWS[facts["mood"]] if intent == "leave_review" else phrases.CHINESE[intent]
        return dice.pick(bank).format_map(facts)
    if intent == "leave_review":
        return _review(facts, dice)
    keywords = channel == "search" and dice.chance(62)
    text = dice.pick(phrases.KEYWORDS[intent] if keywords else phrases.SENTENCES[intent]).format_map(facts)
    return _finished(text, keywords, dice, misspelt=dice.chance(14))


def _review(facts: dict[str, str], dice: Dice) -> str:
    mood = facts["mood"]
    parts = [dice.pick(phrases.VERDICTS[mood])]
    if dice.chance(70):
        parts.append(dice.pick(phrases.DETAILS[mood]))
    if dice.chance(45):
        parts.append(dice.pick(phrases.CLOSINGS[mood]))
    text = " ".join(parts).format_map(facts)
    text = text if dice.chance(75) else text.lower()
    return _misspell(text, dice) if dice.chance(10) else text


def _as_is(text: str, _dice: Dice) -> str:
    return text


def _lower(text: str, _dice: Dice) -> str:
    return text.lower()


def _bare(text: str, _dice: Dice) -> str:
    return text.lower().rstrip("?.!")


def _shouted(text: str, dice: Dice) -> str:
    return text.upper() if dice.chance(12) else text.capitalize()


def _by_exactness(bank: Sequence[str]) -> dict[bool, tuple[str, ...]]:
    """Tell the patterns that name a model from those that do not."""
    return {exact: tuple(pattern for pattern in bank if ("{model}" in pattern) == exact) for exact in (True, False)}


_KEYWORDS_BY_EXACTNESS: Final = _by_exactness(phrases.KEYWORDS["search_product"])
_SENTENCES_BY_EXACTNESS: Final = _by_exactness(phrases.SENTENCES["search_product"])
_CHINESE_BY_EXACTNESS: Final = _by_exactness(phrases.CHINESE["search_product"])

_STYLES: Final[tuple[Callable[[str, Dice], str], ...]] = (_lower, _as_is, _bare, _shouted)


def _misspell(text: str, dice: Dice) -> str:
    """Swap, drop or double one letter inside a word of five letters or more."""
    parts = text.split(" ")
    long = [place for place, part in enumerate(parts) if len(part) >= 5]
    if not long:
        return text
    place = dice.pick(long)
    word = parts[place]
    at = dice.pick(range(1, len(word) - 2))
    parts[place] = dice.pick(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
        )
    )
    return " ".join(parts)
