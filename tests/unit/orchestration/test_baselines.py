"""What serves where the gate refuses the model: the baseline of that training run, by the road of every champion."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from cli.status import collect_status
from models.evaluation.bootstrap import Estimate
from models.evaluation.results import Evaluation
from models.registry.registry import ModelRegistry
from models.training import BASELINE_FOLDER, write_results
from orchestration.defs.evaluation.assets import evaluations
from orchestration.defs.monitoring.assets import REFERENCE_FILE
from orchestration.defs.promotion.assets import champions
from shopsight.settings import Settings

Refresh = Callable[[Evaluation], dict[str, str]]


@pytest.fixture
def good(evaluation: Evaluation) -> Evaluation:
    gain = Estimate(value=0.1, low=0.05, high=0.15)
    return replace(evaluation, gains={"popularity": gain})


@pytest.fixture
def refused(evaluation: Evaluation) -> Evaluation:
    gain = Estimate(value=-0.1, low=-0.15, high=-0.05)
    return replace(evaluation, gains={"popularity": gain})


@pytest.fixture
def refresh(home: Settings) -> Refresh:
    """Judge what a training run wrote and let the policy decide; return each version's status."""
    settings = home.model_copy(update={"approval_policy": "automatic"})
    folder = home.training_dir / "recommender"

    def write(place: Path, evaluation: Evaluation) -> None:
        place.mkdir(parents=True, exist_ok=True)
        (place / "config.json").write_text("{}")
        write_results(place, evaluation, {"seed": 7})

    def refresh(evaluation: Evaluation) -> dict[str, str]:
        write(folder / "candidate", evaluation)
        write(folder / BASELINE_FOLDER, evaluation.of_baseline("popularity"))
        (folder / REFERENCE_FILE).write_bytes(b"rows")
        drift = home.reports_dir / "drift" / "recommender.json"
        drift.parent.mkdir(parents=True, exist_ok=True)
        judged = {"status": "stable", "reason": "Nothing moved.", "columns": [], "drifted_share": 0.0}
        drift.write_text(json.dumps(judged | {"reference_rows": 9, "current_rows": 9, "champion": None}))
        ours = [one for one in (*evaluations, *champions) if one.key.to_user_string().startswith("recommender_")]
        assert dg.materialize(ours, resources={"settings": settings}).success
        return {one.version: one.status for one in ModelRegistry.of(home).versions("recommender")}

    return refresh


def test_where_the_gate_refuses_the_first_model_its_baseline_serves_as_what_it_is(home, refused, refresh) -> None:
    assert refresh(refused) == {"v0001": "candidate", "v0002": "champion"}
    champion = ModelRegistry.of(home).champion("recommender")
    assert (champion.evaluation.candidate, champion.evaluation.is_baseline) == ("popularity", True)
    assert "stands in for a model" in champion.approval.reason
    status = collect_status(home)["models"]["recommender"]
    assert (status["champion"], status["is_baseline"]) == ("popularity", True)
    assert "It does not beat popularity" in status["newest"]["reasons"][0]


def test_a_refused_model_brings_a_fresh_baseline_and_a_good_one_takes_its_place(refused, good, refresh) -> None:
    refresh(refused)
    assert refresh(refused) == {"v0001": "candidate", "v0002": "approved", "v0003": "candidate", "v0004": "champion"}
    assert refresh(good)["v0005"] == "champion"


def test_a_model_that_serves_is_not_put_out_by_the_baseline_of_a_refused_one(good, refused, refresh) -> None:
    assert refresh(good) == {"v0001": "champion"}
    assert refresh(refused) == {"v0001": "champion", "v0002": "candidate"}
