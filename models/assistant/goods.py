"""Finds goods: takes a message into the wish, lists what meets it, asks what narrows the list, says what cannot be."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from models.assistant import cues
from models.assistant.graph import Item, ShopGraph
from models.assistant.reading import Reading
from models.assistant.saying import Asked, Reply, Sentence, Voice, money
from models.assistant.state import Talk
from models.assistant.wish import STOCK, Condition, Wish, best_question, meeting, nearest
from models.assistant.words import Mention

MAX_LIST: Final = 4
"""Items that are listed without asking back."""
MAX_BESIDE: Final = 3
"""Items that are shown beside a question, or near a wish that cannot be met."""
MAX_QUESTIONS: Final = 3
"""Questions that one wish is asked."""
MAX_VALUES: Final = 5
"""Answers that a question names."""


class ProductFinder(Protocol):
    """Puts items into the order in which a text asks for them."""

    def find(self, text: str, wish: Wish) -> Sequence[str] | None:
        """Return ids of items that suit a text, the best first; None where it cannot be asked."""
        ...


class NoFinder:
    """Stands in where there is no search: items stay in the graph's own order."""

    def find(self, text: str, wish: Wish) -> Sequence[str] | None:  # noqa: ARG002 - see the class
        """Return None."""
        return None


class GoodsTalk:
    """Answers what is about finding goods."""

    def __init__(self, graph: ShopGraph, finder: ProductFinder) -> None:
        self._graph = graph
        self._finder = finder

    def find(self, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Take a message into the wish, and answer with what meets it."""
        wish = self.wished(reading, talk)
        changed = wish != talk.wish
        skipped = (
            () if set(wish.facets.get("category", ())) != set(talk.wish.facets.get("category", ())) else talk.skipped
        )
        if talk.asked is not None and "any" in reading.cues:
            skipped = (*skipped, talk.asked)
        talk = replace(talk, wish=wish, skipped=skipped, seen=() if changed else talk.seen)
        return self.listed(reading, talk, voice)

    def listed(self, reading: Reading, talk: Talk, voice: Voice, *, act: str = "find") -> tuple[Reply, Talk]:
        """Answer with items that meet the wish of a talk."""
        items = self._in_order(reading, talk.wish)
        reply = Reply(act=act, language=voice.language)
        if not items:
            return self._impossible(talk, voice)
        question = None
        if len(items) > MAX_LIST and len(talk.skipped) < MAX_QUESTIONS and act == "find":
            question = best_question(items, self._askable(talk.wish), skipped=talk.skipped)
        chosen = items[: MAX_BESIDE if question or len(items) > MAX_LIST else MAX_LIST]
        _show(reply, chosen, voice)
        if question is not None:
            values = tuple(question.values[:MAX_VALUES])
            spoken = [voice.value(question.facet, value) for value in values]
            rows = [_node(question.facet, value) for value in values]
            words = {"facet": voice.word(question.facet), "values": voice.listed(spoken, "or")}
            reply.sentences.append(voice.says("question", rows, **words))
            reply.question = Asked(facet=question.facet, values=values)
        talk = replace(talk, asked=question.facet if question else None)
        return reply, talk.showing(reply.item_ids)

    def cheaper(self, reading: Reading, talk: Talk, voice: Voice, *, dearer: bool = False) -> tuple[Reply, Talk]:
        """Show what meets the wish and costs less, or more, than what was shown."""
        before = [self._graph.items[one] for one in (talk.focus or talk.listed) if one in self._graph.items]
        prices = [item.price for item in before if item.price is not None]
        if not prices:
            return self.find(reading, talk, voice)
        wish = self._of_shelf(talk.wish, before)
        bound = max(prices) if dearer else min(prices)
        beyond = replace(wish, gte=bound + 0.01, lte=None) if dearer else replace(wish, lte=bound - 0.01, gte=None)
        items = beyond.matches(self._graph.best_first)
        if not items:
            name = "nothing_dearer" if dearer else "nothing_cheaper"
            currency = before[0].currency
            sentence = voice.says(name, [item.row for item in before], price=money(bound, currency))
            return Reply(act="refine", language=voice.language, sentences=[sentence]), talk
        return self.listed(reading, replace(talk, wish=beyond, seen=()), voice, act="refine")

    def more(self, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Show others that meet the wish."""
        items = [item for item in self._in_order(reading, talk.wish) if item.item_id not in talk.seen]
        reply = Reply(act="more", language=voice.language)
        if not items:
            rows = [self._graph.items[one].row for one in talk.listed if one in self._graph.items]
            reply.sentences.append(voice.says("nothing_more", rows or ["statements:nothing_more"]))
            return reply, talk
        _show(reply, items[:MAX_BESIDE], voice)
        return reply, replace(talk.showing(reply.item_ids), asked=None)

    def dropped(self, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Let conditions go that the message names by their facets or values, and list again."""
        gone = facets_named(reading.plain, talk.wish.facets)
        gone |= {facet for mention in reading.mentions for facet in facets_of(mention) if facet in talk.wish.facets}
        wish = replace(talk.wish, facets={name: v for name, v in talk.wish.facets.items() if name not in gone})
        if cues.FACETS["price"].search(reading.plain):
            wish = replace(wish, gte=None, lte=None)
        return self.listed(reading, replace(talk, wish=wish, seen=(), skipped=(*talk.skipped, *sorted(gone))), voice)

    def recommended(self, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Show what others buy most of what is wished, or of all."""
        wish = self.wished(reading, talk)
        if not wish.matches(self._graph.items.values()):
            return self._impossible(replace(talk, wish=wish), voice)
        return self.listed(reading, replace(talk, wish=wish, seen=()), voice, act="recommend")

    def wished(self, reading: Reading, talk: Talk) -> Wish:
        """Return the wish after a message: what it names anew takes the place of what was said of the same before."""
        categories = reading.values("category")
        before = talk.wish
        if categories and categories != before.facets.get("category"):
            before = Wish(facets={"category": categories})
            if talk.wish.facets.get("category") is None:
                before = replace(talk.wish, facets={**talk.wish.facets, "category": categories})
        facets = dict(before.facets)
        shelf = self._shelf(facets)
        fresh: dict[str, set[str]] = {}
        traits = set(reading.traits)
        for mention in reading.wanted:
            facet = _facet(mention, shelf)
            if facet is None or facet == "category":
                continue
            words = frozenset(mention.text.split())
            if not _is_there(mention, facet, shelf) and any(words <= item.words for item in shelf):
                traits |= words  # what is a kind of other goods is a word in the descriptions of these
            else:
                fresh.setdefault(facet, set()).update(mention.values(facet))
        for facet, values in fresh.items():
            facets[facet] = frozenset(values) | (facets.get(facet, frozenset()) if reading.adds else frozenset())
        wanted = {f"{facet}={value}" for facet, values in fresh.items() for value in values}
        unwanted = {
            f"{facet}={value}"
            for mention in reading.unwanted
            for facet in facets_of(mention)
            for value in mention.values(facet)
        }
        left = {
            facet: frozenset(value for value in values if f"{facet}={value}" not in unwanted)
            for facet, values in facets.items()
        }
        gte, lte = (reading.gte, reading.lte) if reading.has_price else (before.gte, before.lte)
        return Wish(
            facets={facet: values for facet, values in left.items() if values},
            excluded=(before.excluded | unwanted) - wanted,
            gte=gte,
            lte=lte,
            traits=before.traits | traits,
        )

    def _shelf(self, facets: Mapping[str, frozenset[str]]) -> list[Item]:
        of_category = [Condition(facet="category", values=facets["category"])] if "category" in facets else []
        return meeting(self._graph.items.values(), of_category)

    def _of_shelf(self, wish: Wish, items: Sequence[Item]) -> Wish:
        """Return a wish, or where it is empty that of the items' own category."""
        categories = frozenset(item.category for item in items if item.category)
        return wish if "category" in wish.facets or not categories else Wish(facets={"category": categories})

    def _in_order(self, reading: Reading, wish: Wish) -> list[Item]:
        items = wish.matches(self._graph.best_first)
        if "cheapest" in reading.cues:
            return sorted(items, key=lambda item: (item.price is None, item.price))
        ranked = self._finder.find(reading.plain, wish) if reading.names_goods else None
        if ranked:
            place = {item_id: place for place, item_id in enumerate(ranked)}
            items.sort(key=lambda item: place.get(item.item_id, len(place)))
        return items

    def _askable(self, wish: Wish) -> list[str]:
        """Return the facets that a question may be about: those that are not settled, as a single category is."""
        settled = {facet for facet, values in wish.facets.items() if facet != "category" or len(values) == 1}
        leaves = [facet for facet in self._graph.facets if facet not in settled]
        return leaves

    def _impossible(self, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Say which condition leaves nothing, and show the nearest."""
        near = nearest(talk.wish, self._graph.best_first)
        reply = Reply(act="impossible", language=voice.language)
        reply.relaxed = [voice.condition(obstacle) for obstacle in near.obstacles]
        rows = [item.row for item in near.items[:MAX_BESIDE]] + [
            _node(c.facet, v) for c in talk.wish.conditions() for v in sorted(c.values)
        ]
        if [obstacle.facet for obstacle in near.obstacles] == [STOCK]:
            reply.sentences.append(voice.says("impossible_stock", rows))
        else:
            obstacle = voice.listed(reply.relaxed)
            reply.sentences.append(voice.says("impossible", rows or ["graph_nodes"], obstacle=obstacle))
        if near.items:
            reply.sentences.append(voice.says("nearest", [item.row for item in near.items[:MAX_BESIDE]]))
            _show(reply, near.items[:MAX_BESIDE], voice)
        return reply, replace(talk.showing(reply.item_ids), asked=None)


def _show(reply: Reply, items: Sequence[Item], voice: Voice) -> None:
    for item in items:
        reply.sentences.append(item_sentence(item, voice))
        reply.item_ids.append(item.item_id)


def item_sentence(item: Item, voice: Voice) -> Sentence:
    """Return an item as it is shown in a list."""
    quotes = (item.title,)
    if not item.in_stock:
        return voice.says("sold_out", [item.row], title=item.title, quotes=quotes)
    if item.price is None:
        return voice.says("item_without_price", [item.row], title=item.title, quotes=quotes)
    return voice.says("item", [item.row], title=item.title, price=money(item.price, item.currency), quotes=quotes)


def facets_of(mention: Mention) -> list[str]:
    """Return the facets that a mention may be of."""
    return [meaning.facet for meaning in mention.meanings]


def facets_named(text: str, facets: Mapping[str, object]) -> set[str]:
    """Return the facets, of those given, that a text calls by their names."""
    return {
        facet
        for facet in facets
        if ((pattern := cues.FACETS.get(facet)) is not None and pattern.search(text))
        or facet.casefold() in text.casefold()
    }


def _facet(mention: Mention, shelf: Sequence[Item]) -> str | None:
    """Return the facet that a mention is of on a shelf: that of the most items, whole names before parts of them."""
    ranked = [
        (
            any(set(item.values(meaning.facet)) & meaning.values for item in shelf) or meaning.facet == "category",
            not meaning.is_part,
            sum(bool(set(item.values(meaning.facet)) & meaning.values) for item in shelf),
            meaning.facet,
        )
        for meaning in mention.meanings
    ]
    return max(ranked)[-1] if ranked else None


def _is_there(mention: Mention, facet: str, shelf: Sequence[Item]) -> bool:
    return any(set(item.values(facet)) & mention.values(facet) for item in shelf)


def _node(facet: str, value: str) -> str:
    if facet == "excluded":
        facet, _, value = value.partition("=")
    kind = f"{facet}:" if facet in ("category", "brand") else f"attribute:{facet}="
    return f"graph_nodes:{kind}{value}"
