"""Drift starts a retraining of the champion that it was judged of, whatever the times of files say."""

import os

import dagster as dg

from models.evaluation.drift.findings import Status
from models.evaluation.drift.judgement import DriftJudgement
from orchestration import decisions
from orchestration.definitions import defs
from orchestration.defs.monitoring.sensors import drifted_features
from orchestration.instance import open_instance
from shopsight.settings import Settings


def judge(home: Settings, *, champion: str | None, status: Status = "drifted") -> None:
    path = home.reports_dir / "drift" / "recommender.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    DriftJudgement(
        status=status,
        reason="3 of 9 columns drifted",
        columns=(),
        drifted_share=1 / 3,
        reference_rows=500,
        current_rows=500,
        champion=champion,
    ).write(path)


def tick(home: Settings) -> str | None:
    with open_instance(home) as instance:
        return tick_on(home, instance)


def tick_on(home: Settings, instance: dg.DagsterInstance) -> str | None:
    request = request_on(home, instance)
    return request.run_key if request else None


def request_on(home: Settings, instance: dg.DagsterInstance) -> dg.RunRequest | None:
    result = drifted_features(dg.build_sensor_context(instance=instance, resources={"settings": home}))
    if isinstance(result, dg.SkipReason):
        return None
    (request,) = result.run_requests or []
    return request


def test_a_drifted_champion_starts_a_retraining_however_old_its_judgement_seems(home, register) -> None:
    decisions.approve(home, "recommender", register(), approver="Ada", reason="a test")
    judge(home, champion="v0001")
    os.utime(home.reports_dir / "drift" / "recommender.json", (0, 0))
    assert tick(home) == "drift:recommender:v0001"


def test_a_judgement_of_before_the_champion_starts_none_though_a_copy_made_its_file_new(home, register) -> None:
    judge(home, champion=None)
    decisions.approve(home, "recommender", register(), approver="Ada", reason="a test")
    os.utime(home.reports_dir / "drift" / "recommender.json")
    assert tick(home) is None
    judge(home, champion="v0000")
    assert tick(home) is None


def test_stable_inputs_start_none(home, register) -> None:
    decisions.approve(home, "recommender", register(), approver="Ada", reason="a test")
    judge(home, champion="v0001", status="stable")
    assert tick(home) is None


def test_only_the_family_that_drifted_is_trained_again(home, register) -> None:
    decisions.approve(home, "recommender", register(), approver="Ada", reason="a test")
    judge(home, champion="v0001")
    with open_instance(home) as instance:
        request = request_on(home, instance)
    assert request is not None
    assert request.asset_selection is not None
    names = {key.to_user_string() for key in request.asset_selection}
    assert {"recommender_training_set", "recommender_candidate", "recommender_bento"} <= names
    assert all(name.startswith("recommender_") for name in names)
    retraining = defs().resolve_job_def("weekly_retraining").asset_layer.selected_asset_keys
    assert set(request.asset_selection) <= set(retraining)
