import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from serving.http.crowd import Crowd
from serving.http.guard import GuardLimits, RequestGuard
from serving.http.problems import MEDIA_TYPE

LIMITS = GuardLimits(body_bytes=100)


async def echo(_scope: Any, receive: Any, send: Any) -> None:
    message = await receive()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": message.get("body", b"")})


def ask(app: Any, *, method: str = "POST", path: str = "/v1/x", **request: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.request(method, path, **request)

    return asyncio.run(send())


def guarded(app: Any = echo, *, in_flight: int = 64, **limits: Any) -> RequestGuard:
    return RequestGuard(app, limits=GuardLimits(**({"body_bytes": 100} | limits)), crowd=Crowd(in_flight))


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == MEDIA_TYPE
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["request_id"] == answer.headers["x-request-id"]
    assert set(document) == {"type", "title", "status", "code", "detail", "request_id", "errors"}
    return answer.status_code, document["code"]


def test_a_good_request_reaches_the_service_whole() -> None:
    answer = ask(guarded(), json={"a": [1, "ä"]})
    assert (answer.status_code, answer.json()) == (200, {"a": [1, "ä"]})


def test_the_request_id_of_the_client_is_echoed() -> None:
    assert ask(guarded(), json={}, headers={"X-Request-Id": "my-id.1:2"}).headers["x-request-id"] == "my-id.1:2"


@pytest.mark.parametrize("odd", ["", "a b", "x" * 129, "a;b", "ä"])
def test_a_request_id_that_could_carry_something_else_is_replaced(odd: str) -> None:
    given = ask(guarded(), json={}, headers={"X-Request-Id": odd.encode("latin-1")}).headers["x-request-id"]
    assert len(given) == 32


def test_a_body_over_the_limit_is_413_by_its_length_and_by_its_chunks() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 10

    assert problem(ask(guarded(), content=b" " * 101)) == (413, "request_too_large")
    assert problem(ask(guarded(), content=chunks())) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/vnd.bentoml+pickle"}, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"content-type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_only_plain_json_is_read(headers: dict[str, str], status: int) -> None:
    assert ask(guarded(), content=b"{}", headers=headers).status_code == status


def test_control_characters_and_endless_paths_are_refused() -> None:
    assert problem(ask(guarded(), method="GET", path="/static_content/%00")) == (400, "malformed_path")
    assert problem(ask(guarded(), method="GET", path="/" + "a" * 3000)) == (414, "address_too_long")


def test_a_deletion_needs_no_body_and_one_that_it_has_must_be_json() -> None:
    assert ask(guarded(), method="DELETE").status_code == 200
    assert problem(ask(guarded(), method="DELETE", content=b"no JSON")) == (400, "malformed_json")
    assert problem(ask(guarded(), method="PUT")) == (400, "malformed_json")


def test_an_error_of_any_shape_becomes_a_problem_document() -> None:
    async def plain(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 405, "headers": [(b"allow", b"GET")]})
        await send({"type": "http.response.body", "body": b"Method ", "more_body": True})
        await send({"type": "http.response.body", "body": b"Not Allowed"})

    answer = ask(guarded(plain), method="GET")
    assert problem(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


def test_a_crash_is_a_problem_document_without_its_details() -> None:
    async def crash(*_asgi: Any) -> None:
        raise RuntimeError("secret")

    for path in ("/v1/x", "/metrics"):
        answer = ask(guarded(crash), method="GET", path=path)
        assert problem(answer) == (500, "internal_error")
        assert "secret" not in answer.text


def test_bentomls_400_for_invalid_input_is_a_422_with_its_entries() -> None:
    async def invalid(_scope: Any, _receive: Any, send: Any) -> None:
        body = b'{"error": "1 validation error", "detail": [{"loc": ["request", "x"], "msg": "no", "type": "t"}]}'
        await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})

    answer = ask(guarded(invalid), json={})
    assert problem(answer) == (422, "invalid_request")
    assert answer.json()["errors"] == [{"loc": ["request", "x"], "msg": "no", "type": "t"}]


def test_what_takes_too_long_is_a_503_that_says_when_to_ask_again() -> None:
    async def slow(*_asgi: Any) -> None:
        await asyncio.sleep(5)

    answer = ask(guarded(slow, seconds=0.05), json={})
    assert problem(answer) == (503, "timeout")
    assert answer.headers["retry-after"] == "1"


def test_above_the_limit_requests_are_refused_at_once_and_health_checks_are_not() -> None:
    release = asyncio.Event()

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != "/livez":
            await release.wait()
        await echo(scope, receive, send)

    async def crowd() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=guarded(waits, in_flight=2))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            first = [asyncio.create_task(client.post("/v1/x", json={})) for _ in range(2)]
            await asyncio.sleep(0.05)
            refused, alive = await client.post("/v1/x", json={}), await client.get("/livez")
            release.set()
            served = [await task for task in first]
            again = await client.post("/v1/x", json={})
            return [refused, alive, *served, again]

    refused, alive, *served = asyncio.run(crowd())
    assert problem(refused) == (429, "too_many_requests")
    assert refused.headers["retry-after"] == "1"
    assert [answer.status_code for answer in (alive, *served)] == [200, 200, 200, 200]


def test_a_body_that_does_not_end_is_a_408_that_closes_the_connection() -> None:
    async def halts() -> AsyncIterator[bytes]:
        yield b'{"texts": ['
        await asyncio.sleep(5)
        yield b"]}"

    answer = ask(guarded(body_seconds=0.05), content=halts())
    assert problem(answer) == (408, "request_timeout")
    assert answer.headers["connection"] == "close"


def test_bodies_on_their_way_hold_no_place_of_the_requests_that_are_worked_on() -> None:
    async def crowd() -> tuple[int, int]:
        guard = guarded(in_flight=1, body_seconds=1)
        transport = httpx.ASGITransport(app=guard)
        arriving = asyncio.Event()

        async def halts() -> AsyncIterator[bytes]:
            yield b"{"
            arriving.set()
            await asyncio.sleep(0.3)
            yield b"}"

        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            slow = [asyncio.create_task(client.post("/v1/x", content=halts())) for _ in range(3)]
            await arriving.wait()
            quick = await client.post("/v1/x", json={})
            return quick.status_code, len(await asyncio.gather(*slow))

    assert asyncio.run(crowd()) == (200, 3)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_an_address_says_which_methods_it_takes_before_its_body_is_looked_at(method: str) -> None:
    async def page(_: Request) -> PlainTextResponse:
        return PlainTextResponse("a page")

    app = Starlette(routes=[Route("/v1/page", page)], middleware=[Middleware(RequestGuard, limits=LIMITS)])
    answer = ask(app, method=method, path="/v1/page", content=b"no JSON", headers={"content-type": "text/csv"})
    assert problem(answer) == (405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert problem(ask(app, method=method, path="/v1/nothing", content=b"")) == (404, "not_found")


def test_readyz_carries_the_services_notes() -> None:
    guard = RequestGuard(echo, limits=GuardLimits(body_bytes=100), notes=lambda: ["prediction log: 3 rows lost"])
    answer = ask(guard, method="GET", path="/readyz")
    assert answer.json() == {"status": "ready", "notes": ["prediction log: 3 rows lost"]}


def test_limits_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        GuardLimits(body_bytes=0)
