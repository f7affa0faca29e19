"""The Dagster web UI, driven as a person would: open, look, click, wait for green."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from running import DemoRun, settings_of
from running_ui import web_ui

from models.registry.registry import ModelRegistry
from shopsight.sample_shop import HERO

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NO_CHROMIUM = "no Chromium: install Debian's package `chromium` to drive the web UI"
KEEP_SCREENSHOT = os.environ.get("SHOPSIGHT_KEEP_SCREENSHOT")
"""Where to keep the picture that the README shows; ``make screenshot`` sets it."""

STAGES = ("training", "evaluation", "promotion", "deployment")
GROUPS = ("ingestion", "warehouse", "features", "monitoring", "models", *(f"models/{stage}" for stage in STAGES))
"""Groups that are opened for the picture; the three of the warehouse stay closed, or the rest would be tiny."""

DECISION = """ops:
  approve:
    config:
      family: recommender
      version: v0001
      reason: beats every baseline on the test split
"""


@contextmanager
def browser_page(outside: list[str]) -> Iterator["Page"]:
    """Open a page in Chromium; what it asks of another machine is noted in ``outside``."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 2000, "height": 1500})
        page.on(
            "request",
            lambda request: (
                None
                if "127.0.0.1" in request.url or request.url.startswith(("data:", "blob:"))
                else outside.append(request.url)
            ),
        )
        yield page
        browser.close()


@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
@pytest.mark.slow
def test_the_assets_of_a_ready_shop_are_materialised_by_a_click_its_models_served_and_ctrl_c_stops_everything(
    demo: DemoRun, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(demo.untouched, tmp_path / "home"))
    # Inputs that drifted would start a retraining beside the test.
    shutil.rmtree(settings_of(home).reports_dir / "drift")
    outside: list[str] = []
    with web_ui(home) as ui:
        with browser_page(outside) as page:
            before = ui.runs().keys()
            ui.log_in(page)
            page.goto(f"{ui.url}/locations/shopsight/asset-groups/ingestion", wait_until="domcontentloaded")
            materialize = page.get_by_role("button", name="Materialize all")
            materialize.wait_for(timeout=60_000)
            materialize.click()
            assert ui.wait_for_runs(120, after=before) == ["SUCCESS"], (tmp_path / "up.log").read_text()[-3000:]
            answer = ui.recommend(HERO, seconds=60)
            assert len(answer["items"]) == 3
            assert answer["user_known"] is True
            assert answer["model"]["version"] == "v0001"
        ui.stop()
    assert outside == []


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
def test_a_shop_is_materialised_approved_and_served_by_clicks_and_ctrl_c_stops_everything(tmp_path: Path) -> None:
    outside: list[str] = []
    with web_ui(tmp_path / "home") as ui:
        with browser_page(outside) as page:
            ui.log_in(page)
            page.goto(f"{ui.url}/asset-groups", wait_until="domcontentloaded")
            materialize = page.get_by_role("button", name="Materialize all")
            materialize.wait_for(timeout=60_000)
            materialize.click()
            assert ui.wait_for_runs(450) == ["SUCCESS"], (tmp_path / "up.log").read_text()[-3000:]

            registry = ModelRegistry.of(ui.settings)
            assert registry.champion("recommender") is None, "nobody approved it yet"
            page.goto(f"{ui.url}/locations/shopsight/jobs/approve_candidate", wait_until="domcontentloaded")
            fill_in_the_launchpad(page)
            # The approval is one run; the sensor that sees the new champion starts another, which packages it.
            answer = ui.recommend(HERO, seconds=200)
            assert len(answer["items"]) == 3
            assert answer["user_known"] is True
            champion = registry.champion("recommender")
            assert champion is not None
            assert champion.approval is not None
            assert champion.approval.approver == "Ada"

            opened = ",".join(f"global@global:{group}" for group in GROUPS)
            page.goto(f"{ui.url}/asset-groups/?expanded={quote(opened)}", wait_until="domcontentloaded")
            page.get_by_text("warehouse").first.wait_for(timeout=60_000)
            page.wait_for_timeout(3000)
            picture = page.screenshot(path=KEEP_SCREENSHOT or str(tmp_path / "asset-graph.png"))
            assert len(picture) > 20_000
        ui.stop()
    assert outside == []


def fill_in_the_launchpad(page: "Page") -> None:
    """Type the decision as a person would, and launch it."""
    page.get_by_text("Launchpad", exact=True).first.click(timeout=60_000)
    editor = page.locator(".CodeMirror").first
    editor.wait_for(timeout=60_000)
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(DECISION)
    page.get_by_text("No errors").wait_for(timeout=60_000)
    page.get_by_role("button", name="Launch Run").click()
    page.get_by_text("approve_candidate").first.wait_for(timeout=60_000)
