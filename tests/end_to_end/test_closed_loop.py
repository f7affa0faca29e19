"""The path of docs/closed-loop.md over the web UI's interface: an experiment, its verdict, a model's way and back.

The two trainings are left out: the candidates are the demo's recommender, registered and judged twice more. Visitors
come as `make visitors` has them come.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from running import SHOPSIGHT, DemoRun, environment_of, free_port, settings_of
from running_ui import Ui, web_ui

from models.evaluation.approval import RuleResult, Verdict
from models.registry.registry import ModelRegistry
from serving.storefront.visitors import Tally, Visitors
from shopsight.clock import utc_now
from shopsight.settings import REPO_ROOT, Settings

LAUNCH = """mutation Launch($job: String!, $config: RunConfigData) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "shopsight", repositoryName: "__repository__", jobName: $job}
    runConfigData: $config
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""
FORMS = [
    yaml.safe_load(block)
    for block in re.findall(r"```yaml\n(.*?)```", (REPO_ROOT / "docs" / "closed-loop.md").read_text(), flags=re.DOTALL)
]
"""What the page has a newcomer fill in: the experiment, its stop, the steps of a release, the rollback."""
STEPS = {
    "shadow_minutes": 0.05,
    "canary_minutes": 0.05,
    "canary_share": 0.5,
    "champion_minutes": 60,
    "min_answers": 50,
    "doubt": 0.2,
}


def launch(ui: Ui, job: str, config: Any = None) -> str:
    """Launch a job as its launchpad does, and return the id of the run."""
    answer = ui.ask(LAUNCH, {"job": job, "config": json.dumps(config or {})})["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def ended_well(ui: Ui, run_id: str, *, seconds: float = 300) -> None:
    def status() -> str:
        return str(ui.ask(f'{{ runOrError(runId: "{run_id}") {{ ... on Run {{ status }} }} }}')["runOrError"]["status"])

    until(lambda: status() in ("SUCCESS", "FAILURE", "CANCELED"), "the run ends", seconds=seconds)
    assert status() == "SUCCESS"


def until(is_so: Callable[[], bool], what: str, *, seconds: float, every: float = 0.2) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(every)


def text_of(ui: Ui, asset: str) -> str:
    """Return what the newest materialization of an asset shows."""
    query = (
        f'{{ assetOrError(assetKey: {{path: ["{asset}"]}}) {{ ... on Asset {{ assetMaterializations(limit: 1) {{ '
        "metadataEntries { label ... on MarkdownMetadataEntry { mdStr } } } } } }"
    )
    newest = ui.ask(query)["assetOrError"].get("assetMaterializations") or [{}]
    return "\n".join(entry.get("mdStr") or "" for entry in newest[0].get("metadataEntries", ()))


@contextmanager
def shop(settings: Settings, folder: Path) -> Iterator[str]:
    """Serve the shop's pages, and yield their address."""
    url = f"http://127.0.0.1:{settings.shop_port}"
    with (folder / "shop.log").open("w") as log:
        process = subprocess.Popen([SHOPSIGHT, "shop"], env=environment_of(settings, folder), stdout=log, stderr=log)
        try:
            until(lambda: answers(url), "the shop answers", seconds=60)
            yield url
        finally:
            process.terminate()
            process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.post(f"{url}/api/lists", json={"placement": "best_sellers"}, timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def serves(url: str) -> str:
    """Return the version of the lists that the shop shows."""
    answer = httpx.post(f"{url}/api/lists", json={"placement": "best_sellers"}, timeout=30).raise_for_status().json()
    return str(answer["model"]["version"])


def serves_all(url: str) -> set[str]:
    """Return the versions of a number of lists that the shop shows."""
    return {serves(url) for _ in range(20)}


def visitors(url: str, count: int, *, seconds: float, seed: int) -> Tally:
    async def come() -> Tally:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            return await Visitors(client, prefix=f"visitor-{seed}", seed=seed).come(count, seconds=seconds)

    return asyncio.run(come())


def candidate_like_the_champion(settings: Settings, folder: Path) -> str:
    """Register what serves as another candidate that the gate let through."""
    registry = ModelRegistry.of(settings)
    champion = registry.champion("recommender")
    assert champion is not None
    shutil.copytree(champion.path, folder)
    for name in ("evaluation.json", "card.json"):
        (folder / name).unlink()
    added = registry.register(
        "recommender", folder, evaluation=champion.evaluation, card=champion.card, created_at=utc_now()
    )
    rule = RuleResult(rule="as good as what serves", outcome="passed", sentence="It is what serves.")
    registry.judge("recommender", added.version, verdict=Verdict(rules=(rule,)), at=utc_now(), beside=champion)
    return added.version


@pytest.mark.slow
@pytest.mark.skipif(
    "SHOPSIGHT_CLOSED_LOOP" not in os.environ,
    reason="`make campaign-loop` walks the whole page: it takes a quiet machine",
)
def test_a_newcomer_runs_an_experiment_and_takes_models_there_and_back_in_the_web_ui_alone(
    demo: DemoRun, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(demo.untouched, tmp_path / "home"))
    shutil.rmtree(settings_of(home).reports_dir / "drift", ignore_errors=True)
    begin, stop, _, back = FORMS
    with web_ui(home) as ui, shop(ui.settings.model_copy(update={"shop_port": free_port()}), tmp_path) as url:
        registry, first = ModelRegistry.of(ui.settings), serves(url)
        collector = f"http://127.0.0.1:{ui.settings.collector_port}"
        until(lambda: is_ready(collector), "the collector takes events", seconds=120)

        begin["ops"]["start"]["config"] |= {"window_days": 0.0002}
        ended_well(ui, launch(ui, "start_experiment", begin))
        tally = visitors(url, 400, seconds=60, seed=7)
        assert (tally.visits, tally.failed) == (400, {})
        assert set(tally.lists) == {"control", "popular"}
        until(lambda: "is worse than control" in text_of(ui, "experiments"), "a verdict", seconds=600, every=2)
        ended_well(ui, launch(ui, "stop_experiment", stop))

        older, newer = (candidate_like_the_champion(ui.settings, tmp_path / name) for name in ("one", "other"))
        until(lambda: newer in text_of(ui, "waiting_approvals"), "what waits is shown", seconds=180, every=2)
        refused = {"family": "recommender", "version": older, "reason": "the newer one has seen the same"}
        ended_well(ui, launch(ui, "reject_candidate", {"ops": {"reject": {"config": refused}}}))
        assert registry.version("recommender", older).status == "rejected"

        released = {"family": "recommender", "version": newer, "reason": "as good as what serves", "steps": STEPS}
        ended_well(ui, launch(ui, "release_candidate", {"ops": {"release": {"config": released}}}))
        crowd = threading.Thread(target=visitors, args=(url, 1_500), kwargs={"seconds": 240, "seed": 8})
        crowd.start()

        def steps() -> list[str]:
            return [step.step for step in registry.version("recommender", newer).steps]

        # One list by it says little: the canary answers some of them, until the new champion's process is up.
        until(lambda: "champion" in steps(), "it is champion", seconds=400)
        until(lambda: serves_all(url) == {newer}, "it serves", seconds=120)
        assert steps()[:4] == ["approved", "shadow", "canary", "champion"]
        until(lambda: newer in text_of(ui, "recommender_champion"), "its steps are shown", seconds=180, every=2)

        launch(ui, "rollback_champion", back)
        until(lambda: registry.version("recommender", newer).status == "withdrawn", "it is taken back", seconds=60)
        until(lambda: serves_all(url) == {first}, "the version before serves", seconds=60)
        crowd.join()
        registry.verify()
