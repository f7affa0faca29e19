"""Approved models become Bentos that stand alone: built, loaded without the checkout, started, stopped."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import bentoml
import httpx
import psutil
import pytest
from approved_toys import crown_toy, register_toy, toys
from running import free_port

from models.registry.artefacts import ArtefactChangedError
from models.registry.registry import ModelRegistry
from serving.packaging.bento import (
    BentoBuildFailedError,
    BentoRecord,
    UnapprovedModelError,
    build_bento,
    find_bento,
    list_bentos,
    verify_bento,
)
from serving.packaging.journal_heads import confirm_journal, journal_heads
from serving.packaging.manifest import BentoChangedError
from serving.prediction_log import read_log
from serving.running.launcher import ServiceNotStartedError, ServiceProcess
from serving.served_model import ServedModel
from shopsight.settings import REPO_ROOT, Settings, child_environment

MAX_GROWTH_BYTES: Final = 6_000_000
"""Of a worker once it is warm. It fills 28 MB in its first 26,000 requests, 1.1 KB each whatever is asked, /livez too,
and nothing after them: measured with 8 clients up to 40,000."""

ANSWER_WITHOUT_THE_CHECKOUT: Final = """
import json, sys
bento, checkout, path, body = sys.argv[1:]
sys.path.remove(checkout)
import bentoml
from starlette.testclient import TestClient
service = bentoml.load(bento)
with TestClient(service.to_asgi()) as client:
    answer = client.post(path, json=json.loads(body))
own = {name: module.__file__ for name, module in sys.modules.items()
       if name.split(".")[0] in ("serving", "models", "shopsight") and getattr(module, "__file__", None)}
heavy = sorted({"torch", "transformers", "dagster", "dbt", "evidently"} & set(sys.modules))
print(json.dumps({"status": answer.status_code, "answer": answer.json(), "own": own, "heavy": heavy}))
"""


REQUESTS: Final[dict[str, tuple[str, dict[str, Any], Callable[[dict[str, Any]], bool]]]] = {
    "intent": (
        "/v1/intents",
        {"texts": ["find red shoes"]},
        lambda answer: answer["intents"][0]["label"] == "search_product",
    ),
    "recommender": (
        "/v1/recommendations",
        {"recent_events": [{"event_name": "view_item", "item_id": "i_5"}]},
        lambda answer: answer["items"][0]["item_id"] == "i_6",
    ),
    "purchase_intent": (
        "/v1/predictions/purchase_intent",
        {"instances": [{"events": [{"event_name": "add_to_cart", "event_timestamp": "2026-01-05T10:00:00Z"}]}]},
        lambda answer: 0 < answer["predictions"][0]["probability"] < 1,
    ),
    "churn": (
        "/v1/predictions/churn",
        {"instances": [{"user_id": "nobody"}]},
        lambda answer: answer["predictions"][0]["fallback"] == "base_rate",
    ),
    "search": (
        "/v1/search",
        {"query": "headphones"},
        lambda answer: answer["results"][0]["category"] == "Audio > Headphones",
    ),
    "next_best_action": (
        "/v1/next_best_actions",
        {"user_ids": ["nobody"]},
        lambda answer: answer["results"][0]["action"] == "nothing",
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which every family's model is approved; each Bento takes some 5 CPU seconds to build, once."""
    settings = Settings(home=tmp_path_factory.mktemp("shop"), recommendation_port=free_port())
    for family in REQUESTS:
        crown_toy(settings, family, getattr(toys(), f"write_{family}")(settings.training_dir / family))
    return settings


def built(settings: Settings, family: str) -> BentoRecord:
    version = ModelRegistry.of(settings).champion(family)
    assert version is not None
    tag = build_bento(settings, family, version)
    bento = find_bento(settings, ModelRegistry.of(settings).version(family, version.version))
    assert bento is not None
    assert bento.tag == tag
    return bento


def test_an_unapproved_model_gets_no_bento(home: Settings) -> None:
    version = register_toy(home, "recommender", toys().write_recommender(home.training_dir / "recommender"))
    with pytest.raises(UnapprovedModelError, match="not approved"):
        build_bento(home, "recommender", version)
    assert list_bentos(home) == []


