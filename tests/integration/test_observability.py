"""Real services, over sockets: what they show at /metrics and what they log is as documented, and holds no shopper."""

import contextlib
import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from pydantic import SecretStr
from running import free_port
from scrape import families_in, parsed, promised, promised_of, value
from toy_services import toy_services

from serving.prediction_log import read_log
from serving.running.launcher import collector_process
from shopsight.settings import Settings

SECRET: Final = "maya.secret@example.test"
WORD: Final = "maya.secret"
TEXT: Final = "find red shoes for my aunt Brunhilde"
OF_ALL: Final = "Every service"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def ports(home: Path) -> Iterator[dict[str, int]]:
    """A recommender and an intent service that log JSON, with a line for each request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_LOG_FORMAT", "json")
        patch.setenv("SHOPSIGHT_LOG_REQUESTS", "true")
        with toy_services(home, ["recommender", "intent"]) as ports:
            for port in ports.values():
                ask_in_every_way(port)
            yield ports


def ask_in_every_way(port: int) -> None:
    """Send somebody's id and words by every way there is, also so that the service refuses them or fails."""
    body = {"user_id": SECRET, "session_id": SECRET, "texts": [TEXT, SECRET], "placement": SECRET}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        client.get("/readyz")
        for path in (
            f"/v1/users/{SECRET}/recommendations", f"/v1/items/{SECRET}/similar", f"/{SECRET}?q={TEXT}",
            f"/v1/recommendations?user_id={SECRET}", "/v1/intents", "/recommend", "/classify",
        ):  # fmt: skip
            for plant in ({}, {"x-plant": "exceptions"}, {"x-forwarded-for": SECRET}, {"x-api-key": SECRET}):
                headers = {**plant, "x-request-id": "asked-1", "user-agent": SECRET, "referer": TEXT}
                client.get(path, headers=headers)
                client.post(path, json=body, headers=headers)
                client.post(path, json={"request": body}, headers=headers)
                client.post(path, content=f'{{"{SECRET}": '.encode(), headers=headers)
                client.post(
                    path, content=f"{SECRET} {TEXT}".encode(), headers={**headers, "content-type": "text/plain"}
                )
        client.post("/v1/recommendations", json={"user_id": SECRET})
        client.post("/v1/intents", json={"texts": [TEXT, SECRET]})
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"{SECRET} {TEXT}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(65_536):
                pass


def metrics_of(port: int) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text


def lines_of(home: Path, family: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / f"{family}.log").read_text().splitlines()]


@pytest.mark.parametrize(
    ("family", "headings"),
    [
        ("intent", (OF_ALL, "A service that has a model")),
        (
            "recommender",
            (
                OF_ALL,
                "A service that has a model",
                "One that reads online features (recommendations, propensity, churn)",
            ),
        ),
    ],
)
def test_a_running_service_shows_what_the_page_says_and_nothing_else(
    ports: dict[str, int], family: str, headings: tuple[str, ...]
) -> None:
    text = metrics_of(ports[family])
    families, pages = families_in(text), promised()
    assert families.keys() == promised_of(*headings)
    for name, one in families.items():
        assert (one.type, one.documentation) == (pages[name].kind, pages[name].text)
        assert {label for row in one.samples for label in row.labels} - {"le"} <= pages[name].labels
    others = {one.name for one in parsed(text)} - {name.removesuffix("_total") for name in families}
    assert all(name.startswith("process_") for name in others), "BentoML's are off"
    assert value(text, "shopsight_http_refused_total", where="connection", reason="malformed_http") == 1


@pytest.mark.parametrize("family", ["recommender", "intent"])
def test_nothing_of_a_shopper_is_at_metrics(ports: dict[str, int], family: str) -> None:
    text = metrics_of(ports[family])
    assert WORD not in text
    assert "Brunhilde" not in text


@pytest.mark.parametrize("family", ["recommender", "intent"])
def test_the_log_is_json_and_has_nothing_of_a_shopper_also_of_requests_that_fail(
    ports: dict[str, int], home: Path, family: str
) -> None:
    assert httpx.get(f"http://127.0.0.1:{ports[family]}/livez").status_code == 200
    lines = lines_of(home, family)
    assert all(line["service"] == family for line in lines)
    text = (home / f"{family}.log").read_text()
    assert WORD not in text
    assert "Brunhilde" not in text
    failed = [line for line in lines if line.get("error") == "ValueError"]
    assert len(failed) == 7 * 5
    assert all("in fails" in line["traceback"] for line in failed)
    asked = [line for line in lines if line["logger"] == "shopsight.requests"]
    (route,) = {"recommender": ["/v1/users/{user_id}/recommendations"], "intent": ["/v1/intents"]}[family]
    of_route = [line for line in asked if line["route"] == route and line.get("request_id") == "asked-1"]
    assert of_route
    assert {line["method"] for line in of_route} == {"GET", "POST"}
    assert all(isinstance(line["status"], int) and line["milliseconds"] >= 0 for line in of_route)


def test_the_collector_shows_what_the_page_says_and_logs_nothing_of_a_shopper(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, pseudonym_key=SecretStr("a key for tests only"), collector_port=free_port(), log_format="json",
        log_requests=True,
    )  # fmt: skip
    collector = collector_process(settings)
    collector.start()
    try:
        collector.wait_until_ready()
        ask_in_every_way(settings.collector_port)
        event = {"event_name": "page_view", "event_timestamp": "2026-05-01T11:59:00Z", "user_id": SECRET}
        events = [event | {"event_id": "e1"}, event | {"event_id": "e1"}, {"event_name": SECRET, "user_id": SECRET}]
        assert httpx.post(f"{collector.url}/v1/events", json={"events": events}, timeout=20).json()["accepted"] == 1
        text = metrics_of(settings.collector_port)
    finally:
        collector.stop()
    families, pages = families_in(text), promised()
    assert families.keys() == promised_of(OF_ALL, "The collector")
    assert {name: one.type for name, one in families.items()} == {name: pages[name].kind for name in families}
    for outcome in ("accepted", "duplicate", "rejected"):
        assert value(text, "shopsight_collector_events_total", outcome=outcome) == 1
    assert value(text, "shopsight_collector_segments", state="open") == 1
    log = collector.log_file.read_text()
    assert WORD not in text + log
    assert "Brunhilde" not in text + log
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["status"] for line in lines if line.get("route") == "/v1/events"][-1] == 202


def test_a_running_service_notices_that_its_prediction_log_was_removed(ports: dict[str, int], home: Path) -> None:
    (file,) = (home / "predictions" / "recommender").rglob("*.jsonl")
    rows = len(file.read_bytes().splitlines())
    shutil.rmtree(home / "predictions")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:  # nobody asks meanwhile
        text = metrics_of(ports["recommender"])
        if lost := value(text, "shopsight_prediction_log_rows_lost_total", family="recommender"):
            break
        time.sleep(0.2)
    assert lost == rows == value(text, "shopsight_prediction_log_rows_total", family="recommender")
    with httpx.Client(base_url=f"http://127.0.0.1:{ports['recommender']}", timeout=20) as client:
        (note,) = (note for note in client.get("/readyz").json()["notes"] if note.startswith("prediction log"))
        assert f"{file} was removed with {rows} rows in it" in note
        assert client.post("/v1/recommendations", json={}).status_code == 200
    assert len(read_log(home / "predictions").rows) == 1
