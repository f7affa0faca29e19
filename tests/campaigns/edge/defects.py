"""Defects that a service can be given on purpose: a check of the campaign that does not see its own sees nothing.

They act on requests with the header ``x-plant: NAME`` alone, so that one service serves for all of them.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

App = Callable[..., Any]


def planted(app: App) -> App:
    """Return ``app`` with every defect planted in it."""

    async def with_defects(scope: Any, receive: Any, send: Any) -> None:
        name = dict(scope.get("headers", ())).get(b"x-plant", b"").decode()
        await (DEFECTS[name](app) if name in DEFECTS else app)(scope, receive, send)

    return with_defects


def _server_errors(_: App) -> App:
    async def fails(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/plain"), (b"access-control-allow-origin", b"*")]
        await send({"type": "http.response.start", "status": 500, "headers": headers})
        await send({"type": "http.response.body", "body": b"Traceback (most recent call last): ..."})

    return fails


def _exceptions(_: App) -> App:
    async def fails(scope: Any, receive: Any, _send: Any) -> None:
        raise ValueError(f"{scope['path']} with {(await receive())['body']!r}")

    return fails


def _silence(_: App) -> App:
    async def says_nothing(*_asgi: Any) -> None:
        await asyncio.sleep(3600)

    return says_nothing


def _plain_errors(app: App) -> App:
    async def answers(scope: Any, receive: Any, send: Any) -> None:
        async def send_plain(message: Any) -> None:
            if message.get("status", 200) >= 400:
                message["headers"] = [(b"content-type", b"text/plain")]
            await send(message)

        await app(scope, receive, send_plain)

    return answers


def _whole_batches(app: App) -> App:
    """One element in eight costs the other seven."""

    async def answers(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        messages = [message | {"body": b"{"} if b"\\ud83d" in message.get("body", b"") else message]

        async def again() -> Any:
            return messages.pop() if messages else await receive()

        await app(scope, again, send)

    return answers


_WORKING = 0


def _collapse(app: App) -> App:
    """The more is asked at once, the less is done."""

    async def answers(scope: Any, receive: Any, send: Any) -> None:
        global _WORKING
        _WORKING += 1
        try:
            if _WORKING > 24:
                time.sleep(0.03)
            await app(scope, receive, send)
        finally:
            _WORKING -= 1

    return answers


DEFECTS: Final[dict[str, Callable[[App], App]]] = {
    "server errors": _server_errors,
    "exceptions": _exceptions,
    "silence": _silence,
    "plain errors": _plain_errors,
    "whole batches": _whole_batches,
    "collapse": _collapse,
}
