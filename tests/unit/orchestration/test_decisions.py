"""One road from a decision to what serves, for the web UI and the command line."""

import json
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import dagster as dg
import pytest
import yaml

from cli.doctor import examine
from cli.status import collect_status
from models.registry.journal import JournalBrokenError
from models.registry.registry import IllegalTransitionError, ModelRegistry
from orchestration import decisions
from orchestration.attribution import SIGNATURE_TAG, USER_TAG, UnattributedRunError, person_of_run, signed_tags
from orchestration.defs.deployment.sensors import new_approvals, shown_version
from orchestration.defs.promotion.assets import champions
from orchestration.defs.promotion.jobs import (
    approve_candidate,
    reject_candidate,
    release_candidate,
    rollback_champion,
)
from orchestration.instance import open_instance
from serving.prediction_log import PredictionLog
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

WHO = {"approver": "Ada", "reason": "a test"}


def status_of(home: Settings) -> dict[str, str]:
    return {one.version: one.status for one in ModelRegistry.of(home).versions("recommender")}


def materialise_champion(home: Settings, instance: dg.DagsterInstance, *, by_policy: bool) -> None:
    asset = next(one for one in champions if one.key == dg.AssetKey("recommender_champion"))
    config = {"ops": {"recommender_champion": {"config": {"approve_by_policy": by_policy}}}}
    assert dg.materialize([asset], instance=instance, resources={"settings": home}, run_config=config).success


