"""The tracker in Chromium, on a page of another origin than the collector's, as a shop has it."""

import http.server
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from pydantic import SecretStr
from running import free_port
from starlette.testclient import TestClient

from serving.collector.tracking import keyless
from serving.http.access import Addresses
from serving.running.launcher import ServerProcess, collector_process
from shopsight.ingestion.collecting.records import read_records
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
in_a_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install Debian's package `chromium` to run a browser"),
]
KEY: Final = "a key for tests only"
PAGE: Final = """<!doctype html><title>Shoes</title>
<script src="{collector}/tracker.js" data-consent="{consent}" defer></script>
<button onclick="shopsight.track('add_to_cart', {{item_id: 'i_17', price: 19.9, currency: 'EUR'}})">Buy</button>"""


def test_the_tracker_is_served_as_a_script(client: TestClient) -> None:
    answer = client.get("/tracker.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert "sendBeacon" in answer.text


@pytest.mark.parametrize(("origin", "allowed"), [("https://shop.example", True), ("https://other.example", False)])
def test_pages_of_the_shop_alone_may_send_from_another_origin(client: TestClient, origin: str, allowed: bool) -> None:
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    assert (client.options("/v1/events", headers=asked).status_code == 200) is allowed
    refused = client.post("/v1/events", json={"events": []}, headers={"origin": origin})
    assert refused.status_code == 422
    assert (refused.headers.get("access-control-allow-origin") == origin) is allowed


@pytest.fixture(scope="module")
def shop() -> Iterator[int]:
    """The port of a shop's pages; the address's query is the page."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            consent, _, collector = self.path.removeprefix("/?").partition(":")
            body = PAGE.format(consent=consent, collector=f"http://127.0.0.1:{collector}").encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body if self.path.startswith("/?") else b"")

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def settings(shop: int, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        home=tmp_path_factory.mktemp("home"),
        pseudonym_key=SecretStr(KEY),
        collector_port=free_port(),
        shop_origins=f"http://127.0.0.1:{shop}",
    )


@pytest.fixture(scope="module")
def collector(settings: Settings) -> Iterator[ServerProcess]:
    process = collector_process(settings)
    process.start()
    process.wait_until_ready()
    yield process
    process.stop()


@pytest.fixture
def page() -> Iterator["Page"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def collected(settings: Settings) -> list[dict[str, Any]]:
    paths = [path for end in ("sealed", "open") for path in sorted(settings.collected_dir.glob(f"*.{end}"))]
    return [row for path in paths for record in read_records(path) for row in record.accepted.to_pylist()]


def until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def address_of(shop: int, settings: Settings, consent: str) -> str:
    return f"http://127.0.0.1:{shop}/?{consent}:{settings.collector_port}"


@pytest.mark.usefixtures("collector")
class TestInABrowser:
    pytestmark = in_a_browser

    def test_what_a_shopper_does_is_collected_and_nobody_else_hears_of_it(
        self, page: "Page", shop: int, settings: Settings
    ) -> None:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        before = len(collected(settings))
        page.goto(address_of(shop, settings, "granted"))
        page.get_by_role("button").click()
        page.evaluate("shopsight.identify('user 42')")
        until(lambda: page.evaluate("shopsight.waiting()") == 0)
        viewed, added, identified = collected(settings)[before:]
        assert (viewed["event_name"], added["event_name"], identified["event_name"]) == (
            "page_view", "add_to_cart", "identify",
        )  # fmt: skip
        assert added["item_id"] == "i_17"
        assert float(added["price"]) == 19.9
        assert {row["consent"] for row in (viewed, added, identified)} == {"granted"}
        assert len({(row["anonymous_id"], row["session_id"]) for row in (viewed, added, identified)}) == 1
        assert identified["user_id"] == Pseudonymiser(KEY.encode()).user("user 42")
        ports = {url.split("/")[2] for url in asked}
        assert ports == {f"127.0.0.1:{shop}", f"127.0.0.1:{settings.collector_port}"}

    def test_without_consent_nothing_is_stored_and_events_say_so(
        self, page: "Page", shop: int, settings: Settings
    ) -> None:
        before = len(collected(settings))
        page.goto(address_of(shop, settings, "none"))
        until(lambda: page.evaluate("shopsight.waiting()") == 0)
        assert page.evaluate("localStorage.length") == 0
        assert page.context.cookies() == []
        (viewed,) = collected(settings)[before:]
        assert viewed["consent"] == "none"
        page.evaluate("shopsight.consent('granted')")
        assert page.evaluate("localStorage.getItem('shopsight.device')")
        page.evaluate("shopsight.consent('none')")
        assert page.evaluate("localStorage.length") == 0

    def test_events_of_a_time_without_collector_arrive_later_each_once(
        self, page: "Page", shop: int, settings: Settings
    ) -> None:
        address = address_of(shop, settings, "granted")
        page.goto(address)
        until(lambda: page.evaluate("shopsight.waiting()") == 0)
        before = len(collected(settings))
        page.context.set_offline(True)
        for _ in range(3):
            page.get_by_role("button").click()
        assert page.evaluate("shopsight.waiting()") == 3
        page.context.set_offline(False)
        page.goto("about:blank")  # the page's beacon may or may not arrive
        page.goto(address)
        until(lambda: page.evaluate("shopsight.waiting()") == 0)
        rows = collected(settings)[before:]
        assert [row["event_name"] for row in rows].count("add_to_cart") == 3
        assert len({row["event_id"] for row in rows}) == len(rows)


def test_events_take_a_key_until_the_shops_pages_are_named_for_a_page_can_keep_no_secret(tmp_path: Path) -> None:
    for origins, scope in (("", "write"), ("https://shop.example", None)):
        addresses = Addresses(keyless=keyless(Settings(home=tmp_path, shop_origins=origins)), writes=["/v1"])
        assert addresses.scope_of("POST", "/v1/events") == scope
        assert addresses.scope_of("POST", "/v1/batch") == "write"
        assert addresses.scope_of("POST", "/v1/webhooks/shopify") is None
        assert addresses.scope_of("GET", "/tracker.js") is None
        assert addresses.scope_of("GET", "/metrics") == "read"
