"""The sample shop beside a running recommender and collector, as a shopper clicks through it in Chromium."""

import asyncio
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr
from running import free_port
from search_shop import items_table
from starlette.testclient import TestClient
from toy_services import toy_services

from cli.shop import run_shop
from serving.prediction_log import read_log
from serving.recommender.experiments.changing import start, stop
from serving.running.launcher import ServerProcess, collector_process
from serving.storefront.app import storefront_app, storefront_server
from serving.storefront.visitors import Tally, Visitors
from shopsight.clock import utc_now
from shopsight.errors import ShopsightError
from shopsight.ingestion.collecting.live_file import LiveItemsFile
from shopsight.ingestion.collecting.records import read_records
from shopsight.marts import export_path
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
ADDRESS: Final = "http://127.0.0.1"


def write_export(settings: Settings) -> None:
    """Write a mart ``items`` with the items of the toy recommender."""
    numbers = range(60)
    tops = ("Shoes > Running", "Shoes > Hiking", "Shoes", "Bags", "Bags > Backpacks")
    table = pa.table(
        {
            "item_id": [f"i_{n}" for n in numbers],
            "title": [f"Item {n}" for n in numbers],
            "description": [f"All that is to be said of {n}." for n in numbers],
            "category": pa.array([tops[n % 6] if n % 6 < 5 else None for n in numbers], pa.string()),
            "brand": ["Acme" if n % 2 else "Zenith" for n in numbers],
            "price": [10.0 + n for n in numbers],
            "currency": ["EUR"] * 60,
            "is_available": [n != 3 for n in numbers],
        }
    )
    with replaced(export_path(settings, "items")) as draft:
        pq.write_table(table, draft)


class TestWithoutServices:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        ports = {name: free_port() for name in ("recommendation_port", "collector_port", "assistant_port")}
        settings = Settings(home=tmp_path).model_copy(update=ports)
        write_export(settings)
        return settings

    @pytest.fixture
    def browser(self, settings: Settings) -> Iterator[TestClient]:
        with TestClient(storefront_app(settings), base_url=ADDRESS) as client:
            yield client

    @pytest.mark.parametrize("address", ["/", "/cart", "/search?q=shoes", "/items/i%2F1", "/departments/Shoes"])
    def test_every_page_is_there_and_runs_no_script_but_the_shops_own(self, browser: TestClient, address: str) -> None:
        answer = browser.get(address)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert "sendBeacon" in browser.get("/tracker.js").text
        assert browser.get("/assets/shop.js").headers["content-type"].startswith("text/javascript")
        assert browser.get("/assets/app.py").status_code == 404

    def test_an_item_is_shown_as_it_is_now(self, browser: TestClient, settings: Settings) -> None:
        assert browser.get("/api/items/i_5").json()["price"] == 15.0
        LiveItemsFile(settings.live_items_path).append(
            [b'{"item_id": "i_5", "title": "Item 5", "price": "3.5", "valid_from": "2026-05-01T12:00:00Z"}']
        )
        assert browser.get("/api/items/i_5").json()["price"] == 3.5
        assert browser.get("/api/items/nothing").status_code == 404

    def test_the_departments_are_the_categories_at_the_top(self, browser: TestClient) -> None:
        assert browser.get("/api/shop").json() == {"items": 60, "departments": ["Shoes", "Bags"]}

    def test_a_service_that_is_away_is_named_with_the_command_that_starts_it(self, browser: TestClient) -> None:
        answer = browser.post("/api/lists", json={"placement": "best_sellers"})
        assert answer.status_code == 503
        assert "make up" in answer.json()["detail"]
        searched = browser.post("/api/search", json={"query": "shoes"})
        assert (searched.status_code, "make up" in searched.json()["detail"]) == (503, True)
        assert browser.get("/api/suggestions?q=sh").json() == {"suggestions": []}
        sent = browser.post("/v1/events", json={"events": []})
        assert (sent.status_code, sent.headers["retry-after"]) == (503, "2")

    def test_the_assistant_that_is_away_is_named_with_the_command_that_starts_it(self, browser: TestClient) -> None:
        assert "window.texts" in browser.get("/assets/assistant.js").text
        answer = browser.post("/api/assistant", json={"conversation_id": "c", "text": "hello"})
        assert answer.status_code == 503
        assert "make up" in answer.json()["detail"]

    @pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"placement": 3}'])
    def test_a_list_that_cannot_be_asked_for_is_no_error_of_the_server(self, browser: TestClient, body: bytes) -> None:
        assert browser.post("/api/lists", content=body).status_code in (400, 503)

    @pytest.mark.parametrize("address", ["/api/lists", "/v1/events"])
    def test_a_body_over_the_limit_is_not_read(self, browser: TestClient, settings: Settings, address: str) -> None:
        answer = browser.post(address, content=b" " * (settings.request_limit_bytes + 1))
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")
        assert str(settings.request_limit_bytes) in answer.json()["detail"]

    def test_a_taken_port_is_named_with_the_setting_that_moves_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            monkeypatch.setenv("SHOPSIGHT_SHOP_PORT", str(other.getsockname()[1]))
            with pytest.raises(ShopsightError, match="SHOPSIGHT_SHOP_PORT"):
                run_shop()

    def test_a_page_of_another_name_for_this_machine_gets_nothing(self, settings: Settings) -> None:
        with TestClient(storefront_app(settings), base_url="http://evil.example") as client:
            assert client.get("/api/shop").status_code == 400


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The address of the shop's pages, and where its clicks end."""

    url: str
    settings: Settings

    def collected(self) -> list[dict[str, Any]]:
        folder = self.settings.collected_dir
        paths = [path for end in ("sealed", "open") for path in sorted(folder.glob(f"*.{end}"))]
        return [row for path in paths for record in read_records(path) for row in record.accepted.to_pylist()]


