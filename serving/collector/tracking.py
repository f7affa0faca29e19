"""What a shop's own pages need of the collector: the script that they load, and leave to send from another origin."""

from pathlib import Path
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from shopsight.settings import Settings

TRACKER: Final = Path(__file__).with_name("tracker.js")
SECONDS_CACHED: Final = 3_600


async def tracker(_: Request) -> Response:
    """Return the tracker."""
    headers = {"cache-control": f"public, max-age={SECONDS_CACHED}", "x-content-type-options": "nosniff"}
    return Response(TRACKER.read_bytes(), media_type="text/javascript", headers=headers)


ROUTES: Final = (Route("/tracker.js", tracker),)


def keyless(settings: Settings) -> tuple[str, ...]:
    """Return the addresses of the collector that are answered without an API key: webhooks are signed instead.

    A page can keep no secret, so whoever names the shop's origins lets events in without a key.
    """
    return ("/tracker.js", "/v1/webhooks", *(("/v1/events",) if settings.shop_origins else ()))


class ShopOrigins(CORSMiddleware):
    """Lets pages of the shop's origins send events, and no others.

    Nothing here reads a cookie; a browser's beacon says that it may send some, so that this must be allowed by name.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Read the origins from the settings."""
        super().__init__(
            app,
            allow_origins=[origin for origin in Settings().shop_origins.split(",") if origin],
            allow_methods=["GET", "POST"],
            allow_headers=["content-type"],
            expose_headers=["retry-after"],
            allow_credentials=True,
            max_age=86_400,
        )
