"""Settings reach assets, jobs and sensors as one resource, and Dagster's private names are where they were."""

import ast

import dagster as dg

from orchestration.attribution import DECIDING_JOBS, AttributingRunCoordinator
from orchestration.defs.resources import settings_of_the_environment
from orchestration.instance import open_instance
from orchestration.run_health import HealthCheckedRunLauncher
from shopsight.settings import REPO_ROOT, Settings


def test_the_settings_of_a_run_are_those_of_its_environment_when_it_begins(home, monkeypatch) -> None:
    monkeypatch.setenv("SHOPSIGHT_SEED", "11")
    assert settings_of_the_environment(dg.build_init_resource_context()).seed == 11
    monkeypatch.setenv("SHOPSIGHT_SEED", "12")
    settings = settings_of_the_environment(dg.build_init_resource_context())
    assert settings == home.model_copy(update={"seed": 12})


def test_no_asset_job_or_sensor_builds_settings_of_its_own() -> None:
    builders = set()
    for path in (REPO_ROOT / "orchestration" / "defs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == Settings.__name__:
                builders.add(path.name)
    assert builders == {"resources.py"}


def test_dagster_loads_the_launcher_that_asks_whether_a_runs_process_lives(home) -> None:
    with open_instance(home) as instance:
        assert isinstance(instance.run_launcher, HealthCheckedRunLauncher)
        assert instance.run_launcher.supports_check_run_worker_health


def test_dagster_queues_runs_by_the_coordinator_that_notes_who_launched_them(home) -> None:
    with open_instance(home) as instance:
        assert isinstance(instance.run_coordinator, AttributingRunCoordinator)
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 2


def test_only_the_launchers_and_the_web_server_reach_into_dagsters_private_modules() -> None:
    reaching = {
        str(path.relative_to(REPO_ROOT))
        for room in ("cli", "orchestration")
        for path in (REPO_ROOT / room).rglob("*.py")
        if "from dagster._" in path.read_text() or "import dagster._" in path.read_text()
    }
    assert reaching == {"orchestration/deciding.py", "orchestration/run_health.py", "orchestration/web_server.py"}


def test_the_jobs_that_wait_for_no_other_are_those_in_which_a_person_decides() -> None:
    from orchestration.deciding import JOBS

    assert tuple(job.name for job in JOBS) == DECIDING_JOBS
    assert all(job.tags["dagster/max_retries"] == "0" for job in JOBS)
