"""What the web UI shows: complete, and loaded without the heavy libraries."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shopsight.settings import REPO_ROOT

HEAVY = ("torch", "transformers", "feast", "evidently", "bentoml", "lightgbm", "sklearn", "onnxruntime")

LOAD = f"""
import json, sys
from orchestration.definitions import defs
defs().resolve_asset_graph()
print(json.dumps(sorted(set({HEAVY!r}) & set(sys.modules))))
"""


@pytest.fixture(scope="module")
def definitions():
    """The code location, loaded once: each call of ``defs`` loads it anew."""
    from orchestration.definitions import defs

    return defs()


@pytest.fixture(scope="module")
def asset_graph(definitions):
    return definitions.resolve_asset_graph()


def test_loading_the_definitions_leaves_the_heavy_libraries_unimported() -> None:
    from orchestration.dbt import ensure_manifest

    ensure_manifest()
    loaded = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, cwd=REPO_ROOT)
    assert json.loads(loaded.stdout.splitlines()[-1]) == []


def test_every_asset_says_what_it_is_where_it_belongs_and_who_owns_it(asset_graph) -> None:
    incomplete = {}
    for key in asset_graph.materializable_asset_keys:
        node = asset_graph.get(key)
        missing = [name for name in ("description", "group_name", "owners", "kinds") if not getattr(node, name)]
        if missing or node.group_name == "default":
            incomplete[key.to_user_string()] = missing
    assert incomplete == {}


def test_every_asset_is_as_the_snapshot_describes_it(definitions) -> None:
    from asset_specs import SNAPSHOT, described

    assert described(definitions) == SNAPSHOT.read_text(), (
        "where the change is meant, write it down with `make snapshots`"
    )


def test_no_asset_hangs_in_the_air(asset_graph) -> None:
    roots = {key.to_user_string() for key in asset_graph.root_materializable_asset_keys}
    assert roots == {"collected_events", "staging/stg_currency_rates"}
    external = asset_graph.external_asset_keys
    assert external == set(), "a dependency names an asset that nothing makes"


def test_every_model_family_goes_the_whole_way_from_training_set_to_bento(asset_graph) -> None:
    from shopsight.families import FAMILIES

    keys = {key.to_user_string() for key in asset_graph.get_all_asset_keys()}
    for family in FAMILIES:
        for stage in ("training_set", "drift", "candidate", "evaluation", "champion", "bento"):
            assert f"{family}_{stage}" in keys


def test_schedules_and_sensors_run_from_the_start(definitions) -> None:
    from dagster import DefaultScheduleStatus, DefaultSensorStatus

    schedules = {s.name: s.default_status for s in definitions.schedules or []}
    sensors = {s.name: s.default_status for s in definitions.sensors or []}
    assert set(schedules) == {"every_night", "every_week"}
    assert set(sensors) == {
        "landing_files",
        "sealed_segments",
        "stale_champions",
        "new_approvals",
        "decisions_waited_for",
    }
    assert set(schedules.values()) == {DefaultScheduleStatus.RUNNING}
    assert set(sensors.values()) == {DefaultSensorStatus.RUNNING}


@pytest.mark.slow
def test_processes_that_start_together_in_a_fresh_checkout_parse_the_warehouse_once(
    tmp_path: Path, monkeypatch
) -> None:
    import shutil
    from concurrent.futures import ThreadPoolExecutor
    from types import SimpleNamespace

    import orjson

    from orchestration import dbt

    project = tmp_path / "dbt_project"
    shutil.copytree(REPO_ROOT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    fresh = SimpleNamespace(project_dir=project, manifest_path=project / "target" / "manifest.json")
    monkeypatch.setattr(dbt, "DBT_PROJECT", fresh)
    parses: list[Path] = []
    parse = dbt._parse  # noqa: SLF001 - counted, and called

    def counted(target: Path) -> None:
        parses.append(target)
        parse(target)

    monkeypatch.setattr(dbt, "_parse", counted)
    with ThreadPoolExecutor(3) as pool:
        read = list(pool.map(lambda _: orjson.loads(dbt.ensure_manifest().read_bytes()), range(3)))
    assert len(parses) == 1
    assert read[0]["nodes"] == read[2]["nodes"]
    left = sorted(path.name for path in fresh.manifest_path.parent.iterdir())
    assert left == [".parsing.lock", "manifest.json", "partial_parse.msgpack"]
