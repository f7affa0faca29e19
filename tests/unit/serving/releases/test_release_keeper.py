"""A version goes from step to step by what was counted, and back by itself: with real processes, and a real journal.

Only what BentoML would serve is small: a process that says it is ready, or ends. What the champion's service would
count is written down as it writes it.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from approved_toys import crown_toy, register_toy

from models.evaluation.release.judgement import Tally
from models.registry.registry import ModelRegistry
from models.registry.version import ModelVersion
from serving.packaging.manifest import write_manifest
from serving.releases.orders import Seen, order_path, read_order, seen_path
from serving.running.launcher import ServiceProcess
from serving.running.release_keeper import MAX_STARTS, ReleaseKeeper
from serving.running.release_plan import ReleasePlan
from serving.running.states import ServiceState
from shopsight.families import FAMILIES
from shopsight.settings import Settings
from shopsight.whole_files import write_json

FAMILY = FAMILIES["churn"]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
READY = """
import os, signal, socket, time
signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a run of Dagster before may have left it ignored, as parent.py says
socket.socket(fileno=int(os.environ["SHOPSIGHT_HANDOVER_LINE"])).send(b"1")
time.sleep(60)
"""
ENDING = "raise SystemExit('no such model')"
PLAN = ReleasePlan(shadow_minutes=1, canary_minutes=1, champion_minutes=1, min_answers=200)
GOOD = Tally(answers=400, timed=400, whole=400)


class TinyService(ServiceProcess):
    """Runs the one file of its Bento."""

    splits = True
    hands_over = True

    def command(self, descriptor: int) -> list[str]:
        del descriptor
        return [sys.executable, "-S", "-E", str(self.bento.path / "service.py")]


class Released:
    """A version under release, the clock, and how the family's service is."""

    def __init__(self, settings: Settings, program: str) -> None:
        self.settings, self.registry = settings, ModelRegistry.of(settings)
        self.after = timedelta()
        crown_toy(settings, "churn", self._folder())
        self.package("v0001", READY)
        register_toy(settings, "churn", self._folder(), judged_at=datetime.now(UTC))
        who = {"approver": "Ada", "reason": "fit", "at": datetime.now(UTC), "requester": "Ben"}
        self.registry.release("churn", "v0002", **who, plan=PLAN.model_dump())  # type: ignore[arg-type]
        self.package("v0002", program)
        self.keeper = ReleaseKeeper(settings, "churn", process=TinyService, now=lambda: datetime.now(UTC) + self.after)
        self.served = ServiceState("running", bento="shopsight_churn:v0001-0123456789")

    def package(self, version: str, program: str) -> None:
        bento, model = (
            self.settings.bentoml_dir / kind / f"{version}-0123456789"
            for kind in (f"bentos/{FAMILY.bento}", "models/churn")
        )
        for folder, name, content in ((bento, "service.py", program), (model, "model.json", "{}")):
            folder.mkdir(parents=True)
            (folder / name).write_text(content)
        manifest = write_manifest(bento, model)
        self.registry.package("churn", version, tag=f"{FAMILY.bento}:{bento.name}", manifest=manifest, at=NOON)

    def _folder(self) -> Path:
        folder = self.settings.training_dir / "candidate"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text("{}")
        return folder

    @property
    def version(self) -> ModelVersion:
        return next(one for one in self.registry.versions("churn") if one.version == "v0002")

    def look_until(self, step: str) -> None:
        deadline = time.monotonic() + 30
        while self.version.steps[-1].step != step:
            self.keeper.look(self.served)
            assert time.monotonic() < deadline, (self.version.steps, self.keeper.note)
            time.sleep(0.02)
        self.keeper.look(self.served)

    def counted(self, candidate: Tally, *, worse: str = "") -> None:
        """Write down what the champion's service would have by the end of the step's time."""
        seen = Seen(record=self.version.steps[-1].record, candidate=candidate, champion=GOOD, worse=worse)
        write_json(seen_path(self.settings, "churn", seen.record), asdict(seen))
        self.after = timedelta(minutes=2)
        self.keeper.look(self.served)
        self.after = timedelta()


@pytest.fixture
def released(tmp_path: Path) -> Iterator[Released]:
    one = Released(Settings(home=tmp_path), READY)
    yield one
    one.keeper.stop()


