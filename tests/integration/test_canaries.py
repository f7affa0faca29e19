"""A slice of `make campaign-governance`: versions are released while shoppers ask, and nobody may notice."""

from dataclasses import replace

import pytest
from canaries.campaign import Campaign, faults_of, run
from running import free_port

from shopsight.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """Two versions that must be stopped, and one that becomes champion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
        settings = Settings(home=tmp_path_factory.mktemp("home"), recommendation_port=free_port())
        return run(settings, bad=2, good=1, seed=3, report=lambda _: None)


def test_bad_versions_are_stopped_a_good_one_is_not_and_nobody_notices(released: Campaign) -> None:
    assert faults_of(released) == []
    assert sorted(one.was_stopped for one in released.releases) == [False, True, True]
    assert len(released.outcomes) > 50


def test_each_step_has_its_record_with_what_was_counted(released: Campaign) -> None:
    good = next(one for one in released.releases if not one.is_bad)
    assert [step.step for step in good.steps] == ["approved", "shadow", "canary", "champion", "settled"]
    assert all(step.evidence["candidate"]["answers"] >= 60 for step in good.steps[2:])


def test_what_must_not_be_would_be_seen(released: Campaign) -> None:
    one = released.outcomes[0]
    bad = next(release for release in released.releases if release.is_bad)
    good = next(release for release in released.releases if not release.is_bad)
    shadow = next((row for row, (_, role) in released.rows.items() if role == "shadow"), "")
    assert shadow
    for defect, fault in {
        "failed": "requests failed",
        "goes on": "was not stopped",
        "late": "was stopped after",
        "good stopped": "good ones were stopped",
        "lost": "not in the prediction log",
        "unseen": "logged as unseen",
        "surplus": "of answers that nobody got",
        "damaged": "damaged",
    }.items():
        planted = replace(
            released, releases=list(released.releases), outcomes=list(released.outcomes), rows=dict(released.rows)
        )
        match defect:
            case "failed":
                planted.outcomes.append(replace(one, status="500", version="", id=""))
            case "goes on":
                planted.releases.append(replace(bad, steps=bad.steps[:-1]))
            case "late":
                planted.outcomes.append(replace(one, ended=bad.proved + 6, version=bad.version, id=""))
            case "good stopped":
                planted.releases.append(replace(good, steps=bad.steps))
            case "lost":
                planted.rows.pop(one.id)
            case "unseen":
                planted.outcomes.append(replace(one, id=shadow, version=planted.rows[shadow][0]))
            case "surplus":
                planted.rows["rec_of_nobody"] = ("v0001", "canary")
            case "damaged":
                planted.damaged = 1
        assert any(fault in seen for seen in faults_of(planted)), (defect, faults_of(planted))
