"""The event log as a whole: accounting, idempotence, quarantine, and what a failure leaves behind."""

import fcntl
import json
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from shopsight.events import EVENT_SCHEMA, ITEM_SCHEMA, USER_SCHEMA
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.log.event_log import DiskFullError, EventLog, EventLogBusyError, Receipt
from shopsight.ingestion.log.quarantine import read_quarantine
from shopsight.ingestion.readers.chunks import ImportProgress, RawChunk, chunk_of_rows
from shopsight.privacy import Pseudonymiser, PseudonymKeyError
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)


def views(count: int, *, first: int = 0, **changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "event_id": f"e{i}",
            "event_name": "view_item",
            "event_timestamp": "2026-03-01T10:00:00Z",
            "user_id": f"user {i % 7}",
            "item_id": f"i{i % 5}",
        }
        | changes
        for i in range(first, first + count)
    ]


def land(settings: Settings, rows: list[dict[str, Any]], *, at: datetime = ARRIVAL) -> Receipt:
    chunk = chunk_of_rows(pa.Table.from_pylist(rows), first_line=1, file_name="rows")
    return EventLog.open(settings).land([chunk], source_name="shop", received_at=at)


def stored(settings: Settings) -> list[tuple[Any, ...]]:
    files = str(settings.event_log_dir / "arrival_date=*" / "batch=*" / "events" / "part-*.parquet")
    return duckdb.sql(f"SELECT source, event_id, line_number FROM '{files}' ORDER BY ALL").fetchall()


def test_an_empty_log_begins_with_a_batch_of_no_rows_in_every_table(home: Settings) -> None:
    log = EventLog.open(home)
    genesis = home.event_log_dir / "arrival_date=1970-01-01" / "batch=genesis"
    assert pq.read_schema(genesis / "events" / "part-00000.parquet").equals(EVENT_SCHEMA)
    assert pq.read_schema(genesis / "items.parquet").equals(ITEM_SCHEMA)
    assert pq.read_schema(genesis / "users.parquet").equals(USER_SCHEMA)
    assert (log.totals().batches, log.totals().received, log.totals().first_event_at) == (0, 0, None)
    assert len(EventLog.open(home).manifests()) == 1


def test_manifests_are_in_order_of_landing_whatever_their_folders_are_called(home: Settings) -> None:
    log = EventLog.open(home)
    for number, place in ((1, "arrival_date=2026-02-01/batch=z"), (2, "arrival_date=2026-01-01/batch=a")):
        folder = home.event_log_dir / place
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"number": number, "batch_id": folder.name[-1]}))
    assert [manifest["batch_id"] for manifest in log.manifests()] == ["genesis", "z", "a"]


def test_every_row_is_accepted_a_duplicate_or_quarantined(home: Settings) -> None:
    rows = [*views(50), *views(10), *views(5, first=100, event_name="nonsense"), *views(3, first=200)]
    receipt = land(home, rows)
    assert (receipt.received, receipt.accepted, receipt.duplicates, receipt.quarantined) == (68, 53, 10, 5)
    assert receipt.reasons == {"event_name_unknown": 5}
    assert len(stored(home)) == 53
    totals = EventLog.open(home).totals()
    assert (totals.received, totals.accepted, totals.duplicates, totals.quarantined) == (68, 53, 10, 5)


def test_landing_the_same_rows_again_adds_nothing_in_whatever_order(home: Settings) -> None:
    land(home, views(20))
    before = stored(home)
    again = land(home, views(20)[::-1], at=LATER)
    assert (again.accepted, again.duplicates) == (0, 20)
    assert stored(home) == before
    assert EventLog.open(home).totals().batches == 2


def test_the_same_id_of_another_source_or_line_is_another_event(home: Settings) -> None:
    keys = [("shop", 0), ("shop", 1), ("other", 0), ("shop", 1)]
    receipt = land(home, [row for source, line in keys for row in views(1, source=source, line_number=line)])
    assert (receipt.accepted, receipt.duplicates) == (3, 1)


def test_rows_without_an_id_are_known_by_what_they_say(home: Settings) -> None:
    rows = views(3, event_id=None, item_id="i1", user_id="maya")
    rows[2]["item_id"] = "i2"
    receipt = land(home, rows)
    assert (receipt.accepted, receipt.duplicates) == (2, 1)
    assert land(home, rows[::-1], at=LATER).accepted == 0


