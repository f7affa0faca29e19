import json
import multiprocessing
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.evaluation.approval import RuleResult, Verdict
from models.evaluation.bootstrap import Estimate
from models.evaluation.results import Evaluation
from models.registry.artefacts import ArtefactChangedError, UnsafeArtefactError
from models.registry.journal import JournalBrokenError
from models.registry.registry import IllegalTransitionError, ModelRegistry, UnknownVersionError

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ELIGIBLE = Verdict(rules=(RuleResult(rule="beats every baseline", outcome="passed", sentence="It does."),))
REFUSED = Verdict(rules=(RuleResult(rule="beats every baseline", outcome="failed", sentence="It does not beat kNN."),))
FIGURE = Estimate(value=0.8, low=0.7, high=0.9)
EVALUATION = Evaluation(
    family="intent",
    candidate="minilm",
    primary_metric="macro_f1",
    protocol="held-out sources",
    cases=500,
    metrics={"macro_f1": FIGURE},
    baselines={},
    gains={"majority": FIGURE},
)


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    folder = tmp_path / "candidate"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"\x80\x02 weights whose first bytes look like a pickle's")
    (folder / "config.json").write_text('{"labels": 5}')
    (folder / "tokenizer" / "vocab.txt").write_text("a\nb\n")
    return folder


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(tmp_path / "registry")


def register(registry: ModelRegistry, candidate: Path) -> str:
    return registry.register(
        "intent", candidate, evaluation=EVALUATION, card={"seed": 7}, created_at=NOON, requester="training run"
    ).version


def crown(registry: ModelRegistry, candidate: Path) -> str:
    version = register(registry, candidate)
    registry.judge("intent", version, verdict=ELIGIBLE, at=NOON)
    approve(registry, version)
    return version


def approve(registry: ModelRegistry, version: str, approver: str = "Ada", reason: str = "beats kNN") -> None:
    registry.approve("intent", version, approver=approver, reason=reason, at=NOON, requester="Grace")


def statuses(registry: ModelRegistry) -> dict[str, str]:
    return {version.version: version.status for version in registry.versions("intent")}


def test_an_empty_registry_has_no_champion_and_a_valid_journal(registry: ModelRegistry) -> None:
    assert registry.champion("intent") is None
    assert registry.latest_candidate("intent") is None
    assert registry.versions("intent") == []
    assert registry.verify() == "0" * 64


def test_a_registered_model_is_a_candidate_with_its_files_evaluation_and_card(
    registry: ModelRegistry, candidate: Path
) -> None:
    version = registry.version("intent", register(registry, candidate))
    assert (version.version, version.status, version.eligible, version.approval) == ("v0001", "candidate", None, None)
    assert version.evaluation == EVALUATION
    assert version.card == {"family": "intent", "seed": 7}
    assert (version.path / "tokenizer" / "vocab.txt").read_text() == "a\nb\n"
    assert sorted(version.files) == [
        "card.json",
        "config.json",
        "evaluation.json",
        "model.safetensors",
        "tokenizer/vocab.txt",
    ]


def test_a_candidate_becomes_champion_and_a_rollback_returns_to_the_one_before(
    registry: ModelRegistry, candidate: Path
) -> None:
    first, second = crown(registry, candidate), crown(registry, candidate)
    champion = registry.champion("intent")
    assert champion is not None
    assert champion.version == second
    assert champion.approval is not None
    assert (champion.approval.approver, champion.approval.reason) == ("Ada", "beats kNN")
    assert statuses(registry) == {first: "approved", second: "champion"}
    assert registry.rollback("intent", approver="Ada", reason="complaints", at=NOON).version == first
    assert statuses(registry) == {first: "champion", second: "withdrawn"}
    third = crown(registry, candidate)
    assert registry.rollback("intent", approver="Ada", reason="complaints", at=NOON).version == first
    assert statuses(registry) == {first: "champion", second: "withdrawn", third: "withdrawn"}
    registry.verify()


def test_a_rollback_that_follows_a_rollback_goes_one_further_back(registry: ModelRegistry, candidate: Path) -> None:
    versions = [crown(registry, candidate) for _ in range(3)]
    registry.rollback("intent", approver="Ada", reason="slow", at=NOON)
    registry.rollback("intent", approver="Ada", reason="slower", at=NOON)
    assert statuses(registry) == dict(zip(versions, ["champion", "withdrawn", "withdrawn"], strict=True))
    with pytest.raises(IllegalTransitionError, match="no version was approved before"):
        registry.rollback("intent", approver="Ada", reason="again", at=NOON)


