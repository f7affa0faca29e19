"""The version under release in its own process: it answers what the champion's service hands it, and nobody else.

A row of the prediction log says what became of the answer (``role``): ``canary`` was shown, ``shadow`` was not, and
``dropped`` was to be shown and came too late or was an error, so that the champion answered in its place. It is written
once the answer goes out, for until then nobody knows. Whoever handed the request over waits longer than the deadline
that it wrote, so that no answer is ``canary`` here and late there.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from serving.prediction_log import HELD_ROWS

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

ROLE: Final = b"x-shopsight-role"
"""Of a request: what its answer is to be. Of an answer: what its row says, which both sides hold to."""
DEADLINE: Final = b"x-shopsight-deadline"
"""When the answer is too late, on the clock that all processes of a machine share."""
SECONDS: Final = b"x-shopsight-seconds"
"""Of an answer: what it took in this process, measured where the champion's is. Who waits for it sees the time of the
way there and back as well, and of others who ask at once."""
GRACE_SECONDS: Final = 1.0
"""How much longer an answer is waited for: even on a crowded machine it seldom takes so long to the other process."""


class Beside:
    """A pure ASGI middleware; see the module's text."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer, and have the rows of the answer written with their role once it goes out."""
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        role = headers.get(ROLE, b"").decode("latin-1")
        if not role:
            await self.app(scope, receive, send)
            return
        deadline, began = _seconds(headers.get(DEADLINE, b"")), time.perf_counter()
        rows: list[Callable[[str], object]] = []
        HELD_ROWS.set(rows)

        async def send_and_log(message: Message) -> None:
            if message["type"] == "http.response.start":
                was_in_time = message["status"] < 400 and time.monotonic() < deadline
                written = role if was_in_time or role == "shadow" else "dropped"
                _write(rows, written)
                said = [(ROLE, written.encode()), (SECONDS, repr(time.perf_counter() - began).encode())]
                message = {**message, "headers": [*message.get("headers", []), *said]}
            await send(message)

        try:
            await self.app(scope, receive, send_and_log)
        finally:
            _write(rows, "dropped")  # of an answer that never went out


def _write(rows: list[Callable[[str], object]], role: str) -> None:
    while rows:
        rows.pop(0)(role)


def _seconds(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return float("-inf")
