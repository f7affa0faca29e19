"""The collector as `make up` runs it, told to stop or killed while it is busy: what it answered is on disk."""

import json
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from running import free_port

from serving.running.launcher import ServerProcess, collector_process
from shopsight.ingestion.collecting.journal import sealed_segments
from shopsight.ingestion.collecting.records import read_records
from shopsight.settings import Settings

SENDERS = 6

pytestmark = pytest.mark.slow


class Load:
    """Sends requests of five events from several threads until the collector is gone."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered: list[str] = []
        self.statuses: set[int] = set()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        for thread in self._threads:
            thread.join(60)

    def _send(self, sender: int) -> None:
        turn = 0
        while True:
            turn += 1
            ids = [f"{sender}-{turn}-{n}" for n in range(5)]
            try:
                status = _post(self.url, [_event(one) for one in ids])
            except (urllib.error.URLError, OSError):
                return
            with self._lock:
                self.statuses.add(status)
                if status == 202:
                    self.answered += ids


def _event(name: str) -> dict[str, Any]:
    moment = "2026-05-01T11:59:00Z"
    return {"event_id": name, "event_name": "page_view", "event_timestamp": moment, "anonymous_id": "d"}


def _post(url: str, events: list[dict[str, Any]]) -> int:
    body = json.dumps({"events": events}).encode()
    request = urllib.request.Request(url + "/v1/events", body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, pseudonym_key=SecretStr("a key for tests only"), collector_port=free_port())


def _started(settings: Settings) -> ServerProcess:
    process = collector_process(settings)
    process.start()
    process.wait_until_ready()
    return process


def _busy(process: ServerProcess) -> Load:
    """Return the load that a collector is under, once it has answered sixty events of it."""
    load = Load(process.url)
    load.start()
    while len(load.answered) < 60:
        assert process.running
        threading.Event().wait(0.05)
    return load


def _events_on_disk(settings: Settings) -> set[str]:
    return {
        name
        for path in sealed_segments(settings.collected_dir)
        for record in read_records(path)
        for name in record.accepted["event_id"].to_pylist()
    }


def test_a_collector_that_is_told_to_stop_answers_what_it_took_and_seals_it(settings: Settings) -> None:
    process = _started(settings)
    load = _busy(process)
    process.stop()
    load.end()
    assert load.statuses == {202}
    assert set(load.answered) <= _events_on_disk(settings)
    assert not list(settings.collected_dir.glob("*.open"))


def test_a_collector_that_is_killed_has_on_disk_what_it_answered(settings: Settings) -> None:
    process = _started(settings)
    load = _busy(process)
    process.stop(timeout_seconds=0)
    load.end()
    process = _started(settings)
    process.stop()
    assert set(load.answered) <= _events_on_disk(settings)
