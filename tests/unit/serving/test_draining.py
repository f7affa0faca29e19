"""A service that is told to stop answers whoever reached it, refuses whoever comes later, and resets nobody."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from serving.http.draining import Draining
from serving.http.guard import GuardLimits, RequestGuard

WORKER: Final = """
import asyncio, socket, sys, time
import uvicorn
from serving.http.connection import serve_connections
from serving.http.draining import DRAINING, running_server
from serving.http.guard import GuardLimits, RequestGuard

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        server = running_server()
        DRAINING.watch(server)
        serve_connections(server)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/block":  # nobody is let in meanwhile: those who come wait in the kernel's queue
        time.sleep(0.5)
    await asyncio.sleep(0.2)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})

guard = RequestGuard(app, limits=GuardLimits(body_bytes=1000))
async def all_of(scope, receive, send):
    await (app if scope["type"] == "lifespan" else guard)(scope, receive, send)
listening = socket.socket(fileno=int(sys.argv[1]))
uvicorn.Server(uvicorn.Config(all_of, timeout_graceful_shutdown=10)).run(sockets=[listening])
"""


@pytest.fixture
def served() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A uvicorn server under a supervisor that holds the listening socket, too: this test, as BentoML does."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(listening.fileno())],
            pass_fds=[listening.fileno()],
            stderr=subprocess.DEVNULL,
        )
        port = listening.getsockname()[1]
        try:
            answer_of(asked(port, "/"))  # waits in the queue until the worker listens
            yield port, worker
        finally:
            worker.kill()
            worker.wait()


def asked(port: int, path: str) -> socket.socket:
    """Return a connection that was let in, by the kernel at least, and has asked."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(f"GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n".encode())
    return connection


def answer_of(connection: socket.socket) -> bytes:
    """Return the whole answer; a connection that is reset raises."""
    with connection:
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_requests_in_flight_and_in_the_queue_are_answered_and_newcomers_are_refused(
    served: tuple[int, subprocess.Popen[bytes]],
) -> None:
    port, worker = served
    connections = [asked(port, "/") for _ in range(6)] + [asked(port, "/block")]
    time.sleep(0.2)
    connections += [asked(port, "/") for _ in range(6)]
    worker.send_signal(signal.SIGTERM)
    answers = [answer_of(connection) for connection in connections]
    assert [(one.startswith(b"HTTP/1.1 200"), b"done" in one) for one in answers] == [(True, True)] * 13
    with pytest.raises(ConnectionRefusedError):
        asked(port, "/")
    worker.wait(timeout=20)


def test_an_idle_connection_keeps_no_service_from_ending(served: tuple[int, subprocess.Popen[bytes]]) -> None:
    port, worker = served
    with socket.create_connection(("127.0.0.1", port)):
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=20)


def test_a_service_that_stops_is_not_ready_and_keeps_no_connection_open() -> None:
    async def app(_scope: object, _receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    draining = Draining()
    guard = RequestGuard(app, limits=GuardLimits(body_bytes=1000), draining=draining)

    def ask(path: str) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://test") as client:
                return await client.get(path)

        return asyncio.run(asked())

    assert (ask("/readyz").status_code, "connection" in ask("/v1/models").headers) == (200, False)
    draining.begun = True
    ready, answer = ask("/readyz"), ask("/v1/models")
    assert (ready.status_code, ready.headers["retry-after"], ready.json()["code"]) == (503, "1", "unavailable")
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
