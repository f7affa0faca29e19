"""MLflow is told of what is registered, and whatever happens to it stops nothing."""

import importlib.util
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from models.evaluation.results import Evaluation
from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from orchestration.tracking import plan_of, track
from shopsight.settings import Settings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def version(home: Settings, evaluation: Evaluation, tmp_path: Path) -> ModelVersion:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.json").write_text("[1]")
    card = {"seed": 7, "settings": {"transformer": {"epochs": 10}}, "code": {"commit": "abc"}}
    return ModelRegistry.of(home).register("recommender", folder, evaluation=evaluation, card=card, created_at=NOON)


def at(home: Settings, uri: str) -> Settings:
    return home.model_copy(update={"tracking_uri": SecretStr(uri)})


def test_nothing_is_told_where_no_mlflow_is_named(home: Settings, version: ModelVersion) -> None:
    assert home.tracking_uri is None
    assert track(home, version) is None


def test_names_are_those_that_mlflow_takes_and_figures_have_their_intervals(version: ModelVersion) -> None:
    plan = plan_of(version)
    assert plan["metrics"]["ndcg_at_10"] == pytest.approx(0.4)
    assert plan["metrics"]["ndcg_at_10/low"] == pytest.approx(0.39)
    assert plan["params"] == {"seed": "7", "transformer.epochs": "10"}
    assert plan["tags"]["shopsight.commit"] == "abc"


def test_a_tracker_that_is_not_there_costs_a_sentence_without_its_password(
    home: Settings, version: ModelVersion, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    failure = track(at(home, f"file://ada:secret@{blocked}"), version)
    assert failure is not None
    assert failure.startswith("MLflow at file://")
    assert "secret" not in failure


def test_parameters_figures_card_and_artefact_are_in_mlflow(
    home: Settings, version: ModelVersion, tmp_path: Path
) -> None:
    if importlib.util.find_spec("mlflow") is None:
        pytest.skip("mlflow is not installed: `uv pip install mlflow-skinny` lets this test run")
    store = tmp_path / "mlflow.db"
    assert track(at(home, f"sqlite:///{store}"), version) is None
    with closing(sqlite3.connect(store)) as database:
        assert database.execute("select name from runs").fetchall() == [("v0001",)]
        assert dict(database.execute("select key, value from params").fetchall())["transformer.epochs"] == "10"
        assert dict(database.execute("select key, value from metrics").fetchall())["ndcg_at_10"] == pytest.approx(0.4)
    (card,) = (tmp_path / "artefacts").rglob("artifacts/card.json")
    assert card.read_bytes() == (version.path / "card.json").read_bytes()
    assert (card.parent / "artefact" / "weights.json").read_text() == "[1]"
