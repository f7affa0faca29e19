"""Answers what is about the shop and the shopper's orders: rules from its pages, orders from its tables, persons."""

from collections.abc import Sequence
from dataclasses import replace

from models.assistant.orders import MAX_ORDERS, Order, named_order
from models.assistant.policies import Policies
from models.assistant.reading import Reading
from models.assistant.saying import Reply, Sentence, Voice, money, quoted
from models.assistant.state import Talk


class ShopTalk:
    """Answers about the shop itself."""

    def __init__(self, policies: Policies) -> None:
        self.policies = policies

    def policy(self, reading: Reading, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Quote the shop's page on what was asked, or say that none says anything."""
        passages = self.policies.answer(reading.text, voice.language)
        reply = Reply(act="policy" if passages else "no_policy", language=voice.language)
        for passage in passages:
            text, heading = quoted(passage.text), quoted(passage.heading)
            reply.sentences.append(
                voice.says("policy", [passage.row], heading=heading, text=text, quotes=(heading, text))
            )
        if not passages:
            reply.sentences = [voice.states("no_policy"), voice.states("human_offer")]
        return reply, replace(talk, asked=None)

    def orders(self, reading: Reading, talk: Talk, voice: Voice, orders: Sequence[Order] | None) -> tuple[Reply, Talk]:
        """Tell of the shopper's orders.

        Args:
            reading: what was asked.
            talk: the state.
            voice: words it.
            orders: theirs, the newest first; None where nobody may know them.
        """
        talk = replace(talk, asked=None)
        if orders is None:
            closed = [voice.states("orders_closed"), voice.states("human_offer")]
            return Reply(act="orders_closed", language=voice.language, sentences=closed), talk
        reply = Reply(act="orders", language=voice.language)
        order, unknown = named_order(reading.text, orders)
        if unknown is not None:
            sentence = voice.says("order_unknown", ["statements:order_unknown"], order_id=unknown, quotes=(unknown,))
            reply.sentences = [sentence, voice.states("human_offer")]
        elif not orders:
            reply.sentences = [voice.states("orders_none"), voice.states("human_offer")]
        elif order is not None:
            reply.sentences = self._told_of(order, reading, voice)
        else:
            of_all = "orders" in reading.plain.casefold().split() or "所有" in reading.plain or "哪些" in reading.plain
            for one in orders[: MAX_ORDERS if of_all else 1]:
                reply.sentences += self._told_of(one, reading, voice)
        return reply, talk

    def changed_order(self, talk: Talk, reading: Reading, voice: Voice) -> tuple[Reply, Talk]:
        """Hand over a wish to change an order, beside what the shop's page says of it."""
        reply = Reply(act="hand_over", language=voice.language, hand_over="order_change")
        reply.sentences = [voice.states("order_change"), voice.states("human")]
        for passage in self.policies.answer(reading.text, voice.language)[:1]:
            text, heading = quoted(passage.text), quoted(passage.heading)
            quotes = (heading, text)
            reply.sentences.append(voice.says("policy", [passage.row], heading=heading, text=text, quotes=quotes))
        return reply, replace(talk, asked=None)

    def hand_over(self, reason: str, talk: Talk, voice: Voice) -> tuple[Reply, Talk]:
        """Ask a person of the shop to go on."""
        reply = Reply(act="hand_over", language=voice.language, hand_over=reason, sentences=[voice.states("human")])
        return reply, replace(talk, asked=None)

    def _told_of(self, order: Order, reading: Reading, voice: Voice) -> list[Sentence]:
        words = {"order_id": order.order_id}
        text = reading.plain.casefold()
        pieces = [
            line.name if line.quantity == 1 else voice.word("pieces", quantity=line.quantity, name=line.name)
            for line in order.lines
        ]
        names = tuple(line.name for line in order.lines)
        said = dict(words, items=voice.listed(pieces), quotes=(order.order_id, *names))
        rows = [order.row, *(line.row for line in order.lines)]
        day = {} if order.ordered_on is None else {"day": order.ordered_on.isoformat()}
        name = "order" if day else "order_without_day"
        sentences = [voice.says(name, rows, **said, **day)]
        if order.total is not None:
            total = money(order.total, order.currency)
            sentences.append(voice.says("order_total", [order.row], total=total, quotes=(order.order_id,), **words))
        if any(word in text for word in ("refund", "money back", "退款", "退钱", "return")):
            given = {"refunded": money(order.refunded, order.currency)}
            if order.refunded:
                sentences.append(voice.says("order_refunded", [order.row], quotes=(order.order_id,), **words, **given))
            else:
                sentences.append(voice.says("order_no_refund", [order.row], quotes=(order.order_id,), **words))
        if order.status is not None:
            quotes = (order.order_id, order.status)
            sentences.append(voice.says("order_status", [order.row], status=order.status, quotes=quotes, **words))
        elif any(
            word in text
            for word in ("where", "when", "track", "status", "arriv", "在哪", "到哪", "状态", "物流", "什么时候")
        ):
            sentences.append(voice.says("order_no_status", [order.row], quotes=(order.order_id,), **words))
            sentences.append(voice.states("human_offer"))
        for fact, value in order.facts.items():
            if fact.casefold() in text:
                quotes = (order.order_id, value)
                sentences.append(voice.says("order_fact", [order.row], name=fact, value=value, quotes=quotes, **words))
        return sentences
