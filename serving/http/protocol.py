"""HTTP/1.1 over one connection, where uvicorn leaves something open.

- A connection that never finishes a request's head is ended: with a 408 where a head has begun, without a word where
  nothing came. uvicorn's only timeout is for a connection that is idle after an answer. One that sends half a head,
  nothing at all, or without end the body of a request that was answered long ago keeps its socket as long as it likes.
- What is no HTTP gets a problem document, as every other error does; whoever reads that request's body learns that it
  will not come. uvicorn's own handler answers twice there, and ends in a traceback.
- A WebSocket is opened to a GET without a body alone: the parser of WebSockets gives up on anything else without a
  word. To a request that asks for one otherwise ``Upgrade`` is passed over, as RFC 9110 (7.8) lets a server do.
"""

import asyncio
import sys
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.http.headers import request_id_of
from serving.http.problems import ProblemError, raw_answer

HEAD_SECONDS: Final = 10.0
"""How long the head of a request may take, from the connection's first moment or the head's first byte."""
MAX_HEADER_BYTES: Final = 64 * 1024
"""Size of a request's line and headers; above it the answer is 431. uvicorn is told it beside the protocol."""
LINGER_SECONDS: Final = 2.0
"""How long a refused client may go on sending: a connection closed before all was read is reset, the answer with it."""


class HttpProtocol(H11Protocol):
    """One connection; pass the class as ``http`` to uvicorn's ``Config``. See the module's text."""

    head_seconds: float = HEAD_SECONDS
    _head_timer: asyncio.TimerHandle | None = None
    _ending = False

    def connection_made(self, transport: Any) -> None:
        """Expect the first head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read on; while a head is incomplete its time runs on, however many bytes trickle in."""
        if self._ending:
            return
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

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text for all that is no HTTP
        """Say what is wrong with what the parser refused; uvicorn calls this while it handles the parser's error."""
        error = sys.exc_info()[1]
        if isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431:
            problem = ProblemError(431, f"The headers are larger than {MAX_HEADER_BYTES} bytes.")
        else:
            problem = ProblemError(400, f"This is not HTTP: {error}.", code="malformed_http")
        self._end_with(problem)

    def _should_upgrade(self) -> bool:
        headers = dict(self.headers)
        has_body = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        return self.scope["method"] == "GET" and not has_body and super()._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: the request is answered as one without ``Upgrade``."""

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
        if self._head_timer is None and not self._ending:
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._head_is_incomplete():
            self._end_with(ProblemError(408, f"The headers took longer than {self.head_seconds:g} seconds."))
        else:
            self.transport.close()

    def _end_with(self, problem: ProblemError) -> None:
        """Answer, unless an answer has begun, and end the connection."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # whoever waits for the body learns that it will not come
            self.cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE) or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._ending = True
        self._forget_head()
        self._unset_keepalive_if_required()
        self.transport.write(raw_answer(problem, request_id_of({}), close=True))
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)
