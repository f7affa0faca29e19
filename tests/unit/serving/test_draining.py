"""A service that stops answers whoever reached it and resets nobody; one that hands its port over refuses nobody."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import httpx
import pytest

from serving.http.draining import Draining
from serving.http.guard import GuardLimits, RequestGuard
from serving.http.handover import LINE, LISTEN, READY, REST

IDLE_SECONDS: Final = 3.0
WORKER: Final = """
import asyncio, socket, sys, time
import os
import uvicorn
from serving.http import draining
from serving.http.connection import serve_connections
from serving.http.draining import DRAINING, running_server
from serving.http.handover import Handover, port_is_kept
from serving.http.guard import GuardLimits, RequestGuard

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        server = running_server()
        DRAINING.watch(server, port_is_kept=port_is_kept())
        serve_connections(server)
        if port_is_kept():
            server.line = Handover(server, DRAINING)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/block":  # nobody is let in meanwhile: those who come wait in the kernel's queue
        time.sleep(0.5)
    await asyncio.sleep(0.2)
    answer = b"done by %d" % os.getpid()
    headers = [(b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})

guard = RequestGuard(app, limits=GuardLimits(body_bytes=1000))
async def all_of(scope, receive, send):
    await (app if scope["type"] == "lifespan" else guard)(scope, receive, send)
draining.IDLE_SECONDS = float(sys.argv[2])
listening = socket.socket(fileno=int(sys.argv[1]))
uvicorn.Server(uvicorn.Config(all_of, timeout_graceful_shutdown=10)).run(sockets=[listening])
"""


@dataclass
class Service:
    """A uvicorn server on a socket that this test holds, too."""

    listening: socket.socket
    worker: subprocess.Popen[bytes]
    line: socket.socket | None
    """To a process that knows that its port is kept; one under BentoML's supervisor, which is not asked, has none."""

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    def stop(self) -> int:
        """Tell it to stop, as whoever keeps its port does: nobody is to serve there any more. Return the port."""
        port = self.port
        if self.line is not None:
            self.listening.close()
        self.worker.send_signal(signal.SIGTERM)
        return port


@contextlib.contextmanager
def service(listening: socket.socket, *, is_kept: bool) -> Iterator[Service]:
    """Serve on a socket."""
    with contextlib.ExitStack() as stack:
        descriptors, environment, line = [listening.fileno()], dict(os.environ), None
        if is_kept:
            line, other_end = (stack.enter_context(end) for end in socket.socketpair())
            line.settimeout(30)
            descriptors.append(other_end.fileno())
            environment[LINE] = str(other_end.fileno())
        command = [sys.executable, "-c", WORKER, str(listening.fileno()), str(IDLE_SECONDS)]
        worker = subprocess.Popen(command, pass_fds=descriptors, env=environment, stderr=subprocess.DEVNULL)
        stack.callback(worker.wait)
        stack.callback(worker.kill)
        if line is not None:
            assert line.recv(1) == READY
        yield Service(listening, worker, line)


@pytest.fixture(params=["supervised"])
def served(request: pytest.FixtureRequest) -> Iterator[Service]:
    """A server under a supervisor that holds its listening socket, too: this test, as BentoML does."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=64) as listening,
        service(listening, is_kept=request.param == "kept") as one,
    ):
        answer_of(asked(one.port, "/"))  # waits in the queue until the worker listens
        yield one


def asked(port: int, path: str) -> socket.socket:
    """Return a connection that was let in, by the kernel at least, and has asked."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(f"GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n".encode())
    return connection


def answer_of(connection: socket.socket) -> bytes:
    """Return the whole answer; a connection that is reset raises."""
    with connection:
        return b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.mark.parametrize("served", ["supervised", "kept"], indirect=True)
def test_requests_in_flight_and_in_the_queue_are_answered_and_newcomers_are_refused(served: Service) -> None:
    connections = [asked(served.port, "/") for _ in range(6)] + [asked(served.port, "/block")]
    time.sleep(0.2)
    connections += [asked(served.port, "/") for _ in range(6)]
    port = served.stop()
    answers = [answer_of(connection) for connection in connections]
    assert [(one.startswith(b"HTTP/1.1 200"), b"done" in one) for one in answers] == [(True, True)] * 13
    with pytest.raises(ConnectionRefusedError):
        asked(port, "/")
    served.worker.wait(timeout=20)


def test_an_idle_connection_keeps_no_service_from_ending(served: Service) -> None:
    with socket.create_connection(("127.0.0.1", served.port)):
        served.stop()
        served.worker.wait(timeout=20)


def test_a_second_signal_waits_for_no_idle_connection(served: Service) -> None:
    with socket.create_connection(("127.0.0.1", served.port)):
        began = time.monotonic()
        served.stop()
        time.sleep(0.3)
        served.stop()
        served.worker.wait(timeout=20)
        assert time.monotonic() - began < IDLE_SECONDS


def test_an_open_connection_is_answered_once_more_and_told_to_close(served: Service) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{served.port}") as client:
        assert "connection" not in client.get("/").headers
        served.stop()
        time.sleep(0.3)
        last = client.get("/")
        assert (last.status_code, last.headers["connection"]) == (200, "close")
        served.worker.wait(timeout=20)


def test_a_port_is_handed_over_and_back_and_no_request_fails() -> None:
    answers: list[httpx.Response] = []
    over = threading.Event()

    def ask(port: int, *, one_connection: bool) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            while not over.is_set():
                answers.append((client if one_connection else httpx).get(f"http://127.0.0.1:{port}/"))

    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        both = [stack.enter_context(service(listening, is_kept=True)) for _ in range(2)]
        lines = [one.line for one in both if one.line is not None]
        processes = [one.worker.pid for one in both]
        clients = stack.enter_context(ThreadPoolExecutor(8))
        stack.callback(over.set)
        port = both[0].port
        asking = [clients.submit(ask, port, one_connection=n % 2 == 0) for n in range(8)]
        lines[0].send(REST)
        for rests, listens in ((1, 0), (0, 1), (1, 0)):
            time.sleep(0.5)
            lines[listens].send(LISTEN)
            assert lines[listens].recv(1) == READY
            lines[rests].send(REST)
        time.sleep(0.5)
        over.set()
        for one in asking:
            one.result()  # raises what a client met
        by = [int(answer.text.removeprefix("done by ")) for answer in answers]
        assert {answer.status_code for answer in answers} == {200}
        assert set(by) == set(processes)
        assert {int(httpx.get(f"http://127.0.0.1:{port}/").text.removeprefix("done by ")) for _ in range(3)} == {
            processes[0]
        }


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