def ordered(released: Released) -> tuple[str, str] | None:
    order = read_order(order_path(released.settings, "churn"))
    return None if order is None else (order.version, order.stage)


def test_a_version_is_in_its_shadow_once_its_process_is_ready(released: Released) -> None:
    released.keeper.look(released.served)
    assert ordered(released) is None
    released.look_until("shadow")
    assert ordered(released) == ("v0002", "shadow")


def test_a_step_is_over_when_its_time_is_and_enough_was_counted(released: Released) -> None:
    released.look_until("shadow")
    released.counted(Tally(answers=199, timed=199, whole=199))
    assert released.version.steps[-1].step == "shadow"
    assert "not enough answers yet" in released.keeper.note
    released.counted(GOOD)
    assert released.version.steps[-1].step == "canary"
    assert released.version.steps[-1].evidence["candidate"]["answers"] == 400


def test_a_version_that_may_still_be_bad_goes_no_further(released: Released) -> None:
    released.look_until("shadow")
    released.counted(Tally(answers=200, failed=16, timed=184, whole=184))
    assert released.version.steps[-1].step == "shadow"


def test_what_is_counted_as_worse_is_withdrawn_and_gets_no_request(released: Released) -> None:
    released.look_until("shadow")
    released.counted(Tally(answers=10, failed=10), worse="10 of 10 answers failed")
    assert (released.version.status, released.version.steps[-1].reason) == ("withdrawn", "10 of 10 answers failed")
    assert ordered(released) is None


def test_counts_of_another_step_are_not_this_ones(released: Released) -> None:
    released.look_until("shadow")
    released.counted(GOOD)
    released.after = timedelta(minutes=2)
    released.keeper.look(released.served)
    assert released.version.steps[-1].step == "canary"


def test_a_version_whose_process_ends_is_withdrawn(released: Released) -> None:
    released.look_until("shadow")
    process = released.keeper._process  # noqa: SLF001 - to end it
    assert process is not None
    process.stop(timeout_seconds=1)
    released.look_until("withdrawn")


def test_a_version_that_does_not_start_is_tried_three_times_and_withdrawn(tmp_path: Path) -> None:
    one = Released(Settings(home=tmp_path), ENDING)
    starts = 0
    while one.version.status == "releasing":
        one.keeper.look(one.served)
        starts += one.keeper._process is None  # noqa: SLF001 - each start that failed
        time.sleep(0.05)
    assert starts == MAX_STARTS
    assert "no such model" in one.version.steps[-1].reason
    one.keeper.stop()


def test_the_last_step_makes_it_champion_and_its_process_beside_goes_once_it_serves(released: Released) -> None:
    released.look_until("shadow")
    for step in ("canary", "champion"):
        released.counted(GOOD)
        assert released.version.steps[-1].step == step
        released.keeper.look(released.served)
    assert released.version.status == "champion"
    assert ordered(released) == ("v0002", "canary"), "until the other serves, its shoppers are still answered"
    released.served = ServiceState("running", bento="shopsight_churn:v0002-0123456789")
    released.keeper.look(released.served)
    assert ordered(released) == ("v0002", "champion")
    assert released.keeper.is_watching
    released.counted(GOOD)
    assert released.version.steps[-1].step == "settled"


def test_a_champion_that_is_worse_or_ends_is_taken_back(released: Released) -> None:
    released.look_until("shadow")
    for _ in range(2):
        released.counted(GOOD)
        released.keeper.look(released.served)
    tag = "shopsight_churn:v0002-0123456789"
    released.keeper.look(ServiceState("failed", "it ended by itself"), failed_tag=tag)
    assert released.version.status == "withdrawn"
    champion = released.registry.champion("churn")
    assert champion is not None
    assert champion.version == "v0001"
    assert "it ended by itself" in released.version.steps[-1].reason


def test_a_persons_rollback_ends_the_release_at_the_next_look(released: Released) -> None:
    released.look_until("shadow")
    who = {"approver": "Ada", "reason": "odd lists", "at": datetime.now(UTC)}
    released.registry.step("churn", "v0002", "withdraw", **who)  # type: ignore[arg-type]
    released.keeper.look(released.served)
    assert ordered(released) is None


def test_a_champion_of_older_code_is_named_as_what_stands_in_the_way(released: Released) -> None:
    released.look_until("shadow")
    released.keeper.look(released.served, splits=False)
    assert "build it anew" in released.keeper.note