def test_a_verdict_holds_only_against_the_champion_that_it_was_made_beside(
    registry: ModelRegistry, candidate: Path
) -> None:
    first, older = crown(registry, candidate), register(registry, candidate)
    registry.judge("intent", older, verdict=ELIGIBLE, at=NOON)
    newer = crown(registry, candidate)
    with pytest.raises(IllegalTransitionError, match=f"judged it beside {first}, and now {newer} serves"):
        approve(registry, older)
    assert statuses(registry) == {first: "approved", older: "candidate", newer: "champion"}
    registry.judge("intent", older, verdict=ELIGIBLE, at=NOON)
    approve(registry, older)
    assert statuses(registry)[older] == "champion"


def test_a_verdict_made_beside_no_champion_says_nothing_of_the_first_one(
    registry: ModelRegistry, candidate: Path
) -> None:
    early = register(registry, candidate)
    registry.judge("intent", early, verdict=ELIGIBLE, at=NOON)
    crown(registry, candidate)
    with pytest.raises(IllegalTransitionError, match="beside no champion, and now v0002 serves"):
        approve(registry, early)


@pytest.mark.parametrize("approver", [".", "\u200b", "Ada\u200b", "\u3164", "123", "A\nda"])
def test_who_approves_has_a_name_that_can_be_read(registry: ModelRegistry, candidate: Path, approver: str) -> None:
    version = register(registry, candidate)
    registry.judge("intent", version, verdict=ELIGIBLE, at=NOON)
    with pytest.raises(IllegalTransitionError, match="is no name"):
        approve(registry, version, approver=approver)
    assert registry.champion("intent") is None


@pytest.mark.parametrize("approver", ["Åsa", "李雷", "O'Neil, J.", "Ada Lovelace 2"])
def test_names_of_all_scripts_are_names(registry: ModelRegistry, candidate: Path, approver: str) -> None:
    version = register(registry, candidate)
    registry.judge("intent", version, verdict=ELIGIBLE, at=NOON)
    approve(registry, version, approver=approver)
    assert statuses(registry) == {version: "champion"}


@pytest.mark.parametrize("reason", [".", "\u200b", "--"])
def test_a_reason_says_something(registry: ModelRegistry, candidate: Path, reason: str) -> None:
    version = register(registry, candidate)
    registry.judge("intent", version, verdict=ELIGIBLE, at=NOON)
    with pytest.raises(IllegalTransitionError, match="needs the reason"):
        approve(registry, version, reason=reason)


@pytest.mark.parametrize(
    "approver",
    [
        "training run",
        "Training Run ",
        "training  run",
        "training-run",
        "Trainingrun",
        "training\xa0run",
        "Grace",
        "GRACE",
    ],
)
def test_nobody_approves_what_they_trained_or_asked_for(
    registry: ModelRegistry, candidate: Path, approver: str
) -> None:
    version = register(registry, candidate)
    registry.judge("intent", version, verdict=ELIGIBLE, at=NOON)
    with pytest.raises(IllegalTransitionError, match="does not approve it"):
        approve(registry, version, approver=approver)
    assert registry.champion("intent") is None


@pytest.mark.parametrize(("approver", "reason"), [("", "good"), ("  ", "good"), ("Ada", ""), ("Ada", " ")])
def test_an_approval_needs_a_name_and_a_reason(
    registry: ModelRegistry, candidate: Path, approver: str, reason: str
) -> None:
    version = register(registry, candidate)
    registry.judge("intent", version, verdict=ELIGIBLE, at=NOON)
    with pytest.raises(IllegalTransitionError, match="needs the"):
        approve(registry, version, approver=approver, reason=reason)


def test_what_the_gate_refused_or_did_not_see_is_not_approved(registry: ModelRegistry, candidate: Path) -> None:
    version = register(registry, candidate)
    with pytest.raises(IllegalTransitionError, match="has not judged it"):
        approve(registry, version)
    registry.judge("intent", version, verdict=ELIGIBLE, at=NOON)
    registry.judge("intent", version, verdict=REFUSED, at=NOON)
    with pytest.raises(IllegalTransitionError, match="It does not beat kNN"):
        approve(registry, version)


def test_a_decision_is_made_once(registry: ModelRegistry, candidate: Path) -> None:
    version = register(registry, candidate)
    registry.reject("intent", version, approver="Ada", reason="too slow", at=NOON, requester="Grace")
    assert registry.latest_candidate("intent") is None
    with pytest.raises(IllegalTransitionError, match="it is rejected"):
        registry.judge("intent", version, verdict=ELIGIBLE, at=NOON)
    with pytest.raises(IllegalTransitionError, match="it is rejected"):
        approve(registry, version)
    champion = crown(registry, candidate)
    with pytest.raises(IllegalTransitionError, match="it is champion"):
        registry.reject("intent", champion, approver="Ada", reason="late", at=NOON, requester="Grace")