@pytest.mark.parametrize(
    "family",
    ["recommender"] + [pytest.param(name, marks=pytest.mark.slow) for name in REQUESTS if name != "recommender"],
)
def test_a_bento_answers_without_the_checkout(shop: Settings, family: str) -> None:
    bento = built(shop, family)
    assert built(shop, family) == bento  # the same content is the same Bento
    requirements = (bento.path / "env" / "python" / "requirements.txt").read_text()
    assert "torch" not in requirements
    assert "transformers" not in requirements
    # Before it runs, which leaves compiled modules there.
    assert {file.suffix for file in (bento.path / "src").rglob("*") if file.is_file()} <= {".py", ".yaml", ".gz"}
    path, body, is_right = REQUESTS[family]
    done = subprocess.run(
        [sys.executable, "-c", ANSWER_WITHOUT_THE_CHECKOUT, bento.path, REPO_ROOT, path, json.dumps(body)],
        cwd="/",
        env=child_environment(shop),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert (seen["status"], seen["heavy"]) == (200, [])
    assert is_right(seen["answer"]), seen["answer"]
    assert seen["answer"]["model"] == {"name": family, "version": "v0001", "baseline": None}
    outside = {name: file for name, file in seen["own"].items() if not file.startswith(str(bento.path))}
    assert outside == {}


def test_a_bento_is_ready_to_become_an_image_that_runs_as_nobodys_root(shop: Settings) -> None:
    bento = built(shop, "recommender")
    dockerfile = (bento.path / "env" / "docker" / "Dockerfile").read_text()
    python = ".".join(map(str, sys.version_info[:2]))
    (base,) = re.findall(r"^FROM (\S+) AS", dockerfile, flags=re.MULTILINE)
    assert re.fullmatch(rf"python:{python}\.\d+-slim-bookworm", base), "a moving tag would make another image each time"
    assert f"uv venv --python {python} " in dockerfile
    (uid,) = re.findall(r"^ARG BENTO_USER_UID=(\d+)", dockerfile, flags=re.MULTILINE)
    assert int(uid) > 0
    assert re.search(r"^USER bentoml\n+ENTRYPOINT", dockerfile, flags=re.MULTILINE)
    pins = (bento.path / "env" / "python" / "requirements.txt").read_text().splitlines()
    versions = [pin.split(";")[0].strip() for pin in pins]
    locked = {line.split()[0] for line in (REPO_ROOT / "requirements.lock").read_text().splitlines() if line}
    assert [pin for pin in versions if pin not in locked or not re.fullmatch(r"[a-z0-9.-]+==\S+", pin)] == []
    texts = {path: path.read_bytes() for path in bento.path.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    here = [str(folder).encode() for folder in (REPO_ROOT, shop.home)]
    assert [str(path) for path, text in texts.items() if any(place in text for place in here)] == []


def test_a_flipped_bit_in_a_bentos_model_is_named_by_the_service_and_before_it_is_started(
    shop: Settings, tmp_path: Path
) -> None:
    bento = built(shop, "recommender")
    version = ModelRegistry.of(shop).champion("recommender")
    assert version is not None
    settings = shop.model_copy(update={"home": tmp_path / "copy"})
    shutil.copytree(shop.home, settings.home)
    copy = find_bento(settings, version)
    assert copy is not None
    assert copy.tag == bento.tag
    verify_bento(copy, version)
    stored = next((settings.bentoml_dir / "models" / "recommender").glob("v0001-*"))
    assert ServedModel.read(stored).version == "v0001"
    weights = next(stored.rglob("arrays.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(BentoChangedError, match=r"arrays\.safetensors was changed"):
        verify_bento(copy, version)
    with pytest.raises(ArtefactChangedError, match=r"arrays\.safetensors was changed"):
        ServedModel.read(stored)


def test_a_service_starts_answers_logs_and_stops(shop: Settings) -> None:
    settings, bento = shop, built(shop, "recommender")
    service = ServiceProcess(settings, bento)
    service.start()
    try:
        service.wait_until_ready()
        with pytest.raises(ServiceNotStartedError, match="SHOPSIGHT_RECOMMENDATION_PORT"):
            ServiceProcess(settings, bento).start()
        with httpx.Client(base_url=service.url, timeout=20) as client:
            given = [
                client.post("/v1/recommendations", json={"user_id": f"user-{n}"}).json()["recommendation_id"]
                for n in range(20)
            ]
            too_large = client.post("/recommend", content=b" " * (settings.request_limit_bytes + 1))
            assert (too_large.status_code, too_large.json()["code"]) == (413, "request_too_large")
            assert client.post("/recommend", json={"request": {"num_results": 0}}).status_code == 422
            assert "shopsight_prediction_log_rows_lost" in client.get("/metrics").text
            with bentoml.SyncHTTPClient(service.url) as native:
                given.append(native.recommend(request={"placement": "trending"})["recommendation_id"])
            assert client.get("/v1/models").json()["models"][0]["approval"]["approver"] == "Ana"
    finally:
        service.stop()
    assert not service.running
    log = read_log(settings.predictions_dir / "recommender")
    assert log.damaged == []
    seen = [head for witness, head in journal_heads(settings, "recommender") if "last answer" in witness]
    assert seen[-1].records > 0
    confirm_journal(settings)
    logged = [row["recommendation_id"] for row in log.rows]
    assert [one for one in logged if one in given] == given  # another test's process logged here as well
    assert "user-1" not in service.log_file.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "warm_up", "requests"), [({}, 30_000, 10_000), ({"user_id": "user-1"}, 30_000, 10_000)]
)
def test_the_memory_of_a_service_does_not_grow_with_its_requests(
    shop: Settings, fields: dict[str, str], warm_up: int, requests: int
) -> None:
    service = ServiceProcess(shop, built(shop, "recommender"))
    service.start()
    try:
        service.wait_until_ready()
        worker = max(psutil.Process().children(recursive=True), key=lambda child: child.memory_info().rss)
        with ThreadPoolExecutor(8) as clients, httpx.Client(base_url=service.url, timeout=60) as client:

            def ask(_: int) -> int:
                return client.post("/v1/recommendations", json=fields).status_code

            assert set(clients.map(ask, range(warm_up))) == {200}
            before = worker.memory_full_info().uss
            assert set(clients.map(ask, range(requests))) == {200}
            assert worker.memory_full_info().uss - before < MAX_GROWTH_BYTES
    finally:
        service.stop()


def test_a_model_that_does_not_load_gets_no_bento(home: Settings) -> None:
    folder = toys().write_recommender(home.training_dir / "recommender")
    (folder / "arrays.safetensors").unlink()
    version = crown_toy(home, "recommender", folder)
    with pytest.raises(BentoBuildFailedError, match=r"arrays\.safetensors"):
        build_bento(home, "recommender", version)
    assert list_bentos(home) == []


def test_a_service_that_cannot_start_says_why(shop: Settings, tmp_path: Path) -> None:
    built(shop, "recommender")
    settings = shop.model_copy(update={"home": tmp_path / "copy"})
    shutil.copytree(shop.home, settings.home)
    next((settings.bentoml_dir / "models" / "recommender").rglob("arrays.safetensors")).unlink()
    service = ServiceProcess(settings, built(settings, "recommender"))
    service.start()
    with pytest.raises(ServiceNotStartedError, match=r"arrays\.safetensors"):
        service.wait_until_ready(timeout_seconds=60)
    assert not service.running


@pytest.mark.slow
@pytest.mark.parametrize("family", REQUESTS)
def test_a_bento_serves_from_an_environment_of_its_own_packages_alone(
    shop: Settings, tmp_path: Path, family: str
) -> None:
    """Its ``requirements.txt`` is all it needs: no torch, no transformers, no orchestrator."""
    bento = built(shop, family)
    environment = child_environment(shop)
    uv = [sys.executable, "-m", "uv"]
    python = tmp_path / "own" / "bin" / "python"
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, python.parents[1]], check=True, env=environment)
    requirements = bento.path / "env" / "python" / "requirements.txt"
    install = [*uv, "pip", "install", "--quiet", "--offline", "--python", str(python), "-r", str(requirements)]
    installed = subprocess.run(install, env=environment, capture_output=True, text=True, check=False)
    if installed.returncode != 0:
        pytest.skip(f"uv's cache lacks a package, and tests ask no index: {installed.stderr[-200:]}")
    path, body, is_right = REQUESTS[family]
    script = ANSWER_WITHOUT_THE_CHECKOUT.replace("sys.path.remove(checkout)", "assert checkout not in sys.path")
    done = subprocess.run(
        [python, "-c", script, bento.path, REPO_ROOT, path, json.dumps(body)],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert is_right(json.loads(done.stdout.splitlines()[-1])["answer"])
