"""A family is one record and its two folders: the one of docs/first-model.md is added to a copy of the project.

The page is the only source of its code, so what a newcomer reads is what this test trains, approves and serves.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import indent
from typing import Final

import pytest

from shopsight.settings import REPO_ROOT

BLOCK: Final = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)
ANCHORS: Final = {
    "shopsight/families.py": "    )\n}\n",
    "shopsight/settings.py": "    request_limit_bytes: int",
    "pyproject.toml": "dev = [\n",
    "feature_repo/feature_services.py": "\nranking_v1 = ",
}
"""Of the files that are there already: what the page's lines go in front of."""
COPIED: Final = ("shopsight", "models", "serving", "orchestration", "feature_repo")

LIFE_OF_A_FAMILY: Final = """
import json, os, sys
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
import pandas as pd
import pyarrow as pa
from shopsight.families import FAMILIES, resolve
from shopsight.settings import Settings, REPO_ROOT
from models.evaluation.approval import gate
from models.progress import ignore_progress
from models.registry.registry import ModelRegistry

family, now, settings = FAMILIES["reorder"], datetime(2026, 1, 5, tzinfo=UTC), Settings()
rng = np.random.default_rng(7)
orders = rng.integers(1, 20, 2400)
table = pa.Table.from_pandas(pd.DataFrame({
    "user_id": [f"u_{n % 400}" for n in range(2400)],
    "event_timestamp": [datetime(2025, 10, 1 + 5 * (n // 400), tzinfo=UTC) for n in range(2400)],
    "observed_days": 60,
    "horizon_days": 28 // 7,
    "days_to_next_order": np.where(rng.random(2400) < orders / 20, 1, 99),
    "orders_total": orders,
    "days_since_last_order": rng.integers(0, 50, 2400),
    "sessions_28d": rng.integers(0, 9, 2400),
}))
candidate = settings.training_dir / family.name / "candidate"
candidate.mkdir(parents=True)
evaluation = resolve(family.train)(
    table, config=resolve(family.config)("tiny"), out_dir=candidate, seed=7, device="cpu", precision="fp32",
    report=ignore_progress,
)
watched = resolve(family.drift_columns).watched(table.to_pandas())
registry = ModelRegistry.of(settings)
version = registry.register(family.name, candidate, evaluation=evaluation, card={}, created_at=now).version
verdict = gate(evaluation, None, None)
registry.judge(family.name, version, verdict=verdict, at=now)
registry.approve(family.name, version, approver="Ana", reason="beats the base rate", at=now, requester="Ben")

from serving.packaging.bento import source_files
from serving.packaging.requirements import direct_requirements

from serving import app
from serving.served_model import ServedModel
from starlette.testclient import TestClient

champion = registry.champion(family.name)
app.champion = lambda: ServedModel(
    family=family.name, version=champion.version, artefact=champion.path, card={}, evaluation={}, approval={}
)
service = resolve(family.service)
with TestClient(service.to_asgi()) as client:
    answer = client.post(family.route, json={"instances": [{"user_id": "maya"}, {"surprise": 1}]})
    models = client.get("/v1/models").json()["models"]
    paths = client.get("/docs.json").json()["paths"]
print(json.dumps({
    "gain": evaluation.gains["base_rate"].low, "eligible": verdict.eligible, "watched": list(watched.columns),
    "sources": [str(path.relative_to(REPO_ROOT)) for path in source_files(family)],
    "requirements": sorted(str(requirement) for requirement in direct_requirements(family, REPO_ROOT)),
    "status": answer.status_code, "predictions": answer.json()["predictions"], "port": family.port(settings),
    "feature_service": models[0]["feature_service"], "paths": sorted(paths),
    "logged": sum(1 for _ in (settings.predictions_dir / family.name).rglob("*.jsonl")),
}))
"""


