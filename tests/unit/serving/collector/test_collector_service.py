"""The whole BentoML app of the collector, in this process: what a sender of events sees."""

import json
import random
from pathlib import Path
from typing import Any, Final

import pytest
from edge.requests import ODD_VALUES
from pydantic import TypeAdapter
from scrape import value
from starlette.testclient import TestClient

from serving.collector.schemas import MAX_EVENTS, Collected
from serving.http.problems import MEDIA_TYPE
from serving.schemas import ProblemDocument
from shopsight.ingestion.collecting import journal

ROUTE: Final = "/v1/events"
VIEW: Final = {
    "event_id": "e1",
    "event_name": "view_item",
    "event_timestamp": "2026-05-01T11:59:00Z",
    "user_id": "maya",
    "item_id": "i_17",
}
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself


def assert_problem(answer: Any) -> dict[str, Any]:
    assert answer.headers["content-type"] == MEDIA_TYPE
    document = TypeAdapter(ProblemDocument).validate_python(answer.json())
    assert document["request_id"] == answer.headers["x-request-id"]
    return dict(document)


def test_an_event_is_on_disk_before_its_sender_is_answered(client: TestClient, home: Path) -> None:
    before = sum(path.stat().st_size for path in (home / "collected").glob("*.open"))
    answer = client.post(ROUTE, json={"events": [VIEW]})
    assert answer.status_code == 202
    assert TypeAdapter(Collected).validate_python(answer.json()) == {
        "accepted": 1, "duplicates": 0, "rejected": 0, "errors": [],
    }  # fmt: skip
    assert sum(path.stat().st_size for path in (home / "collected").glob("*.open")) > before


def test_one_bad_event_never_stops_the_others_and_each_broken_rule_is_named(client: TestClient) -> None:
    bad = {"event_name": "view_item"}
    answer = client.post(ROUTE, json={"events": [VIEW | {"event_id": "a"}, bad, VIEW | {"event_id": "b"}]})
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (202, 2, 1)
    assert answer.json()["errors"] == [
        {
            "index": 1,
            "loc": ["events", 1, "event_timestamp"],
            "msg": "event_timestamp is empty",
            "type": "event_timestamp_missing",
        },
        {
            "index": 1,
            "loc": ["events", 1],
            "msg": "neither user_id nor anonymous_id is given",
            "type": "actor_missing",
        },
        {
            "index": 1,
            "loc": ["events", 1, "item_id"],
            "msg": "an event of an item without item_id",
            "type": "item_id_missing",
        },
    ]


def test_an_event_that_is_sent_again_is_a_duplicate(client: TestClient) -> None:
    again = VIEW | {"event_id": "again"}
    assert client.post(ROUTE, json={"events": [again]}).json()["accepted"] == 1
    assert client.post(ROUTE, json={"events": [again, again]}).json()["duplicates"] == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"events": []}, 422, "invalid_request"),
        ({"events": [VIEW] * (MAX_EVENTS + 1)}, 422, "invalid_request"),
        ({"event": VIEW}, 422, "invalid_request"),
        ({"events": VIEW}, 422, "invalid_request"),
        ([VIEW], 422, "invalid_request"),
        ({"events": [VIEW | {"text": "x" * 1_000_000}]}, 413, "request_too_large"),
    ],
)
def test_a_request_that_is_none_gets_a_problem_document(client: TestClient, body: Any, status: int, code: str) -> None:
    answer = client.post(ROUTE, json=body)
    assert answer.status_code == status
    assert assert_problem(answer)["code"] == code


def test_odd_events_are_accepted_or_refused_and_never_an_error_of_the_server(client: TestClient) -> None:
    rng = random.Random(7)
    for turn in range(40):
        events = [
            VIEW | {"event_id": f"{turn} {n}"} | {rng.choice((*VIEW, "x", "price")): rng.choice(ODD_VALUES)}
            for n in range(rng.randint(1, 5))
        ]
        body = json.dumps({"events": [*events, rng.choice(ODD_VALUES)]})  # half a character is written as an escape
        answer = client.post(ROUTE, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 202, answer.text
        counts = answer.json()
        assert counts["accepted"] + counts["duplicates"] + counts["rejected"] == len(events) + 1


def test_a_full_disk_is_said_and_nothing_is_promised(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int, _data: object) -> None:
        raise OSError(28, "No space left on device")

    last = VIEW | {"event_id": "last"}
    with monkeypatch.context() as patch:
        patch.setattr(journal, "_write_all", full)
        refused = client.post(ROUTE, json={"events": [last]})
        assert any("No space left" in note for note in client.get("/readyz").json()["notes"])
    assert refused.status_code == 503
    assert assert_problem(refused)["code"] == "not_written"
    assert refused.headers["retry-after"] == "5"
    assert client.post(ROUTE, json={"events": [last]}).json()["accepted"] == 1
    assert not [note for note in client.get("/readyz").json()["notes"] if note.startswith("journal")]


def test_the_description_says_what_is_answered(client: TestClient) -> None:
    described = client.get("/docs.json").json()
    assert described["info"]["title"] == "Events"
    assert set(described["paths"][ROUTE]["post"]["responses"]) >= {"202", "413", "422", "503"}
    assert "<title>Events</title>" in client.get("/").text


def test_what_becomes_of_events_is_counted(client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def count(name: str, **labels: str) -> float:
        return value(client.get("/metrics").text, f"shopsight_collector_{name}", **labels)

    def outcomes() -> list[float]:
        return [count("events_total", outcome=outcome) for outcome in ("accepted", "duplicate", "rejected")]

    before, groups, failures = outcomes(), count("group_events_count"), count("write_failures_total")
    events = [VIEW | {"event_id": "counted"}, VIEW | {"event_id": "counted"}, {"event_name": "view_item"}]
    assert client.post(ROUTE, json={"events": events}).status_code == 202
    assert [after - earlier for after, earlier in zip(outcomes(), before, strict=True)] == [1, 1, 1]
    assert count("group_events_count") == count("write_seconds_count") == groups + 1
    (segment,) = (home / "collected").glob("*.open")
    assert (count("segments", state="open"), count("segments", state="damaged")) == (1, 0)
    assert count("segment_bytes", state="open") == segment.stat().st_size
    sealed = count("segments", state="sealed")
    monkeypatch.setattr("shopsight.ingestion.collecting.journal.os.fsync", _full_disk)
    assert client.post(ROUTE, json={"events": [VIEW | {"event_id": "lost"}]}).status_code == 503
    monkeypatch.undo()
    assert count("write_failures_total") == failures + 1
    assert (count("segments", state="open"), count("segments", state="sealed")) == (0, sealed + 1)
    assert count("waiting_seconds") > 0
    assert "counted" not in client.get("/metrics").text


def _full_disk(_: int) -> None:
    raise OSError(28, "No space left on device")
