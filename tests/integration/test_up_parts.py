"""Parts of ``shopsight up`` run alone, as each container of a deployment does."""

import json
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from running import SHOPSIGHT, call, environment_of, settings_of

from cli.log_tail import LogTail
from shopsight.families import SERVICES
from shopsight.ingestion.collecting.journal import sealed_segments
from shopsight.settings import Settings


def test_a_name_that_is_no_part_is_refused_with_those_that_are(home: Settings) -> None:
    done = call({}, "up", "--only", "recomender")
    assert done.returncode == 1
    parts = "dagster, intent, recommender, purchase_intent, churn, search, next_best_action, collector, assistant"
    assert f"the parts are: {parts}" in done.stderr
    assert not home.run_dir.exists()


def test_the_collector_alone_serves_a_network_with_keys_and_starts_nothing_else(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "home").model_copy(
        update={"host": "0.0.0.0", "api_keys_file": tmp_path / "keys" / "api_keys.json"}
    )
    environment = environment_of(settings, tmp_path)
    command = [SHOPSIGHT, "up", "--logs", "--only", "collector"]
    keyless = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "nothing is served on 0.0.0.0 without API keys" in keyless.stderr
    (tmp_path / "keys").mkdir()
    made = json.loads(call(environment, "keys", "create", "shop", "--scope", "write", "--json").stdout)
    with (tmp_path / "up.log").open("w") as log:
        up = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{settings.collector_port}", trust_env=False) as client:
            wait_until_ready(client, up, tmp_path / "up.log")
            event = {"event_name": "page_view", "event_timestamp": "2026-05-01T12:00:00Z", "user_id": "maya"}
            assert client.post("/v1/events", json={"events": [event]}).status_code == 401
            key = {"x-api-key": made["key"]}
            assert client.post("/v1/events", json={"events": [event]}, headers=key).json()["accepted"] == 1
        # It answers a moment before the supervisor, which looks now and then, has seen that it does.
        deadline = time.monotonic() + 60
        while (states := states_of(environment))["collector"] == "starting":
            assert time.monotonic() < deadline
        assert states == dict.fromkeys(SERVICES, "stopped") | {"collector": "running"}
        assert not settings.dagster_dir.exists()
    finally:
        up.send_signal(signal.SIGTERM)
        assert up.wait(60) == 0
    assert len(sealed_segments(settings.collected_dir)) == 1, "what it took lands without it"
    assert "Service shopsight_collector initialized" in (tmp_path / "up.log").read_text(), "its log is printed, too"


def states_of(environment: dict[str, str]) -> dict[str, str]:
    services = json.loads(call(environment, "status", "--json").stdout)["services"]
    return {name: service["state"] for name, service in services.items()}


def wait_until_ready(client: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)


def test_logs_are_printed_once_in_whole_lines_and_those_of_before_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.log").write_text("before\n")
    tail = LogTail(tmp_path)
    with (tmp_path / "old.log").open("a") as log:
        log.write("first\nhal")
    (tmp_path / "shopsight_churn").mkdir()
    (tmp_path / "shopsight_churn" / "v0001.log").write_text("new\n")
    tail.print_news()
    assert capsys.readouterr().err == "first\nnew\n"
    with (tmp_path / "old.log").open("a") as log:
        log.write("f\n")
    tail.print_news()
    assert capsys.readouterr().err == "half\n"
