"""A client's connection to a service: what it has beyond a page's.

- ``Upgrade`` is passed over, as RFC 9110 (7.8) lets a server do: a POST with ``Upgrade: h2c``, as Java's clients
  send it, is answered as one without. Uvicorn's other parser, httptools, drops the body of such a request.
- While the service is busy, a request that arrived whole is refused here, in 40 microseconds: on the way through
  the service's middlewares it would cost ten times that, and under three times the load little else would be done.
"""

from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import RequestResponseCycle

from serving.http.crowd import CROWD, Crowd
from serving.http.draining import DRAINING, Draining
from serving.http.headers import HEALTH_PATHS, request_id_of
from serving.http.problems import BUSY, ProblemError, raw_answer
from serving.http.protocol import MAX_HEADER_BYTES, HttpProtocol
from serving.http.proxies import believe_named_proxies
from serving.http.traffic import refused_in_the_connection
from shopsight.settings import Settings

REFUSED_PAUSE_SECONDS: Final = 0.1
"""How long a refused connection is not read: who asks again at once is not heard any sooner."""


class Connection(HttpProtocol):
    """One connection; see the module's text."""

    crowd: Crowd = CROWD
    draining: Draining = DRAINING
    _counted: RequestResponseCycle | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = self._enter

    def data_received(self, data: bytes) -> None:
        """Refuse a whole request while the service is busy; hand everything else to the parser."""
        if self.crowd.full_with_those_entering and not self.draining.begun and self._between_requests():
            refusal = refusal_of(data)
            if refusal is not None:
                self._refuse_one(refusal)
                return
        super().data_received(data)
        self._count()

    def on_response_complete(self) -> None:
        """Count the next request where it is here already."""
        super().on_response_complete()
        self._count()

    def _should_upgrade(self) -> bool:
        return False

    def _end_with(self, problem: ProblemError) -> None:
        refused_in_the_connection(problem.code)
        super()._end_with(problem)

    def _count(self) -> None:
        """Count the request that uvicorn has just made a task of; others may arrive before that task runs."""
        if self.cycle is not self._counted:
            self._counted = self.cycle
            self.crowd.entering += 1

    async def _enter(self, scope: Any, receive: Any, send: Any) -> None:
        self.crowd.entering -= 1
        await self.config.loaded_app(scope, receive, send)

    def _between_requests(self) -> bool:
        return self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE and not self.conn.trailing_data[0]

    def _refuse_one(self, refusal: bytes) -> None:
        refused_in_the_connection(BUSY.code)
        self.transport.write(refusal)
        self._unset_keepalive_if_required()
        self._forget_head()
        self._expect_head()  # the next one's time runs: no answer of uvicorn's begins its timeout of idle connections
        self.flow.pause_reading()
        self.loop.call_later(REFUSED_PAUSE_SECONDS, self._read_on)

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()


def refusal_of(data: bytes) -> bytes | None:
    """Return the answer that the service is busy, or None where ``data`` is not one whole, plain request.

    Health checks are never refused. What is not plain goes through the parser, and is refused by the guard.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    method, _, rest = line.partition(b" ")
    target, _, version = rest.partition(b" ")
    headers: dict[bytes, bytes] = {}
    for field in lines:
        name, _, value = field.partition(b":")
        headers[name.lower()] = value.strip()
    plain = (
        end
        and version == b"HTTP/1.1"
        and method.isalpha()
        and method != b"HEAD"
        and target.partition(b"?")[0].decode("latin-1") not in HEALTH_PATHS
        and len(headers) == len(lines)
        and headers.get(b"content-length", b"0") == b"%d" % len(body)
        and headers.get(b"connection", b"keep-alive").lower() == b"keep-alive"
        and b"transfer-encoding" not in headers
    )
    return raw_answer(BUSY, request_id_of(headers)) if plain else None


def serve_connections(server: uvicorn.Server) -> None:
    """Have ``server`` make a :class:`Connection` of every connection from now on; it believes named proxies alone."""
    believe_named_proxies(server, Settings())
    config: Any = server.config
    config.http_protocol_class = Connection
    config.h11_max_incomplete_event_size = MAX_HEADER_BYTES
