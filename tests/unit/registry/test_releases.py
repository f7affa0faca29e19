"""A version becomes champion step by step, each step a record; nothing else is legal on the way."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from approved_toys import crown_toy, register_toy

from models.registry.approvers import NotAllowedError
from models.registry.registry import IllegalTransitionError, ModelRegistry, Step
from shopsight.settings import Settings

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
WHO: dict[str, Any] = {"approver": "release policy", "reason": "it may go on", "at": NOON}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def registry(settings: Settings) -> ModelRegistry:
    """A registry whose champion is ``v0001``, and whose candidate ``v0002`` may be released."""
    crown_toy(settings, "churn", folder_in(settings))
    register_toy(settings, "churn", folder_in(settings))
    return ModelRegistry.of(settings)


def folder_in(settings: Settings) -> Path:
    folder = settings.training_dir / "candidate"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text("{}")
    return folder


def release(registry: ModelRegistry, version: str = "v0002") -> None:
    registry.release(
        "churn", version, approver="Ada", reason="fit to be tried", at=NOON, requester="Ben", plan={"canary_share": 0.2}
    )


def take(registry: ModelRegistry, *steps: Step, version: str = "v0002") -> None:
    for step in steps:
        registry.step("churn", version, step, **WHO, evidence={"record": 1})


def statuses(registry: ModelRegistry) -> dict[str, str]:
    return {one.version: one.status for one in registry.versions("churn")}


def test_a_release_leaves_the_champion_where_it_is_until_its_last_step(registry: ModelRegistry) -> None:
    release(registry)
    take(registry, "shadow", "canary")
    assert statuses(registry) == {"v0001": "champion", "v0002": "releasing"}
    take(registry, "promote")
    assert statuses(registry) == {"v0001": "approved", "v0002": "champion"}


def test_each_step_says_who_took_it_why_and_what_was_counted(registry: ModelRegistry) -> None:
    release(registry)
    take(registry, "canary")
    approved, canary = registry.version("churn", "v0002").steps
    assert (approved.step, approved.by, approved.reason) == ("approved", "Ada", "fit to be tried")
    assert (canary.step, canary.by, canary.evidence) == ("canary", "release policy", {"record": 1})
    assert registry.version("churn", "v0002").plan == {"canary_share": 0.2}


def test_a_version_that_is_stopped_never_serves_again(registry: ModelRegistry) -> None:
    release(registry)
    take(registry, "canary", "withdraw")
    assert statuses(registry) == {"v0001": "champion", "v0002": "withdrawn"}
    with pytest.raises(IllegalTransitionError, match="only a candidate"):
        release(registry)


def test_a_released_champion_is_watched_until_it_settles(registry: ModelRegistry) -> None:
    release(registry)
    take(registry, "canary", "promote")
    assert registry.version("churn", "v0002").is_watched
    take(registry, "settle")
    assert not registry.version("churn", "v0002").is_watched
    assert registry.released("churn") is None


def test_a_watched_champion_is_taken_back_with_what_was_counted(registry: ModelRegistry) -> None:
    release(registry)
    take(registry, "canary", "promote")
    registry.rollback("churn", **WHO, evidence={"record": 9})
    assert statuses(registry) == {"v0001": "champion", "v0002": "withdrawn"}
    assert registry.version("churn", "v0002").steps[-1].evidence == {"record": 9}


def test_nothing_is_released_beside_another_release(registry: ModelRegistry, settings: Settings) -> None:
    release(registry)
    register_toy(settings, "churn", folder_in(settings))
    with pytest.raises(IllegalTransitionError, match="under way"):
        release(registry, "v0003")
    with pytest.raises(IllegalTransitionError, match="under way"):
        registry.approve("churn", "v0003", approver="Ada", reason="fit", at=NOON, requester="Ben")


def test_without_a_champion_there_is_nothing_to_release_beside(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    register_toy(settings, "churn", folder_in(settings))
    with pytest.raises(IllegalTransitionError, match="nothing serves yet"):
        release(ModelRegistry.of(settings), "v0001")


@pytest.mark.parametrize("step", ["shadow", "canary", "promote", "settle", "withdraw"])
def test_what_is_not_under_release_takes_no_step(registry: ModelRegistry, step: Step) -> None:
    with pytest.raises(IllegalTransitionError, match="not under release"):
        take(registry, step)
    assert registry.verify()


def test_whoever_asked_for_a_release_does_not_approve_it(registry: ModelRegistry) -> None:
    with pytest.raises(IllegalTransitionError, match="does not approve it"):
        registry.release("churn", "v0002", approver="Ben", reason="fit to be tried", at=NOON, requester="Ben", plan={})


def test_a_version_under_release_may_have_its_bento(registry: ModelRegistry) -> None:
    release(registry)
    registry.package("churn", "v0002", tag="shopsight_churn:v0002-0123456789", manifest="0" * 64, at=NOON)
    assert registry.version("churn", "v0002").bentos


def test_who_may_approve_releases_and_the_policy_goes_on_by_itself(registry: ModelRegistry, settings: Settings) -> None:
    digest = let_decide(settings, "Ada", "approver")
    with pytest.raises(NotAllowedError, match="Eve may not approve"):
        registry.release("churn", "v0002", approver="Eve", reason="fit", at=NOON, requester="Ben", plan={})
    release(registry)
    take(registry, "canary", "promote", "settle")
    assert [step.approvers_sha256 for step in registry.version("churn", "v0002").steps] == [digest, None, None, None]


def test_who_may_not_roll_back_stops_no_release(registry: ModelRegistry, settings: Settings) -> None:
    let_decide(settings, "Ada", "approver")
    release(registry)
    with pytest.raises(NotAllowedError, match="Eve may not roll back"):
        registry.step("churn", "v0002", "withdraw", approver="Eve", reason="it errs", at=NOON)
    registry.step("churn", "v0002", "withdraw", approver="ada", reason="it errs", at=NOON)
    assert registry.version("churn", "v0002").steps[-1].decision.who == "Ada"


def test_who_is_on_call_stops_a_release_and_lets_none_go_on(registry: ModelRegistry, settings: Settings) -> None:
    release(registry)
    let_decide(settings, "Bo", "on call")
    with pytest.raises(NotAllowedError, match="Bo may not approve"):
        registry.step("churn", "v0002", "promote", approver="Bo", reason="it may go on", at=NOON)
    registry.step("churn", "v0002", "withdraw", approver="Bo", reason="it errs", at=NOON)
    assert statuses(registry)["v0002"] == "withdrawn"


def test_the_policy_takes_back_no_champion_that_is_not_watched(registry: ModelRegistry, settings: Settings) -> None:
    let_decide(settings, "Ada", "approver")
    release(registry)
    take(registry, "promote", "settle")
    with pytest.raises(NotAllowedError, match="may not roll back"):
        registry.rollback("churn", **WHO)


def test_an_old_verdict_lets_nothing_be_released(registry: ModelRegistry) -> None:
    late = NOON + timedelta(days=15)
    with pytest.raises(IllegalTransitionError, match="held for 14 days"):
        registry.release("churn", "v0002", approver="Ada", reason="fit", at=late, requester="Ben", plan={})


def let_decide(settings: Settings, name: str, role: str) -> str:
    """Write who may decide, and return the file's SHA-256."""
    settings.approvers_path.write_text(f"approvers: [{{name: {name}, role: {role}}}]\n")
    return hashlib.sha256(settings.approvers_path.read_bytes()).hexdigest()
