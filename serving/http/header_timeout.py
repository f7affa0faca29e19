"""Connections that never finish a request's head are closed: uvicorn waits for them for ever.

uvicorn's only timeout is for a connection that is idle after an answer. One that sends half a head, nothing at all, or
without end the body of a request that was answered long ago keeps its socket open as long as it likes.
"""

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS: Final = 10.0
"""How long the head of a request may take, from the connection's first moment or the head's first byte."""


class HeaderTimeoutProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a timeout for the head; pass it as ``http`` to uvicorn's ``Config``."""

    head_seconds: float = HEAD_SECONDS
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Expect the first head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read on; while a head is incomplete its time runs on, however many bytes trickle in."""
        super().data_received(data)
        self._expect_head_or_not()

    def on_response_complete(self) -> None:
        """Have the next head's time run where its first bytes came along with the last request."""
        super().on_response_complete()
        self._expect_head_or_not()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._forget_head()
        super().connection_lost(exc)

    def _head_is_incomplete(self) -> bool:
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def _answered_body_goes_on(self) -> bool:
        answered = self.cycle is not None and self.cycle.response_complete
        # A WebSocket has taken the transport over by now; to h11 its request never ended.
        is_http = self.transport.get_protocol() is self
        return is_http and answered and self.conn.their_state is h11.SEND_BODY

    def _expect_head_or_not(self) -> None:
        if self._head_is_incomplete() or self._answered_body_goes_on():
            self._expect_head()
        else:
            self._forget_head()

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        self.transport.close()
