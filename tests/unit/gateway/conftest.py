"""A gateway on a real socket, in front of a small application that says what reached it."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import dagster as dg
import httpx
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from orchestration.attribution import PERSON_IN_SCOPE
from orchestration.gateway.gateway import Gateway
from orchestration.gateway.reports import reports_app
from orchestration.gateway.servers import listening, served
from orchestration.instance import prepare_dagster_home
from orchestration.web_server import LOCATION, ContextByRole, guarded
from shopsight.settings import REPO_ROOT, Settings, tool_environment

TOKEN = "a-token-for-tests-only"


@dataclass(frozen=True, kw_only=True)
class Door:
    """A served gateway, and what came through it."""

    port: int
    reached: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, *, logged_in: bool = False, bearer: str = "") -> httpx.Client:
        """Return a client of no redirects, as a browser that logged in or a script with a token."""
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        cookies = None
        if logged_in:
            answer = httpx.get(self.url, params={"token": TOKEN}, trust_env=False)
            assert answer.status_code == 303
            cookies = answer.cookies
        return httpx.Client(base_url=self.url, headers=headers, cookies=cookies, trust_env=False)


@pytest.fixture
def owner(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The home of Ada, who runs `make up`."""
    settings = home.model_copy(update={"user": "Ada", "token": SecretStr(TOKEN)})
    for name, value in tool_environment(settings).items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def serve(owner: Settings) -> Iterator[Callable[[ASGIApp], int]]:
    """Serve an application until the test ends, and return its port."""
    with ExitStack() as stack:

        def serve(app: ASGIApp) -> int:
            listener = listening("127.0.0.1", 0)
            stack.enter_context(served(app, listener, owner))
            return int(listener.getsockname()[1])

        yield serve


@pytest.fixture
def door(owner: Settings, serve: Callable[[ASGIApp], int]) -> Door:
    """A gateway before an application with a GraphQL address, a WebSocket and an open page."""
    reached: list[str] = []

    async def page(request: Request) -> JSONResponse:
        reached.append(f"{request.method} {request.url.path}")
        return JSONResponse(
            {"person": request.scope.get(PERSON_IN_SCOPE), "body": (await request.body()).decode(errors="replace")}
        )

    async def socket(websocket: WebSocket) -> None:
        reached.append("WS")
        await websocket.accept(subprotocol="graphql-ws")
        await websocket.send_text(json.dumps({"person": websocket.scope.get(PERSON_IN_SCOPE)}))
        await websocket.close()

    everything = Route("/{path:path}", page, methods=["GET", "POST", "PUT", "DELETE"])
    app = Starlette(routes=[WebSocketRoute("/graphql", socket), everything])
    return Door(port=serve(Gateway(app, owner, open_paths=["/server_info"])), reached=reached)


@pytest.fixture
def reports(owner: Settings, serve: Callable[[ASGIApp], int]) -> Door:
    """The reports of Ada's home behind a gateway, among what is none."""
    folder = owner.reports_dir
    (folder / "drift").mkdir(parents=True)
    (folder / "drift" / "churn.html").write_text("<script>1</script>")
    (folder / "texts & labels.csv").write_text("text,intent")
    (folder / ".hidden").write_text("secret")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("secret")
    (owner.keys_dir).mkdir(exist_ok=True)
    (owner.keys_dir / "pseudonym.key").write_text("secret")
    (folder / "key.html").symlink_to(owner.keys_dir / "pseudonym.key")
    (folder / "elsewhere").symlink_to(owner.home)
    (folder / "newest.html").symlink_to(folder / "drift" / "churn.html")
    os.mkfifo(folder / "pipe")
    return Door(port=serve(Gateway(reports_app(folder), owner)))


@pytest.fixture
def instance(owner: Settings) -> Iterator[dg.DagsterInstance]:
    prepare_dagster_home(owner)
    with dg.DagsterInstance.get() as instance:
        yield instance


@pytest.fixture
def context(instance: dg.DagsterInstance) -> Iterator[WorkspaceProcessContext]:
    """What Dagster's web application is made around, with the deciding jobs alone."""
    target = LoadableTargetOrigin(
        executable_path=sys.executable,
        python_file=str(REPO_ROOT / "tests" / "support" / "deciding_location.py"),
        attribute="defs",
    )
    origin = InProcessCodeLocationOrigin(loadable_target_origin=target, location_name=LOCATION)
    with ContextByRole(instance, InProcessWorkspaceLoadTarget(origin)) as context:
        yield context


@pytest.fixture
def web(owner: Settings, context: WorkspaceProcessContext, serve: Callable[[ASGIApp], int]) -> str:
    """The address of Dagster's web application behind the gateway of Ada's home."""
    return f"http://127.0.0.1:{serve(guarded(context, owner))}"