def test_an_offer_of_another_protocol_is_answered_as_a_request_of_this_one(shop: "Shop") -> None:
    with socket.create_connection(("127.0.0.1", shop.settings.shop_port), timeout=10) as client:
        client.sendall(
            b"POST /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ncontent-length: 0\r\n\r\n"
        )
        assert client.recv(100).startswith(b"HTTP/1.1 404 ")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, pseudonym_key=SecretStr("a key for tests only"), collector_port=free_port())
    write_export(settings)
    collector: ServerProcess = collector_process(settings)
    collector.start()
    with toy_services(home, ["recommender"]) as ports:
        settings = settings.model_copy(update={"recommendation_port": ports["recommender"], "shop_port": free_port()})
        server = storefront_server(settings)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        collector.wait_until_ready()
        deadline = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        try:
            yield Shop(url=f"{ADDRESS}:{settings.shop_port}", settings=settings)
        finally:
            server.should_exit = True
            thread.join(10)
            collector.stop()


class TestVisitors:
    def test_what_made_up_visitors_see_and_do_is_in_the_log_and_with_the_collector(self, shop: Shop) -> None:
        before = len(shop.collected())
        start(shop.settings, {"name": "try", "placements": ["recommended_for_you"], "metric": "click_through",
                              "arms": [{"name": "control", "share": 0.5}, {"name": "popular", "share": 0.5,
                              "model": "popularity"}], "start": utc_now().date(), "end": utc_now().date()})  # fmt: skip
        until(lambda: arm_of_a_list(shop) is not None)

        async def come() -> Tally:
            async with httpx.AsyncClient(base_url=shop.url, timeout=30) as client:
                return await Visitors(client, prefix="visitor", seed=7).come(30, seconds=1)

        tally = asyncio.run(come())
        assert (tally.visits, tally.failed) == (30, {})
        assert set(tally.lists) == {"control", "popular"}
        logged = [row for row in read_log(shop.settings.predictions_dir / "recommender").rows if row["arm"]]
        lists = Counter(row["arm"] for row in logged if row["placement"] == "recommended_for_you")
        assert lists - tally.lists == Counter([arm_of_a_list(shop)])
        rows = shop.collected()[before:]
        assert len(rows) == tally.events
        clicks = [row for row in rows if row["event_name"] == "select_item"]
        assert len(clicks) == tally.clicked.total()
        assert {row["recommendation_id"] for row in clicks} <= {row["recommendation_id"] for row in logged}
        stop(shop.settings, "try", now=utc_now())
        until(lambda: arm_of_a_list(shop) is None)

    def test_visitors_of_a_shop_that_is_away_are_told_what_to_start(self) -> None:
        async def come() -> Tally:
            async with httpx.AsyncClient(base_url=f"{ADDRESS}:{free_port()}") as client:
                return await Visitors(client, prefix="visitor", seed=7).come(1, seconds=1)

        with pytest.raises(ShopsightError, match="make shop"):
            asyncio.run(come())


def arm_of_a_list(shop: Shop) -> str | None:
    asked = {"placement": "recommended_for_you", "user_id": "somebody else", "personalised": True}
    answer = httpx.post(f"{shop.url}/api/lists", json=asked, timeout=30).raise_for_status()
    arm = answer.json()["arm"]
    return None if arm is None else str(arm)


