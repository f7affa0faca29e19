"""Whom a request comes from, where it came through proxies: those that the shop names are believed, and nobody else.

uvicorn believes whatever connects from this machine, unless it is told otherwise, and BentoML's workers do not tell it:
any local process could write any client into the log. So what it put around the service is put there anew.
"""

from typing import Any

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shopsight.settings import Settings


def believe_named_proxies(server: uvicorn.Server, settings: Settings) -> None:
    """Have ``server`` read ``X-Forwarded-For`` and ``X-Forwarded-Proto`` of ``settings.trusted_proxies`` alone."""
    config: Any = server.config
    app = config.loaded_app
    while isinstance(app, ProxyHeadersMiddleware):
        app = app.app
    proxies = settings.trusted_networks
    config.loaded_app = ProxyHeadersMiddleware(app, trusted_hosts=proxies) if proxies else app
