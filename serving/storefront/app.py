"""The shop's own server: its pages, what they ask of the recommender, and where their tracker sends to.

A browser can keep no secret, so it asks this server, which shows the services its API key where they want one.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from serving.collector.tracking import TRACKER
from serving.followed_items import FollowedItems
from serving.http.body_reading import BodyReader
from serving.http.problems import ProblemError
from serving.http.protocol import HttpProtocol
from serving.storefront.goods import Good, Goods, departments, read_goods, with_live
from serving.storefront.pictures import ShopPictures
from shopsight.marts import export_path
from shopsight.settings import Settings

PAGE: Final = Path(__file__).with_name("page")
TYPES: Final = {
    "shop.css": "text/css",
    **dict.fromkeys(("texts.js", "shop.js", "search.js", "assistant.js", "pictures.js"), "text/javascript"),
}
HOST: Final = "127.0.0.1"
NUM_RESULTS: Final = 8
SECONDS: Final = 10.0
"""Longest wait for a service, and for a page's request to arrive."""
ASKED: Final = ("placement", "user_id", "session_id", "item_ids", "recent_events", "personalised", "filter")
"""What a page may ask of the recommender."""
SEARCHED: Final = ("query", "user_id", "session_id", "personalised", "filter")
"""What a page may ask of the search."""
NUM_FOUND: Final = 24
HEADERS: Final = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


class Storefront:
    """Answers the pages."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        """Make one.

        Args:
            settings: where the services are, and where the items lie.
            client: asks the services.
        """
        key = settings.shop_key.get_secret_value() if settings.shop_key else None
        self._headers = {"content-type": "application/json", **({"x-api-key": key} if key else {})}
        self._client = client
        self._pictures = ShopPictures(settings, client, key={"x-api-key": key} if key else {}, headers=HEADERS)
        self._bodies = BodyReader(max_bytes=settings.request_limit_bytes, seconds=SECONDS)
        self._recommender = f"http://{settings.host}:{settings.recommendation_port}"
        self._search = f"http://{settings.host}:{settings.search_port}"
        self._collector = f"http://{settings.host}:{settings.collector_port}"
        self._assistant = f"http://{settings.host}:{settings.assistant_port}"
        self._goods: FollowedItems[Goods] = FollowedItems(
            export_path(settings, "items"), settings.live_items_path, read=read_goods, over=with_live
        )

    async def page(self, _: Request) -> Response:
        """Return the page, which draws itself by its address."""
        return FileResponse(PAGE / "index.html", media_type="text/html", headers=HEADERS)

    async def asset(self, request: Request) -> Response:
        """Return the script or the style of the page."""
        name = request.path_params["name"]
        if name not in TYPES:
            return Response(status_code=404)
        return FileResponse(PAGE / name, media_type=TYPES[name], headers=HEADERS)

    async def tracker(self, _: Request) -> Response:
        """Return the collector's tracker: from here, so that it sends here."""
        return Response(TRACKER.read_bytes(), media_type="text/javascript", headers=HEADERS)

    async def shop(self, _: Request) -> Response:
        """Return what the head of the page shows."""
        goods = self._goods()
        return JSONResponse({"items": len(goods), "departments": departments(goods)}, headers=HEADERS)

    async def item(self, request: Request) -> Response:
        """Return an item."""
        good = self._goods().get(request.path_params["item_id"])
        if good is None:
            return JSONResponse({"detail": "The shop has no such item."}, status_code=404, headers=HEADERS)
        return JSONResponse(self._pictured(good), headers=HEADERS)

    async def thumbnail(self, request: Request) -> Response:
        """Return the picture of an item."""
        return await self._pictures.thumbnail(request)

    async def search_by_picture(self, request: Request) -> Response:
        """Return what looks like a picture, with what the shop knows of the items."""
        return await self._pictures.search(request, self._with_goods)

    def _pictured(self, good: Good) -> dict[str, Any]:
        return {**good, "picture": self._pictures.address(good["item_id"])}

    async def list(self, request: Request) -> Response:
        """Return a list of the recommender with what the shop knows of its items."""
        asked = await self._asked(request, ASKED, num_results=NUM_RESULTS)
        if isinstance(asked, Response):
            return asked
        document = await self._document(f"{self._recommender}/v1/recommendations", asked, who="recommender")
        return document if isinstance(document, Response) else self._with_goods(document, "items")

    async def search(self, request: Request) -> Response:
        """Return what a query finds with what the shop knows of the items."""
        asked = await self._asked(request, SEARCHED, num_results=NUM_FOUND)
        if isinstance(asked, Response):
            return asked
        document = await self._document(f"{self._search}/v1/search", asked, who="search")
        return document if isinstance(document, Response) else self._with_goods(document, "results")

    async def suggestions(self, request: Request) -> Response:
        """Return how a query that is being typed may go on."""
        try:
            answer = await self._client.get(
                f"{self._search}/v1/search/suggestions",
                params={"q": request.query_params.get("q", "")},
                headers=self._headers,
            )
        except httpx.TransportError:
            return JSONResponse({"suggestions": []}, headers=HEADERS)
        return _passed_on(answer)

    async def _asked(self, request: Request, names: Sequence[str], *, num_results: int) -> dict[str, Any] | Response:
        """Return what a page may ask of what it asks for, or what is said of a body that cannot be read."""
        body = await self._bodies.read(request.receive)
        if not isinstance(body, bytes):
            return _unread(body)
        try:
            wanted = orjson.loads(body)
        except orjson.JSONDecodeError:
            return JSONResponse({"detail": "The body is not JSON."}, status_code=400, headers=HEADERS)
        asked = {name: wanted[name] for name in names if name in wanted} if isinstance(wanted, dict) else {}
        return asked | {"num_results": num_results, "explain": True}

    async def _document(self, url: str, asked: Mapping[str, Any], *, who: str) -> dict[str, Any] | Response:
        """Return what a service answers, with how long it took; or what is said where it gives no answer."""
        started = time.perf_counter()
        answer = await self._ask(url, orjson.dumps(asked))
        if answer is None:
            problem = f"The {who} does not answer. `make up` starts it once a model is approved (`make demo`)."
            return JSONResponse({"detail": problem}, status_code=503, headers=HEADERS)
        if answer.status_code != 200:
            return _passed_on(answer)
        document: dict[str, Any] = answer.json()
        return document | {"round_trip_ms": round((time.perf_counter() - started) * 1000, 1)}

    async def events(self, request: Request) -> Response:
        """Pass events on to the collector."""
        body = await self._bodies.read(request.receive)
        if not isinstance(body, bytes):
            return _unread(body)
        answer = await self._ask(f"{self._collector}/v1/events", body)
        if answer is None:  # the tracker keeps its events and tries again
            detail = {"detail": "The collector does not answer; `make up` starts it."}
            return JSONResponse(detail, status_code=503, headers={**HEADERS, "retry-after": "2"})
        return _passed_on(answer)

    async def assistant(self, request: Request) -> Response:
        """Pass a message on to the assistant."""
        body = await self._bodies.read(request.receive)
        if not isinstance(body, bytes):
            return _unread(body)
        answer = await self._ask(f"{self._assistant}/v1/assistant/messages", body)
        if answer is None:
            detail = {"detail": "The assistant does not answer; `make up` starts it."}
            return JSONResponse(detail, status_code=503, headers=HEADERS)
        return _passed_on(answer)

    async def _ask(self, url: str, body: bytes) -> httpx.Response | None:
        """Return a service's answer, or None where it gives none."""
        try:
            return await self._client.post(url, content=body, headers=self._headers)
        except httpx.TransportError:
            return None

    def _with_goods(self, document: Mapping[str, Any], name: str) -> Response:
        """Return a document whose items, under ``name``, have what the shop knows of them."""
        goods = self._goods()
        items = [item for item in document[name] if item["item_id"] in goods]
        named = {item_id for item in items for reason in item["reasons"] for item_id in reason.get("item_ids", ())}
        whole = {
            **document,
            name: [item | {"good": self._pictured(goods[item["item_id"]])} for item in items],
            "titles": {item_id: goods[item_id]["title"] for item_id in named if item_id in goods},
        }
        return JSONResponse(whole, headers=HEADERS)


