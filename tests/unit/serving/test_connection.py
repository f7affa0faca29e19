"""Connections over real sockets: each is answered or ended, and what is no HTTP gets a problem document."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import h11
import pytest
import uvicorn

from serving.http.connection import REFUSED_PAUSE_SECONDS, Connection, refusal_of, serve_connections
from serving.http.crowd import CROWD
from serving.http.guard import GuardLimits, RequestGuard
from serving.http.protocol import MAX_HEADER_BYTES
from serving.metrics import registry

HEADER_SECONDS: Final = 0.4
BODY_SECONDS: Final = 0.4
REACHED: Final[list[str]] = []
"""Paths of the requests that came as far as the app."""


async def echo(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/block":  # nothing is read meanwhile: who comes is found all at once
        time.sleep(0.3)
    body = (await receive()).get("body", b"")
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server of this process, as a service's worker has one; it is quicker to lose patience."""
    guard = RequestGuard(echo, limits=GuardLimits(body_bytes=1000, body_seconds=BODY_SECONDS))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        REACHED.append(scope["path"])
        await guard(scope, receive, send)

    config = uvicorn.Config(app, log_level="critical", lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    serve_connections(server)
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as listening:
        patch.setattr(Connection, "head_seconds", HEADER_SECONDS)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CROWD, "limit", 0)  # not the size, which falls when a request of an earlier test ends


def answers(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Return all that is answered until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def problem(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    document = json.loads(body)
    assert b"content-type: application/problem+json" in head
    assert f"x-request-id: {document['request_id']}".encode() in head
    assert head.startswith(f"HTTP/1.1 {document['status']} ".encode())
    return document["status"], document["code"]


def post(body: bytes = b'{"a": 1}', *fields: bytes, last: bool = True) -> bytes:
    lines = [b"POST /v1/x HTTP/1.1", b"host: shop", b"content-type: application/json", *fields]
    lines += [b"content-length: %d" % len(body)] + ([b"connection: close"] if last else [])
    return b"\r\n".join([*lines, b"", body])


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"h2c, websocket", b"TLS/1.0"])
def test_a_post_that_offers_another_protocol_is_answered_as_one_that_does_not(port: int, protocol: bytes) -> None:
    offer = (b"connection: Upgrade, HTTP2-Settings, close", b"upgrade: " + protocol, b"http2-settings: AAMAAABk")
    answer = answers(port, post(b'{"a": 1}', *offer, last=False))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'{"a": 1}')


def test_a_websocket_handshake_is_an_ordinary_get(port: int) -> None:
    fields = [b"upgrade: websocket", b"connection: upgrade, close", b"sec-websocket-version: 13"]
    answer = answers(port, b"\r\n".join([b"GET /v1/x HTTP/1.1", b"host: shop", *fields, b"", b""]))
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "garbage",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nna me: x\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_problem_document_and_the_connection_ends(port: int, garbage: bytes) -> None:
    assert problem(answers(port, garbage)) == (400, "malformed_http")


def test_endless_headers_are_a_431_that_arrives_although_the_client_still_sends(port: int) -> None:
    header = b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * (4 * MAX_HEADER_BYTES)
    assert problem(answers(port, header)) == (431, "headers_too_large")


def test_headers_that_trickle_are_a_408_however_lively_they_trickle(port: int) -> None:
    began = time.monotonic()
    trickle = [b"x-%d: a\r\n" % n for n in range(6)]
    assert problem(answers(port, b"GET / HTTP/1.1\r\n", *trickle, pause=HEADER_SECONDS / 5)) == (408, "request_timeout")
    assert time.monotonic() - began < 4 * HEADER_SECONDS


def test_a_connection_that_never_asks_ends_without_a_word(port: int) -> None:
    assert answers(port) == b""


def test_a_body_that_stalls_is_a_408_and_its_connection_ends(port: int) -> None:
    assert problem(answers(port, post(last=False)[:-3])) == (408, "request_timeout")


def test_what_follows_an_answer_must_be_whole_in_time_too(port: int) -> None:
    first, _, second = answers(port, post(last=False) + b"GET / HT").partition(b'{"a": 1}')
    assert first.startswith(b"HTTP/1.1 200 ")
    assert problem(second) == (408, "request_timeout")


def test_the_rest_of_a_refused_body_may_not_trickle_for_ever(port: int) -> None:
    head = b"POST /v1/x HTTP/1.1\r\nhost: shop\r\ncontent-length: 2000\r\n\r\n"
    began = time.monotonic()
    assert problem(answers(port, head, *[b" "] * 4, pause=HEADER_SECONDS / 5)) == (413, "request_too_large")
    assert time.monotonic() - began < 4 * HEADER_SECONDS


