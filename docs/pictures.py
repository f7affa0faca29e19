"""Take the pictures of the web UI that the README and the documentation show, of the shop in ``SHOPSIGHT_HOME``.

``make screenshot`` runs it; it needs Debian's package ``chromium`` and a home in which ``make demo`` has run.
"""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from orchestration.instance import prepare_dagster_home
from shopsight.errors import ShopsightError
from shopsight.settings import REPO_ROOT, Settings, prepare_environment

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES: Final = Path(__file__).parent / "images"
PORT: Final = 3917
OPENED: Final = ("ingestion", "features", "monitoring", "models")
"""Groups whose assets are shown; with the warehouse's open too, no name could be read."""
SECONDS_TO_START: Final = 120


def main() -> None:
    """Start the web UI without its daemon, so that no sensor starts a run; take the pictures; stop it."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise ShopsightError("no Chromium", why="it draws the web UI", fix="install Debian's package chromium")
    settings = Settings()
    prepare_environment(settings)
    prepare_dagster_home(settings)
    server = subprocess.Popen(
        [sys.executable, "-m", "dagster_webserver", "-m", "orchestration.definitions", "-p", str(PORT)],
        cwd=REPO_ROOT,
        env=dict(os.environ),
    )
    try:
        _wait_until_it_answers()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1340, "height": 760}, device_scale_factor=1.5)
            _asset_graph(page)
            _evaluation(page)
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=60)


def _asset_graph(page: "Page") -> None:
    opened = ",".join(f"global@global:{group}" for group in OPENED)
    page.goto(f"http://127.0.0.1:{PORT}/asset-groups/?expanded={quote(opened)}", wait_until="domcontentloaded")
    page.get_by_text("online_features").first.wait_for(timeout=90_000)
    page.get_by_text("Hide navigation").click()
    page.wait_for_timeout(8_000)  # the colours of the assets arrive after their names
    page.screenshot(path=IMAGES / "asset-graph.png")


def _evaluation(page: "Page") -> None:
    page.goto(f"http://127.0.0.1:{PORT}/assets/recommender_evaluation?view=overview", wait_until="domcontentloaded")
    page.get_by_text("Latest check results").first.wait_for(timeout=90_000)
    page.wait_for_timeout(4_000)
    page.screenshot(path=IMAGES / "evaluation.png")


def _wait_until_it_answers() -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/server_info", timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


if __name__ == "__main__":
    main()
