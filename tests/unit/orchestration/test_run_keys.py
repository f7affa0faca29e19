"""Work is asked for again while it is undone: a run key that was used up drops nothing for ever."""

import os
from datetime import UTC, datetime, timedelta

import dagster as dg
from failing_job import work

from orchestration import decisions
from orchestration.defs.deployment.sensors import new_approvals
from orchestration.defs.ingestion.sensors import COLLECTED, landing_files, sealed_segments
from orchestration.run_keys import WAIT_AFTER_FAILURE, WORK_TAG, next_run_key
from shopsight.settings import Settings


def done(instance: dg.DagsterInstance, name: str, *, fails: bool = False) -> None:
    tags = {WORK_TAG: name} | ({"fails": "yes"} if fails else {})
    work.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def landing(home: Settings, instance: dg.DagsterInstance) -> dg.RunRequest | None:
    result = landing_files(dg.build_sensor_context(instance=instance, resources={"settings": home}))
    return result if isinstance(result, dg.RunRequest) else None


def test_work_gets_a_new_key_after_each_run_and_waits_after_a_failure(instance) -> None:
    later = datetime.now(UTC) + WAIT_AFTER_FAILURE + timedelta(minutes=1)
    assert next_run_key(instance, "a") == "a"
    done(instance, "a")
    assert next_run_key(instance, "a") == "a:2"
    done(instance, "a", fails=True)
    assert next_run_key(instance, "a") is None
    assert next_run_key(instance, "a", now=later) == "a:3"
    assert next_run_key(instance, "b") == "b"


def test_work_under_way_is_not_asked_for_twice(instance) -> None:
    instance.create_run_for_job(work, tags={WORK_TAG: "a"}, status=dg.DagsterRunStatus.STARTED)
    assert next_run_key(instance, "a") is None


def test_a_bento_that_is_removed_twice_is_built_twice(home, register, instance) -> None:
    champion = decisions.approve(home, "recommender", register(), approver="Ada", reason="a test")
    keys = set()
    for _ in range(3):
        tick = new_approvals(dg.build_sensor_context(instance=instance, resources={"settings": home}))
        assert isinstance(tick, dg.SensorResult)
        (request,) = tick.run_requests or []
        keys.add(request.run_key)
        done(instance, request.tags[WORK_TAG])
    assert len(keys) == 3
    assert decisions.deployment_of(champion).run_key in keys


def test_a_file_of_the_same_name_and_time_with_other_content_is_seen(home, instance) -> None:
    file = home.landing_dir / "canonical_csv" / "events.csv"
    file.parent.mkdir(parents=True)
    keys = []
    for content in ("one", "two"):
        file.unlink(missing_ok=True)
        file.write_text(content)
        os.utime(file, (0, 0))
        request = landing(home, instance)
        assert request is not None
        keys.append(request.run_key)
    assert keys[0] != keys[1]


def test_the_same_file_is_asked_for_again_where_it_was_dropped_again(home, instance) -> None:
    file = home.landing_dir / "canonical_csv" / "events.csv"
    file.parent.mkdir(parents=True)
    file.write_text("one")
    first = landing(home, instance)
    assert first is not None
    done(instance, first.tags[WORK_TAG])
    os.utime(file, (0, 0))
    again = landing(home, instance)
    assert again is not None
    assert again.tags == first.tags
    assert again.run_key != first.run_key


def sealed(home: Settings, instance: dg.DagsterInstance) -> dg.RunRequest | None:
    result = sealed_segments(dg.build_sensor_context(instance=instance, resources={"settings": home}))
    return result if isinstance(result, dg.RunRequest) else None


def test_a_segment_that_a_refresh_did_not_land_is_asked_for_again(home, instance) -> None:
    segment = home.collected_dir / "20260501T120000-1.sealed"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(b"")
    os.utime(segment, (0, 0))
    keys = []
    for _ in range(2):
        request = sealed(home, instance)
        assert request is not None
        keys.append(request.run_key)
        done(instance, request.tags[WORK_TAG])
    assert keys == ["collected:20260501T120000-1", "collected:20260501T120000-1:2"]
    run = instance.create_run_for_job(work, tags=COLLECTED, status=dg.DagsterRunStatus.STARTED)
    assert sealed(home, instance) is None
    instance.delete_run(run.run_id)
    done(instance, "collected:20260501T120000-1", fails=True)
    assert sealed(home, instance) is None, "it failed just now"