def requests_of_a_tick(home: Settings, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    result = new_approvals(dg.build_sensor_context(instance=instance, resources={"settings": home}))
    return list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []


def test_an_approval_without_a_version_is_of_the_newest_eligible_candidate(home, register) -> None:
    register()
    wanted = register()
    register(eligible=False)
    assert decisions.approve(home, "recommender", None, **WHO).version == wanted


def test_where_the_gate_refused_every_candidate_its_reasons_are_what_the_approver_reads(home, register) -> None:
    register(eligible=False)
    with pytest.raises(IllegalTransitionError, match="It does not beat popularity"):
        decisions.approve(home, "recommender", None, **WHO)


@pytest.mark.parametrize(
    "name",
    ["automatic approval policy", "Automatic  Approval-Policy", "\u0410utomatic approval policy", "Training-Run"],
)
def test_nobody_signs_with_a_name_of_shopsight_itself(home, register, name: str) -> None:
    register()
    for decide in (decisions.approve, decisions.reject, decisions.roll_back):
        with pytest.raises(IllegalTransitionError, match="is no person"):
            decide(home, "recommender", None, approver=name, reason="a test")
    assert status_of(home) == {"v0001": "candidate"}


def test_the_policy_passes_over_a_candidate_that_was_judged_beside_another_champion(home, register) -> None:
    first, second = register(), register()
    decisions.approve(home, "recommender", first, **WHO)
    automatic = home.model_copy(update={"approval_policy": "automatic"})
    with open_instance(home) as instance:
        materialise_champion(automatic, instance, by_policy=True)
    assert status_of(home) == {first: "champion", second: "candidate"}


def test_a_family_that_is_unknown_or_has_no_candidate_is_refused(home) -> None:
    with pytest.raises(ShopsightError, match="no model family is called 'recomender'"):
        decisions.roll_back(home, "recomender", None, **WHO)
    with pytest.raises(decisions.NoCandidateError, match="shopsight run"):
        decisions.reject(home, "recommender", None, **WHO)


def test_a_rollback_to_a_version_withdraws_all_that_came_after_it(home, register) -> None:
    for _ in range(3):
        decisions.approve(home, "recommender", register(), **WHO)
    assert decisions.roll_back(home, "recommender", "v0001", **WHO).version == "v0001"
    assert status_of(home) == {"v0001": "champion", "v0002": "withdrawn", "v0003": "withdrawn"}
    ModelRegistry.of(home).verify()


def test_a_rollback_to_a_version_that_never_served_changes_nothing(home, register) -> None:
    for _ in range(2):
        decisions.approve(home, "recommender", register(), **WHO)
    register()
    before = status_of(home)
    with pytest.raises(IllegalTransitionError, match="v0003"):
        decisions.roll_back(home, "recommender", "v0003", **WHO)
    assert status_of(home) == before


def test_each_decision_asks_for_a_run_of_its_own_also_where_the_version_served_before(home, register) -> None:
    first = decisions.deployment_of(decisions.approve(home, "recommender", register(), **WHO))
    decisions.approve(home, "recommender", register(), **WHO)
    again = decisions.deployment_of(decisions.roll_back(home, "recommender", None, **WHO))
    assert first.asset_selection == again.asset_selection
    assert first.run_key != again.run_key


def test_after_a_rollback_the_sensor_has_the_catalogue_show_the_version_that_serves_again(
    home, register, packaged
) -> None:
    for _ in range(2):
        version = register()
        decisions.approve(home, "recommender", version, **WHO)
        packaged(version)
    with open_instance(home) as instance:
        materialise_champion(home, instance, by_policy=False)
        assert requests_of_a_tick(home, instance) == []
        champion = decisions.roll_back(home, "recommender", None, **WHO)
        assert shown_version(instance, "recommender") == "v0002"
        assert requests_of_a_tick(home, instance) == [decisions.deployment_of(champion)]
        materialise_champion(home, instance, by_policy=False)
        assert shown_version(instance, "recommender") == "v0001"
        assert requests_of_a_tick(home, instance) == []


def test_a_champion_without_its_bento_is_packaged(home, register) -> None:
    champion = decisions.approve(home, "recommender", register(), **WHO)
    with open_instance(home) as instance:
        materialise_champion(home, instance, by_policy=False)
        assert requests_of_a_tick(home, instance) == [decisions.deployment_of(champion)]


def test_a_run_that_follows_a_decision_leaves_the_policy_out(home, register) -> None:
    automatic = home.model_copy(update={"approval_policy": "automatic"})
    decisions.approve(automatic, "recommender", register(), **WHO)
    register()
    with open_instance(home) as instance:
        materialise_champion(automatic, instance, by_policy=False)
        assert status_of(home) == {"v0001": "champion", "v0002": "candidate"}
        materialise_champion(automatic, instance, by_policy=True)
        assert status_of(home) == {"v0001": "approved", "v0002": "champion"}


DECIDING = {
    "approve": approve_candidate,
    "release": release_candidate,
    "reject": reject_candidate,
    "roll_back": rollback_champion,
}


@pytest.mark.parametrize("job", list(DECIDING.values()), ids=lambda job: job.name)
def test_a_deciding_job_comes_with_a_form_to_fill_in_and_is_not_retried(job: dg.JobDefinition) -> None:
    assert job.tags["dagster/max_retries"] == "0"
    (op,) = job.run_config["ops"].values()
    assert list(op["config"]) == ["family", "version", "reason"]
    assert dg.validate_run_config(job, job.run_config)


def launched(home: Settings, op: str, *, tags: dict[str, str], run_id: str | None = None) -> dg.ExecuteInProcessResult:
    """Run a deciding job with its form filled in."""
    config = decisions.prefilled(op, family="recommender")
    config["ops"][op]["config"]["reason"] = "a test"
    return DECIDING[op].execute_in_process(
        run_config=config, raise_on_error=False, resources={"settings": home}, tags=tags, run_id=run_id
    )


@pytest.mark.parametrize("op", DECIDING)
def test_a_decision_that_no_logged_in_person_launched_is_refused(home, register, op: str) -> None:
    for _ in range(2):
        decisions.approve(home, "recommender", register(), **WHO)
    register()
    before = status_of(home)
    stolen = signed_tags(home, str(uuid4()), "Ada")
    for tags in ({}, {USER_TAG: "Ada"}, {USER_TAG: "Ada", SIGNATURE_TAG: "0" * 64}, stolen):
        assert not launched(home, op, tags=tags).success
    assert status_of(home) == before


@pytest.mark.parametrize("op", DECIDING)
def test_a_decision_is_recorded_under_the_name_of_who_launched_it(home, register, op: str) -> None:
    for _ in range(2):
        decisions.approve(home, "recommender", register(), **WHO)
    register()
    run_id = str(uuid4())
    assert launched(home, op, tags=signed_tags(home, run_id, "Zoë Müller"), run_id=run_id).success
    last = json.loads((home.registry_dir / "journal.jsonl").read_text().splitlines()[-1])
    assert last["approver"] == "Zoë Müller"


def test_a_signature_is_of_one_run_and_one_person(home) -> None:
    tags = signed_tags(home, "run-1", "Ada")
    assert person_of_run(home, "run-1", tags) == "Ada"
    for run_id, changed in (("run-2", tags), ("run-1", tags | {USER_TAG: "Bob"}), ("run-1", {USER_TAG: "Ada"})):
        with pytest.raises(UnattributedRunError, match="make up"):
            person_of_run(home, run_id, changed)


def test_the_form_of_a_candidate_is_filled_in_with_its_family_and_version(home) -> None:
    address = urlsplit(decisions.approval_form(home, "churn", "v0007"))
    assert address.path == "/locations/shopsight/jobs/approve_candidate/playground/setup"
    (config,) = parse_qs(address.query)["config"]
    assert yaml.safe_load(config) == decisions.prefilled("approve", family="churn", version="v0007")


def test_the_command_line_rolls_back_in_the_name_of_who_is_at_it_and_the_web_ui_shows_it(
    home, register, packaged, monkeypatch
) -> None:
    monkeypatch.setenv("SHOPSIGHT_USER", "Ada Lovelace")
    from typer.testing import CliRunner

    from cli.app import app

    for _ in range(2):
        version = register()
        decisions.approve(home, "recommender", version, **WHO)
        packaged(version)
    answer = CliRunner().invoke(app, ["rollback", "recommender", "--reason", "complaints", "--json"])
    assert answer.exit_code == 0, answer.output
    document = json.loads(answer.stdout)
    assert document["by"] == "Ada Lovelace"
    assert (document["version"], document["status"]) == ("v0001", "champion")
    assert document["bento"] == "shopsight_recommendation:v0001-0123456789"
    with open_instance(home) as instance:
        assert shown_version(instance, "recommender") == "v0001"
        assert requests_of_a_tick(home, instance) == []


def without_last_record(home: Settings) -> None:
    """Cut the newest decision off the journal, which stays intact by itself, and take the witness beside its key."""
    (home.keys_dir / "registry.head").unlink()
    journal = home.registry_dir / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))


