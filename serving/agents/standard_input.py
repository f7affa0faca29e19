"""The tools over standard input and output, for a program that starts this one."""

import os
from typing import Any

import anyio
import httpx
from mcp.server.mcpserver import Context

from serving.agents.opening import open_desk
from serving.agents.tools import mcp_server
from serving.agents.visits import Visitor, visit_id
from shopsight.api_keys import Scope, hash_of, read_keys
from shopsight.clock import utc_now
from shopsight.settings import Settings


def serve_standard_input(settings: Settings) -> None:
    """Answer until the other side closes.

    Raises:
        UnusableKeysError: there is a file of API keys, and it cannot be read.
    """
    visitor = Visitor(
        id=visit_id("stdio", str(os.getpid()), utc_now().isoformat()), scopes=scopes_of(settings), door="mcp"
    )
    anyio.run(_serve, settings, visitor)


async def _serve(settings: Settings, visitor: Visitor) -> None:
    async with httpx.AsyncClient() as client:
        desk = open_desk(settings, client)

        def who(_: Context[Any, Any]) -> Visitor:
            return visitor

        await mcp_server(lambda: desk, who).run_stdio_async()
        await desk.visits.settle()


def scopes_of(settings: Settings) -> tuple[Scope, ...] | None:
    """Return what ``SHOPSIGHT_AGENTS_KEY`` may; None where this home has no API keys.

    Raises:
        UnusableKeysError: there is a file of API keys, and it cannot be read.
    """
    if not settings.api_keys_path.exists():
        return None
    if settings.agents_key is None:
        return ()
    digest = hash_of(settings.agents_key.get_secret_value()).hex()
    now = utc_now()
    scopes = [key.scopes for key in read_keys(settings.api_keys_path) if key.hash == digest and not key.expired(now)]
    return scopes[0] if scopes else ()