def test_duplicates_are_found_across_chunks_and_parts(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopsight.ingestion.log.staging.ROWS_PER_PART", 10)
    chunks = [chunk_of_rows(pa.Table.from_pylist(views(10, first=i)), first_line=i + 1) for i in (0, 5, 20)]
    receipt = EventLog.open(home).land(chunks, source_name="shop", received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted, receipt.duplicates) == (30, 25, 5)
    assert len(set(stored(home))) == 25


def test_no_raw_id_and_no_mail_address_reaches_the_accepted_log(home: Settings) -> None:
    rows = views(1, user_id="jane@example.com", anonymous_id="cookie-1", event_name="search", query="jane@example.com")
    receipt = land(home, rows)
    batch = home.event_log_dir / "arrival_date=2026-03-01" / f"batch={receipt.batch_id}"
    event = pq.read_table(batch / "events").to_pylist()[0]
    pseudonymiser = Pseudonymiser.from_settings(home)
    assert event["user_id"] == pseudonymiser.user("jane@example.com")
    assert event["anonymous_id"] == pseudonymiser.anonymous("cookie-1")
    assert event["query"] == "[email]"
    for path in batch.rglob("*"):
        assert path.is_dir() or b"jane@example.com" not in path.read_bytes()


def test_the_quarantine_keeps_the_bytes_the_line_and_every_reason(home: Settings, tmp_path: Path) -> None:
    file = tmp_path / "shop_events.csv"
    good = b"view_item,2026-03-01T10:00:00Z,maya,i1,1\n"
    bad = [b'view_item,soon,maya,i1,"0"', b"view_item,2026-03-01T10:00:00Z,caf\xe9,i1,1", b"oops"]
    file.write_bytes(b"event_name,event_timestamp,user_id,item_id,quantity\n" + good + b"\n".join(bad) + b"\n" + good)
    receipt = import_file(home, "canonical_csv", file, received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted, receipt.duplicates, receipt.quarantined) == (5, 1, 1, 3)
    rows = read_quarantine(home).to_pylist()
    assert [(row["line"], row["raw"], row["reasons"]) for row in rows] == [
        (3, bad[0], ["event_timestamp_invalid", "quantity_out_of_range"]),
        (4, bad[1], ["not_utf8"]),
        (5, bad[2], ["wrong_number_of_fields"]),
    ]
    assert {(row["batch_id"], row["file_name"]) for row in rows} == {(receipt.batch_id, "shop_events.csv")}
    path = next(home.event_log_dir.glob(f"*/batch={receipt.batch_id}/quarantine.parquet"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_manifest_says_what_became_of_the_batch(home: Settings) -> None:
    receipt = land(home, views(4))
    path = next(home.event_log_dir.glob(f"arrival_date=2026-03-01/batch={receipt.batch_id}/manifest.json"))
    manifest = json.loads(path.read_text())
    expected = {"received": 4, "accepted": 4, "duplicates": 0, "quarantined": 0, "reasons": {}, "source": "shop"}
    assert {name: manifest[name] for name in expected} == expected
    assert manifest["received_at"] == ARRIVAL.isoformat()
    assert manifest["first_event_at"] == "2026-03-01T10:00:00+00:00"
    assert manifest["files"] == ["rows"]


def test_progress_is_reported_after_every_chunk(home: Settings) -> None:
    seen: list[ImportProgress] = []
    chunks = [chunk_of_rows(pa.Table.from_pylist(views(3, first=i)), first_line=1) for i in (0, 3)]
    EventLog.open(home).land(chunks, source_name="shop", received_at=ARRIVAL, report=seen.append)
    assert [progress.rows for progress in seen] == [3, 6]


def test_an_arrival_without_a_zone_is_refused(home: Settings) -> None:
    with pytest.raises(ValueError, match="time zone"):
        land(home, views(1), at=datetime(2026, 3, 1))


def test_a_second_writer_is_refused_and_harms_nothing(home: Settings) -> None:
    def interrupted_by_another() -> Iterator[RawChunk]:
        with pytest.raises(EventLogBusyError, match="another process is importing"):
            land(home, views(5, first=50))
        yield chunk_of_rows(pa.Table.from_pylist(views(5)), first_line=1)

    receipt = EventLog.open(home).land(interrupted_by_another(), source_name="shop", received_at=ARRIVAL)
    assert receipt.accepted == 5
    assert land(home, views(5, first=50), at=LATER).accepted == 5


def test_the_lock_dies_with_its_holder(home: Settings) -> None:
    EventLog.open(home)
    code = (
        f"import fcntl, os; f = open({str(home.event_log_dir / '.lock')!r}); fcntl.flock(f, fcntl.LOCK_EX); os.abort()"
    )
    subprocess.run([sys.executable, "-c", code], check=False, preexec_fn=_no_core)
    assert land(home, views(1)).accepted == 1
    with (home.event_log_dir / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_source_that_fails_half_way_leaves_the_log_as_it_was(home: Settings) -> None:
    def broken() -> Iterator[RawChunk]:
        yield chunk_of_rows(pa.Table.from_pylist(views(5)), first_line=1)
        raise RuntimeError("the source broke")

    log = EventLog.open(home)
    with pytest.raises(RuntimeError, match="the source broke"):
        log.land(broken(), source_name="shop", received_at=ARRIVAL)
    assert log.totals().batches == 0
    assert not list((home.event_log_dir / ".staging").iterdir())
    assert land(home, views(5)).accepted == 5


def test_another_pseudonym_key_is_refused_before_it_splits_identities(home: Settings) -> None:
    land(home, views(1))
    other = Settings(home=home.home, pseudonym_key=SecretStr("quite another key"))
    with pytest.raises(PseudonymKeyError, match="does not belong to the event log"):
        EventLog.open(other)


FULL_DISK = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from shopsight.ingestion.log.event_log import DiskFullError, EventLog
from shopsight.ingestion.importers import import_file
from shopsight.settings import Settings

settings = Settings()
EventLog.open(settings)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    import_file(settings, "canonical_parquet", Path(sys.argv[1]), received_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
except DiskFullError as error:
    print(error)
    sys.exit(3)
"""


def test_a_full_disk_is_said_clearly_and_lands_nothing(home: Settings, tmp_path: Path) -> None:
    rows = [row | {"text": f"{i * 7919 % 10007:x}" * 9} for i, row in enumerate(views(20_000))]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "events.parquet")
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "events.parquet")], capture_output=True, text=True, check=False
    )
    assert child.returncode == 3, child.stderr
    assert "no room to land the batch" in child.stdout
    assert DiskFullError.__name__ not in child.stderr
    assert EventLog.open(home).totals().batches == 0
    assert import_file(home, "canonical_parquet", tmp_path / "events.parquet", received_at=ARRIVAL).accepted == 20_000


def _no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
