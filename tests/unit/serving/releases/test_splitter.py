"""A release as clients meet it: whatever the version under release does, nobody's request fails, and each row says so.

The version answers from a server of its own over a real socket.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn

from models.evaluation.release.judgement import Tally
from serving.http.crowd import Crowd
from serving.http.guard import RequestGuard
from serving.prediction_log import PredictionLog, read_log
from serving.releases.beside import Beside
from serving.releases.orders import Order, Seen, read_seen, write_order
from serving.releases.splitter import Splitter
from shopsight.settings import Settings
from shopsight.whole_files import write_json

FAMILY = "recommender"
LATE_SECONDS = 0.5
LATE_BY = {"is a moment late": 0.05, "is late": 1.0}


@dataclass
class Model:
    """A service that answers with its version, and does what a request wishes of it."""

    version: str
    log: PredictionLog
    asked: list[Any] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/livez":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        body = (await receive()).get("body", b"")
        wish = (orjson.loads(body) if body else {}).get(f"wish_of_{self.version}", "")
        self.asked.append(scope["path"])
        if wish == "breaks":
            raise RuntimeError("a fault of the model")
        if wish in LATE_BY:
            await asyncio.sleep(LATE_SECONDS + LATE_BY[wish])
        self.log.append({"recommendation_id": f"{self.version} {len(self.asked)}", "version": self.version})
        status = {"refuses": 422, "fails": 500}.get(wish, 200)
        answer = {"items": [] if wish == "is empty" else [{"item_id": "a"}], "fallback": None, "version": self.version}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(answer)})


@dataclass
class Shop:
    """A champion's service, and a version beside it."""

    settings: Settings
    champion: Model
    candidate: Model
    port: int

    def ask(self, *bodies: dict[str, Any], crowd: Crowd | None = None, path: str = "/v1/recommendations") -> list[Any]:
        """Ask one after the other, over one event loop; return the statuses and versions."""

        async def all_of_them() -> list[Any]:
            crowded = crowd or Crowd()
            splitter = Splitter(
                self.champion, family=FAMILY, version=lambda: "v0001", settings=self.settings, crowd=crowded
            )
            transport = httpx.ASGITransport(RequestGuard(splitter, settings=self.settings), raise_app_exceptions=False)
            await splitter.prepare()
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                answers = [await client.post(path, json=body) for body in bodies]
                await asyncio.sleep(0.7)  # shadows, and what is written down
            await splitter.close()
            return [(one.status_code, one.json().get("version")) for one in answers]

        return asyncio.run(all_of_them())

    def order(self, stage: Any, *, share: float = 1.0, version: str = "v0002", record: int = 5) -> None:
        order = Order(
            record=record, version=version, stage=stage, port=self.port, share=share, late_seconds=LATE_SECONDS
        )
        write_order(self.settings, FAMILY, order)

    def seen(self) -> Seen:
        seen = read_seen(self.settings, FAMILY, 5)
        assert seen is not None
        return seen

    def roles(self, model: Model) -> list[str]:
        return [row.get("role", "champion") for row in read_log(model.log.folder).rows]


