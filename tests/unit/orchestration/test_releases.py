"""An approval begins a release where the family has a plan, and a rollback stops what is under way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from cli.app import app
from models.registry.registry import IllegalTransitionError, ModelRegistry
from orchestration import decisions
from orchestration.defs.deployment.sensors import new_approvals
from orchestration.instance import open_instance
from orchestration.notifications.notices import of_records
from orchestration.release_table import release_table
from serving.running.release_plan import ReleasePlan, UnusableReleasesError, plan_in_force, read_releases
from shopsight.settings import Settings

WHO: dict[str, Any] = {"approver": "Ada", "reason": "a test"}
FAMILY = "recommender"


@pytest.fixture
def planned(home: Settings) -> Settings:
    """A home whose recommenders are released by a canary of ten minutes."""
    home.home.mkdir(parents=True, exist_ok=True)
    home.releases_path.write_text("recommender: {shadow_minutes: 0, canary_minutes: 10}\n")
    return home


def status_of(home: Settings) -> dict[str, str]:
    return {one.version: one.status for one in ModelRegistry.of(home).versions(FAMILY)}


def test_without_a_plan_an_approved_version_is_champion_at_once(home: Settings, register: Callable[..., str]) -> None:
    decisions.approve(home, FAMILY, register(), **WHO)
    assert decisions.approve(home, FAMILY, register(), **WHO).status == "champion"


def test_with_a_plan_an_approval_begins_a_release(planned: Settings, register: Callable[..., str]) -> None:
    assert decisions.approve(planned, FAMILY, register(), **WHO).status == "champion", "nothing served before"
    second = decisions.approve(planned, FAMILY, register(), **WHO)
    assert (second.status, second.plan["canary_minutes"]) == ("releasing", 10)
    assert status_of(planned) == {"v0001": "champion", "v0002": "releasing"}


def test_a_release_is_begun_without_a_plan_by_the_usual_one(home: Settings, register: Callable[..., str]) -> None:
    decisions.approve(home, FAMILY, register(), **WHO)
    register()
    version = decisions.release(home, FAMILY, None, **WHO)
    assert version.plan == ReleasePlan().model_dump()


def test_a_rollback_stops_what_is_under_release_and_the_champion_goes_on(
    planned: Settings, register: Callable[..., str]
) -> None:
    for _ in range(2):
        decisions.approve(planned, FAMILY, register(), **WHO)
    assert decisions.roll_back(planned, FAMILY, None, **WHO).version == "v0001"
    assert status_of(planned) == {"v0001": "champion", "v0002": "withdrawn"}
    ModelRegistry.of(planned).verify()


def test_a_rollback_to_a_former_champion_stops_the_release_as_well(
    planned: Settings, register: Callable[..., str]
) -> None:
    decisions.approve(planned, FAMILY, register(), **WHO)
    planned.releases_path.rename(planned.home / "aside.yml")
    decisions.approve(planned, FAMILY, register(), **WHO)
    (planned.home / "aside.yml").rename(planned.releases_path)
    decisions.approve(planned, FAMILY, register(), **WHO)
    assert decisions.roll_back(planned, FAMILY, "v0001", **WHO).version == "v0001"
    assert status_of(planned) == {"v0001": "champion", "v0002": "withdrawn", "v0003": "withdrawn"}


def test_a_stopped_release_is_told_by_who_stopped_it(planned: Settings, register: Callable[..., str]) -> None:
    for _ in range(2):
        decisions.approve(planned, FAMILY, register(), **WHO)
    registry = ModelRegistry.of(planned)
    champion = decisions.roll_back(planned, FAMILY, None, approver="Ben", reason="odd lists")
    decision = decisions.last_decision(registry, champion)
    assert decision is not None
    assert (decision.who, decision.reason) == ("Ben", "odd lists")
    events = [one.event for one in of_records(registry.records(), after=0, waiting=())]
    assert events == ["approved", "released", "stopped"]


def test_nobody_signs_as_the_policy_of_releases(planned: Settings, register: Callable[..., str]) -> None:
    register()
    with pytest.raises(IllegalTransitionError, match="is no person"):
        decisions.approve(planned, FAMILY, None, approver="Release  policy", reason="a test")


def test_the_sensor_has_the_bento_of_what_is_under_release_built(
    planned: Settings, register: Callable[..., str], packaged: Callable[[str], None]
) -> None:
    decisions.approve(planned, FAMILY, register(), **WHO)
    packaged("v0001")
    released = decisions.approve(planned, FAMILY, register(), **WHO)
    with open_instance(planned) as instance:
        context = dg.build_sensor_context(instance=instance, resources={"settings": planned})
        result = new_approvals(context)
        assert isinstance(result, dg.SensorResult)
        assert decisions.deployment_of(released) in list(result.run_requests or [])


def test_the_champions_page_has_each_step_with_its_reason(planned: Settings, register: Callable[..., str]) -> None:
    for _ in range(2):
        decisions.approve(planned, FAMILY, register(), **WHO)
    decisions.roll_back(planned, FAMILY, None, approver="Ben", reason="odd lists")
    table = str(release_table(planned, ModelRegistry.of(planned).versions(FAMILY)).value)
    assert "| v0002 | approved |" in table
    assert "| Ben |" in table
    assert "odd lists |" in table


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("recomender: {}", "no family is called recomender"),
        ("recommender: {canary_share: 0.9}", "recommender.canary_share"),
        ("recommender: {minutes: 3}", "recommender.minutes"),
        ("recommender: {shadow_minutes: 0, canary_minutes: 0}", "a shadow or a canary"),
        ("recommender: {canary_minutes: .inf}", "recommender.canary_minutes"),
        ("[1", "cannot be read"),
    ],
)
def test_a_plan_that_is_not_valid_is_refused_by_name(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "releases.yml"
    path.write_text(text)
    with pytest.raises(UnusableReleasesError) as refused:
        read_releases(path)
    assert wrong in f"{refused.value.what} {refused.value.why}"


def test_a_broken_plan_begins_nothing(planned: Settings, register: Callable[..., str]) -> None:
    decisions.approve(planned, FAMILY, register(), **WHO)
    planned.releases_path.write_text("recommender: {minutes: 3}")
    with pytest.raises(UnusableReleasesError):
        decisions.approve(planned, FAMILY, register(), **WHO)
    assert status_of(planned) == {"v0001": "champion", "v0002": "candidate"}


def test_a_family_that_the_file_does_not_name_has_no_plan(planned: Settings) -> None:
    assert plan_in_force(planned, "churn") is None
    assert plan_in_force(planned, FAMILY) == ReleasePlan(shadow_minutes=0, canary_minutes=10)


def test_the_status_says_the_step_and_what_it_waits_for(planned: Settings, register: Callable[..., str]) -> None:
    for _ in range(2):
        decisions.approve(planned, FAMILY, register(), **WHO)
    done = CliRunner().invoke(app, ["release", "status", "--json"], catch_exceptions=False)
    status = json.loads(done.stdout)[FAMILY]
    assert (status["version"], status["step"], status["status"]) == ("v0002", "approved", "releasing")
    assert "its Bento" in status["waits_for"]


def test_a_valid_file_is_put_in_force_by_command(home: Settings, tmp_path: Path) -> None:
    path = tmp_path / "plans.yml"
    path.write_text("intent: {shadow_minutes: 0}\n")
    done = CliRunner().invoke(app, ["release", "apply", str(path)], catch_exceptions=False)
    assert done.exit_code == 0, done.stdout
    assert plan_in_force(home, "intent") == ReleasePlan(shadow_minutes=0)


def test_a_release_has_the_steps_that_are_said_for_it_and_the_others_of_the_plan(
    planned: Settings, register: Callable[..., str]
) -> None:
    decisions.approve(planned, FAMILY, register(), **WHO)
    register()
    version = decisions.release(planned, FAMILY, None, **WHO, steps={"canary_minutes": 0.5, "canary_share": 0.5})
    said = ReleasePlan(shadow_minutes=0, canary_minutes=0.5, canary_share=0.5)
    assert version.plan == said.model_dump()


@pytest.mark.parametrize("steps", [{"canary_share": 0.9}, {"canary_minutes": 0, "shadow_minutes": 0}, {"canary": 1}])
def test_steps_that_cannot_be_release_nothing(
    home: Settings, register: Callable[..., str], steps: dict[str, Any]
) -> None:
    decisions.approve(home, FAMILY, register(), **WHO)
    register()
    with pytest.raises(UnusableReleasesError, match="canary"):
        decisions.release(home, FAMILY, None, **WHO, steps=steps)
    assert status_of(home) == {"v0001": "champion", "v0002": "candidate"}
