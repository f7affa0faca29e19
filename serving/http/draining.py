"""What a service does when it is told to stop: whoever reached it is answered, and only then it goes.

Uvicorn closes its listening socket at once, and the kernel resets every connection that waits there: a client that was
let in saw a broken connection instead of an answer. So those who wait are let in first, newcomers find a port that
refuses them, and the server hears of the signal when every connection has been listened to.
"""

import asyncio
import contextlib
import signal
import socket
import threading
import time
from types import FrameType
from typing import Any, Final

import uvicorn

LISTEN_SECONDS: Final = 2.0
"""Longest wait for the request of a connection; a client may open one long before it asks."""
PAUSE_SECONDS: Final = 0.1


class Draining:
    """Whether the service has been told to stop; :meth:`watch` has it told before the server is."""

    def __init__(self) -> None:
        self.begun = False

    def watch(self, server: uvicorn.Server) -> None:
        """Stand between SIGTERM and ``server``, which runs in this process's main thread."""
        loop = asyncio.get_running_loop()

        def stop(number: int, frame: FrameType | None) -> None:
            if self.begun:  # a second signal is in earnest
                server.handle_exit(number, frame)
                return
            self.begun = True
            loop.call_soon_threadsafe(lambda: loop.create_task(_drain(server, number)))

        signal.signal(signal.SIGTERM, stop)


def running_server() -> uvicorn.Server | None:
    """Return the uvicorn server that runs in this thread; it is the one that SIGTERM goes to."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    is_main = threading.current_thread() is threading.main_thread()
    return server if is_main and isinstance(server, uvicorn.Server) else None


async def _drain(server: uvicorn.Server, number: int) -> None:
    for waiting in _stop_listening(server):
        await asyncio.get_running_loop().connect_accepted_socket(lambda: _protocol(server), waiting)
    deadline = time.monotonic() + LISTEN_SECONDS
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        # A protocol without a cycle has not read a request yet; uvicorn would close it unheard.
        unheard = [one for one in server.server_state.connections if getattr(one, "cycle", None) is None]
        if not unheard or time.monotonic() > deadline:
            break
    server.handle_exit(number, None)


def _stop_listening(server: uvicorn.Server) -> list[socket.socket]:
    """Let in who waits, and refuse who comes from now on; nothing else of the process runs in between."""
    let_in: list[socket.socket] = []
    # Copies, because a closed server gives its sockets up. The supervisor holds another one of each, so that closing is
    # not enough: until all let go, the kernel would let newcomers in.
    for listening in [one.dup() for running in server.servers for one in running.sockets]:
        with listening:
            listening.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    let_in.append(listening.accept()[0])
            listening.shutdown(socket.SHUT_RDWR)
    for running in server.servers:
        running.close()
    return let_in


def _protocol(server: uvicorn.Server) -> Any:
    make: Any = server.config.http_protocol_class
    return make(config=server.config, server_state=server.server_state, app_state=server.lifespan.state)


DRAINING: Final = Draining()
"""Of this process, which serves one service."""