@pytest.fixture(scope="module")
def added() -> dict[str, str]:
    """The code blocks of the page, by the file that they go into."""
    return dict(BLOCK.findall((REPO_ROOT / "docs" / "first-model.md").read_text()))


@pytest.fixture(scope="module")
def checkout(added: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the family of the page in it."""
    root = tmp_path_factory.mktemp("checkout")
    for room in COPIED:
        shutil.copytree(REPO_ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__", "corpus"))
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copyfile(REPO_ROOT / name, root / name)
    for name, block in added.items():
        path = root / name
        if name in ANCHORS:
            text = path.read_text()
            assert text.count(ANCHORS[name]) == 1, name
            if name.startswith("shopsight/"):  # the page shows an entry of a tuple, and a field of a class
                block = indent(block.rstrip() + ",\n", 8 * " ") if "families" in name else indent(block, 4 * " ")
            path.write_text(text.replace(ANCHORS[name], block + ANCHORS[name]))
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(block)
            (path.parent / "__init__.py").write_text('"""Will a customer order again?"""\n')
    return root


def run_in(checkout: Path, script: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHOPSIGHT_")}
    environment |= {
        "PYTHONPATH": str(checkout),
        "SHOPSIGHT_HOME": str(checkout / ".shopsight"),
        "SHOPSIGHT_PSEUDONYM_KEY": "a key for tests only",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


def test_a_family_is_added_in_250_lines_and_five_lines_of_other_files(added: dict[str, str]) -> None:
    """Blank lines, which the formatter decides on, are not counted."""
    lines = {name: sum(bool(line.strip()) for line in block.splitlines()) for name, block in added.items()}
    assert sum(lines.values()) <= 250
    elsewhere = set(lines) & set(ANCHORS) - {"shopsight/families.py"}
    assert sum(lines[name] for name in elsewhere) <= 5


def test_the_family_of_the_page_is_trained_approved_packed_and_served(checkout: Path) -> None:
    life = json.loads(run_in(checkout, LIFE_OF_A_FAMILY))
    assert life["gain"] > 0
    assert life["eligible"]
    assert life["watched"] == ["event_timestamp", "orders_total", "days_since_last_order", "sessions_28d", "user_id"]
    assert {"models/reorder/predict.py", "serving/reorder/service.py", "serving/app.py"} <= set(life["sources"])
    assert not [name for name in life["sources"] if name.startswith(("models/churn/", "serving/intent/"))]
    assert "feast[duckdb,redis]" in life["requirements"]
    assert life["port"] == 3006
    assert (life["status"], life["feature_service"], life["logged"]) == (200, "reorder_v1", 1)
    maya, wrong = life["predictions"]
    assert 0 < maya["probability"] < 1
    assert maya["user_known"] is None  # this home has no online store
    assert wrong["error"]["code"] == "invalid_instance"
    assert {"/v1/reorder", "/v1/models"} <= set(life["paths"])


@pytest.mark.slow
def test_the_family_of_the_page_gets_its_assets_and_its_feature_service(checkout: Path) -> None:
    script = """
import json, sys
sys.path.insert(0, "feature_repo")
import feature_services
from orchestration.defs.deployment import assets as deployment
from orchestration.defs.evaluation import assets as evaluation
from orchestration.defs.features import assets as features
from orchestration.defs.monitoring import assets as monitoring
from orchestration.defs.promotion import assets as promotion
from orchestration.defs.training import assets as training
import dagster as dg
assets = dg.load_assets_from_modules([deployment, evaluation, features, monitoring, promotion, training])
print(json.dumps({
    "assets": sorted(key.to_user_string() for one in assets for key in one.keys if "reorder" in key.to_user_string()),
    "service": feature_services.reorder_v1.name,
}))
"""
    parts = ("bento", "candidate", "champion", "drift", "evaluation", "training_set")
    assert json.loads(run_in(checkout, script)) == {
        "assets": [f"reorder_{part}" for part in parts],
        "service": "reorder_v1",
    }
