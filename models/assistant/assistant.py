"""One turn of a talk: a message is read, one thing is done, and the state moves on. The same input, the same answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from models.assistant.about import AboutItems, Answers
from models.assistant.cues import CHEAPEST, places_named, points_to_all, points_to_one
from models.assistant.goods import GoodsTalk, NoFinder, ProductFinder, facets_of
from models.assistant.graph import ShopGraph
from models.assistant.orders import Order
from models.assistant.policies import Policies, topics_of
from models.assistant.reading import Reader, Reading
from models.assistant.saying import Reply, Voice
from models.assistant.shop_talk import ShopTalk
from models.assistant.state import Talk
from models.assistant.words import Lexicon

ASKS_OF_ITEM: Final = frozenset({"reviews", "price", "stock", "detail", "goes_with", "similar"})
"""Cues of a question about an item that was shown or named."""
Orders = Callable[[], Sequence[Order] | None]
"""Called for the shopper's orders only where a message asks for them; None where nobody may know them."""


class Assistant:
    """Answers shoppers of one shop."""

    def __init__(
        self,
        graph: ShopGraph,
        lexicon: Lexicon,
        policies: Policies,
        *,
        finder: ProductFinder | None = None,
        answers: Answers | None = None,
    ) -> None:
        self.graph = graph
        self._reader = Reader(graph, lexicon)
        self._goods = GoodsTalk(graph, finder or NoFinder())
        self._about = AboutItems(graph, answers)
        self._shop = ShopTalk(policies)

    def respond(self, talk: Talk, text: str, *, orders: Orders = lambda: None) -> tuple[Reply, Talk]:
        """Answer a message.

        Args:
            talk: where the conversation stands.
            text: the message.
            orders: the shopper's.

        Returns:
            The answer, and where the conversation stands after it.
        """
        reading = self._reader.read(text, language="zh" if talk.language == "zh" else "en" if talk.language else None)
        voice = Voice(reading.language)
        talk = self._without_gone(replace(talk, language=reading.language, turns=talk.turns + 1))
        reply, after = self._answered(reading, talk, voice, orders)
        if talk.turns == 1 and reply.act != "machine":
            reply.sentences.insert(0, voice.states("machine"))
        return reply, after

    def _without_gone(self, talk: Talk) -> Talk:
        """Return the state without items that the shop has taken out of its catalogue since."""
        there = self.graph.items
        return replace(
            talk,
            listed=tuple(one for one in talk.listed if one in there),
            seen=tuple(one for one in talk.seen if one in there),
            focus=tuple(one for one in talk.focus if one in there),
        )

    def _answered(self, reading: Reading, talk: Talk, voice: Voice, orders: Orders) -> tuple[Reply, Talk]:
        said = reading.cues
        if "machine" in said:
            return self._stated("machine", talk, voice)
        if "human" in said and not reading.values("category") and not reading.has_price:
            return self._shop.hand_over("asked", talk, voice)
        if "restart" in said:
            return self._stated("restart", Talk(language=talk.language, turns=talk.turns), voice)
        if "order_change" in said and "how_to" not in said and not reading.names_goods and not reading.items:
            return self._shop.changed_order(talk, reading, voice)
        if "orders" in said and not _asks_for_a_rule(reading):
            return self._shop.orders(reading, talk, voice, orders())
        return (
            self._answer_to_question(reading, talk, voice)
            or self._of_items(reading, talk, voice)
            or self._of_rules(reading, talk, voice)
            or self._of_wish(reading, talk, voice)
            or self._small_talk(reading, talk, voice)
        )

    def _answer_to_question(self, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk] | None:
        if talk.asked is None or reading.items:
            return None
        names_it = any(talk.asked in facets_of(mention) for mention in reading.mentions)
        if names_it or ("any" in reading.cues and not reading.names_goods):
            return self._goods.find(reading, talk, voice)
        return None

    def _of_items(self, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk] | None:
        said = reading.cues
        groups = [self._ranked(ids) for ids in reading.items]
        places = [talk.listed[place] for place in places_named(reading.plain, len(talk.listed))]
        if ("compare" in said or (len(groups) > 1 and not said & ASKS_OF_ITEM)) and (
            pair := self._to_compare(groups, places, reading, talk)
        ) is not None:
            return self._about.compared(pair, talk, voice)
        if groups:
            if len(groups[0]) > 1:
                return self._about.which(groups[0], talk, voice)
            return self._of_one(groups[0][0], reading, talk, voice)
        if len(talk.focus) > 1 and (said & {"cheapest", "best_rated"}) and not reading.names_goods:
            return self._about.compared(talk.focus, talk, voice)
        if places:
            return self._of_one(places[0], reading, talk, voice)
        if said & {"cheaper", "dearer"}:
            return None
        focus = talk.focus[:1] or talk.listed[:1]
        asks = said & ASKS_OF_ITEM or (points_to_one(reading.plain) and "how_to" in said)
        if (
            focus
            and asks
            and not reading.has_price
            and (points_to_one(reading.plain) or not reading.names_goods)
            and not reading.values("category")
        ):
            if said & {"cheaper", "dearer", "more", "drop"} and not said & ASKS_OF_ITEM:
                return None
            if topics_of(reading.plain) and not said & ASKS_OF_ITEM:
                return None
            return self._of_one(focus[0], reading, talk, voice)
        return None

    def _of_one(self, item_id: str, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk] | None:
        if "goes_with" in reading.cues:
            return self._about.goes_with(self.graph.items[item_id], talk, voice)
        if "similar" in reading.cues:
            return self._about.similar(self.graph.items[item_id], talk, voice)
        if topics_of(reading.plain) and not reading.cues & ASKS_OF_ITEM:
            return None
        return self._about.question(self.graph.items[item_id], reading, talk, voice)

    def _to_compare(
        self, groups: Sequence[Sequence[str]], places: Sequence[str], reading: Reading, talk: Talk
    ) -> list[str] | None:
        named = [group[0] for group in groups]
        if len(named) == 1 and places:
            named += places
        elif len(named) == 1 and talk.focus:
            named += [one for one in talk.focus if one not in named][:1]
        elif not named:
            named = list(places)
            if len(named) == 1 and talk.focus and talk.focus[0] not in named:
                named.append(talk.focus[0])
        if len(named) < 2 and not groups and points_to_all(reading.plain) and not reading.names_goods:
            named = list(talk.focus if len(talk.focus) > 1 else talk.listed)
        named = list(dict.fromkeys(named))
        return named if len(named) > 1 else None

    def _of_rules(self, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk] | None:
        topics = topics_of(reading.plain)
        if topics and ("how_to" in reading.cues or not reading.names_goods):
            return self._shop.policy(reading, talk, voice)
        return None

    def _of_wish(self, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk] | None:
        said = reading.cues
        if talk.listed and not reading.values("category") and not reading.has_price:
            if "cheaper" in said:
                return self._goods.cheaper(reading, talk, voice)
            if "dearer" in said:
                return self._goods.cheaper(reading, talk, voice, dearer=True)
            if "more" in said and not reading.names_goods:
                return self._goods.more(reading, talk, voice)
            if "drop" in said and not reading.wanted and not reading.unwanted:
                return self._goods.dropped(reading, talk, voice)
        if "recommend" in said and not (reading.names_goods and not CHEAPEST.search(reading.plain)):
            return self._goods.recommended(reading, talk, voice)
        if reading.names_goods:
            return self._goods.find(reading, talk, voice)
        return None

    def _small_talk(self, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        for name in ("greeting", "thanks"):
            if name in reading.cues:
                return self._stated(name, talk, voice)
        if "compare" in reading.cues:
            return self._stated("compare_more", talk, voice)
        reply, talk = self._stated("unknown", talk, voice)
        return reply, talk

    def _stated(self, name: str, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        return Reply(act=name, language=voice.language, sentences=[voice.states(name)]), talk

    def _ranked(self, item_ids: frozenset[str]) -> list[str]:
        return [item.item_id for item in self.graph.best_first if item.item_id in item_ids]


def _asks_for_a_rule(reading: Reading) -> bool:
    """Return whether a message that speaks of an order asks what the shop's rules are, such as "can I cancel it?"."""
    topics = topics_of(reading.plain) - {"delivery", "payment"}
    return "how_to" in reading.cues and bool(
        topics & {"cancel", "returns", "exchange", "address", "warranty", "invoice"}
    )
