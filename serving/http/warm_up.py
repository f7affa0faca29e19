"""A service answers requests of its own before it listens; one that cannot does not start.

A model may load and still fail at its first request: a runtime that lacks an operation, a library of another version,
memory that is not there. So each service begins with requests that its model has to answer, through every route, check
and thread that a client's take. It also spares the first client what is loaded on first use.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any, Final

import orjson

from shopsight.errors import ShopsightError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Ask = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Posts a body to a path of the service and returns the answer's document."""

ANSWER_SECONDS: Final = 30.0
"""Longest that one answer may take: the first one loads what is loaded on first use."""
LISTS: Final = ("items", "intents", "predictions", "results")
"""Where an answer has its elements."""

log = logging.getLogger(__name__)


class WarmUpFailedError(ShopsightError):
    """A service cannot answer its own requests, and must not be asked by others."""


class WarmUp:
    """A pure ASGI middleware: it holds back that the service has started until ``rehearse`` is through."""

    def __init__(self, app: AsgiApp, *, rehearse: Callable[[Ask], Awaitable[None]]) -> None:
        self.app = app
        self.rehearse = rehearse

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass everything through but the message that the start is complete."""
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        failed = False

        async def ask(path: str, body: Mapping[str, Any]) -> Any:
            return await asyncio.wait_for(self._ask(scope, path, body), ANSWER_SECONDS)

        async def send_when_warm(message: Message) -> None:
            nonlocal failed
            if message["type"] == "lifespan.startup.complete":
                try:
                    await self.rehearse(ask)
                except Exception as error:
                    failed = True
                    await send({"type": "lifespan.startup.failed", "message": f"warm-up failed: {_words(error)}"})
                    raise
            if not (failed and message["type"] == "lifespan.startup.failed"):  # which has been said
                await send(message)

        await self.app(scope, receive, send_when_warm)

    async def _ask(self, lifespan: Mapping[str, Any], path: str, body: Mapping[str, Any]) -> Any:
        content, messages = orjson.dumps(body), list[Message]()
        headers = [(b"host", b"warm-up"), (b"content-type", b"application/json")]
        scope: MutableMapping[str, Any] = {
            **{name: lifespan[name] for name in ("app", "state", "asgi") if name in lifespan},
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [*headers, (b"content-length", b"%d" % len(content))],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
        }
        parts = iter([{"type": "http.request", "body": content, "more_body": False}])

        async def receive() -> Message:
            return next(parts, {"type": "http.disconnect"})

        async def send(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        status = messages[0]["status"]
        answer = b"".join(message.get("body", b"") for message in messages[1:])
        if status != 200:
            raise WarmUpFailedError(
                f"POST {path} answered {status}.",
                why=answer[:500].decode(errors="replace"),
                fix="look at the traceback above it in the log; train again, or roll back",
            )
        return orjson.loads(answer)


def _words(error: Exception) -> str:
    if isinstance(error, ShopsightError):
        return f"{error.what} {error.why}"
    log.error("the service cannot answer its own requests", exc_info=error)
    if isinstance(error, TimeoutError):
        return f"no answer within {ANSWER_SECONDS:g} seconds"
    return f"{type(error).__name__}: {error}"


def require_whole(answer: Mapping[str, Any], model: Mapping[str, object]) -> None:
    """Refuse an answer of a family's route that is not one: of another model, with an error, or without figures.

    A list of items, or the results of a search, may be empty: a shop may have sold out, or its rules may leave nothing.

    Raises:
        WarmUpFailedError: it says which.
    """
    elements: list[dict[str, Any]] = next((answer[name] for name in LISTS if name in answer), [])
    errors = [element["error"] for element in elements if element.get("error")]
    figures = [figure for element in elements for figure in _figures(element)]
    wrong = [figure for figure in figures if not isinstance(figure, int | float) or not math.isfinite(figure)]
    if answer["model"] != model:
        why = f"{answer['model']} answered in the place of {model}"
    elif errors:
        why = f"an element has the error {errors[0]}"
    elif not figures and not {"items", "results"} & answer.keys():
        why = f"it is empty: {str(answer)[:300]}"
    elif wrong:
        why = f"a score or a probability is {wrong[0]}"
    else:
        return
    raise WarmUpFailedError("The model gives no answer.", why=why, fix="train again, or roll back")


def _figures(element: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the scores and probabilities of an element; NaN is ``null`` in JSON."""
    for name in ("score", "probability"):
        if name in element:
            yield element[name]
    yield from (element.get("probabilities") or {}).values()