def test_an_unknown_version_and_an_odd_family_are_refused(registry: ModelRegistry, candidate: Path) -> None:
    with pytest.raises(UnknownVersionError, match="none yet"):
        registry.version("intent", "v0001")
    with pytest.raises(ValueError, match="lower-case word"):
        registry.register("../intent", candidate, evaluation=EVALUATION, card={}, created_at=NOON)
    with pytest.raises(ValueError, match="is of 'intent'"):
        registry.register("recommender", candidate, evaluation=EVALUATION, card={}, created_at=NOON)
    with pytest.raises(ValueError, match="time zone"):
        registry.register("intent", candidate, evaluation=EVALUATION, card={}, created_at=NOON.replace(tzinfo=None))


@pytest.mark.parametrize("name", ["model.pkl", "model.pt", "weights.bin", "model.joblib", "array.npy", "run.py", "x"])
def test_a_file_that_may_hold_code_is_refused_by_its_name(registry: ModelRegistry, candidate: Path, name: str) -> None:
    (candidate / name).write_text("harmless")
    with pytest.raises(UnsafeArtefactError, match=name):
        register(registry, candidate)
    assert registry.versions("intent") == []


@pytest.mark.parametrize("content", [b"\x80\x04\x95", b"PK\x03\x04zip"])
def test_a_pickle_under_another_name_is_refused_by_its_content(
    registry: ModelRegistry, candidate: Path, content: bytes
) -> None:
    (candidate / "vocab.json").write_bytes(content)
    with pytest.raises(UnsafeArtefactError, match="pickle or an archive"):
        register(registry, candidate)


def test_links_and_special_files_are_refused(registry: ModelRegistry, candidate: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (candidate / "config2.json").symlink_to(secret)
    with pytest.raises(UnsafeArtefactError, match="symbolic link"):
        register(registry, candidate)
    (candidate / "config2.json").unlink()
    (candidate / "folder").symlink_to(tmp_path)
    with pytest.raises(UnsafeArtefactError, match="symbolic link"):
        register(registry, candidate)
    (candidate / "folder").unlink()
    os.mkfifo(candidate / "pipe.json")
    with pytest.raises(UnsafeArtefactError, match="neither a file nor a folder"):
        register(registry, candidate)


@pytest.mark.parametrize("state", ["changed", "missing", "added"])
def test_a_tampered_file_is_named_before_it_serves(registry: ModelRegistry, candidate: Path, state: str) -> None:
    crown(registry, candidate)
    folder = registry.root / "intent" / "v0001"
    file = folder / ("new.json" if state == "added" else "config.json")
    file.unlink() if state == "missing" else file.write_text("{}")
    with pytest.raises(ArtefactChangedError, match=rf"{file.name} (is|was) {state}"):
        registry.champion("intent")
    with pytest.raises(ArtefactChangedError, match=file.name):
        registry.verify()


def test_the_evaluation_cannot_be_improved_after_registration(registry: ModelRegistry, candidate: Path) -> None:
    version = register(registry, candidate)
    registry.judge("intent", version, verdict=ELIGIBLE, at=NOON)
    path = registry.root / "intent" / version / "evaluation.json"
    path.write_text(path.read_text().replace("0.8", "0.99"))
    with pytest.raises(ArtefactChangedError, match=r"evaluation\.json"):
        approve(registry, version)


def test_editing_removing_or_reordering_any_record_breaks_the_chain(registry: ModelRegistry, candidate: Path) -> None:
    crown(registry, candidate)
    crown(registry, candidate)
    journal = registry.root / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines):
        edited = line.replace(b"2026-05-01", b"2026-05-02")
        assert edited != line
        journal.write_bytes(b"".join([*lines[:number], edited, *lines[number + 1 :]]))
        with pytest.raises(JournalBrokenError, match=f"Record {number + 1} "):
            registry.verify()
        if number < len(lines) - 1:
            journal.write_bytes(b"".join([*lines[:number], *lines[number + 1 :]]))
            with pytest.raises(JournalBrokenError):
                registry.verify()
            journal.write_bytes(b"".join([*lines[:number], lines[number + 1], line, *lines[number + 2 :]]))
            with pytest.raises(JournalBrokenError):
                registry.verify()
    journal.write_bytes(b"".join(lines))
    registry.verify()


def test_a_well_chained_record_of_an_illegal_step_is_refused(registry: ModelRegistry, candidate: Path) -> None:
    version = register(registry, candidate)
    forged = {"action": "approve", "family": "intent", "version": version, "at": "2026-05-01T12:00:00+00:00"}
    registry._journal.append({**forged, "approver": "Eve", "reason": "because", "requester": "x"})  # noqa: SLF001 - forged, past the registry
    with pytest.raises(JournalBrokenError, match="not a legal step"):
        registry.champion("intent")


