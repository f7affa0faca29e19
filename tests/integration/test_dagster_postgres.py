"""Dagster keeps its runs in PostgreSQL: on the server of this machine, in a database that the test makes and drops."""

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.events import EngineEventData
from pydantic import SecretStr
from running import SHOPSIGHT, environment_of, settings_of

from orchestration.instance import DagsterDatabaseError, open_instance, require_database
from orchestration.local_run import run_job
from orchestration.run_health import end_lost_runs
from shopsight.settings import Settings

psycopg2 = pytest.importorskip("psycopg2", reason="the extra `postgres` is not installed")
pytest.importorskip("dagster_postgres", reason="the extra `postgres` is not installed")

SERVER: Final = "postgresql://postgres@127.0.0.1:5432"
TOKEN: Final = "a-token-for-tests-only"
LAUNCH: Final = """mutation { launchRun(executionParams: {
  selector: {repositoryLocationName: "shopsight", repositoryName: "__repository__", jobName: "deploy"}
}) { __typename ... on LaunchRunSuccess { run { runId } } } }"""


@pytest.fixture
def database() -> Iterator[str]:
    """The address of an empty database."""
    name = f"shopsight_test_{uuid4().hex}"
    try:
        server = psycopg2.connect(f"{SERVER}/postgres", connect_timeout=2)
    except psycopg2.OperationalError as error:
        pytest.skip(f"no PostgreSQL answers on 127.0.0.1:5432 without a password: {error}")
    with closing(server):
        server.autocommit = True
        server.cursor().execute(f"create database {name}")
        yield f"{SERVER}/{name}"
        server.cursor().execute(f"drop database {name} with (force)")


@pytest.fixture
def settings(home: Settings, database: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose runs are in the database."""
    monkeypatch.setenv("SHOPSIGHT_DAGSTER_POSTGRES_URL", database)
    return home.model_copy(update={"dagster_postgres_url": SecretStr(database)})


def rows_of(database: str, question: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(database)) as connection:
        cursor = connection.cursor()
        cursor.execute(question)
        return list(cursor.fetchall())


def test_a_job_of_the_platform_leaves_its_run_and_its_events_in_the_database_and_none_in_the_home(
    settings: Settings, database: str
) -> None:
    result = run_job(settings, "deploy")
    assert rows_of(database, "select run_id, status from runs") == [(result.run_id, "SUCCESS")]
    ((events,),) = rows_of(database, f"select count(*) from event_logs where run_id = '{result.run_id}'")
    with open_instance(settings) as another:
        assert len(another.all_logs(result.run_id)) == events > 10
    assert list(settings.dagster_dir.rglob("*.db")) == []
    written = [path for path in settings.dagster_dir.rglob("*.yaml") if database in path.read_text()]
    assert written == [], "the address holds a password, and belongs into no file of the home"


def test_a_run_whose_process_was_killed_is_found_in_the_database_too(settings: Settings) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    with open_instance(settings) as instance:
        run = instance.add_run(dg.DagsterRun(job_name="deploy", status=DagsterRunStatus.STARTED))
        pid = dg.MetadataValue.text(str(ended.pid))
        instance.report_engine_event("a process", run, EngineEventData(metadata={"pid": pid}))
        assert end_lost_runs(instance) == [run.run_id]
        ended_run = instance.get_run_by_id(run.run_id)
        assert ended_run is not None
        assert ended_run.status is DagsterRunStatus.FAILURE


def test_a_database_that_does_not_answer_is_named_without_its_password(home: Settings) -> None:
    url = SecretStr("postgresql://dagster:hush@127.0.0.1:1/dagster")
    with pytest.raises(DagsterDatabaseError, match=r"postgresql://127\.0\.0\.1:1/dagster does not answer") as refused:
        require_database(home.model_copy(update={"dagster_postgres_url": url}))
    assert "hush" not in str(refused.value)
    assert "SHOPSIGHT_DAGSTER_POSTGRES_URL" in refused.value.fix


@pytest.mark.slow
def test_the_web_ui_alone_launches_a_run_that_the_daemon_executes_and_another_up_still_knows(
    database: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path / "home").model_copy(
        update={"user": "Ada", "token": SecretStr(TOKEN), "dagster_postgres_url": SecretStr(database)}
    )

    def ask(query: str) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{settings.dagster_port}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    with up(settings, tmp_path, ready=lambda: ask("{ version }")) as wait_until:
        launched = ask(LAUNCH)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id = launched["run"]["runId"]
        # A sensor may have asked for a run of its own by then: this test is about the one that was launched.
        wait_until(lambda: rows_of(database, f"select status from runs where run_id = '{run_id}'") == [("SUCCESS",)])
    with up(settings, tmp_path, ready=lambda: ask("{ version }")):
        answer = ask("{ runsOrError { ... on Runs { results { runId status } } } }")
        assert {"runId": run_id, "status": "SUCCESS"} in answer["runsOrError"]["results"]
    assert list(settings.dagster_dir.rglob("*.db")) == []
    said = (tmp_path / "up.log").read_text()
    assert "Daemon" in said, "what Dagster logs is in the output, too"
    assert TOKEN not in said, "logs that others keep are no place for the link that logs in"


@contextmanager
def up(settings: Settings, folder: Path, *, ready: Callable[[], Any]) -> Iterator[Callable[..., None]]:
    """Run ``shopsight up --only dagster`` as a container does; yield what waits until something is so."""
    command = [SHOPSIGHT, "up", "--logs", "--only", "dagster"]
    with (folder / "up.log").open("a") as log:
        process = subprocess.Popen(command, env=environment_of(settings, folder), stdout=log, stderr=log)

    def wait_until(done: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 120
        while True:
            with suppress(OSError):  # it does not listen yet
                if done():
                    return
            said = (folder / "up.log").read_text()[-3000:]
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.5)

    try:
        wait_until(ready)
        yield wait_until
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
