"""A running ``shopsight up`` of a test: its web UI, asked as its pages ask it, and the service beside it."""

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from running import SHOPSIGHT, environment_of, settings_of

from shopsight.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

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

    def ask(self, query: str, variables: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query, "variables": variables or {}}).encode(),
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