@pytest.fixture
def page() -> Iterator["Page"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        browser.close()
        assert errors == []


def titles(page: "Page", name: str) -> list[str]:
    """Return what a list shows, once it is drawn."""
    cards = page.locator(f"[data-list='{name}'] .card .title")
    cards.first.wait_for()
    return cards.all_text_contents()


def until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install Debian's package `chromium` to run a browser")
class TestInABrowser:
    def test_a_shopper_looks_at_an_item_and_the_list_at_home_changes(self, page: "Page", shop: Shop) -> None:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(shop.url)
        page.get_by_role("button", name="Yes, recommend").click()
        before = titles(page, "for-you")
        page.locator("[data-list='best'] .card a").first.click()
        page.get_by_role("heading", name="Item 0", exact=True).wait_for()
        assert "Item 1" in titles(page, "similar-i_0")
        page.get_by_role("link", name="The sample shop").click()
        until(lambda: titles(page, "for-you") != before)
        assert titles(page, "for-you")[0] == "Item 1"
        assert "because you looked at Item 0" in page.locator("[data-list='for-you'] .card").first.text_content()
        assert page.locator("[data-list='for-you'] .new").count() > 0
        footer = page.locator("#answer").text_content() or ""
        assert "recommender v0001 answered" in footer
        assert {url.split("/")[2] for url in asked if url.startswith("http")} == {shop.url.split("/")[2]}

    def test_what_is_bought_is_collected_with_the_list_that_it_came_from(self, page: "Page", shop: Shop) -> None:
        before = len(shop.collected())
        page.goto(shop.url)
        page.get_by_role("button", name="Yes, recommend").click()
        titles(page, "for-you")
        page.locator("[data-list='best'] .card a").first.click()
        page.get_by_role("button", name="Add to cart").click()
        page.locator("a.cart").click()
        assert titles(page, "complement")
        page.get_by_role("button", name="Buy").click()
        page.get_by_role("heading", name="Thank you").wait_for()
        until(lambda: page.evaluate("shopsight.waiting()") == 0)
        rows = shop.collected()[before:]
        clicks = ["page_view", "view_item_list", "select_item", "view_item", "add_to_cart", "view_cart", "purchase"]
        assert set(clicks) <= {row["event_name"] for row in rows}
        (bought,) = [row for row in rows if row["event_name"] == "purchase"]
        assert (bought["item_id"], float(bought["price"]), bought["consent"]) == ("i_0", 10.0, "granted")
        (chosen,) = [row for row in rows if row["event_name"] == "select_item"]
        assert (chosen["item_id"], chosen["list_position"], chosen["placement"]) == ("i_0", 1, "best_sellers")
        assert chosen["recommendation_id"].startswith("rec_")

    def test_who_does_not_agree_is_not_remembered_and_gets_the_lists_of_everybody(
        self, page: "Page", shop: Shop
    ) -> None:
        page.goto(shop.url)
        page.get_by_role("button", name="No, thank you").click()
        before = titles(page, "for-you")
        page.locator("[data-list='best'] .card a").first.click()
        page.get_by_role("heading", name="Item 0", exact=True).wait_for()
        page.get_by_role("link", name="The sample shop").click()
        assert titles(page, "for-you") == before
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        until(lambda: page.evaluate("shopsight.waiting()") == 0)
        assert shop.collected()[-1]["consent"] == "none"


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop of four shelves beside a running search, and nothing else."""
    home = tmp_path_factory.mktemp("searched")
    settings = Settings(home=home, pseudonym_key=SecretStr("a key for tests only"))
    with replaced(export_path(settings, "items")) as draft:
        items = items_table()
        pq.write_table(items.append_column("currency", pa.array(["EUR"] * items.num_rows)), draft)
    with toy_services(home, ["search"]) as ports:
        free = {name: free_port() for name in ("recommendation_port", "collector_port", "shop_port")}
        settings = settings.model_copy(update={"search_port": ports["search"], **free})
        server = storefront_server(settings)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        until(lambda: server.started)
        try:
            yield Shop(url=f"{ADDRESS}:{settings.shop_port}", settings=settings)
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install Debian's package `chromium` to run a browser")
class TestSearchInABrowser:
    def test_what_is_typed_is_suggested_found_put_right_and_narrowed(self, page: "Page", searched: Shop) -> None:
        page.goto(searched.url)
        page.get_by_role("combobox", name="Search").press_sequentially("head")
        page.get_by_role("option", name="Headphones").first.wait_for()
        page.get_by_role("combobox", name="Search").fill("hedphones under 170 euro")
        page.get_by_role("combobox", name="Search").press("Enter")
        page.locator("[data-list='search'] .card").first.wait_for()
        note = page.locator("[data-list='search'] .note").text_content() or ""
        assert "Searched for “headphones”." in note
        assert "Price: 170 at most." in note
        assert all("Headphones" in title for title in titles(page, "search")[:3])
        page.get_by_role("link", name="Veloria", exact=True).click()
        until(lambda: {title.split()[0] for title in titles(page, "search")} == {"Veloria"})

    def test_both_languages_have_every_text_and_the_page_changes_over(self, page: "Page", searched: Shop) -> None:
        page.goto(f"{searched.url}/search?q=跑步鞋")
        page.locator("[data-list='search'] .card").first.wait_for()
        assert "Running Shoes" in titles(page, "search")[0]
        english, chinese = (page.evaluate(f"Object.keys(texts.all.{name})") for name in ("en", "zh"))
        assert set(english) == set(chinese)
        page.get_by_role("button", name="中文").click()
        page.get_by_role("button", name="搜索").wait_for()
        assert page.evaluate("document.documentElement.lang") == "zh"
        until(lambda: "与搜索意思相近" in (page.locator("[data-list='search'] .card").first.text_content() or ""))
