"""In a real browser in which Ada is logged in, a page of another origin decides nothing."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestration.attribution import READ_ONLY_IN_SCOPE
from orchestration.gateway.gateway import Gateway
from orchestration.gateway.reports import reports_app
from orchestration.web_server import guarded

if TYPE_CHECKING:
    from playwright.sync_api import Page

TOKEN = "a-token-for-tests-only"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install Debian's package `chromium` to run a browser"),
]

MUTATION = """mutation { launchRun(executionParams: {
  selector: {repositoryLocationName: "shopsight", repositoryName: "__repository__", jobName: "reject_candidate"}
  runConfigData: {ops: {reject: {config: {family: "intent", reason: "an img tag"}}}}
}) { __typename } }"""

ATTACK = """<!doctype html><title>Cats</title>
<img src="{web}/graphql?query={query}">
<iframe name="frame" src="{web}/graphql?query={query}"></iframe>
<form id="form" method="post" enctype="text/plain" target="frame" action="{web}/graphql">
<input name='{{"query": "{mutation}", "x": "' value='"}}'></form>
<script>
window.done = (async () => {{
  form.submit();
  const body = JSON.stringify({{query: form.firstElementChild.name.slice(11, -8)}});
  const ask = (options) => fetch("{web}/graphql", {{method: "POST", body, credentials: "include", ...options}});
  await ask({{mode: "no-cors"}}).catch(() => 0);
  await ask({{headers: {{"content-type": "application/json"}}}}).catch(() => 0);
  await fetch("{web}/graphql?query={query}", {{mode: "no-cors", credentials: "include"}}).catch(() => 0);
  const opened = await new Promise((answer) => {{
    const socket = new WebSocket("{web}/graphql".replace("http", "ws"), "graphql-ws");
    socket.onopen = () => answer(true);
    socket.onerror = () => answer(false);
  }});
  await new Promise((wait) => setTimeout(wait, 1000));
  return opened;
}})();
</script>"""


@pytest.fixture
def page() -> Iterator["Page"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


@pytest.fixture
def cats(serve) -> int:
    """The port of a page that attacks the address in its query."""

    def attack(request: Request) -> HTMLResponse:
        mutation = " ".join(MUTATION.replace('"', r"\"").split())
        query = quote(" ".join(MUTATION.split()))
        return HTMLResponse(ATTACK.format(web=request.query_params["web"], query=query, mutation=mutation))

    return int(serve(Starlette(routes=[Route("/", attack)])))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the gateway answered to one request for GraphQL."""

    asked_by: str
    """``image``, ``iframe``, ``empty`` (a fetch) or ``websocket``, as the browser says."""
    had_cookie: bool
    status: int


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An application, and what it answered."""

    app: ASGIApp
    answers: list[Answer] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def recorded(message: Message) -> None:
            if scope["path"] == "/graphql" and message["type"] in ("http.response.start", "websocket.close"):
                headers = Headers(scope=scope)
                dest, cookie = headers.get("sec-fetch-dest", scope["type"]), "cookie" in headers
                self.answers.append(Answer(asked_by=dest, had_cookie=cookie, status=message.get("status", 403)))
            await send(message)

        await self.app(scope, receive, recorded)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["another site", "another port of this machine"])
def test_a_page_of_another_origin_decides_nothing_in_the_name_of_who_is_logged_in(
    page: "Page", owner, context, serve, cats: int, instance, host: str
) -> None:
    web = Recorded(app=guarded(context, owner))
    address = f"http://127.0.0.1:{serve(web)}"
    page.goto(f"{address}/login?token={TOKEN}")
    assert page.get_by_text("You are Ada").is_visible()

    page.goto(f"http://{host}:{cats}/?web={address}", wait_until="domcontentloaded")
    assert page.evaluate("window.done") is False, "no WebSocket opens"
    assert {answer.asked_by for answer in web.answers} >= {"image", "iframe", "empty", "websocket"}
    assert {answer.status for answer in web.answers} <= {403, 405}
    assert any(answer.had_cookie for answer in web.answers) is (host == "127.0.0.1"), "ports share cookies"
    assert instance.get_runs() == []

    page.goto(address, wait_until="domcontentloaded")
    launch = """async body => {
      const headers = {"content-type": "application/json"};
      return await (await fetch("/graphql", {method: "POST", headers, body})).text();
    }"""
    assert "LaunchRunSuccess" in page.evaluate(launch, json.dumps({"query": MUTATION})), "the same from Ada's own page"
    assert len(instance.get_runs()) == 1


def test_without_the_gateway_the_same_page_decides(page: "Page", context, serve, cats: int, instance) -> None:
    dagster = create_app_from_workspace_process_context(context)

    async def everybody_decides(scope: Scope, receive: Receive, send: Send) -> None:
        await dagster(scope | {READ_ONLY_IN_SCOPE: False}, receive, send)

    bare = serve(everybody_decides)
    page.goto(f"http://localhost:{cats}/?web=http://127.0.0.1:{bare}", wait_until="domcontentloaded")
    page.evaluate("window.done")
    assert instance.get_runs()


REPORT = """<!doctype html><title>A report</title><script>
window.done = (async () => ({
  origin: self.origin,
  cookie: (() => { try { return document.cookie } catch (error) { return error.name } })(),
  answered: await fetch("/").then(() => true, () => false),
  opened: window.open("/") !== null,
}))();
</script>"""


def test_the_script_of_a_report_runs_and_has_neither_the_login_nor_a_server(page: "Page", owner, serve) -> None:
    owner.reports_dir.mkdir(parents=True)
    (owner.reports_dir / "drift.html").write_text(REPORT)
    address = f"http://127.0.0.1:{serve(Gateway(reports_app(owner.reports_dir), owner))}"
    page.goto(f"{address}/?token={TOKEN}")
    page.get_by_role("link", name="drift.html").click()
    page.wait_for_url("**/drift.html")
    outcome = {"origin": "null", "cookie": "SecurityError", "answered": False, "opened": False}
    assert page.evaluate("window.done") == outcome
