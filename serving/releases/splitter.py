"""The champion's half of a release: it hands requests over to the version under release, and answers for it.

In a **shadow** a request is answered by the champion; then the other version gets it, too; its answer is counted and
dropped. In a **canary** the requests of some shoppers are handed over, and whatever is no good answer in time the
champion gives itself: no client sees a request fail because of a release. After both, the version is the **champion**,
and its own answers are compared with those of the one before.

What is surely too bad gets no request from that moment on, whoever else has heard of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict
from typing import Any, Final

from serving.http.body_reading import replay
from serving.http.crowd import CROWD, Crowd
from serving.releases.beside import Beside
from serving.releases.counting import FAILED, Counting, Made, agreement, document_of, made_of
from serving.releases.handing_over import Answer, Neighbour
from serving.releases.orders import Order, OrderInForce, Seen, order_path, read_seen, seen_path
from serving.releases.shoppers import is_in_share, may_be_split, place, shoppers_of
from shopsight.logs import REQUEST_ID
from shopsight.settings import Settings
from shopsight.whole_files import write_json

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MAX_SHADOWS: Final = 2
"""Shadow requests under way at once; a further one is dropped: each would wait for the others, and be late."""
CROWDED: Final = 0.25
"""Share of what the service takes on at once from which shadow requests are dropped: its own answers come first."""
WRITE_SECONDS: Final = 0.5
"""How often it is written down what was counted, while nothing happens that is news."""


class Splitter:
    """A pure ASGI middleware inside the request guard; see the module's text."""

    def __init__(
        self,
        app: AsgiApp,
        *,
        family: str,
        version: Callable[[], str],
        settings: Settings | None = None,
        crowd: Crowd = CROWD,
    ) -> None:
        """Stand between the guard and the service.

        Args:
            app: the service.
            family: of the service.
            version: of the model that it serves, which is known once it has started.
            settings: of the home.
            crowd: the requests that are worked on.
        """
        self.app = app
        self._family = family
        self._version = version
        self._settings = settings or Settings()
        self._crowd = crowd
        self._order = OrderInForce(order_path(self._settings, family))
        self._counting: Counting | None = None
        self._neighbour: Neighbour | None = None
        self._is_ready = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._shadows = 0
        self._news = asyncio.Event()
        self._pseudonym: Callable[[str], str] | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one ASGI connection; what is no question to the model passes through."""
        counting = self._in_force() if scope["type"] == "http" and may_be_split(scope) else None
        if counting is None:
            await self.app(scope, receive, send)
            if scope["type"] == "lifespan":  # the service has ended
                await self.close()
            return
        order, body = counting.order, b""
        if scope["method"] == "POST":
            body = (await receive()).get("body", b"")  # the guard has read it whole
            receive = replay(body, receive)
        if order.stage == "canary" and self._is_handed_over(order, scope, body):
            await self._answer_by_canary(counting, scope, body, receive, send)
            return
        answer = await self._answer(counting, scope, receive, send)
        if order.stage == "shadow" and place(f"shadow {order.version}", REQUEST_ID.get()) < order.share:
            self._send_shadow(counting, scope, body, answer)

    def _in_force(self) -> Counting | None:
        """Return the counts of the step that is under way; None where there is nothing to be done."""
        order = self._order()
        if order is None or (order.stage == "champion") != (order.version == self._version()):
            self._counting = None
            return None
        if self._counting is None or self._counting.order != order:
            self._begin(order)
        assert self._counting is not None
        return self._counting if self._is_ready and not self._counting.is_stopped else None

    async def prepare(self) -> None:
        """Take up the order in force, and return once its requests can be handed over without delay."""
        self._in_force()
        while self._counting is not None and not self._is_ready:
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Close the connections to the version under release."""
        self._counting, neighbour, self._neighbour = None, self._neighbour, None
        if neighbour is not None:
            await neighbour.close()

    def _begin(self, order: Order) -> None:
        seen = read_seen(self._settings, self._family, order.record)
        self._counting = counting = Counting(order, seen=seen)
        before, self._neighbour = self._neighbour, Neighbour(order) if order.port else None
        if before is not None:
            self._run(before.close())
        self._is_ready = self._neighbour is None
        if self._neighbour is not None:
            self._run(self._get_ready(self._neighbour))
        self._run(self._write_regularly(counting))

    async def _get_ready(self, neighbour: Neighbour) -> None:
        """Load what is loaded on first use: no request is to be late, or counted as slow, for that."""
        await asyncio.to_thread(self._pseudonym_of, "nobody")
        await neighbour.greet()
        if neighbour is self._neighbour:
            self._is_ready = True

    def _is_handed_over(self, order: Order, scope: MutableMapping[str, Any], body: bytes) -> bool:
        return is_in_share(
            shoppers_of(scope["path"], body),
            order.share,
            salt=f"{self._family} {order.version}",
            pseudonym=self._pseudonym_of,
            request_id=REQUEST_ID.get(),
        )

    def _pseudonym_of(self, user_id: str) -> str:
        if self._pseudonym is None:
            from shopsight.privacy import Pseudonymiser  # not every family names shoppers

            self._pseudonym = Pseudonymiser.from_settings(self._settings).user
        return self._pseudonym(user_id)

    async def _answer_by_canary(
        self, counting: Counting, scope: MutableMapping[str, Any], body: bytes, receive: Receive, send: Send
    ) -> None:
        assert self._neighbour is not None
        answer = await self._neighbour.ask(scope, body, role="canary")
        document = document_of(answer.body) if answer is not None and answer.status < 400 else None
        if answer is not None and document is not None:
            self._count(counting, made_of(document, answer.seconds))
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            await send({"type": "http.response.body", "body": answer.body, "more_body": False})
            return
        has_refused = answer is not None and 400 <= answer.status < 500
        if not has_refused:
            self._count(counting, FAILED)
        observed = _Observed(send)
        await self.app(scope, receive, observed)
        if has_refused and observed.status < 400:  # what the champion refuses, too, is the client's affair
            self._count(counting, FAILED)

    async def _answer(
        self, counting: Counting, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> Answer | None:
        """Have the service answer, and count that; a refusal is the client's affair and counts for nothing."""
        observed, began = _Observed(send), time.perf_counter()
        is_candidate = counting.order.stage == "champion"
        try:
            await self.app(scope, receive, observed)
        except BaseException:
            self._count(counting, FAILED, is_candidate=is_candidate)
            raise
        seconds = time.perf_counter() - began
        if 400 <= observed.status < 500:
            return None
        document = document_of(observed.body) if observed.status < 400 else None
        made = FAILED if document is None else made_of(document, seconds)
        self._count(counting, made, is_candidate=is_candidate)
        return Answer(status=observed.status, headers=[], body=observed.body)

    def _count(self, counting: Counting, made: Made, *, is_candidate: bool = True) -> None:
        count = counting.of_candidate if is_candidate else counting.of_champion
        count(made)
        if counting.is_stopped:
            self._news.set()

    def _send_shadow(
        self, counting: Counting, scope: MutableMapping[str, Any], body: bytes, answer: Answer | None
    ) -> None:
        """Ask the other version, too, once the champion has answered; not where there is enough to do."""
        if answer is None:
            return
        if self._shadows >= MAX_SHADOWS or self._crowd.size >= CROWDED * self._crowd.limit:
            counting.of_dropped()
            return
        self._shadows += 1
        self._run(self._shadow(counting, scope, body, answer))

    async def _shadow(self, counting: Counting, scope: MutableMapping[str, Any], body: bytes, given: Answer) -> None:
        assert self._neighbour is not None
        try:
            answer = await self._neighbour.ask(scope, body, role="shadow")
        finally:
            self._shadows -= 1
        document = document_of(answer.body) if answer is not None and answer.status < 400 else None
        self._count(counting, FAILED if answer is None or document is None else made_of(document, answer.seconds))
        if document is not None and (theirs := document_of(given.body)) is not None:
            counting.of_both(agreement(document, theirs))

    def _run(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_regularly(self, counting: Counting) -> None:
        """Write down what was counted, for as long as the step lasts."""
        written: Seen | None = None
        while self._counting is counting:
            self._news.clear()  # before the look: what comes while it is written is news again
            counting.judge()
            seen = counting.seen()
            if seen != written:
                path = seen_path(self._settings, self._family, counting.order.record)
                try:
                    await asyncio.to_thread(write_json, path, asdict(seen))
                    written = seen
                except OSError:  # a full disk: once it has room again
                    pass
            # Not whether it is stopped by now: that may have come while the counts of before it were written.
            if seen.worse and written is seen:
                return
            try:
                await asyncio.wait_for(self._news.wait(), WRITE_SECONDS)
            except TimeoutError:
                continue


class _Observed:
    """Passes an answer on, and keeps what it was."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
        await self._send(message)


def released(app: AsgiApp, *, family: str, version: Callable[[], str], settings: Settings | None = None) -> AsgiApp:
    """Return what stands between the guard and a family's service: the champion's half of a release, or the other's."""
    settings = settings or Settings()
    if settings.beside_champion:
        return Beside(app)
    return Splitter(app, family=family, version=version, settings=settings)
