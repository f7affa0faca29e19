"""A champion that drifted, or keeps less than it promised, is trained again, and no other family is."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from failing_job import work

from models.evaluation.approval import RuleResult, Verdict
from models.evaluation.drift.findings import ColumnFinding, Status
from models.evaluation.drift.judgement import DriftJudgement
from models.registry.registry import ModelRegistry
from orchestration import decisions
from orchestration.definitions import defs
from orchestration.defs.monitoring.sensors import stale_champions
from orchestration.run_keys import WORK_TAG
from orchestration.staleness import WHY_TAG
from shopsight.clock import clock_at, utc_now
from shopsight.families import FAMILIES
from shopsight.settings import Settings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
"""When the fixtures register versions."""
COOLED = timedelta(hours=73)
"""The cool-down is 72 hours."""


@pytest.fixture
def champion(home: Settings, register: Callable[..., str]) -> str:
    return decisions.approve(home, "recommender", register(), approver="Ada", reason="a test").version


def judge(home: Settings, *, champion: str | None, status: Status = "drifted", family: str = "recommender") -> None:
    path = home.reports_dir / "drift" / f"{family}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    DriftJudgement(
        status=status,
        reason="1 of 2 columns drifted",
        columns=(
            ColumnFinding(column="price", status=status, reason="moved", alerts=status != "stable"),
            ColumnFinding(column="hour", status="stable", reason="did not move"),
        ),
        drifted_share=1 / 2,
        reference_rows=500,
        current_rows=500,
        champion=champion,
    ).write(path)


def measured(home: Settings, *, champion: str, hits: int, days: int = 7, contacts: int = 200) -> None:
    """Write the report of a recommender of whose contacts so many were hits on each day, and half were promised."""
    promised = {"value": 0.5, "low": 0.45, "high": 0.55}
    share = {"value": hits / contacts, "low": 0.0, "high": 1.0}
    report: list[dict[str, Any]] = [
        {
            "day": f"2026-05-{day + 1:02d}",
            "model_version": champion,
            "metric": "recall@10",
            "contacts": contacts,
            "hits": hits,
            "measured": share,
            "promised": promised,
            "verdict": "not enough impressions",
        }
        for day in range(days)
    ]
    path = home.reports_dir / "feedback.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"promise": report}))


def tick(home: Settings, instance: dg.DagsterInstance, *, after: timedelta = COOLED) -> dg.RunRequest | str:
    """Return what the sensor asks for some time after noon, or why it asks for nothing."""
    with clock_at(NOON + after):
        answer = stale_champions(dg.build_sensor_context(instance=instance, resources={"settings": home}))
    if isinstance(answer, dg.SkipReason):
        return str(answer.skip_message)
    assert isinstance(answer, dg.SensorResult)
    (request,) = answer.run_requests or []
    return request


def asked(home: Settings, instance: dg.DagsterInstance, **when: Any) -> dg.RunRequest:
    request = tick(home, instance, **when)
    assert isinstance(request, dg.RunRequest), request
    return request


def done(instance: dg.DagsterInstance, request: dg.RunRequest, *, fails: bool = False) -> None:
    tags = dict(request.tags) | ({"fails": "yes"} if fails else {})
    work.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def test_a_drifted_champion_starts_a_retraining_that_names_the_culprits(home, instance, champion) -> None:
    judge(home, champion=champion)
    assert asked(home, instance).tags[WHY_TAG] == "drift of price"


def test_the_time_of_the_judgements_file_is_no_news(home, instance, champion) -> None:
    judge(home, champion=champion)
    os.utime(home.reports_dir / "drift" / "recommender.json", (0, 0))
    assert asked(home, instance)
    for other in (None, "v0000"):
        judge(home, champion=other)
        assert tick(home, instance) == "no champion's inputs drifted, and none keeps less than it promised"


def test_stable_inputs_start_none(home, instance, champion) -> None:
    judge(home, champion=champion, status="stable")
    assert isinstance(tick(home, instance), str)


def test_a_champion_that_keeps_less_than_its_card_promises_starts_a_retraining(home, instance, champion) -> None:
    measured(home, champion=champion, hits=60)
    assert asked(home, instance).tags[WHY_TAG] == (
        "decay: recall@10 was 0.300 from 2026-05-01 to 2026-05-07 (1400 contacts), its card promises 0.500"
    )


def test_what_another_version_kept_says_nothing_of_the_champion(home, instance, champion) -> None:
    assert champion == "v0001"
    measured(home, champion="v0000", hits=0)
    assert isinstance(tick(home, instance), str)


def test_a_champion_that_keeps_its_promise_is_left_alone(home, instance, champion) -> None:
    measured(home, champion=champion, hits=100)
    assert isinstance(tick(home, instance), str)


def test_the_skip_reason_says_until_when_a_family_cools_down(home, instance, champion) -> None:
    judge(home, champion=champion)
    reason = tick(home, instance, after=timedelta(hours=71))
    assert isinstance(reason, str)
    assert "recommender (drift of price)" in reason
    assert "the cool-down of 72 hours lasts until 2026-05-04T12:00+00:00" in reason
    assert asked(home, instance, after=timedelta(hours=72))


def test_the_cool_down_is_a_setting(home, instance, champion) -> None:
    judge(home, champion=champion)
    hasty = home.model_copy(update={"retraining_cooldown_hours": 0.0})
    assert asked(hasty, instance, after=timedelta(0))


def test_the_skip_reason_names_the_candidate_that_waits_for_a_decision(home, instance, champion, register) -> None:
    register()
    judge(home, champion=champion)
    reason = tick(home, instance, after=timedelta(hours=1))
    assert isinstance(reason, str)
    assert reason.endswith("and v0002 waits for a decision")


def test_a_retraining_whose_candidate_was_refused_is_asked_for_again_after_the_cool_down(
    home, instance, champion, register
) -> None:
    judge(home, champion=champion)
    keys = set()
    for _ in range(3):
        request = asked(home, instance)
        keys.add(request.run_key)
        done(instance, request)
        register(eligible=False)
    assert len(keys) == 3


def test_a_retraining_that_failed_is_asked_for_again_minutes_later(home, instance, champion, monkeypatch) -> None:
    judge(home, champion=champion)
    first = asked(home, instance)
    done(instance, first, fails=True)
    assert "its last retraining failed minutes ago" in str(tick(home, instance))
    monkeypatch.setattr("orchestration.run_keys.WAIT_AFTER_FAILURE", timedelta(0))
    assert asked(home, instance).run_key != first.run_key


def test_a_training_under_way_is_not_asked_for_twice(home, instance, champion) -> None:
    judge(home, champion=champion)
    run = instance.create_run_for_job(
        work, tags={WORK_TAG: f"retraining:recommender:{champion}"}, status=dg.DagsterRunStatus.STARTED
    )
    assert isinstance(tick(home, instance), str)
    instance.delete_run(run.run_id)
    weekly = defs().resolve_job_def("weekly_retraining")
    run = instance.create_run_for_job(weekly, status=dg.DagsterRunStatus.STARTED)
    assert "is training it" in str(tick(home, instance))


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_family_whose_inputs_moved_is_trained_again(home, instance, evaluation, family: str) -> None:
    registry = ModelRegistry.of(home)
    for one in FAMILIES:
        serve(home, registry, replace(evaluation, family=one))
        judge(home, champion="v0001", status="drifted" if one == family else "stable", family=one)
    request = asked(home, instance)
    assert request.asset_selection is not None
    names = {key.to_user_string() for key in request.asset_selection}
    assert {f"{family}_training_set", f"{family}_candidate", f"{family}_bento"} <= names
    assert all(name.startswith(f"{family}_") for name in names)
    retraining = defs().resolve_job_def("weekly_retraining").asset_layer.selected_asset_keys
    assert set(request.asset_selection) <= set(retraining)


def serve(home: Settings, registry: ModelRegistry, evaluation: Any) -> None:
    folder = home.training_dir / evaluation.family / "candidate"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    version = registry.register(evaluation.family, folder, evaluation=evaluation, card={}, created_at=NOON)
    rule = RuleResult(rule="beats every baseline", outcome="passed", sentence="It does.")
    registry.judge(evaluation.family, version.version, verdict=Verdict(rules=(rule,)), at=utc_now())
    decisions.approve(home, evaluation.family, version.version, approver="Ada", reason="a test")
