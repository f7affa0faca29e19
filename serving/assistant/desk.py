"""Answers shoppers' messages: state in, one turn of the talk, state out. Knows neither BentoML nor FastAPI."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from models.assistant.assistant import Assistant
from models.assistant.graph import ShopGraph
from models.assistant.orders import Order, OrderBook
from models.assistant.saying import Comparison, Reply, Voice
from models.assistant.state import Talk
from serving.assistant.hand_overs import HandOvers
from serving.assistant.memory import TalkMemory
from serving.assistant.rewording import Rewording
from serving.assistant.schemas import (
    ComparisonTable,
    HandOverEntry,
    Message,
    MessageRequest,
    ProductEntry,
    SentenceEntry,
)
from serving.http.problems import ProblemError
from serving.tracing import span

NOBODY_SIGNED_IN = ""


class AssistantDesk:
    """Answers messages."""

    def __init__(
        self,
        shop: Callable[[], Assistant],
        *,
        memory: TalkMemory,
        orders: OrderBook,
        hand_overs: HandOvers,
        rewording: Rewording,
        pseudonym: Callable[[str], str],
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._shop = shop
        self._memory = memory
        self._orders = orders
        self._hand_overs = hand_overs
        self._rewording = rewording
        self._pseudonym = pseudonym
        self._clock = clock
        self._new_id = new_id

    def warm_up(self) -> None:
        """Answer messages of nobody, so that the first shopper waits for nothing that is loaded on first use."""
        assistant = self._shop()
        for text in ("hello", "你好", "what do you recommend?"):
            assistant.respond(Talk(), text)
        self._orders.orders_of("warm-up")

    def answer(self, request: MessageRequest, *, may_see_orders: bool) -> Message:
        """Answer a message.

        Args:
            request: the message.
            may_see_orders: whether who asks may know of the orders of the user whom the request names.

        Raises:
            ProblemError: a hand-over could not be written (503).
        """
        started = time.perf_counter()
        shopper = NOBODY_SIGNED_IN if request.user_id is None else self._pseudonym(request.user_id)
        assistant = self._shop()
        talk = self._memory.talk(request.conversation_id, shopper)

        def orders() -> Sequence[Order] | None:
            if request.user_id is None or not may_see_orders:
                return None
            with span("read the orders"):
                return self._orders.orders_of(request.user_id)

        reply, after = assistant.respond(talk, request.text, orders=orders)
        hand_over = self._handed_over(request, shopper, reply)
        sentences = self._worded(reply)
        text = ("" if reply.language == "zh" else " ").join(sentence["text"] for sentence in sentences)
        self._memory.keep(request.conversation_id, shopper, after, said=(request.text, text))
        voice = Voice(reply.language)
        return {
            "message_id": "msg_" + self._new_id(),
            "conversation_id": request.conversation_id,
            "language": "zh" if reply.language == "zh" else "en",
            "act": reply.act,
            "text": text,
            "sentences": sentences,
            "products": _products(assistant.graph, reply.item_ids),
            "comparison": _table(reply.comparison),
            "question": None
            if reply.question is None
            else {"facet": reply.question.facet, "values": list(reply.question.values)},
            "relaxed": reply.relaxed,
            "hand_over": hand_over,
            "disclosure": {"machine": True, "text": voice.states("machine").text},
            "notes": [] if self._memory.failure is None else [f"talks: {self._memory.failure}"],
            "took_ms": round((time.perf_counter() - started) * 1000, 3),
        }

    def _worded(self, reply: Reply) -> list[SentenceEntry]:
        """Return the sentences, in the words of the model where it said the same."""
        with span("word the answer"):
            words = self._rewording.words(reply.sentences)
        return [
            {
                "text": one.text if other is None else other,
                "rows": list(one.rows),
                "wording": "template" if other is None else "model",
                "generated": True,
            }
            for one, other in zip(reply.sentences, words, strict=True)
        ]

    def _handed_over(self, request: MessageRequest, shopper: str, reply: Reply) -> HandOverEntry | None:
        if reply.hand_over is None:
            return None
        hand_over_id = "ho_" + self._new_id()
        before = self._memory.messages(request.conversation_id, shopper)
        try:
            self._hand_overs.write(
                hand_over_id,
                at=self._clock(),
                conversation_id=request.conversation_id,
                user_id=request.user_id,
                reason=reply.hand_over,
                language=reply.language,
                messages=[*before, (request.text, reply.text)],
            )
        except OSError as error:
            raise ProblemError(
                503,
                f"The hand-over could not be written: {error}. Send the message again.",
                code="not_written",
                retry_after=5,
            ) from error
        return {"hand_over_id": hand_over_id, "reason": reply.hand_over}


def _products(graph: ShopGraph, item_ids: Sequence[str]) -> list[ProductEntry]:
    return [
        {
            "item_id": item.item_id,
            "title": item.title,
            "category": item.category,
            "brand": item.brand,
            "price": item.price,
            "currency": item.currency,
            "in_stock": item.in_stock,
            "attributes": {name: list(values) for name, values in item.attributes.items()},
        }
        for item in (graph.items[item_id] for item_id in item_ids)
    ]


def _table(comparison: Comparison | None) -> ComparisonTable | None:
    if comparison is None:
        return None
    return {
        "item_ids": list(comparison.item_ids),
        "rows": [{"name": row.name, "values": list(row.values), "rows": list(row.rows)} for row in comparison.rows],
    }
