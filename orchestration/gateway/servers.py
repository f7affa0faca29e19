"""How the pages are put on a port: uvicorn, with what it leaves open by default closed."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from serving.http.protocol import MAX_HEADER_BYTES, HttpProtocol
from shopsight.settings import Settings

STOP_SECONDS: Final = 2
"""How long open connections, such as the web UI's WebSockets, may go on when the server is asked to stop."""


def server_of(app: ASGIApp, settings: Settings) -> uvicorn.Server:
    """Return a server for an application; ``run(sockets=[…])`` serves it on a socket of :func:`listening`.

    ``settings.trusted_proxies`` are believed whom a request comes from, and by which scheme.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=HttpProtocol,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,  # the web UI puts a launchpad's whole form into its address
            lifespan="off",
            access_log=False,  # it would hold the token of a link
            log_level="error",
            log_config=None,
            server_header=False,
            proxy_headers=bool(settings.trusted_networks),
            forwarded_allow_ips=settings.trusted_networks,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        OSError: the port is not free, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def served(app: ASGIApp, listener: socket.socket, settings: Settings) -> Iterator[None]:
    """Serve an application from a thread until the block ends; the socket is closed then."""
    server = server_of(app, settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
