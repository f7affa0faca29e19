"""The collector's door judges as an import does, replaces ids of people, and shares a write among requests."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from edge.requests import ODD_VALUES
from pydantic import SecretStr

from shopsight.events import EVENT_SCHEMA
from shopsight.ingestion.collecting.door import Door, column_of
from shopsight.ingestion.collecting.gathering import StoppedError
from shopsight.ingestion.collecting.group_commit import GroupCommit, NotKeptError, Request
from shopsight.ingestion.collecting.records import Record
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.log.quarantine import read_quarantine
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

NOON: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
VIEW: Final = {
    "event_id": "e1",
    "event_name": "view_item",
    "event_timestamp": "2026-05-01T11:59:00Z",
    "user_id": "maya",
    "item_id": "i_17",
    "price": 19.9,
    "currency": "eur",
}
KEY: Final = "a key for tests only"


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door(Pseudonymiser(KEY.encode()))
    yield door
    door.close()


class InMemory:
    """Keeps records in memory, and waits before each until it may go on."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.may_write = threading.Event()
        self.may_write.set()
        self.error: OSError | None = None

    def append(self, record: Record) -> None:
        self.may_write.wait(10)
        if self.error is not None:
            raise self.error
        self.records.append(record)

    def seal_if_old(self) -> None:
        pass

    def close(self) -> None:
        pass


def odd_events() -> list[dict[str, Any]]:
    """Return the event with each of its values, and values of other columns, in odd ways."""
    columns = (*VIEW, "line_number", "quantity", "value", "order_id", "properties", "consent", "anonymous_id", "query",
               "created_timestamp", "text", "source", "list_position", "colour")  # fmt: skip
    odd = [value for value in ODD_VALUES if value == value and not isinstance(value, bytes)]
    events = [VIEW | {"event_id": f"{column} {n}", column: value} for column in columns for n, value in enumerate(odd)]
    names = [
        VIEW | {"event_id": name, "event_name": name} for name in ("Purchase", "refund", "search", "rate_item", "")
    ]
    merge = VIEW | {"event_id": "m", "event_name": "identify", "properties": {"previous_user_id": "tom", "a": None}}
    nameless = {name: value for name, value in VIEW.items() if name != "event_id"}
    return [*events, *names, merge, nameless, {}, {"event_name": None}]


def written(event: Any) -> str | None:
    """Return an event as a line of JSON; None of what JSON cannot say."""
    try:
        return json.dumps(event, allow_nan=False, ensure_ascii=False).encode().decode()
    except (ValueError, UnicodeEncodeError):
        return None


def test_the_door_says_of_every_event_what_an_import_of_the_same_line_says(door: Door, tmp_path: Path) -> None:
    lines = [line for event in odd_events() if (line := written(event)) is not None and "\\u0000" not in line]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(lines) + "\n")
    settings = Settings(home=tmp_path / "home", pseudonym_key=SecretStr(KEY))
    receipt = import_file(settings, "canonical_jsonl", file, received_at=NOON)
    imported = pa.concat_tables(pq.read_table(path) for path in settings.event_log_dir.rglob("part-*.parquet"))

    judgement = door.judge([json.loads(line) for line in lines], received_at=NOON)
    at_door = pa.Table.from_batches([judgement.record.accepted]).select(EVENT_SCHEMA.names)

    assert receipt.accepted > 20
    assert receipt.quarantined > 100
    # Of versions of an event the log keeps the newest, and the door lets each in.
    newest = {(row["event_id"], row["event_name"], row["item_id"], row["order_id"], row["line_number"], row["source"]):
              row for row in at_door.to_pylist()}  # fmt: skip
    order = [(name, "ascending") for name in ("event_id", "item_id", "line_number")]
    expected = imported.select(EVENT_SCHEMA.names).sort_by(order).to_pylist()
    assert sorted(map(repr, newest.values())) == sorted(map(repr, expected))
    refused = {one.index + 1: set(one.reasons) for one in judgement.refusals}
    quarantine = read_quarantine(settings, limit=None).to_pylist()
    assert refused == {row["line"]: set(row["reasons"]) for row in quarantine}


def test_ids_of_people_are_pseudonyms_and_addresses_leave_the_texts(door: Door) -> None:
    asked = VIEW | {"event_name": "ask_question", "text": "write to maya@example.com", "anonymous_id": "device 1"}
    (row,) = door.judge([asked], received_at=NOON).record.accepted.to_pylist()
    pseudonymiser = Pseudonymiser(KEY.encode())
    assert row["user_id"] == pseudonymiser.user("maya")
    assert row["anonymous_id"] == pseudonymiser.anonymous("device 1")
    assert row["text"] == "write to [email]"


@pytest.mark.parametrize("consent", ["granted", "analytics_only", "none"])
def test_the_consent_of_an_event_is_kept(door: Door, consent: str) -> None:
    (row,) = door.judge([VIEW | {"consent": consent}], received_at=NOON).record.accepted.to_pylist()
    assert row["consent"] == consent


def test_what_is_no_object_is_refused_and_costs_the_others_nothing(door: Door) -> None:
    judgement = door.judge([1, VIEW, None, "view_item", [VIEW]], received_at=NOON)
    assert [one.index for one in judgement.refusals] == [0, 2, 3, 4]
    assert judgement.record.accepted.num_rows == 1
    assert judgement.record.refused["raw"].to_pylist() == [b"1", b"null", b'"view_item"', written([VIEW]).replace(
        ": ", ":").replace(", ", ",").encode()]  # fmt: skip


