"""Answers what is about certain items: what they are, what others say of them, what goes with them, which is better."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from models.assistant import cues
from models.assistant.goods import MAX_BESIDE, facets_named, item_sentence
from models.assistant.graph import ITEM, Item, ShopGraph
from models.assistant.reading import Reading
from models.assistant.saying import Comparison, Reply, Sentence, TableRow, Voice, money, quoted, stars_of
from models.assistant.state import Talk
from models.intent.aspects import PATTERNS
from models.text.tokens import words_of

MAX_REVIEWS: Final = 2
"""Reviews that are quoted at once."""
MAX_COMPARED: Final = 4


class Answers(Protocol):
    """Finds the answer to a question in passages, or none."""

    def answer(self, question: str, passages: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
        """Return the words that answer, and the id of their passage; None where no passage does.

        Args:
            question: as it was asked.
            passages: ids and texts.
        """
        ...


class AboutItems:
    """Answers about items."""

    def __init__(self, graph: ShopGraph, answers: Answers | None = None) -> None:
        self._graph = graph
        self._answers = answers

    def which(self, item_ids: Sequence[str], talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Ask which of several items is meant."""
        items = [self._graph.items[one] for one in item_ids][: MAX_BESIDE + 1]
        reply = Reply(act="which", language=voice.language, item_ids=[item.item_id for item in items])
        reply.sentences = [
            voice.says("which_item", [item.row for item in items]),
            *(item_sentence(item, voice) for item in items),
        ]
        return reply, talk.showing(reply.item_ids)

    def question(self, item: Item, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Answer what was asked of one item."""
        reply = Reply(act="item", language=voice.language, item_ids=[item.item_id])
        reply.sentences = self._said(item, reading, voice)
        return reply, replace(talk, focus=(item.item_id,), asked=None)

    def compared(self, item_ids: Sequence[str], talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Set items side by side."""
        items = [self._graph.items[one] for one in item_ids[:MAX_COMPARED]]
        reply = Reply(act="compare", language=voice.language, item_ids=[item.item_id for item in items])
        reply.comparison = Comparison(item_ids=tuple(reply.item_ids), rows=tuple(self._table(items, voice)))
        one, other = items[0], items[1]
        sentences = [*_price_sentences(one, other, voice), *_star_sentences(one, other, voice)]
        for facet in sorted((set(one.attributes) | set(other.attributes) | {"brand"}) - {"category"}):
            values, others = one.values(facet), other.values(facet)
            if values and others and values != others:
                rows = [one.value_row(facet, v) for v in values] + [other.value_row(facet, v) for v in others]
                words = {"facet": voice.word(facet), "title": one.title, "other": other.title}
                words |= {"values": voice.listed(values), "other_values": voice.listed(others)}
                sentences.append(voice.says("compare_value", rows, quotes=(one.title, other.title), **words))
        reply.sentences = sentences
        return reply, replace(talk, focus=tuple(reply.item_ids), listed=tuple(reply.item_ids), asked=None)

    def goes_with(self, item: Item, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Say what goes with an item: what the catalogue names, then what was bought with it."""
        reply = Reply(act="goes_with", language=voice.language)
        for edge in self._graph.neighbours(item.item_id, "compatible_with"):
            other = self._graph.items.get(edge.target.removeprefix(ITEM))
            name = other.title if other else edge.target.partition(":")[2]
            quotes = (item.title, name)
            reply.sentences.append(voice.says("compatible", [edge.row], title=item.title, other=name, quotes=quotes))
        self._add_others(reply, item, "bought_with", "goes_with", voice)
        if not reply.sentences:
            reply.sentences.append(voice.says("no_goes_with", [item.row], title=item.title, quotes=(item.title,)))
        return reply, replace(talk, focus=(item.item_id,), listed=tuple(reply.item_ids) or talk.listed, asked=None)

    def similar(self, item: Item, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Say what stands in for an item: what was bought instead, else what shares most values with it."""
        reply = Reply(act="similar", language=voice.language)
        self._add_others(reply, item, "alternative_to", "similar", voice)
        if len(reply.item_ids) < MAX_BESIDE:
            others = [pair for pair in self._alike(item) if pair[0].item_id not in reply.item_ids]
            for other, shared in others[: MAX_BESIDE - len(reply.item_ids)]:
                rows = [one.value_row(facet, value) for one in (item, other) for facet, value in shared]
                words = {"title": item.title, "other": other.title, "values": voice.listed([v for _, v in shared])}
                reply.sentences.append(voice.says("similar_values", rows, quotes=(item.title, other.title), **words))
                reply.item_ids.append(other.item_id)
        if not reply.sentences:
            reply.sentences.append(voice.says("no_similar", [item.row], title=item.title, quotes=(item.title,)))
        return reply, replace(talk, focus=(item.item_id,), listed=tuple(reply.item_ids) or talk.listed, asked=None)

    def _add_others(self, reply: Reply, item: Item, relation: str, name: str, voice: Voice) -> None:
        for edge in self._graph.neighbours(item.item_id, relation):
            other = self._graph.items.get(edge.target.removeprefix(ITEM))
            if other is None or not other.in_stock or len(reply.item_ids) >= MAX_BESIDE:
                continue
            words = {"title": item.title, "other": other.title, "support": edge.support}
            reply.sentences.append(voice.says(name, [edge.row], quotes=(item.title, other.title), **words))
            reply.item_ids.append(other.item_id)

    def _alike(self, item: Item) -> list[tuple[Item, list[tuple[str, str]]]]:
        """Return the items of the same category that share most values, and these."""
        own = {(facet, value) for facet in ("brand", *item.attributes) for value in item.values(facet)}
        alike = []
        for other in self._graph.best_first:
            if other.item_id != item.item_id and other.category == item.category and other.in_stock:
                shared = [(facet, value) for facet, value in sorted(own) if value in other.values(facet)]
                if shared:
                    alike.append((other, shared))
        return sorted(alike, key=lambda pair: -len(pair[1]))

    def _said(self, item: Item, reading: Reading, voice: Voice) -> list[Sentence]:
        asked, text = reading.cues, reading.plain
        if "reviews" in asked:
            return self._reviews(item, text, voice)
        sentences: list[Sentence] = []
        if "price" in asked:
            sentences.append(_price_sentence(item, voice))
        if "stock" in asked:
            sentences.append(_stock_sentence(item, voice))
        facets = facets_named(text, dict.fromkeys(("brand", "category", *self._graph.facets)))
        sentences += [_value_sentence(item, facet, voice) for facet in sorted(facets)]
        if reading.traits and not sentences:
            sentences += [self._trait(item, trait, voice) for trait in sorted(reading.traits)]
        if not sentences and any(meaning.facet in item.attributes for m in reading.mentions for meaning in m.meanings):
            facets = {
                meaning.facet for m in reading.mentions for meaning in m.meanings if meaning.facet in item.attributes
            }
            sentences += [_value_sentence(item, facet, voice) for facet in sorted(facets)]
        if not sentences and "how_to" in asked and "detail" not in asked:
            none = [
                voice.says("no_answer", [item.row], title=item.title, quotes=(item.title,)),
                voice.states("human_offer"),
            ]
            sentences += self._answered(item, reading, voice) or none
        return sentences or self._described(item, voice)

    def _answered(self, item: Item, reading: Reading, voice: Voice) -> list[Sentence]:
        passages = [(item.row, item.description), *((one.row, one.text) for one in self._graph.reviews(item.item_id))]
        name = set(words_of(item.title))  # every review has it, and it answers nothing
        question = " ".join(word for word in reading.plain.split() if not set(words_of(word)) & name)
        answer = None if self._answers is None else self._answers.answer(question, passages)
        if answer is None:
            return []
        text, row = quoted(answer[0]), answer[1]
        words = {"title": item.title, "text": text, "description": text}
        return [voice.says("description" if row == item.row else "review", [row], quotes=(item.title, text), **words)]

    def _described(self, item: Item, voice: Voice) -> list[Sentence]:
        sentences = [item_sentence(item, voice)]
        if item.description:
            text = quoted(item.description)
            quotes = (item.title, text)
            sentences.append(voice.says("description", [item.row], title=item.title, description=text, quotes=quotes))
        return sentences + ([_stars_sentence(item, voice)] if item.ratings else [])

    def _reviews(self, item: Item, text: str, voice: Voice) -> list[Sentence]:
        if not item.ratings:
            return [voice.says("no_reviews", [item.row], title=item.title, quotes=(item.title,))]
        aspects = [aspect for aspect, pattern in cues.ASPECTS.items() if pattern.search(text)]
        reviews = list(self._graph.reviews(item.item_id))
        sentences = [] if aspects else [_stars_sentence(item, voice)]
        for aspect in aspects:
            spoken = [review for review in reviews if PATTERNS[aspect].search(review.text)]
            if not spoken:
                words = {"title": item.title, "aspect": voice.word(aspect)}
                sentences.append(
                    voice.says("no_review_of", [f"review_summary:{item.item_id}"], quotes=(item.title,), **words)
                )
        wanted = [r for r in reviews if not aspects or any(PATTERNS[aspect].search(r.text) for aspect in aspects)]
        for review in wanted[:MAX_REVIEWS]:
            said = quoted(review.text)
            words = {"title": item.title, "text": said}
            name = "review" if review.stars is None else "review_stars"
            stars = {} if review.stars is None else {"stars": f"{review.stars:g}"}
            sentences.append(voice.says(name, [review.row], quotes=(item.title, said), **words, **stars))
        return sentences

    def _trait(self, item: Item, trait: str, voice: Voice) -> Sentence:
        if trait in item.description.casefold():
            text = quoted(item.description)
            quotes = (item.title, text)
            return voice.says("trait_yes", [item.row], title=item.title, description=text, quotes=quotes)
        for review in self._graph.reviews(item.item_id):
            if trait in review.text.casefold():
                said = quoted(review.text)
                return voice.says("review", [review.row], title=item.title, text=said, quotes=(item.title, said))
        return voice.says("trait_no", [item.row], title=item.title, trait=trait, quotes=(item.title,))

    def _table(self, items: Sequence[Item], voice: Voice) -> list[TableRow]:
        rows = tuple(item.row for item in items)
        prices = [voice.word("unknown") if i.price is None else money(i.price, i.currency) for i in items]
        stock = [voice.word("in_stock" if item.in_stock else "sold_out") for item in items]
        ratings = [
            voice.word("ratings", stars=stars_of(item), ratings=item.ratings) if item.ratings else voice.word("unknown")
            for item in items
        ]
        table = [
            TableRow(name=voice.word("price"), values=tuple(prices), rows=rows),
            TableRow(name=voice.word("stock"), values=tuple(stock), rows=rows),
            TableRow(name=voice.word("stars"), values=tuple(ratings), rows=_summaries(items) or rows),
        ]
        facets = ["brand", "category", *sorted({name for item in items for name in item.attributes})]
        for facet in facets:
            values = tuple(
                voice.listed([voice.value(facet, v) for v in item.values(facet)]) or voice.word("unknown")
                for item in items
            )
            said_by = tuple(item.value_row(facet, value) for item in items for value in item.values(facet))
            table.append(TableRow(name=voice.word(facet), values=values, rows=said_by or rows))
        return table


def _summaries(items: Sequence[Item]) -> tuple[str, ...]:
    return tuple(f"review_summary:{item.item_id}" for item in items if item.ratings)


def _price_sentence(item: Item, voice: Voice) -> Sentence:
    if item.price is None:
        return voice.says("no_price", [item.row], title=item.title, quotes=(item.title,))
    return voice.says(
        "price", [item.row], title=item.title, price=money(item.price, item.currency), quotes=(item.title,)
    )


def _stock_sentence(item: Item, voice: Voice) -> Sentence:
    return voice.says("in_stock" if item.in_stock else "sold_out", [item.row], title=item.title, quotes=(item.title,))


def _stars_sentence(item: Item, voice: Voice) -> Sentence:
    words = {"title": item.title, "stars": stars_of(item), "ratings": item.ratings}
    return voice.says("stars", [f"review_summary:{item.item_id}"], quotes=(item.title,), **words)


def _value_sentence(item: Item, facet: str, voice: Voice) -> Sentence:
    values = item.values(facet)
    words = {"title": item.title, "facet": voice.word(facet)}
    if not values:
        return voice.says("no_value", [item.row], quotes=(item.title,), **words)
    rows = [item.value_row(facet, value) for value in values]
    said = voice.listed([voice.value(facet, value) for value in values])
    return voice.says("value", rows, quotes=(item.title,), values=said, **words)


def _price_sentences(one: Item, other: Item, voice: Voice) -> list[Sentence]:
    if one.price is None or other.price is None:
        return [_price_sentence(item, voice) for item in (one, other)]
    rows, quotes = [one.row, other.row], (one.title, other.title)
    prices = {"price": money(one.price, one.currency), "other_price": money(other.price, other.currency)}
    sentences = [voice.says("compare_price", rows, title=one.title, other=other.title, quotes=quotes, **prices)]
    if one.currency == other.currency:
        first, second = (one, other) if one.price <= other.price else (other, one)
        name = "compare_same_price" if one.price == other.price else "compare_cheaper"
        sentences.append(voice.says(name, rows, title=first.title, other=second.title, quotes=quotes))
    return sentences


def _star_sentences(one: Item, other: Item, voice: Voice) -> list[Sentence]:
    if one.stars is None or other.stars is None:
        return [_stars_sentence(item, voice) for item in (one, other) if item.ratings]
    rows, quotes = list(_summaries([one, other])), (one.title, other.title)
    words = {"title": one.title, "other": other.title, "stars": stars_of(one), "other_stars": stars_of(other)}
    sentences = [voice.says("compare_stars", rows, quotes=quotes, **words)]
    if stars_of(one) != stars_of(other):
        first, second = (one, other) if one.stars > other.stars else (other, one)
        sentences.append(voice.says("compare_better", rows, title=first.title, other=second.title, quotes=quotes))
    return sentences
