"""The Dagster web UI, driven as a person would: open, look, click, wait for green."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr
from running import SHOPSIGHT, DemoRun, environment_of, settings_of

from models.registry.registry import ModelRegistry
from shopsight.sample_shop import HERO
from shopsight.settings import Settings

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

TOKEN = "a-token-for-tests-only"

RUNS = "{ runsOrError(limit: 10) { ... on Runs { results { runId status tags { key value } } } } }"
BY_A_SENSOR = "dagster/sensor_name"


@dataclass(frozen=True, kw_only=True)
class Ui:
    """A running ``shopsight up``."""

    settings: Settings
    process: subprocess.Popen[str]
    log: Path

    @property
    def url(self) -> str:
        return f"http://{self.settings.host}:{self.settings.dagster_port}"

    def ask(self, query: str) -> Any:
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)["data"]

    def log_in(self, page: "Page") -> None:
        """Open the link that `make up` printed."""
        deadline = time.monotonic() + 60
        while not (links := [word for word in self.log.read_text().split() if "token=" in word]):
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.5)
        page.goto(links[0], wait_until="domcontentloaded")
        assert "token" not in page.url

    def runs(self) -> dict[str, str]:
        """Return the state of each of the last runs that somebody asked for; sensors start some of their own."""
        runs = self.ask(RUNS)["runsOrError"]["results"]
        return {run["runId"]: run["status"] for run in runs if BY_A_SENSOR not in {tag["key"] for tag in run["tags"]}}

    def wait_for_runs(self, seconds: float, *, after: Set[str] = frozenset()) -> list[str]:
        """Wait until there are runs but those of ``after`` and all of them ended; return their states."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            states = [state for run, state in self.runs().items() if run not in after]
            if states and all(state in ("SUCCESS", "FAILURE", "CANCELED") for state in states):
                return states
            time.sleep(1)
        pytest.fail(f"no run ended within {seconds} seconds")

    def recommend(self, user_id: str, *, seconds: float) -> Any:
        """Ask the recommendation service, which starts once its Bento is there."""
        request = urllib.request.Request(
            f"http://{self.settings.host}:{self.settings.recommendation_port}/v1/recommendations",
            data=json.dumps({"placement": "recommended_for_you", "user_id": user_id, "num_results": 3}).encode(),
            headers={"content-type": "application/json"},
        )
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    return json.load(response)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def stop(self) -> None:
        """Press Ctrl-C, and see that nobody listens any more."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=60) == 0
        with pytest.raises(OSError):  # noqa: PT011 - refused, reset or unreachable: whatever says that nobody listens
            self.ask("{ version }")


@contextmanager
def web_ui(home: Path) -> Iterator[Ui]:
    """Start ``shopsight up`` on a home; its words are in ``up.log`` beside it."""
    settings, folder = settings_of(home).model_copy(update={"user": "Ada", "token": SecretStr(TOKEN)}), home.parent
    log = (folder / "up.log").open("w")
    process = subprocess.Popen(
        [SHOPSIGHT, "up"], env=environment_of(settings, folder), stdout=log, stderr=log, text=True
    )
    server = Ui(settings=settings, process=process, log=folder / "up.log")
    deadline = time.monotonic() + 120
    while True:
        try:
            server.ask("{ version }")
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("the web UI did not start:\n" + (folder / "up.log").read_text()[-3000:])
            time.sleep(0.5)
    try:
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


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