def test_a_number_of_any_size_costs_no_other_event(door: Door) -> None:
    judgement = door.judge([VIEW | {"item_id": 2**70}, VIEW], received_at=NOON)
    assert judgement.record.accepted.num_rows + len(judgement.refusals) == 2
    assert "e1" in judgement.record.accepted["event_id"].to_pylist()


def test_an_event_with_a_nul_character_costs_no_other_event(door: Door) -> None:
    odd = [VIEW | {"event_id": f"{name} nul", name: "\x00 a"} for name in ("item_id", "event_name", "user_id", "a")]
    judgement = door.judge([*odd, VIEW], received_at=NOON)
    assert judgement.record.accepted.num_rows + len(judgement.refusals) == 5
    assert "e1" in judgement.record.accepted["event_id"].to_pylist()


def test_a_repeated_event_is_a_duplicate_in_the_request_and_once_it_is_kept(door: Door) -> None:
    first = door.judge([VIEW, VIEW], received_at=NOON)
    assert (first.record.accepted.num_rows, first.record.duplicates) == (1, 1)
    assert door.judge([VIEW], received_at=NOON).record.accepted.num_rows == 1  # it was not kept
    door.remember(first.hashes)
    again = door.judge([VIEW], received_at=NOON)
    assert (again.record.accepted.num_rows, again.record.duplicates) == (0, 1)


def test_an_event_that_says_something_else_under_the_same_id_is_let_in(door: Door) -> None:
    door.remember(door.judge([VIEW], received_at=NOON).hashes)
    dearer = door.judge([VIEW | {"price": 21}], received_at=NOON)
    assert dearer.record.accepted.num_rows == 1


def test_the_column_of_a_reason_is_named() -> None:
    assert column_of("event_timestamp_out_of_range") == "event_timestamp"
    assert column_of("item_id_missing") == "item_id"
    assert column_of("actor_missing") is None


def test_requests_that_wait_share_a_write_and_each_hears_of_its_own_events(door: Door) -> None:
    memory = InMemory()
    commit = GroupCommit(door, memory, now=lambda: NOON)
    memory.may_write.clear()
    first = commit.take(Request(events=[VIEW]))
    others = [commit.take(Request(events=[VIEW | {"event_id": f"o{n}"}, {"event_name": "x"}, VIEW])) for n in range(3)]
    assert not first.done()
    memory.may_write.set()
    assert first.result(20).accepted == 1
    outcomes = [other.result(20) for other in others]
    commit.close()
    assert [(one.accepted, one.duplicates) for one in outcomes] == [(1, 1)] * 3
    assert [[refusal.index for refusal in one.refusals] for one in outcomes] == [[1]] * 3
    assert len(memory.records) < 4
    assert sum(record.accepted.num_rows for record in memory.records) == 4


def test_nobody_is_told_that_events_are_kept_which_could_not_be_written(door: Door) -> None:
    memory = InMemory()
    commit = GroupCommit(door, memory, now=lambda: NOON)
    memory.error = OSError(28, "No space left on device")
    with pytest.raises(NotKeptError, match="No space"):
        commit.take(Request(events=[VIEW])).result(20)
    assert "No space" in str(commit.failure)
    memory.error = None
    assert commit.take(Request(events=[VIEW])).result(20).accepted == 1  # not a duplicate: it was not kept
    assert commit.failure is None
    commit.close()


def test_what_was_taken_before_the_end_is_kept_and_nothing_after(door: Door) -> None:
    memory = InMemory()
    commit = GroupCommit(door, memory, now=lambda: NOON)
    taken = [commit.take(Request(events=[VIEW | {"event_id": f"o{n}"}])) for n in range(5)]
    commit.close()
    assert sum(one.result(0).accepted for one in taken) == 5
    with pytest.raises(StoppedError):
        commit.take(Request(events=[VIEW])).result(0)


def test_a_request_whose_sender_stopped_waiting_costs_no_other_request(door: Door) -> None:
    memory = InMemory()
    commit = GroupCommit(door, memory, now=lambda: NOON)
    memory.may_write.clear()
    first = commit.take(Request(events=[VIEW]))
    while first.running() is False:
        time.sleep(0.01)
    given_up, other = (commit.take(Request(events=[VIEW | {"event_id": name}])) for name in ("gone", "other"))
    assert given_up.cancel()
    assert not first.cancel()  # it is being written
    memory.may_write.set()
    assert (first.result(20).accepted, other.result(20).accepted) == (1, 1)
    assert commit.take(Request(events=[VIEW | {"event_id": "next"}])).result(20).accepted == 1
    commit.close()


def test_what_follows_an_event_hears_of_it_once_it_is_kept_and_cannot_undo_it(door: Door) -> None:
    memory, heard = InMemory(), []

    def follows(rows: pa.RecordBatch) -> None:
        heard.append((rows["item_id"].to_pylist(), len(memory.records)))
        raise RuntimeError("the online store is away")

    commit = GroupCommit(door, memory, now=lambda: NOON, on_accepted=follows)
    assert commit.take(Request(events=[VIEW, {}])).result(20).accepted == 1
    commit.close()
    assert heard == [(["i_17"], 1)]
