"""Take the pictures of Studio that the documentation shows, of the shop in ``SHOPSIGHT_HOME``.

``make screenshot`` runs it; it needs Debian's package ``chromium`` and a home in which ``make demo`` has run.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from orchestration.gateway.people import People
from orchestration.gateway.servers import listening, served
from orchestration.studio_server import guarded_studio
from shopsight.errors import ShopsightError
from shopsight.sample_shop import HERO
from shopsight.settings import Settings, prepare_environment

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES: Final = Path(__file__).parent / "images"
COLOURS: Final = 96
HEIGHT: Final = 1100
"""A picture ends there: what lies below is more of the same table."""
PAGES: Final = {
    "today": "/",
    "models": "/models/recommender/v0001",
    "shoppers": f"/shoppers?user={HERO}",
    "search": "/search",
    "funnel": "/funnel",
    "reviews": "/reviews",
    "stock": "/stock",
    "groups": "/groups",
    "data": "/data",
    "ask": "/ask?question=shoppers+who+buy+within+14+days",
    "rows": "/rows?q=reorder_units",
}
WAIT_MS: Final = 120_000
LOOKS: Final[dict[str, dict[str, Any]]] = {
    "": {"viewport": {"width": 1180, "height": 760}},
    "-zh-dark": {"viewport": {"width": 1180, "height": 760}, "color_scheme": "dark", "locale": "zh-CN"},
    "-phone": {"viewport": {"width": 390, "height": 844}},
}


def main() -> None:
    """Serve Studio, take the pictures, and stop it."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise ShopsightError("no Chromium", why="it draws the pages", fix="install Debian's package chromium")
    settings = Settings(user="Ada")
    prepare_environment(settings)
    token = People(settings).own_token()
    with listening("127.0.0.1", 0) as listener, served(guarded_studio(settings), listener, settings):
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for look, context in LOOKS.items():
                page = browser.new_context(**context).new_page()
                page.goto(f"{address}/?token={token}")
                for name in PAGES if look == "" else ("today",):
                    _take(page, f"{address}{PAGES[name]}", IMAGES / f"studio-{name}{look}.png")
            browser.close()


def _take(page: "Page", address: str, path: Path) -> None:
    page.goto(address)
    page.locator(".working").wait_for(state="detached", timeout=WAIT_MS)
    page.screenshot(path=path, full_page=True)
    with Image.open(path) as picture:
        part = picture.crop((0, 0, picture.width, min(picture.height, HEIGHT)))
        part.convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
