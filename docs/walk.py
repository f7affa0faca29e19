"""Walk the page docs/closed-loop.md in Chromium, as a newcomer would, and take its pictures.

``make walk`` runs it beside ``make up`` and ``make shop``, in a home in which ``make demo`` has run. It begins an
experiment, rejects and releases models and rolls one back: what it does stays in that home. Steps can be named, to do
these alone.
"""

import io
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from orchestration.gateway.people import People, link_to
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES: Final = Path(__file__).parent / "images"
PAGE: Final = Path(__file__).with_name("closed-loop.md")
COLOURS: Final = 128
WAIT_MS: Final = 120_000
RUN_SECONDS: Final = 1_800
"""Longest wait for a run: a training is the longest."""


class Walk:
    """The steps, in the order of the page."""

    def __init__(self, page: "Page", settings: Settings) -> None:
        self._page = page
        self._settings = settings
        self._url = f"http://{settings.host}:{settings.dagster_port}"
        self._token = People(settings).own_token()
        page.goto(link_to(settings, self._token), wait_until="domcontentloaded")
        page.goto(self._url, wait_until="domcontentloaded")
        page.get_by_text("Hide navigation").click(timeout=WAIT_MS)

    def experiment(self) -> None:
        """Begin the experiment."""
        self._fill_in("start_experiment", self._form(1))
        self._picture("loop-1-experiment")
        self._launch()

    def shop(self) -> None:
        """Come as a shopper, and read which arm it is."""
        page = self._page
        page.goto(f"http://127.0.0.1:{self._settings.shop_port}/", wait_until="domcontentloaded")
        if page.locator("#agree").is_visible():
            page.locator("#agree").click()
        page.locator("#user").fill("maya")
        page.locator("#user").press("Enter")
        page.get_by_text("of the experiment", exact=False).first.wait_for(timeout=WAIT_MS)
        page.wait_for_timeout(1_500)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(500)
        self._picture("loop-2-shop")

    def visitors(self) -> None:
        """Have visitors come."""
        subprocess.run([Path(sys.executable).with_name("shopsight"), "visitors"], check=True)

    def verdict(self) -> None:
        """Refresh, and read the verdict."""
        self._materialise_job("daily_refresh")
        self._asset("experiments", "verdicts")
        self._picture("loop-3-verdict", height=480)  # below it stands where the home lies
        self._fill_in("stop_experiment", self._form(2))
        self._launch()

    def retrain(self) -> None:
        """Train two candidates, one after the other."""
        for _ in range(2):
            self._materialise_job("retrain_recommender", picture="loop-4-retrain")

    def waiting(self) -> None:
        """Read what waits, and how it was judged."""
        self._until(lambda: "reject" in self._asset_text("waiting_approvals"), "waiting_approvals shows candidates")
        self._table("waiting_approvals", "waiting")
        self._picture("loop-5-waiting")
        self._asset("recommender_evaluation", "verdict")
        self._picture("loop-6-evaluation")

    def reject(self) -> None:
        """Reject the older one."""
        self._table("waiting_approvals", "waiting")
        self._follow("reject", 0)
        self._reason("it is there to be rejected: the newer one has seen the same")
        self._picture("loop-7-reject")
        self._launch()

    def release(self) -> None:
        """Release the newer one step by step."""
        self._until(
            lambda: self._asset_text("waiting_approvals").count("release_candidate") == 1, "one candidate is left"
        )
        self._table("waiting_approvals", "waiting")
        self._follow("release", 0)
        self._reason("as good as what serves, and newer")
        self._append(self._form(3))
        self._picture("loop-8-release")
        self._launch()

    def released(self) -> None:
        """Send visitors until it is champion, and read how it got there."""
        serving = self._serves()
        visitors = subprocess.Popen([Path(sys.executable).with_name("shopsight"), "visitors", "--minutes", "8"])
        try:
            self._until(lambda: self._serves() != serving, "the version is champion", seconds=900)
            self._until(lambda: self._asset_version() != serving, "the catalogue shows it")
        finally:
            visitors.terminate()
            visitors.wait()
        self._table("recommender_champion", "releases")
        self._picture("loop-9-released")

    def rollback(self) -> None:
        """Roll it back, and say how long it took from the click until the shop got the other version's lists."""
        serving = self._serves()
        self._fill_in("rollback_champion", self._form(4))
        self._picture("loop-10-rollback")
        clicked = time.monotonic()
        self._launch(wait=False)
        self._until(lambda: self._serves() != serving, "the version before serves", seconds=60, every=0.05)
        seconds = time.monotonic() - clicked
        sys.stdout.write(f"rolled back from {serving} to {self._serves()}: {seconds:.2f} s after the click\n")
        self._until(lambda: self._asset_version() != serving, "the catalogue shows it")
        self._table("recommender_champion", "releases")
        self._picture("loop-11-rolled-back")

    # --- what a person does

    def _form(self, number: int) -> str:
        """Return the number-th block of YAML of the page: what a newcomer copies."""
        blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
        return str(blocks[number - 1])

    def _fill_in(self, job: str, text: str) -> None:
        self._page.goto(f"{self._url}/locations/shopsight/jobs/{job}/playground", wait_until="domcontentloaded")
        self._editor().click()
        self._page.keyboard.press("Control+a")
        self._page.keyboard.insert_text(text)
        self._judged()

    def _append(self, text: str) -> None:
        self._editor().click()
        self._page.keyboard.press("Control+End")
        self._page.keyboard.insert_text(text)
        self._judged()

    def _reason(self, reason: str) -> None:
        """Write the reason between the quotation marks of the form."""
        editor = self._editor()
        text = editor.evaluate("node => node.CodeMirror.getValue()")
        editor.click()
        self._page.keyboard.press("Control+a")
        self._page.keyboard.insert_text(text.replace("reason: ''", f"reason: '{reason}'"))
        self._judged()

    def _judged(self) -> None:
        """Wait until the launchpad has judged what was typed last."""
        self._page.wait_for_timeout(2_500)
        self._page.get_by_text("No errors").wait_for(timeout=WAIT_MS)

    def _editor(self) -> Any:
        editor = self._page.locator(".CodeMirror").first
        editor.wait_for(timeout=WAIT_MS)
        self._page.wait_for_timeout(1_000)
        return editor

    def _launch(self, *, wait: bool = True) -> None:
        before = self._newest_run()
        self._page.get_by_role("button", name="Launch Run").click()
        if wait:
            self._ended(after=before)

    def _materialise_job(self, job: str, *, picture: str = "") -> None:
        before = self._newest_run()
        self._page.goto(f"{self._url}/locations/shopsight/jobs/{job}", wait_until="domcontentloaded")
        button = self._page.get_by_role("button", name="Materialize all")
        button.wait_for(timeout=WAIT_MS)
        self._page.wait_for_timeout(4_000)
        if picture:
            self._picture(picture)
        button.click()
        self._ended(after=before)

    def _asset(self, name: str, text: str) -> None:
        self._page.goto(f"{self._url}/assets/{name}?view=overview", wait_until="domcontentloaded")
        place = self._page.get_by_text(text, exact=True).first
        place.wait_for(timeout=WAIT_MS)
        self._page.wait_for_timeout(3_000)
        place.evaluate("node => node.scrollIntoView({block: 'start'})")
        self._page.wait_for_timeout(500)

    def _table(self, name: str, key: str) -> None:
        """Open an asset's table, where it is too large for its row."""
        self._asset(name, key)
        row = self._page.locator("tr", has=self._page.get_by_text(key, exact=True)).last
        if not (link := row.get_by_text("[Show Markdown]")).is_visible():
            return
        link.click()
        self._page.get_by_role("button", name="Close").first.wait_for(timeout=WAIT_MS)
        self._page.wait_for_timeout(1_000)

    def _follow(self, word: str, number: int) -> None:
        link = self._page.get_by_role("link", name=word, exact=True).nth(number)
        self._page.goto(str(link.get_attribute("href")), wait_until="domcontentloaded")
        self._page.get_by_text("No errors").wait_for(timeout=WAIT_MS)

    def _picture(self, name: str, *, height: int | None = None) -> None:
        """Keep what the page shows, in few colours: a tenth of the bytes, and nobody sees it."""
        image = Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        image = image.crop((0, 0, image.width, height or image.height)).quantize(COLOURS)
        image.save(IMAGES / f"{name}.png", optimize=True)

    # --- what is waited for

    def _ask(self, query: str) -> Any:
        request = urllib.request.Request(
            f"{self._url}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)["data"]

    def _newest_run(self) -> float:
        runs = self._ask("{ runsOrError(limit: 1) { ... on Runs { results { creationTime } } } }")
        return max((run["creationTime"] for run in runs["runsOrError"]["results"]), default=0.0)

    def _ended(self, *, after: float) -> None:
        """Wait until the run that was launched ended well."""
        query = (
            "{ runsOrError(limit: 20) { ... on Runs { results { creationTime status jobName tags { key value } } } } }"
        )

        def states() -> list[str]:
            runs = self._ask(query)["runsOrError"]["results"]
            mine = [run for run in runs if run["creationTime"] > after]
            return [run["status"] for run in mine if "shopsight/user" in {tag["key"] for tag in run["tags"]}]

        self._until(
            lambda: bool(states()) and set(states()) <= {"SUCCESS", "FAILURE"}, "the run ends", seconds=RUN_SECONDS
        )
        if set(states()) != {"SUCCESS"}:
            raise ShopsightError("a run of the walk failed", why="see the web UI", fix="mend it, and walk on from here")

    def _asset_text(self, name: str) -> str:
        query = (
            f'{{ assetOrError(assetKey: {{path: ["{name}"]}}) {{ ... on Asset {{ assetMaterializations(limit: 1) '
            "{ metadataEntries { label ... on MarkdownMetadataEntry { mdStr } ... on TextMetadataEntry { text } } } } "
            "} } }"
        ).replace("} } } }", "} } }")
        found = self._ask(query)["assetOrError"].get("assetMaterializations") or [{"metadataEntries": []}]
        return json.dumps(found[0]["metadataEntries"])

    def _asset_version(self) -> str:
        return str(re.findall(r"v\d{4}", self._asset_text("recommender_champion"))[0])

    def _serves(self) -> str:
        """Return the version that answers the shop now."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._settings.shop_port}/api/lists",
            data=b'{"placement": "best_sellers"}',
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return str(json.load(response)["model"]["version"])

    def _until(self, is_so: Callable[[], bool], what: str, *, seconds: float = 300, every: float = 1.0) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise ShopsightError(f"{what}: not within {seconds:g} seconds", why="", fix="look at the web UI")
            time.sleep(every)


STEPS: Final = (
    Walk.experiment,
    Walk.shop,
    Walk.visitors,
    Walk.verdict,
    Walk.retrain,
    Walk.waiting,
    Walk.reject,
    Walk.release,
    Walk.released,
    Walk.rollback,
)


def main(names: list[str]) -> None:
    """Do the steps of these names; all, where none is named."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise ShopsightError("no Chromium", why="it draws the web UI", fix="install Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        walk = Walk(browser.new_page(viewport={"width": 1340, "height": 760}), Settings())
        for step in STEPS:
            if not names or step.__name__ in names:
                sys.stdout.write(f"{step.__name__}\n")
                sys.stdout.flush()
                step(walk)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
