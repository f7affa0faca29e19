"""The assistant's desk: talks outlive a restart, hand-overs are on disk, orders need leave."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.assistant.assistant import Assistant
from models.assistant.orders import Order
from serving.assistant.desk import AssistantDesk
from serving.assistant.hand_overs import HandOvers
from serving.assistant.memory import TalkMemory
from serving.assistant.rewording import Rewording
from serving.assistant.schemas import Message, MessageRequest
from shopsight.settings import Settings


class Orders:
    def __init__(self, order: Order) -> None:
        self._order = order

    def orders_of(self, _: str) -> list[Order]:
        return [self._order]


class Shop:
    def __init__(self, home: Path, assistant: Assistant, order: Order) -> None:
        self.settings = Settings(home=home)
        self._assistant, self._order = assistant, order
        self.start()

    def start(self) -> None:
        self.memory = TalkMemory(self.settings.assistant_dir / "talks.sqlite")
        self.desk = AssistantDesk(
            lambda: self._assistant,
            memory=self.memory,
            orders=Orders(self._order),
            hand_overs=HandOvers(self.settings),
            rewording=Rewording(self.settings),
            pseudonym=lambda user_id: f"u_{user_id}",
            clock=lambda: datetime(2026, 5, 1, tzinfo=UTC),
            new_id=lambda: "1",
        )

    def say(self, text: str, *, user: str | None = None, may: bool = True) -> Message:
        request = MessageRequest(conversation_id="c", user_id=user, text=text)
        return self.desk.answer(request, may_see_orders=may)


@pytest.fixture
def shop(tmp_path: Path, assistant: Assistant, order: Order) -> Shop:
    return Shop(tmp_path, assistant, order)


def test_a_talk_goes_on_after_a_restart_and_its_file_holds_no_text(shop: Shop) -> None:
    shop.say("blue trainers please, you dear machine")
    shop.memory.close()
    shop.start()
    answer = shop.say("under 100")
    assert [product["item_id"] for product in answer["products"]] == ["shoe-2"]
    files = b"".join(path.read_bytes() for path in shop.settings.assistant_dir.iterdir())
    assert b"dear machine" not in files


def test_the_talk_of_another_user_is_another_talk(shop: Shop) -> None:
    shop.say("blue trainers", user="ann")
    assert shop.say("under 100", user="bob")["products"] != shop.say("under 100", user="ann")["products"]


def test_a_hand_over_is_written_with_what_was_said_for_its_owner_alone(shop: Shop) -> None:
    shop.say("tents")
    answer = shop.say("let me talk to a human", user=None)
    path = shop.settings.assistant_dir / "hand_overs.jsonl"
    (row,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert answer["hand_over"] == {"hand_over_id": "ho_1", "reason": "asked"}
    assert [message["shopper"] for message in row["messages"]] == ["tents", "let me talk to a human"]
    assert path.stat().st_mode & 0o077 == 0


def test_orders_need_a_signed_in_user_and_a_key_that_may(shop: Shop) -> None:
    assert "o-123" in shop.say("where is my order?", user="ann")["text"]
    assert "o-123" not in shop.say("where is my order?", user="ann", may=False)["text"]
    assert "o-123" not in shop.say("where is my order?")["text"]