def test_a_folder_that_no_record_knows_is_reported(registry: ModelRegistry, candidate: Path) -> None:
    crown(registry, candidate)
    crown(registry, candidate)
    journal = registry.root / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0])
    with pytest.raises(JournalBrokenError, match=r"registry\.head saw it, and records were cut off the end"):
        registry.verify()
    (registry.root.parent / "keys" / "registry.head").unlink()
    (registry.root / "intent" / "v0003").mkdir()
    with pytest.raises(JournalBrokenError, match="v0003 is in no record"):
        registry.verify()


def test_a_half_written_last_record_never_happened(registry: ModelRegistry, candidate: Path) -> None:
    first = crown(registry, candidate)
    journal = registry.root / "journal.jsonl"
    witness = registry.root.parent / "keys" / "registry.head"
    whole, seen = journal.read_bytes(), witness.read_bytes()
    second = register(registry, candidate)
    torn = journal.read_bytes()[: len(whole) + 40]
    journal.write_bytes(torn)
    witness.write_bytes(seen)
    assert statuses(registry) == {first: "champion"}
    registry.verify()
    assert register(registry, candidate) == second
    assert statuses(registry) == {first: "champion", second: "candidate"}
    registry.verify()


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_fault_at_every_call_to_the_disk_leaves_the_state_before_or_after(
    registry: ModelRegistry, candidate: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    crown(registry, candidate)
    before = statuses(registry)
    after = {**before, "v0002": "candidate"}
    real = getattr(os, call)
    for failing in range(1, 40):
        calls = 0

        def flaky(*args: object, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            if calls == failing:  # noqa: B023 - used before the next turn of the loop
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, flaky)
            try:
                register(registry, candidate)
            except OSError:
                assert statuses(registry) in (before, after)
                registry.verify()
            else:
                break
        if statuses(registry) == after:
            before, after = after, {**after, f"v{len(after) + 1:04d}": "candidate"}
    assert calls >= 1
    assert failing > 1
    registry.verify()


def _register_from_a_process(root: Path, candidate: Path) -> None:
    for _ in range(5):
        register(ModelRegistry(root), candidate)


def test_concurrent_writers_get_a_version_each(registry: ModelRegistry, candidate: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=_register_from_a_process, args=(registry.root, candidate), daemon=True) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert list(statuses(registry)) == [f"v{number:04d}" for number in range(1, 21)]
    registry.verify()


def test_random_sequences_of_actions_never_reach_an_illegal_state(tmp_path: Path, candidate: Path) -> None:
    """One seeded walk per family in one registry; after every action the invariants of the whole must hold."""
    rng = random.Random(20260501)
    registry = ModelRegistry(tmp_path / "registry")
    ever_champion: set[str] = set()
    refused = 0
    for step in range(300):
        at = NOON + timedelta(minutes=step)
        versions = registry.versions("intent")
        version = rng.choice([v.version for v in versions] or ["v0001"])
        approver = rng.choice(["Ada", "Grace", "training run", "policy", ""])
        before = statuses(registry)
        try:
            match rng.choice(["register", "judge", "judge", "approve", "approve", "reject", "rollback"]):
                case "register" if len(versions) < 40:
                    register(registry, candidate)
                case "judge":
                    registry.judge("intent", version, verdict=rng.choice([ELIGIBLE, ELIGIBLE, REFUSED]), at=at)
                case "approve":
                    registry.approve("intent", version, approver=approver, reason="fit", at=at, requester="Grace")
                    stored = registry.version("intent", version)
                    assert before[version] == "candidate"
                    assert stored.eligible
                    assert approver not in ("Grace", "training run", "")
                case "reject":
                    registry.reject("intent", version, approver=approver, reason="unfit", at=at, requester="Grace")
                    assert before[version] == "candidate"
                case "rollback":
                    now = registry.rollback("intent", approver=approver, reason="worse", at=at)
                    assert before[now.version] == "approved"
        except (IllegalTransitionError, UnknownVersionError):
            refused += 1
            assert statuses(registry) == before
        state = statuses(registry)
        champions = [v for v, status in state.items() if status == "champion"]
        assert len(champions) <= 1
        assert bool(champions) or not ever_champion, "once approved, somebody always serves"
        for name, was in before.items():
            assert was not in ("rejected", "withdrawn") or state[name] == was, "these states are final"
        ever_champion.update(champions)
    registry.verify()
    assert refused > 50
    assert len(ever_champion) > 3
    records = [json.loads(line) for line in (registry.root / "journal.jsonl").read_text().splitlines()]
    approved = [record for record in records if record["action"] == "approve"]
    assert all(record["approver"] and record["approver"] != record["requester"] for record in approved)


def test_the_registry_is_read_without_numpy_or_any_machine_learning() -> None:
    """Importing the registry is cheap enough for a command line; figures are read only when asked for."""
    heavy = "{'numpy', 'torch', 'pandas', 'pyarrow', 'duckdb', 'feast'}"
    code = (
        f"import sys, models.registry.registry, models.evaluation.approval; print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
