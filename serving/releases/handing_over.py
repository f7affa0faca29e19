"""Hands a request of the champion's service over to the version under release, and takes its answer."""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from serving.releases.beside import DEADLINE, GRACE_SECONDS, ROLE, SECONDS
from serving.releases.orders import Order
from shopsight.logs import REQUEST_ID

KEPT_SECONDS: Final = 2.0
"""How long a connection is kept: shorter than a service keeps one, so that none closes just when it is used again."""
LEFT_OUT: Final = frozenset(
    {
        b"host",
        b"connection",
        b"content-length",
        b"transfer-encoding",
        b"accept-encoding",
        b"x-request-id",
        ROLE,
        DEADLINE,
    }
)
"""Headers of a request that are of its connection, or that are said anew."""
PASSED_ON: Final = frozenset({b"content-type", b"content-length"})
"""Headers of an answer that are passed on: the guard adds the others."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    seconds: float = 0.0
    """What it took in the process that gave it."""


class Neighbour:
    """The process of a version under release."""

    def __init__(self, order: Order) -> None:
        """Be ready to ask; nothing is opened yet."""
        self._order = order
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{order.port}",
            transport=httpx.AsyncHTTPTransport(
                verify=False,  # there is no TLS on this machine, and to read its authorities would take 40 ms
                limits=httpx.Limits(max_connections=64, keepalive_expiry=KEPT_SECONDS),
            ),
            timeout=None,  # it is timed as a whole
        )

    async def ask(self, scope: Mapping[str, Any], body: bytes, *, role: str) -> Answer | None:
        """Return the answer; None where there was none in time.

        Args:
            scope: the request, as ASGI has it.
            body: of the request.
            role: ``canary`` or ``shadow``.
        """
        deadline = time.monotonic() + self._order.late_seconds
        query = scope["query_string"]
        url = httpx.URL(
            scheme="http",
            host="127.0.0.1",
            port=self._order.port,
            raw_path=scope["raw_path"] + (b"?" + query if query else b""),
        )
        headers = [*_passed_on(scope["headers"]), (ROLE, role.encode()), (DEADLINE, repr(deadline).encode())]
        try:
            async with asyncio.timeout(self._order.late_seconds + GRACE_SECONDS):
                answer = await self._client.request(scope["method"], url, content=body, headers=headers)
        except (httpx.HTTPError, TimeoutError, OSError):
            return None
        if answer.status_code < 400 and answer.headers.get(ROLE.decode()) == "dropped":
            return None  # a moment too late, and its row says so
        seconds = float(answer.headers.get(SECONDS.decode(), "inf"))
        passed_on = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() in PASSED_ON]
        return Answer(status=answer.status_code, headers=passed_on, body=answer.content, seconds=seconds)

    async def greet(self) -> None:
        """Open the first connection, whatever comes of it: a process that is gone is counted by what it fails."""
        with contextlib.suppress(httpx.HTTPError, OSError):
            await self._client.get("/livez", timeout=self._order.late_seconds)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


def _passed_on(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    own = [(name, value) for name, value in headers if name.lower() not in LEFT_OUT]
    return [*own, (b"x-request-id", REQUEST_ID.get().encode())]
