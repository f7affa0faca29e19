"""Bodies that never end, in crowds: the client that has been sending for longest makes room."""

import asyncio
from typing import Any

from serving.http.body_reading import MAX_WAITING_BODIES, BodyReader
from serving.http.problems import ProblemError


class Sender:
    """A client that has sent a part of its body, and sends the rest when it is told to."""

    def __init__(self, part: bytes = b"{") -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.messages.put_nowait({"type": "http.request", "body": part, "more_body": True})

    async def receive(self) -> dict[str, Any]:
        return await self.messages.get()

    def end(self) -> None:
        self.messages.put_nowait({"type": "http.request", "body": b"}", "more_body": False})


async def read_by(reader: BodyReader, senders: list[Sender]) -> list[bytes | ProblemError | None]:
    """Return what is read of senders that came one after the other, where only the last one ends its body."""
    reading = []
    for sender in senders:
        reading.append(asyncio.create_task(reader.read(sender.receive)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    senders[-1].end()
    return await asyncio.gather(*reading)


def statuses(outcomes: list[bytes | ProblemError | None]) -> list[object]:
    return [outcome.status if isinstance(outcome, ProblemError) else outcome for outcome in outcomes]


def test_a_crowd_of_slow_senders_keeps_nobody_else_from_sending() -> None:
    reader = BodyReader(max_bytes=100, seconds=0.5, max_senders=2)
    assert statuses(asyncio.run(read_by(reader, [Sender() for _ in range(5)]))) == [408, 408, 408, 408, b"{}"]


def test_the_first_of_too_many_is_let_go_long_before_its_time() -> None:
    async def first_of_three() -> bytes | ProblemError | None:
        reader = BodyReader(max_bytes=100, seconds=60, max_senders=2)
        reading = [asyncio.create_task(reader.read(Sender().receive)) for _ in range(3)]
        outcome = await asyncio.wait_for(reading[0], 5)
        for one in reading:
            one.cancel()
        return outcome

    assert statuses([asyncio.run(first_of_three())]) == [408]


def test_bodies_that_wait_take_no_more_memory_than_some_of_the_largest_size() -> None:
    senders = [Sender(b"{" + b" " * 90) for _ in range(MAX_WAITING_BODIES + 10)]
    outcomes = statuses(asyncio.run(read_by(BodyReader(max_bytes=100, seconds=0.5), senders)))
    assert outcomes[-1] == b"{" + b" " * 90 + b"}"
    assert set(outcomes[:-1]) == {408}


def test_a_body_is_whole_too_large_or_abandoned() -> None:
    def read(*messages: dict[str, Any]) -> bytes | ProblemError | None:
        waiting = iter(messages)

        async def receive() -> dict[str, Any]:
            return next(waiting)

        return asyncio.run(BodyReader(max_bytes=3, seconds=1).read(receive))

    half = {"type": "http.request", "body": b"12", "more_body": True}
    assert read(half, {"type": "http.request", "body": b"3"}) == b"123"
    assert statuses([read(half, half)]) == [413]
    assert read(half, {"type": "http.disconnect"}) is None
