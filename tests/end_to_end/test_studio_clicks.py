"""Studio in Chromium: tasks done by clicks alone, in both languages, on a phone, and by the keyboard."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from models.registry.registry import ModelRegistry
from orchestration.gateway.servers import listening, served
from orchestration.studio_server import guarded_studio
from serving.studio.app import PAGES
from serving.studio.words import LANGUAGES, catalogue
from shopsight.marts import open_marts
from shopsight.sample_shop import HERO
from shopsight.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

TOKEN = "a-token-for-tests-only"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: install Debian's package `chromium` to open Studio"),
]
LOW_CONTRAST = """() => {
  const light = (rgb) => {
    const [r, g, b] = rgb.match(/[\\d.]+/g).slice(0, 3).map((one) => one / 255)
      .map((one) => one <= .03928 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/rgba\\(.*, 0\\)|transparent/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("a, p, td, th, h1, h2, h3, li, label, button, summary, .tag")]
    .filter((one) => one.innerText && one.checkVisibility())
    .map((one) => {
      const [over, under] = [light(getComputedStyle(one).color), light(behind(one))].sort((a, b) => b - a);
      return [(over + .05) / (under + .05), one.tagName, one.innerText.slice(0, 40)];
    })
    .filter(([ratio]) => ratio < 4.5);
}"""
"""Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, AA)."""
REFUSED = "status of 409"
"""What Chromium says of a form that was refused: that is what a test wanted."""
NAMELESS = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), textarea, svg")].filter((one) =>
  !(one.innerText || one.value || one.ariaLabel || (one.labels && one.labels.length))).map((one) => one.outerHTML)"""
"""What a screen reader would have no name for."""


@pytest.fixture
def studio(demo_home: Settings) -> Iterator[str]:
    """The address of Studio on the demo's home, with the token of Ada, who runs it."""
    settings = demo_home.model_copy(update={"user": "Ada", "token": SecretStr(TOKEN)})
    with listening("127.0.0.1", 0) as listener, served(guarded_studio(settings), listener, settings):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def open_page(studio: str) -> Iterator[Callable[..., "Page"]]:
    """Open *Today* as Ada; what a page asks of another machine, or writes to the console, fails the test."""
    from playwright.sync_api import sync_playwright

    amiss: list[str] = []
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def opened(**context: Any) -> "Page":
            page = browser.new_context(**context).new_page()
            page.on("console", lambda message: None if REFUSED in message.text else amiss.append(message.text))
            page.on("request", lambda request: None if request.url.startswith(studio) else amiss.append(request.url))
            page.goto(f"{studio}/?token={TOKEN}")
            assert "token" not in page.url
            return page

        yield opened
        browser.close()
    assert amiss == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_reached_by_clicks_readable_and_named_to_who_hears_it(
    open_page, language: str, scheme: str
) -> None:
    page, texts = open_page(locale={"en": "en-GB", "zh": "zh-CN"}[language], color_scheme=scheme), catalogue(language)
    for name in PAGES:
        page.get_by_role("navigation").first.get_by_role("link", name=texts[f"page.{name}"], exact=True).click()
        assert page.locator("h1").inner_text() == texts[f"page.{name}"]
        page.locator(".working").wait_for(state="detached", timeout=120_000)
        assert page.evaluate(LOW_CONTRAST) == [], name
        assert page.evaluate(NAMELESS) == [], name
        assert page.locator("main h1").count() == 1
        assert page.evaluate("document.documentElement.lang") == language


def test_no_page_is_wider_than_a_phone(open_page, studio: str) -> None:
    page = open_page(viewport={"width": 360, "height": 740})
    for address in (
        "/",
        "/models",
        "/models/recommender/v0001",
        f"/shoppers?user={HERO}",
        "/funnel",
        "/stock",
        "/data",
    ):
        page.goto(f"{studio}{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address


def test_the_language_is_chosen_by_a_click_and_stays(open_page) -> None:
    page = open_page(locale="en-GB")
    page.get_by_role("link", name="中文").click()
    page.get_by_role("link", name="搜索", exact=True).click()
    assert page.locator("h1").inner_text() == "搜索"


def test_by_the_keyboard_alone_the_first_stop_leads_past_the_menu(open_page) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_revenue_of_today_opens_its_rows_and_they_are_those_of_the_marts(open_page, demo_home: Settings) -> None:
    page = open_page()
    said = page.locator(".cards li", has_text="Net revenue").locator(".value").inner_text()
    page.get_by_role("link", name="Net revenue").click()
    assert page.locator(".value").inner_text() == said
    page.get_by_text("SQL of the rows").click()
    with open_marts(demo_home) as connection:
        rows = connection.execute(page.locator("pre").inner_text()).fetchall()
    assert f"{sum(row[-1] for row in rows):,.2f}" == said
    with page.expect_download() as download:
        page.get_by_role("link", name="Export all rows as CSV").click()
    assert len(download.value.path().read_text().splitlines()) == len(rows) + 1


def test_the_step_where_one_device_drops_out_is_read_off_the_funnel(open_page, demo_home: Settings) -> None:
    page = open_page()
    page.get_by_role("link", name="Funnel", exact=True).click()
    page.get_by_role("link", name="device", exact=True).click()
    mobile = page.locator("tr", has_text="mobile").inner_text().split()
    first, last = re.findall(r"\d{4}-\d\d-\d\d", page.url)
    with open_marts(demo_home) as connection:
        steps = connection.execute(
            "select sum(shoppers) from funnel_breakdown_daily where is_complete and dimension = 'device' "
            "and value = 'mobile' and event_date between $first::date and $last::date "
            "group by step_number order by step_number",
            {"first": first, "last": last},
        ).fetchall()
    assert [int(text.replace(",", "")) for text in mobile[1:5]] == [row[0] for row in steps]


def test_a_shopper_is_searched_for_and_their_last_order_stands_in_the_timeline(open_page) -> None:
    page = open_page()
    page.get_by_role("link", name="Shoppers", exact=True).click()
    page.get_by_label("Id of a shopper").fill(HERO)
    page.get_by_role("button", name="Look up").click()
    assert page.get_by_text("favourite_brands").is_visible()
    assert page.locator(".timeline li", has_text="order").count() > 0


def test_a_question_is_asked_and_answered_or_refused(open_page) -> None:
    page = open_page()
    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_label("Question").fill("predict the gender of shoppers")
    page.get_by_role("button", name="Ask").click()
    page.locator(".tag", has_text="refused").wait_for(timeout=120_000)
    assert page.get_by_text("Ask instead").is_visible()


def test_why_a_model_serves_is_read_and_a_decision_without_a_way_back_is_refused_in_words(
    open_page, demo_home: Settings
) -> None:
    page = open_page()
    page.get_by_role("link", name="Models", exact=True).click()
    champion = ModelRegistry.of(demo_home).champion("recommender")
    assert champion is not None
    page.get_by_role("link", name="recommender", exact=True).click()
    page.get_by_role("link", name=champion.version).click()
    figure = champion.evaluation.metrics[champion.evaluation.primary_metric]
    assert page.get_by_text(f"{figure.value:.4f}", exact=True).is_visible()
    page.get_by_label("Reason").fill("a test of the form")
    page.get_by_role("button", name="Roll back").click()
    assert page.get_by_role("alert").is_visible()
    assert ModelRegistry.of(demo_home).champion("recommender") == champion
