"""Reads request bodies, some of which never end: slow senders hold no place of the requests that are worked on."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from serving.http.problems import ProblemError

MAX_SENDERS: Final = 256
"""Bodies on their way in at once; for a further one, the client that has been sending for longest is let go."""
MAX_WAITING_BODIES: Final = 32
"""Of the largest size: how many bytes may be kept of bodies that have not ended."""


Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class BodyReader:
    """Reads whole bodies, within a size, a time and a number."""

    def __init__(self, *, max_bytes: int, seconds: float, max_senders: int = MAX_SENDERS) -> None:
        self.max_bytes = max_bytes
        self.seconds = seconds
        self.max_senders = max_senders
        self._senders: dict[asyncio.Timeout, int] = {}

    async def read(self, receive: Receive) -> bytes | ProblemError | None:
        """Return the whole body, the problem with it, or None where the client has gone away."""
        timeout = asyncio.timeout(self.seconds)
        try:
            async with timeout:
                return await self._read(receive, timeout)
        except TimeoutError:
            return ProblemError(408, "The body did not arrive in time.")
        finally:
            self._senders.pop(timeout, None)

    async def _read(self, receive: Receive, timeout: asyncio.Timeout) -> bytes | ProblemError | None:
        chunks, size = [], 0
        self._senders[timeout] = 0
        while True:
            self._let_go_of_the_oldest()
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self.max_bytes:
                return self.too_large()
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)
            if timeout in self._senders:
                self._senders[timeout] = size

    def too_large(self) -> ProblemError:
        """Return what is said of a body over the limit."""
        return ProblemError(413, f"The body is larger than {self.max_bytes} bytes.")

    def _let_go_of_the_oldest(self) -> None:
        while (
            len(self._senders) > self.max_senders or sum(self._senders.values()) > MAX_WAITING_BODIES * self.max_bytes
        ):
            oldest = next(iter(self._senders))
            del self._senders[oldest]
            if not oldest.expired():
                oldest.reschedule(asyncio.get_running_loop().time())


def replay(body: bytes, receive: Receive) -> Receive:
    """Return how an application reads a body that was read before it, and then what else comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
