"""What a service does when it is told to stop: whoever reached it is answered, and only then it goes.

Uvicorn closes its listening socket at once, and the kernel resets every connection that waits there: a client that was
let in saw a broken connection instead of an answer. It also closes each connection that is idle, just when its client
may ask again. So those who wait are let in first, and every connection stays open until its next answer, which tells
the client to open another, or until it has been idle for as long as it may be at any time. Then the server hears of the
signal.
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

IDLE_SECONDS: Final = 10.0
"""Longest wait for the requests of open connections: no connection may be silent for longer at any other time."""
PAUSE_SECONDS: Final = 0.1


class Draining:
    """Whether the service lets nobody in any more; :meth:`watch` has it told to stop before the server is."""

    def __init__(self) -> None:
        self.begun = False
        """Whether each answer is the last one of its connection."""
        self._is_ending = False
        self._task: asyncio.Task[None] | None = None

    def watch(self, server: uvicorn.Server, *, port_is_kept: bool = False) -> None:
        """Stand between SIGTERM and ``server``, which runs in this process's main thread.

        Args:
            server: runs, or is about to.
            port_is_kept: whether others are to serve on the port when this process has gone.
        """
        loop = asyncio.get_running_loop()

        def end(number: int) -> None:
            self._task = loop.create_task(self._drain(server, number, port_is_kept=port_is_kept))

        def stop(number: int, frame: FrameType | None) -> None:
            if not server.started:  # nobody was let in, and nobody is to be
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            if self._is_ending:  # a second signal is in earnest
                server.handle_exit(number, frame)
                return
            self._is_ending = True
            loop.call_soon_threadsafe(end, number)

        signal.signal(signal.SIGTERM, stop)

    async def _drain(self, server: uvicorn.Server, number: int, *, port_is_kept: bool) -> None:
        await self.let_in_who_waits(server, port_is_kept=port_is_kept)
        deadline = time.monotonic() + IDLE_SECONDS
        while server.server_state.connections and time.monotonic() < deadline and not server.should_exit:
            await asyncio.sleep(PAUSE_SECONDS)
        server.handle_exit(number, None)

    async def let_in_who_waits(self, server: uvicorn.Server, *, port_is_kept: bool) -> None:
        """Let in who waits, and nobody who comes from now on.

        Who comes later is refused, or waits for another process where somebody keeps the port.
        """
        self.begun = True
        for waiting in _stop_listening(server, port_is_kept=port_is_kept):
            await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol_of(server), waiting)


def running_server() -> uvicorn.Server | None:
    """Return the uvicorn server that runs in this thread; it is the one that SIGTERM goes to."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    is_main = threading.current_thread() is threading.main_thread()
    return server if is_main and isinstance(server, uvicorn.Server) else None


def protocol_of(server: uvicorn.Server) -> Any:
    """Return what ``server`` reads a new connection with."""
    make: Any = server.config.http_protocol_class
    return make(config=server.config, server_state=server.server_state, app_state=server.lifespan.state)


def _stop_listening(server: uvicorn.Server, *, port_is_kept: bool) -> list[socket.socket]:
    """Accept all who wait, and close the port; nothing else of the process runs in between."""
    let_in: list[socket.socket] = []
    # Copies, because a closed server gives its sockets up.
    for listening in [one.dup() for running in server.servers for one in running.sockets]:
        with listening:
            listening.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    let_in.append(listening.accept()[0])
            # BentoML's supervisor holds another copy: until all let go, the kernel would let newcomers in.
            if not port_is_kept:
                listening.shutdown(socket.SHUT_RDWR)
    for running in server.servers:
        running.close()
    server.servers = []
    return let_in


DRAINING: Final = Draining()
"""Of this process, which serves one service."""