def test_requests_in_a_row_and_in_pieces_are_all_answered(port: int) -> None:
    whole = b"".join(post(b"{%s}" % (b" " * n), last=n == 4) for n in range(5))
    pieces = [whole[n : n + 40] for n in range(0, len(whole), 40)]
    assert answers(port, *pieces, pause=0.001).count(b"HTTP/1.1 200 ") == 5


@pytest.mark.usefixtures("busy")
def test_a_busy_service_refuses_at_once_on_a_connection_that_stays_open(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for named in (b"one", b"two"):
            asked = time.monotonic()
            connection.sendall(post(b"{}", b"x-request-id: " + named, last=False))
            answer = connection.recv(65536)
            assert problem(answer) == (429, "too_many_requests")
            assert b"retry-after: 1" in answer
            assert b"x-request-id: " + named in answer
        # Who asks again at once is not heard any sooner; else refusing would be all that is done.
        assert time.monotonic() - asked > REFUSED_PAUSE_SECONDS / 2
        monkeypatch.setattr(CROWD, "limit", 64)
        connection.sendall(post(b"{}"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_of_a_crowd_that_arrives_at_once_no_more_reach_the_app_than_it_takes(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CROWD, "limit", 2)
    crowd = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(6)]
    time.sleep(0.1)
    REACHED.clear()
    crowd[0].sendall(post().replace(b"/v1/x", b"/block"))
    time.sleep(0.1)
    for one in crowd[1:]:
        one.sendall(post(last=False))
    statuses = [one.recv(65536)[9:12] for one in crowd]
    for one in crowd:
        one.close()
    assert statuses[0] == b"200"
    assert {*statuses[1:]} == {b"200", b"429"}
    assert len(REACHED) == statuses.count(b"200"), "who is refused gets no further than the connection"


@pytest.mark.usefixtures("busy")
def test_a_busy_service_answers_health_checks_and_refuses_what_comes_in_pieces(port: int) -> None:
    health = b"GET /livez HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n"
    assert answers(port, health).startswith(b"HTTP/1.1 200 ")
    request = post()
    assert problem(answers(port, request[:30], request[30:], pause=0.05)) == (429, "too_many_requests")


def test_only_what_the_parser_would_take_for_one_whole_request_is_refused_without_it() -> None:
    def parsed(data: bytes) -> list[str]:
        """Return the events in ``data`` by h11, which is the judge of where a request ends."""
        connection, events = h11.Connection(h11.SERVER), []
        connection.receive_data(data)
        while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            events.append(type(event).__name__)
        return [*events, "more"] if connection.trailing_data[0] else events

    whole = post(b"{}", last=False)
    assert refusal_of(whole) is not None
    assert parsed(whole) == ["Request", "Data", "EndOfMessage"]
    for other in (
        whole[:-1],
        whole + b"G",
        whole + whole,
        whole.replace(b"content-length: 2", b"transfer-encoding: chunked"),
        whole.replace(b"content-length: 2", b"content-length: 2\r\ncontent-length: 2"),
        whole.replace(b"content-length: 2", b"content-length: +2"),
        whole.replace(b"HTTP/1.1", b"HTTP/1.0"),
        whole.replace(b"POST", b"HEAD"),
        whole.replace(b"/v1/x", b"/readyz?full=1"),
        post(b"{}"),
    ):
        assert refusal_of(other) is None


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GARBAGE\r\n\r\n", "malformed_http"),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 2 * MAX_HEADER_BYTES, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nhost: a\r\n", "request_timeout"),
    ],
)
def test_what_a_connection_refuses_is_counted_by_its_reason(port: int, sent: bytes, reason: str) -> None:
    before = refused(reason)
    answers(port, sent)
    assert refused(reason) == before + 1


@pytest.mark.usefixtures("busy")
def test_what_a_connection_refuses_while_the_service_is_busy_is_counted(port: int) -> None:
    before = refused("too_many_requests")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for turn in (1, 2):
            connection.sendall(post(last=False))
            assert connection.recv(65536).startswith(b"HTTP/1.1 429 ")
            assert refused("too_many_requests") == before + turn


def refused(reason: str) -> float:
    labels = {"where": "connection", "reason": reason}
    return registry().get_sample_value("shopsight_http_refused_total", labels) or 0.0
