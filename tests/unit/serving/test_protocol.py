"""A connection that never finishes a request's head is closed, one that is slow elsewhere is not; all are answered."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.sync.client import connect

from serving.http.protocol import HttpProtocol

SECONDS = 0.6
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


class Impatient(HttpProtocol):
    head_seconds = SECONDS


async def slow_answer(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.sleep(2 * SECONDS)
        await send({"type": "websocket.send", "text": "still here"})
        await send({"type": "websocket.close"})
        return
    while scope["path"] != "/refused" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port() -> Iterator[int]:
    config = uvicorn.Config(slow_answer, http=Impatient, lifespan="off", log_config=None, timeout_keep_alive=30)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield int(listener.getsockname()[1])
        server.should_exit = True
        thread.join()


def seconds_until_closed(connection: socket.socket, *, trickle: bytes = b"") -> float:
    """Wait until the server closes the connection, sending a byte now and then; fail after ten times the limit."""
    connection.settimeout(0.05)
    begin = time.monotonic()
    while time.monotonic() - begin < 10 * SECONDS:
        try:
            if not connection.recv(1000):
                return time.monotonic() - begin
        except TimeoutError:
            if trickle:
                connection.sendall(trickle)
        except ConnectionError:
            return time.monotonic() - begin
    pytest.fail("the connection is still open")


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-Half"])
def test_a_connection_without_a_whole_head_is_closed_in_time(port: int, start: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(start)
        assert SECONDS / 2 < seconds_until_closed(connection) < 6 * SECONDS


def test_a_head_that_trickles_in_has_no_more_time(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert seconds_until_closed(connection, trickle=b"x") < 6 * SECONDS


def test_the_head_of_a_second_request_is_timed_too(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET / HTTP/1.1\r\nHo")
        assert seconds_until_closed(connection) < 6 * SECONDS


def test_a_whole_head_with_a_slow_body_and_an_idle_connection_are_left_alone(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
        time.sleep(2 * SECONDS)
        connection.sendall(b"ab")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        time.sleep(2 * SECONDS)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_websocket_stays_open(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/", proxy=None) as opened:
        assert opened.recv(timeout=10) == "still here"


def test_a_websocket_on_a_connection_that_had_an_answer_stays_open(port: int) -> None:
    asked = b"GET / HTTP/1.1\r\nHost: a\r\n"
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(asked + b"\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        connection.sendall(asked + upgrade + b"\r\n\r\n")
        received = b""
        while b"still here" not in received:
            received += connection.recv(1000) or pytest.fail(f"closed after {received!r}")


def test_the_rest_of_a_body_that_was_answered_may_not_trickle_for_ever(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n")
        assert seconds_until_closed(connection, trickle=b"x") < 6 * SECONDS


@pytest.mark.parametrize(
    ("method", "fields", "body"),
    [
        ("POST", b"content-length: 2\r\n", b"{}"),
        ("GET", b"content-length: 2\r\n", b"{}"),
        ("GET", b"transfer-encoding: chunked\r\n", b"0\r\n\r\n"),
        ("DELETE", b"", b""),
    ],
)
def test_what_cannot_open_a_websocket_is_answered_as_if_it_had_not_asked(
    port: int, method: str, fields: bytes, body: bytes
) -> None:
    head = b"Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"{method} / HTTP/1.1\r\n".encode() + head + KEY + b"\r\n" + fields + b"\r\n" + body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", [b"/", b"/refused"])
def test_a_body_that_is_no_http_gets_one_answer_and_leaves_no_traceback(
    port: int, path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        received = b""
        while part := connection.recv(1000):
            received += part
    assert received.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in received
    assert received.count(b"HTTP/1.1") == 1
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