@contextmanager
def served(app: Any) -> Iterator[int]:
    """Serve an app on this machine; yield its port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield int(bound.getsockname()[1])
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    champion, candidate = (
        Model(version, PredictionLog(tmp_path / version, sync_seconds=60)) for version in ("v0001", "v0002")
    )
    with served(RequestGuard(Beside(candidate), settings=Settings(home=tmp_path))) as port:
        yield Shop(Settings(home=tmp_path), champion, candidate, port)
    champion.log.close()
    candidate.log.close()


def test_without_a_release_the_champion_answers_and_nothing_is_written(shop: Shop) -> None:
    assert shop.ask({}) == [(200, "v0001")]
    assert not (shop.settings.run_dir / "releases").exists()


def test_what_a_leaving_process_still_counts_of_a_step_hides_nothing_of_the_next(shop: Shop) -> None:
    async def switched() -> None:
        before, after = (
            Splitter(model, family=FAMILY, version=partial(str, model.version), settings=shop.settings)
            for model in (shop.champion, shop.candidate)
        )
        shop.order("canary", share=0.0, record=4)
        await before.prepare()
        clients = [
            httpx.AsyncClient(
                transport=httpx.ASGITransport(RequestGuard(splitter, settings=shop.settings)),
                base_url="http://127.0.0.1",
            )
            for splitter in (before, after)
        ]
        last = asyncio.create_task(clients[0].post("/v1/recommendations", json={"wish_of_v0001": "is late"}))
        await asyncio.sleep(0.1)
        shop.order("champion", record=5)
        await after.prepare()
        for _ in range(2):
            await clients[1].post("/v1/recommendations", json={})
        await last
        await asyncio.sleep(0.7)
        for splitter, client in zip((before, after), clients, strict=True):
            await splitter.close()
            await client.aclose()

    asyncio.run(switched())
    assert shop.seen().candidate.answers == 2


def test_a_verdict_that_comes_while_counts_are_written_is_written_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(path: Path, document: Any) -> None:
        time.sleep(0.15)
        write_json(path, document)

    shop.order("canary", share=1e-9)
    shop.ask(*[{}] * 60)
    monkeypatch.setattr("serving.releases.splitter.write_json", slowly)
    shop.order("canary")
    shop.ask(*[{"wish_of_v0002": "fails"}] * 30)
    assert shop.seen().worse


def test_a_canary_answers_its_shoppers_and_its_rows_say_so(shop: Shop) -> None:
    shop.order("canary")
    assert shop.ask({"user_id": "maya"}, {"session_id": "s_1"}, {}) == [(200, "v0002")] * 3
    assert shop.roles(shop.candidate) == ["canary"] * 3
    assert shop.champion.asked == []


def test_a_shopper_who_is_not_the_canarys_is_answered_by_the_champion(shop: Shop) -> None:
    shop.order("canary", share=1e-9)
    assert shop.ask({"user_id": "maya"}) == [(200, "v0001")]
    assert shop.candidate.asked == []
    assert shop.seen().champion.answers == 1


@pytest.mark.parametrize("wish", ["breaks", "fails", "is a moment late", "is late", "refuses"])
def test_where_a_canary_gives_no_good_answer_the_champion_does(shop: Shop, wish: str) -> None:
    shop.order("canary")
    assert shop.ask({"wish_of_v0002": wish}) == [(200, "v0001")]
    assert shop.seen().candidate == Tally(answers=1, failed=1)
    time.sleep(LATE_SECONDS)
    assert set(shop.roles(shop.candidate)) <= {"dropped"}
    assert shop.roles(shop.champion) == ["champion"]


def test_a_canary_whose_process_is_gone_costs_nobody_an_answer(shop: Shop) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        shop.port = bound.getsockname()[1]
        shop.order("canary")
        assert shop.ask({}, {}) == [(200, "v0001")] * 2
    assert shop.seen().candidate.failed == 2


def test_what_both_sides_refuse_is_the_clients_affair(shop: Shop) -> None:
    shop.order("canary")
    assert shop.ask({"wish_of_v0001": "refuses", "wish_of_v0002": "refuses"}, {})[0][0] == 422
    assert shop.seen().candidate == Tally(answers=1, whole=1)


def test_a_canary_that_fails_gets_no_request_any_more_once_that_is_proved(shop: Shop) -> None:
    shop.order("canary", share=1e-9)
    shop.ask(*[{}] * 60)
    shop.order("canary")
    answers = shop.ask(*[{"wish_of_v0002": "fails"}] * 30)
    assert answers == [(200, "v0001")] * 30
    assert 5 <= len(shop.candidate.asked) <= 10
    assert "answers failed" in shop.seen().worse


def test_a_shadow_gets_the_same_requests_and_nobody_sees_its_answers(shop: Shop) -> None:
    shop.order("shadow")
    assert shop.ask({"user_id": "maya"}, {"wish_of_v0002": "fails"}) == [(200, "v0001")] * 2
    assert shop.candidate.asked == shop.champion.asked
    assert shop.roles(shop.candidate) == ["shadow"] * 2
    seen = shop.seen()
    assert (seen.candidate.answers, seen.candidate.failed, seen.champion.answers) == (2, 1, 2)
    assert (seen.agreement, seen.compared) == (1.0, 1)


def test_a_service_that_has_enough_to_do_drops_shadows_first(shop: Shop) -> None:
    shop.order("shadow")
    crowd = Crowd(limit=8)
    crowd.size = 2
    assert shop.ask({}, crowd=crowd) == [(200, "v0001")]
    assert shop.candidate.asked == []
    assert shop.seen().dropped == 1


def test_what_describes_the_service_is_always_the_champions(shop: Shop) -> None:
    shop.order("canary")
    assert shop.ask({}, path="/v1/models") == [(200, "v0001")]


def test_a_released_champion_counts_its_own_answers(shop: Shop) -> None:
    shop.order("champion", version="v0001")
    assert shop.ask({}, {"wish_of_v0001": "is empty"}, {"wish_of_v0001": "fails"})[0] == (200, "v0001")
    assert shop.seen().candidate == Tally(answers=3, failed=1, whole=2, empty=1)


def test_the_service_of_another_version_passes_an_order_over(shop: Shop) -> None:
    shop.order("canary", version="v0001")
    assert shop.ask({}) == [(200, "v0001")]
    shop.order("champion", version="v0002")
    assert shop.ask({}) == [(200, "v0001")]
    assert shop.candidate.asked == []


def test_a_damaged_order_is_none(shop: Shop) -> None:
    shop.order("canary")
    path = shop.settings.run_dir / "releases" / f"{FAMILY}.json"
    path.write_text(path.read_text()[:40])
    assert shop.ask({}) == [(200, "v0001")]


def test_who_asks_the_champion_cannot_call_an_answer_a_shadows(shop: Shop) -> None:
    shop.order("canary")

    async def ask() -> None:
        splitter = Splitter(shop.champion, family=FAMILY, version=lambda: "v0001", settings=shop.settings)
        transport = httpx.ASGITransport(RequestGuard(splitter, settings=shop.settings))
        await splitter.prepare()
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            await client.post("/v1/recommendations", json={}, headers={"x-shopsight-role": "shadow"})
        await splitter.close()

    asyncio.run(ask())
    assert shop.roles(shop.candidate) == ["canary"]
