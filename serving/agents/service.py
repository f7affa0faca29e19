"""The agents' service: HTTP around :class:`serving.agents.desk.AgentDesk`, for programs that shop for people.

It has no model and so no Bento: it is served from where shopsight is installed. ``/mcp`` speaks the Model Context
Protocol over streamable HTTP, one request at a time and without sessions; ``/.well-known/ucp`` and the routes below
``/v1/ucp`` are the Universal Commerce Protocol's discovery and catalogue.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import bentoml
import httpx
from mcp.server.mcpserver import Context
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import BaseModel, ValidationError
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from ucp_sdk.models.schemas.shopping.catalog_lookup import GetProductRequest, LookupRequest
from ucp_sdk.models.schemas.shopping.catalog_search import SearchRequest

from serving import tracing
from serving.agents import ucp
from serving.agents.desk import AgentDesk
from serving.agents.opening import open_desk
from serving.agents.tools import mcp_server
from serving.agents.visits import Door, Visitor, visit_id
from serving.app import SERVICE_OPTIONS, JsonAnswer, current_desk, guarded, service_app, settle_memory, settle_server
from serving.http.headers import SCOPES
from serving.http.problems import ProblemError, error_entries
from serving.running.states import note_on
from shopsight.families import AGENTS
from shopsight.settings import Settings

TITLE: Final = "Agents"
MCP: Final = "/mcp"
DISCOVERY: Final = "/.well-known/ucp"
CATALOGUE: Final = "/v1/ucp"
app = service_app(TITLE)

Shape = TypeVar("Shape", bound=BaseModel)


def _desk() -> AgentDesk:
    desk: AgentDesk = current_desk()
    return desk


def _caller(context: Context[Any, Any]) -> Visitor:
    request = context.request_context.request
    if not isinstance(request, HttpRequest):
        raise RuntimeError("a call over HTTP has come without its request")
    return _visitor(request, "mcp")


def _visitor(http: HttpRequest, door: Door) -> Visitor:
    """Return who asks: calls of one address and one program within a day of the shop are one visit."""
    signs = [http.headers.get(name, "") for name in ("mcp-session-id", "ucp-agent", "user-agent")]
    client = http.client.host if http.client else ""
    return Visitor(id=visit_id(client, *signs), scopes=http.scope.get(SCOPES), door=door)


class McpDoor:
    """Hands each request to a transport of its own: what an agent asks depends on nothing that it asked before."""

    def __init__(self, settings: Settings) -> None:
        """Make one; ``settings`` say by which names it may be reached."""
        self._server = mcp_server(_desk, _caller)
        self._security = _security(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._server.streamable_http_app(json_response=True, stateless_http=True, transport_security=self._security)
        manager = self._server.session_manager  # of the app just made: each runs once, and nothing is awaited between
        async with manager.run():
            await manager.handle_request(scope, receive, send)


def _security(settings: Settings) -> TransportSecuritySettings:
    """Return which names a request may come under: no page elsewhere is to reach this machine by a name of its own."""
    further = [name.strip() for name in settings.allowed_hosts.split(",") if name.strip()]
    names = ["127.0.0.1", "localhost", "[::1]", settings.host, *further]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=settings.on_loopback,  # elsewhere an API key is asked for, which no page has
        allowed_hosts=[name + port for name in names for port in ("", ":*")],
        allowed_origins=[
            f"{scheme}://{name}{port}" for scheme in ("http", "https") for name in names for port in ("", ":*")
        ],
    )


async def discovery(request: HttpRequest) -> Response:
    """Say what this shop offers to agents."""
    return JsonAnswer(ucp.profile(str(request.base_url).rstrip("/") + CATALOGUE))


@bentoml.service(name=f"shopsight_{AGENTS}", **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class AgentsService:
    """What programs ask that shop for people."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.handover = settle_server(self.settings, AGENTS)
        tracing.start(self.settings, AGENTS, {})
        self.client = httpx.AsyncClient()
        self.desk = open_desk(self.settings, self.client)
        settle_memory()

    def notes(self) -> list[str]:
        """Return what is amiss while agents are answered all the same, for ``/readyz``."""
        notes = [note] if (note := note_on(self.settings, AGENTS)) else []
        return notes + self.desk.notes()

    async def __is_ready__(self) -> bool:
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def close(self) -> None:
        """Send what is left of the agents' events."""
        await self.desk.visits.settle()
        await self.client.aclose()
        tracing.stop()


BESIDE: Final[Sequence[Route]] = (Route(MCP, McpDoor(Settings()), methods=["POST"]), Route(DISCOVERY, discovery))
guarded(AgentsService, beside=BESIDE, keyless=(DISCOVERY,), reads=(MCP, CATALOGUE))


@app.post("/ucp/catalog/search", tags=["Catalogue"])
async def search_catalogue(body: dict[str, Any], http: HttpRequest) -> Response:
    """Search the catalogue, as the Universal Commerce Protocol has it."""
    return JsonAnswer(await ucp.search(_desk(), _visitor(http, "ucp"), _read(SearchRequest, body)))


@app.post("/ucp/catalog/lookup", tags=["Catalogue"])
async def look_up_products(body: dict[str, Any], http: HttpRequest) -> Response:
    """Return products by their ids."""
    return JsonAnswer(ucp.look_up(_desk(), _visitor(http, "ucp"), _read(LookupRequest, body).ids))


@app.post("/ucp/catalog/product", tags=["Catalogue"])
async def get_product(body: dict[str, Any], http: HttpRequest) -> Response:
    """Return one product in full."""
    return JsonAnswer(ucp.get_product(_desk(), _visitor(http, "ucp"), _read(GetProductRequest, body).id))


def _read(shape: type[Shape], body: dict[str, Any]) -> Shape:
    """Return a request of the protocol.

    Raises:
        ProblemError: it is none (400, as the protocol has it).
    """
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        entries = error_entries(error.errors(include_input=False, include_url=False), ("body",))
        raise ProblemError(400, entries[0]["msg"], code="invalid_request", errors=entries) from error
