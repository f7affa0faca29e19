"""Talks with the assistant as the service does: the same desk, memory, order book and shop, without the socket."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.assistant.conversations import Conversation
from models.assistant.assistant import Assistant
from models.assistant.graph import Review
from models.assistant.policies import Policies
from serving.assistant.answering import ReviewAnswers
from serving.assistant.desk import AssistantDesk
from serving.assistant.hand_overs import HandOvers
from serving.assistant.memory import TalkMemory
from serving.assistant.orders import WarehouseOrders
from serving.assistant.rewording import Rewording
from serving.assistant.schemas import MessageRequest
from serving.assistant.shop import Shop, read_shop
from serving.prediction_log import new_id
from shopsight.clock import utc_now
from shopsight.settings import Settings


class Talker:
    """One shop's desk, and what it took."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shop = read_shop(settings)
        self._answers = ReviewAnswers(settings)
        self._assistant = self._assistant_of(self.shop)
        self._folder = tempfile.TemporaryDirectory(prefix="talks-")
        self._desk = self._desk_of(lambda: self._assistant)
        self._desk.warm_up()
        self._conversations = 0
        self.latencies: dict[str, list[float]] = {"en": [], "zh": []}
        """Milliseconds of each answer, by language."""

    def answers(self, conversation: Conversation) -> list[dict[str, Any]]:
        """Return the answers to the messages of a conversation."""
        self._conversations += 1
        answers = []
        for text in conversation.messages:
            request = MessageRequest(
                conversation_id=f"c-{self._conversations}", user_id=conversation.user_id, text=text
            )
            started = time.perf_counter()
            answer = self._desk.answer(request, may_see_orders=conversation.may_see_orders)
            self.latencies[conversation.language].append((time.perf_counter() - started) * 1000)
            answers.append(dict(answer))
        return answers

    def answer_with(self, shop: Shop, text: str) -> dict[str, Any]:
        """Return the answer to one message of a talk in a shop that something was planted in."""
        assistant = self._assistant_of(shop)
        self._conversations += 1
        request = MessageRequest(conversation_id=f"c-{self._conversations}", text=text)
        return dict(self._desk_of(lambda: assistant).answer(request, may_see_orders=False))

    def with_text(self, carrier: str, item_id: str, text: str) -> Shop:
        """Return the shop with a text of somebody else in it: in a review, a title, or on the page about returns."""
        if carrier == "title":
            item = self.shop.graph.items[item_id]
            graph = self.shop.graph.with_items({item_id: replace(item, title=f"{item.title} {text}")})
            return Shop(graph=graph, lexicon=self.shop.lexicon, policies=self.shop.policies)
        if carrier == "review":
            graph = self.shop.graph.with_review(Review(review_id="planted", item_id=item_id, stars=5.0, text=text))
            return Shop(graph=graph, lexicon=self.shop.lexicon, policies=self.shop.policies)
        if carrier == "policy":
            pages = {
                path.relative_to(self.settings.policies_dir).as_posix(): path.read_text()
                for path in self.settings.policies_dir.rglob("*.md")
            }
            for name in ("en/returns.md", "zh/returns.md"):
                pages[name] = pages[name].replace("\n\n## Refunds", f"\n{text}\n\n## Refunds")
                pages[name] = pages[name].replace("\n\n## 退款", f"\n{text}\n\n## 退款")
            return Shop(graph=self.shop.graph, lexicon=self.shop.lexicon, policies=Policies(pages))
        return self.shop

    def _assistant_of(self, shop: Shop) -> Assistant:
        """Return the assistant as the service has it where search is away: the graph's own order stands in."""
        return Assistant(shop.graph, shop.lexicon, shop.policies, answers=self._answers)

    def _desk_of(self, shop: Callable[[], Assistant]) -> AssistantDesk:
        folder = Path(self._folder.name)
        orders = WarehouseOrders(self.settings, self._title_of)
        return AssistantDesk(
            shop,
            memory=TalkMemory(folder / f"talks-{new_id()}.sqlite"),
            orders=orders,
            hand_overs=HandOvers(self.settings.model_copy(update={"home": folder})),
            rewording=Rewording(self.settings),
            pseudonym=orders.pseudonym,
            clock=utc_now,
            new_id=new_id,
        )

    def _title_of(self, item_id: str) -> str | None:
        item = self.shop.graph.items.get(item_id)
        return None if item is None else item.title
