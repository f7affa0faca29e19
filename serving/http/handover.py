"""How a service takes a port over from another process, and gives it up again, while at every moment somebody listens.

Whoever keeps the port opens it once, and gives each process that serves there a copy and a line to hear and to speak.
A process says ``READY`` when it listens, so that the one before it may go. Told to ``REST``, it lets nobody in any more
and answers those who reached it, but stays; told to ``LISTEN``, it is back at once, with its model loaded and warm.
"""

import asyncio
import os
import socket
from typing import Final

import uvicorn

from serving.http.draining import Draining, protocol_of

LINE: Final = "SHOPSIGHT_HANDOVER_LINE"
"""The variable with the number of this process's end of the line; unset where nobody keeps the port."""
READY: Final = b"1"
REST: Final = b"r"
LISTEN: Final = b"l"
LOOK_SECONDS: Final = 0.02


def port_is_kept() -> bool:
    """Return whether somebody else holds this process's port open, and will do so when it has gone."""
    return LINE in os.environ


class Handover:
    """A process's end of the line."""

    def __init__(self, server: uvicorn.Server, draining: Draining) -> None:
        """Begin to listen to the keeper of the port, and tell it once ``server`` lets clients in."""
        self._server = server
        self._draining = draining
        self._line = socket.socket(fileno=int(os.environ[LINE]))
        self._line.setblocking(False)
        self._port: socket.socket | None = None
        """This process's copy of the port while it rests."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._line, self._hear)
        self._task = self._loop.create_task(self._say_when_ready())

    def _hear(self) -> None:
        commands = {REST: self._rest, LISTEN: self._listen}
        said = self._line.recv(1)
        if said in commands:
            self._task = self._loop.create_task(commands[said]())
        elif not said:  # the keeper has ended, and this process hears of it by a signal
            self._loop.remove_reader(self._line)

    async def _say_when_ready(self) -> None:
        while not self._server.started:
            await asyncio.sleep(LOOK_SECONDS)
        self._line.send(READY)

    async def _rest(self) -> None:
        self._port = self._server.servers[0].sockets[0].dup()
        await self._draining.let_in_who_waits(self._server, port_is_kept=True)

    async def _listen(self) -> None:
        assert self._port is not None
        self._draining.begun = False
        self._server.servers = [
            await self._loop.create_server(
                lambda: protocol_of(self._server), sock=self._port, backlog=self._server.config.backlog
            )
        ]
        self._port = None
        self._line.send(READY)
