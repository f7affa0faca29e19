"""The pages show pictures of items, and find items by an uploaded one, in Chromium and in both languages."""

import io
import shutil
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn
from PIL import Image
from running import free_port
from starlette.testclient import TestClient

from orchestration.item_images import ImagedItem
from orchestration.picture_vectors import encode_all, learn, write_tables
from serving.app import service_app
from serving.http.access import Addresses
from serving.http.guard import RequestGuard
from serving.pictures.routes import UPLOADS, add_picture_routes
from serving.pictures.shelf import PictureShelf
from serving.storefront.app import storefront_app, storefront_server
from shopsight.marts import export_path
from shopsight.sample_shop.drawings import draw, drawn_address
from shopsight.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
GOODS: Final = [
    (noun, colour) for noun in ("Jacket", "Tent", "Coffee Mug") for colour in ("Red", "Blue", "Green", "Grey")
]


def serve(server: uvicorn.Server) -> threading.Thread:
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    return thread


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A running shop and search over twelve items with pictures, and one without."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), shop_port=free_port(), search_port=free_port())
    items = [
        ImagedItem(item_id=f"{noun} {colour}", title=f"{colour} {noun}", category=noun, colour=colour,
                   image=drawn_address(noun, colour))
        for noun, colour in GOODS
    ]  # fmt: skip
    settings.exports_dir.mkdir(parents=True)
    titles = {item.item_id: item.title for item in items} | {"plain": "Plain"}
    table = pa.table(
        {"item_id": list(titles), "title": list(titles.values())}
        | {name: pa.nulls(len(titles), pa.string()) for name in ("description", "category", "brand", "currency")}
        | {"price": [9.5] * len(titles), "is_available": [True] * len(titles)}
    )
    pq.write_table(table, export_path(settings, "items"))
    pictures = encode_all(settings, items)
    write_tables(settings, pictures, *learn(settings, pictures))
    shelf = PictureShelf(settings)
    inner, outer = service_app("Pictures"), service_app("Search")
    add_picture_routes(inner, lambda: shelf)
    outer.mount("/v1", inner)
    guard: Any = RequestGuard(outer, addresses=Addresses(uploads=UPLOADS), settings=settings)
    servers = [
        uvicorn.Server(uvicorn.Config(guard, port=settings.search_port, log_level="warning", lifespan="off")),
        storefront_server(settings),
    ]
    threads = [serve(server) for server in servers]
    yield settings
    for server, thread in zip(servers, threads, strict=True):
        server.should_exit = True
        thread.join(5)


def test_an_item_shows_its_picture_made_anew_from_its_pixels(shop: Settings) -> None:
    with TestClient(storefront_app(shop), base_url="http://127.0.0.1") as browser:
        good = browser.get("/api/items/Jacket Red").json()
        answer = browser.get(good["picture"])
        assert browser.get("/api/items/plain").json()["picture"] is None
        assert browser.get("/api/pictures/plain").status_code == 404
        assert browser.get("/api/pictures/..%2F..%2Fmodel").status_code == 404
    assert answer.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.content)).size == (224, 224)


def test_an_upload_finds_items_with_what_the_shop_says_of_them(shop: Settings) -> None:
    with TestClient(storefront_app(shop), base_url="http://127.0.0.1") as browser:
        answer = browser.post("/api/pictures", content=draw("Tent", "Blue"), headers={"content-type": "image/png"})
        broken = browser.post("/api/pictures", content=b"<svg/>", headers={"content-type": "image/png"})
    first = answer.json()["items"][0]
    assert (first["item_id"], first["good"]["title"]) == ("Tent Blue", "Blue Tent")
    assert (broken.status_code, broken.json()["code"]) == (415, "picture_unsupported_format")


@pytest.fixture
def page(shop: Settings) -> Iterator["Page"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(f"http://127.0.0.1:{shop.shop_port}/pictures")
        yield page
        browser.close()


def upload(page: "Page", data: bytes) -> None:
    page.set_input_files("#picture-file", files={"name": "x.png", "mimeType": "image/png", "buffer": data})


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install Debian's package `chromium` to run a browser")
def test_a_shopper_finds_items_by_a_picture_in_both_languages(page: "Page") -> None:
    from playwright.sync_api import expect

    page.click("#decline")
    upload(page, draw("Coffee Mug", "Red"))
    first = page.locator("section[data-list=picture] .card").first
    expect(first).to_contain_text("Coffee Mug", timeout=20_000)
    expect(page.locator("h1")).to_have_text("What looks like it")
    page.wait_for_function("document.querySelector('.card img.picture').naturalWidth === 224")
    page.click("#language")
    expect(page.locator("h1")).to_have_text("外观相似的商品")
    expect(page.locator("#by-picture")).to_have_text("以图找货")
    expect(page.locator("section[data-list=picture] .card").first).to_contain_text("Coffee Mug")
    upload(page, b"no picture")
    expect(page.locator("#picture-problem")).to_contain_text("无法用这张图片搜索", timeout=20_000)