def storefront_app(settings: Settings) -> Starlette:
    """Return the shop as an ASGI app; it answers browsers of this machine alone, for it has a key of the services."""
    client = httpx.AsyncClient(timeout=SECONDS)
    shop = Storefront(settings, client)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    return Starlette(
        routes=[
            Route("/tracker.js", shop.tracker),
            Route("/v1/events", shop.events, methods=["POST"]),
            Route("/assets/{name}", shop.asset),
            Route("/api/shop", shop.shop),
            Route("/api/items/{item_id:path}", shop.item),
            Route("/api/lists", shop.list, methods=["POST"]),
            Route("/api/search", shop.search, methods=["POST"]),
            Route("/api/suggestions", shop.suggestions),
            Route("/api/assistant", shop.assistant, methods=["POST"]),
            Route("/api/pictures", shop.search_by_picture, methods=["POST"]),
            Route("/api/pictures/{item_id:path}", shop.thumbnail),
            Route("/", shop.page),
            Route("/pictures", shop.page),
            Route("/search", shop.page),
            Route("/cart", shop.page),
            Route("/items/{item_id:path}", shop.page),
            Route("/departments/{name:path}", shop.page),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        lifespan=lifespan,
    )


def storefront_server(settings: Settings) -> uvicorn.Server:
    """Return the shop's server on its port; whoever asks it asks with its key, so it answers this machine alone."""
    return uvicorn.Server(
        uvicorn.Config(
            storefront_app(settings),
            host=HOST,
            port=settings.shop_port,
            http=HttpProtocol,
            log_level="warning",
            access_log=False,
        )
    )


def _unread(problem: ProblemError | None) -> Response:
    """Return what is said of a body that was too large or came too slowly; None is of a client that has gone."""
    if problem is None:
        return Response(status_code=400)
    return JSONResponse({"detail": problem.detail}, problem.status, {**HEADERS, "connection": "close"})


def _passed_on(answer: httpx.Response) -> Response:
    headers = {name: answer.headers[name] for name in ("content-type", "retry-after") if name in answer.headers}
    return Response(answer.content, status_code=answer.status_code, headers={**HEADERS, **headers})