def test_the_catalogue_misses_a_decision_that_was_cut_off_after_it_was_shown(home, register) -> None:
    decisions.approve(home, "recommender", register(), **WHO)
    with open_instance(home) as instance:
        materialise_champion(home, instance, by_policy=False)
        without_last_record(home)
        with pytest.raises(JournalBrokenError, match="the catalogue's recommender_champion"):
            materialise_champion(home, instance, by_policy=False)


def test_nothing_is_decided_on_a_journal_that_is_shorter_than_an_answer_of_a_service_saw(home, register) -> None:
    version = register()
    log = PredictionLog(home.predictions_dir / "recommender", stamp={"journal": str(ModelRegistry.of(home).head())})
    log.append({"recommendation_id": "rec_1"})
    log.close()
    without_last_record(home)
    with pytest.raises(JournalBrokenError, match=r"the last answer in .* and it has 1 now"):
        decisions.approve(home, "recommender", version, **WHO)
    assert status_of(home) == {version: "candidate"}


def test_status_and_doctor_name_the_family_of_a_damaged_record_and_show_the_others(home, register) -> None:
    decisions.approve(home, "recommender", register(), **WHO)
    journal = home.registry_dir / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"a test", b"a tesT"))
    models = collect_status(home)["models"]
    assert "journal.jsonl" in models["recommender"]["error"]
    assert {family for family, model in models.items() if model["error"]} == {"recommender"}
    (finding,) = [one for one in examine(home) if one.name == "registry"]
    assert finding.outcome == "problem"
    assert "journal.jsonl" in finding.detail
