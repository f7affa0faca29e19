"""Where an answer is made: between two turns of the event loop, or in a thread."""

import asyncio
import threading
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import bentoml
import pytest

from serving.app import answered
from shopsight.settings import Settings


def thread_of_an_answer(monkeypatch: pytest.MonkeyPatch, online_store: str) -> int:
    service = SimpleNamespace(settings=Settings(online_store=online_store))
    monkeypatch.setattr(bentoml, "get_current_service", lambda: service)
    threads: list[int] = []

    def work() -> Mapping[str, Any]:
        threads.append(threading.get_ident())
        return {"items": []}

    answer = asyncio.run(answered(work))

    assert answer.body == b'{"items":[]}'
    return threads[0]


def test_an_answer_from_this_machine_alone_is_handed_to_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert thread_of_an_answer(monkeypatch, "sqlite") == threading.get_ident()


def test_an_answer_that_may_wait_for_another_machine_waits_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert thread_of_an_answer(monkeypatch, "redis://127.0.0.1:6379/0") != threading.get_ident()


def test_what_goes_wrong_while_an_answer_is_made_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    service = SimpleNamespace(settings=Settings())
    monkeypatch.setattr(bentoml, "get_current_service", lambda: service)

    def fail() -> Mapping[str, Any]:
        raise LookupError("no such item")

    with pytest.raises(LookupError, match="no such item"):
        asyncio.run(answered(fail))
