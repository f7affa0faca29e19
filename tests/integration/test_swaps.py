"""A slice of `make campaign-serving`: models are swapped while clients ask, and what a client could notice is seen."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from running import free_port
from swaps.campaign import Campaign, faults_of, run
from swaps.toy import ToyProcess, package_toy

from shopsight.settings import Settings

SEED = 3


def campaign_in(home: Path, process: type[ToyProcess], *, swaps: int, bad: int) -> Campaign:
    settings = Settings(home=home, recommendation_port=free_port())
    steps: Callable[[str], None] = lambda _: None  # noqa: E731 - nobody reads them
    return run(settings, swaps=swaps, bad=bad, seed=SEED, report=steps, package=package_toy, process=process)


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """A new champion, a bad one and a rollback, in some order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
        return campaign_in(tmp_path_factory.mktemp("home"), ToyProcess, swaps=2, bad=1)


def test_no_request_fails_no_bad_model_answers_and_each_answer_has_its_row(swapped: Campaign) -> None:
    assert faults_of(swapped) == []
    assert len(swapped.rows) > 50
    assert sorted({decision.kind for decision in swapped.decisions} & {"new", "rollback"}) == ["new", "rollback"]


def test_what_a_client_could_notice_would_be_seen(swapped: Campaign) -> None:
    one = swapped.outcomes[0]
    (bad,) = [decision for decision in swapped.decisions if decision.kind not in ("new", "rollback")]
    for defect, fault in {
        "failed": "1 of",
        "mixed": "more than one version",
        "bad": f"{bad.version} ({bad.kind}) answered",
        "lost": "not in the prediction log",
        "doubled": "of no answer, or doubled",
        "damaged": "damaged",
        "slow": "rollbacks took longer",
    }.items():
        planted = replace(swapped, outcomes=list(swapped.outcomes), rows=list(swapped.rows))
        match defect:
            case "failed":
                planted.outcomes.append(replace(one, status="ReadError: reset", versions=[], ids=[]))
            case "mixed":
                planted.outcomes.append(replace(one, versions=["v0001", "v0002"], ids=["a", "b"]))
            case "bad":
                planted.outcomes.append(replace(one, versions=[bad.version], ids=["a"]))
            case "lost":
                planted.rows.pop()
            case "doubled":
                planted.rows.append(planted.rows[-1])
            case "damaged":
                planted.damaged = 1
            case "slow":
                place = next(n for n, done in enumerate(swapped.decisions) if done.kind == "rollback")
                withdrawn, decided = swapped.decisions[place - 1].version, swapped.decisions[place].decided
                planted.outcomes.append(replace(one, ended=decided + 6, versions=[withdrawn], ids=["a"]))
        assert any(fault in seen for seen in faults_of(planted)), (defect, faults_of(planted))


class Interrupted(ToyProcess):
    """Is stopped before the next one starts, as before ports were handed over."""

    @property
    def hands_over(self) -> bool:
        return False


class Killed(ToyProcess):
    """Ends at once where it should rest, with what it had taken."""

    def rest(self) -> None:
        assert self._process is not None
        self._process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("defect", [Interrupted, Killed])
def test_a_supervisor_that_costs_requests_is_seen(
    tmp_path: Path, defect: type[ToyProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
    assert any("requests failed" in fault for fault in faults_of(campaign_in(tmp_path, defect, swaps=2, bad=0)))
