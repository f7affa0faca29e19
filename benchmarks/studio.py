"""How long each page of Studio takes to its first view, in Chromium.

    python -m benchmarks.studio --json -
    python -m benchmarks.studio --views 20 --json FILE

Studio is served on the home of ``SHOPSIGHT_HOME``, behind its gateway, in this process, and opened by somebody who is
logged in. A view is a page in a new context of Chromium, where nothing is cached, from the request until the page is
loaded with its style; *Groups* is looked at once its groups are worked out. ``pages`` has the median and the 95th
percentile of each page in milliseconds, ``worst_p95_ms`` is that of the slowest. The first view of each page after the
start is not among them; the slowest of those is ``first_ms``. Needs Debian's package ``chromium`` and a home in which
``make demo`` has run.
"""

import argparse
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.output import add_json_option, write_figures
from shopsight.errors import ShopsightError
from shopsight.sample_shop import HERO
from shopsight.settings import Settings, prepare_environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, StorageState

ADDRESSES: Final = {
    "today": "/",
    "models": "/models",
    "shoppers": f"/shoppers?user={HERO}",
    "search": "/search",
    "funnel": "/funnel",
    "stock": "/stock",
    "groups": "/groups",
    "campaigns": "/campaigns",
    "data": "/data",
    "ask": "/ask",
    "rows": "/rows?q=segments",
}
WAIT_MS: Final = 120_000


def measure(settings: Settings, *, views: int) -> dict[str, Any]:
    """Return every figure of a home with marts.

    Raises:
        ShopsightError: there is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    from orchestration.gateway.people import People
    from orchestration.gateway.servers import listening, served
    from orchestration.studio_server import guarded_studio

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise ShopsightError("no Chromium", why="it opens the pages", fix="install Debian's package chromium")
    token = People(settings).own_token()
    with listening("127.0.0.1", 0) as listener, served(guarded_studio(settings), listener, settings):
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            login = browser.new_context()
            login.new_page().goto(f"{address}/login?token={token}")
            state = login.storage_state()
            first = {name: _view(browser, state, f"{address}{page}") for name, page in ADDRESSES.items()}
            _work_out(browser, state, f"{address}/groups")
            times = {
                name: [_view(browser, state, f"{address}{page}") for _ in range(views)]
                for name, page in ADDRESSES.items()
            }
            browser.close()
    pages = {
        name: {"p50_ms": round(float(np.percentile(one, 50)), 1), "p95_ms": round(float(np.percentile(one, 95)), 1)}
        for name, one in times.items()
    }
    return {
        "events": _events(settings),
        "views": views,
        "pages": pages,
        "worst_p95_ms": max(one["p95_ms"] for one in pages.values()),
        "first_ms": round(max(first.values()), 1),
    }


def _work_out(browser: "Browser", state: "StorageState", address: str) -> None:
    """Open a page, and wait until what it is working on is there."""
    page = browser.new_context(storage_state=state).new_page()
    page.goto(address)
    page.locator(".working").wait_for(state="detached", timeout=WAIT_MS)


def _view(browser: "Browser", state: "StorageState", address: str) -> float:
    """Return how long a page takes to whom the cookies of a state log in, in milliseconds."""
    context = browser.new_context(storage_state=state)
    try:
        page = context.new_page()
        began = time.perf_counter()
        page.goto(address, wait_until="load")
        return (time.perf_counter() - began) * 1000
    finally:
        context.close()


def _events(settings: Settings) -> int:
    """Return how many events the marts are made of."""
    from shopsight.marts import open_marts

    with open_marts(settings, ["sessions"]) as connection:
        ((events,),) = connection.execute("select sum(events) from sessions").fetchall()
    return int(events)


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--views", type=int, default=20, help="of each page")
    add_json_option(parser)
    arguments = parser.parse_args()
    settings = Settings()
    prepare_environment(settings)
    write_figures(measure(settings, views=arguments.views), arguments.json)


if __name__ == "__main__":
    main()
