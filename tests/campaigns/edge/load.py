"""Load on one port: what clients get that wait for their answers, and what is left of it under many times that."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, cast

CLIENTS: Final = 16
"""Of the measured capacity: enough that the service is never idle, few enough that it refuses none of them."""
MAX_CONNECTIONS: Final = 400


@dataclass(kw_only=True)
class Load:
    """What came of some seconds of load."""

    seconds: float
    statuses: Counter[str] = field(default_factory=Counter)
    """Answers by status; ``none`` counts requests without an answer."""

    @property
    def offered(self) -> float:
        """Requests a second."""
        return self.statuses.total() / self.seconds

    @property
    def goodput(self) -> float:
        """Answers with 200, or the collector's 202, a second."""
        return (self.statuses["200"] + self.statuses["202"]) / self.seconds


class _Client(asyncio.Protocol):
    """One connection, which asks the same again and again; cheap, because it shares the machine with the service."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.answer: asyncio.Future[str] | None = None
        self.received = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    async def ask(self) -> str:
        """Return the status of one answer, or ``none``."""
        assert self.transport is not None
        self.answer = asyncio.get_running_loop().create_future()
        if self.transport.is_closing():
            return "none"
        self.transport.write(self.request)
        try:
            return await asyncio.wait_for(self.answer, 15)
        except TimeoutError:
            self.transport.close()
            return "none"

    def close(self) -> None:
        """Leave."""
        if self.transport is not None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length and self.answer is not None and not self.answer.done():
            self.received = b""
            self.answer.set_result(head[9:12].decode())

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self.answer is not None and not self.answer.done():
            self.answer.set_result("none")


async def _connect(port: int, request: bytes) -> _Client:
    _, client = await asyncio.get_running_loop().create_connection(lambda: _Client(request), "127.0.0.1", port)
    return client


async def capacity(port: int, request: bytes, *, seconds: float) -> Load:
    """Return what clients get that ask again when they have been answered."""
    load = Load(seconds=seconds)
    end = time.monotonic() + seconds

    async def client() -> None:
        one = await _connect(port, request)
        while time.monotonic() < end:
            load.statuses[await one.ask()] += 1
        one.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return load


async def overload(port: int, request: bytes, *, per_second: float, seconds: float) -> Load:
    """Return what comes of ``per_second`` requests, which come whether or not those before them were answered."""
    load = Load(seconds=seconds)
    free: list[_Client] = []
    asking: set[asyncio.Task[None]] = set()
    waiting = asyncio.Semaphore(MAX_CONNECTIONS)

    async def ask() -> None:
        async with waiting:
            status, reused = "none", bool(free)
            try:
                one = free.pop() if reused else await _connect(port, request)
                status = await one.ask()
                if status == "none" and reused:  # the server had closed it, as it may close one that is idle
                    one = await _connect(port, request)
                    status = await one.ask()
                if one.transport is not None and not one.transport.is_closing():
                    free.append(one)
            except OSError:
                pass
            load.statuses[status] += 1

    began, sent = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        while sent < now * per_second:
            sent += 1
            task = asyncio.create_task(ask())
            asking.add(task)
            task.add_done_callback(asking.discard)
        await asyncio.sleep(0.002)
    if asking:
        await asyncio.wait(asking)
    load.seconds = time.monotonic() - began
    for one in free:
        one.close()
    return load
