"""Files that are dropped in the landing folder."""

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shopsight.errors import ShopsightError
from shopsight.ingestion.landing import PendingFile, import_pending, pending
from shopsight.ingestion.log.event_log import EventLog, EventLogBusyError
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADER = "event_name,event_timestamp,user_id,item_id\n"


def drop(settings: Settings, name: str, content: str) -> Path:
    path = settings.landing_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def drop_shop(settings: Settings, prefix: str = "") -> None:
    drop(settings, f"canonical_csv/{prefix}events.csv", HEADER + "view_item,2026-03-01T10:00:00Z,maya,i1\n")
    drop(settings, f"canonical_csv/{prefix}items.csv", "item_id,title\ni1,Shoe\ni2,Sock\n")
    drop(settings, f"canonical_csv/{prefix}users.csv", "user_id,country\nmaya,DE\n")


def names_under(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_nothing_waits_in_a_home_without_a_landing_folder(home: Settings) -> None:
    assert pending(home) == []
    assert import_pending(home, received_at=ARRIVAL) == []


def test_events_wait_together_with_their_companions(home: Settings) -> None:
    drop_shop(home)
    drop_shop(home, prefix="march_")
    drop(home, "retailrocket/events.csv", "x")
    assert [(w.format_name, w.path.name, len(w.files)) for w in pending(home)] == [
        ("canonical_csv", "events.csv", 3),
        ("canonical_csv", "march_events.csv", 3),
        ("retailrocket", "events.csv", 1),
    ]


def test_unfinished_and_hidden_files_do_not_wait(home: Settings) -> None:
    for name in ("events.csv.part", ".events.csv", "events.tmp"):
        drop(home, f"canonical_csv/{name}", "x")
    assert pending(home) == []


def test_a_dropped_file_is_imported_once_and_moved_away(home: Settings) -> None:
    drop_shop(home)
    (receipt,) = import_pending(home, received_at=ARRIVAL)
    assert (receipt.accepted, receipt.items, receipt.users) == (1, 2, 1)
    assert pending(home) == []
    assert names_under(home.landing_dir / ".done") == {"events.csv", "items.csv", "users.csv"}
    assert import_pending(home, received_at=ARRIVAL) == []


def test_a_folder_is_one_import(home: Settings) -> None:
    drop(home, "canonical_jsonl/today/events.jsonl", json.dumps({"event_name": "page_view", "user_id": "u",
         "event_timestamp": 1772359200}) + "\n")  # fmt: skip
    drop(home, "canonical_jsonl/today/items.jsonl", '{"item_id": "i1"}\n')
    (receipt,) = import_pending(home, received_at=ARRIVAL)
    assert (receipt.accepted, receipt.items) == (1, 1)


def test_a_file_that_cannot_be_read_moves_aside_with_its_error_and_stops_no_other(home: Settings) -> None:
    drop(home, "canonical_csv/a_events.csv", "name,when\nx,y\n")
    drop(home, "canonical_parquet/b.parquet", "this is no Parquet")
    drop_shop(home)
    refused: list[tuple[PendingFile, ShopsightError]] = []
    receipts = import_pending(home, received_at=ARRIVAL, refused=lambda *args: refused.append(args))
    assert [receipt.accepted for receipt in receipts] == [1]
    assert [waiting.path.name for waiting, _ in refused] == ["a_events.csv", "b.parquet"]
    assert "event_name" in refused[0][1].why
    failed = home.landing_dir / ".failed"
    assert names_under(failed) == {"a_events.csv", "a_events.csv.error.txt", "b.parquet", "b.parquet.error.txt"}
    assert "no column event_name, event_timestamp" in next(failed.rglob("a_events.csv.error.txt")).read_text()


def test_a_busy_log_is_not_the_files_fault(home: Settings) -> None:
    drop_shop(home)
    EventLog.open(home)
    with (home.event_log_dir / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(EventLogBusyError):
            import_pending(home, received_at=ARRIVAL)
    assert len(pending(home)) == 1
    assert [receipt.accepted for receipt in import_pending(home, received_at=ARRIVAL)] == [1]


def rows(first: int, last: int) -> str:
    return "".join(f"view_item,2026-03-01T10:00:00Z,maya,i{number}\n" for number in range(first, last))


def test_a_file_that_is_being_written_waits_until_it_is_whole(home: Settings) -> None:
    path = home.landing_dir / "canonical_csv" / "events.csv"
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        file.write(HEADER + rows(0, 1_000))
        file.flush()
        assert pending(home) == []
        assert import_pending(home, received_at=ARRIVAL) == []
        file.write(rows(1_000, 2_000))
    assert [receipt.accepted for receipt in import_pending(home, received_at=ARRIVAL)] == [2_000]


def test_a_file_that_changes_while_it_is_read_lands_later_and_whole(home: Settings) -> None:
    path = drop(home, "canonical_csv/events.csv", HEADER + rows(0, 10))
    grown: list[bool] = []

    def grow_once(_progress: object) -> None:
        if not grown:
            grown.append(True)
            with path.open("a") as file:
                file.write(rows(10, 20))

    assert import_pending(home, received_at=ARRIVAL, report=grow_once) == []
    assert EventLog.open(home).totals().received == 0
    assert [receipt.accepted for receipt in import_pending(home, received_at=ARRIVAL)] == [20]


def test_a_folder_with_an_unfinished_part_waits(home: Settings) -> None:
    drop(home, "canonical_csv/export/part-0.csv", HEADER + rows(0, 1))
    part = drop(home, "canonical_csv/export/part-1.csv.part", HEADER + rows(1, 2))
    assert pending(home) == []
    part.rename(part.with_suffix(""))
    assert [receipt.accepted for receipt in import_pending(home, received_at=ARRIVAL)] == [2]


def test_links_pipes_and_loops_are_refused_unread(home: Settings, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("password,hunter2\n")
    folder = home.landing_dir / "canonical_csv"
    (folder / "export").mkdir(parents=True)
    (folder / "a.csv").symlink_to(secret)
    (folder / "loop").symlink_to(folder)
    (folder / "export" / "part.csv").symlink_to(secret)
    os.mkfifo(folder / "pipe.csv")
    refused: list[str] = []
    assert import_pending(home, received_at=ARRIVAL, refused=lambda _, error: refused.append(error.why)) == []
    assert refused == [
        "a.csv is a link", "part.csv is a link", "loop is a link", "pipe.csv is a pipe, a socket or a device",
    ]  # fmt: skip
    said = "".join(path.read_text() for path in (home.landing_dir / ".failed").rglob("*.error.txt"))
    assert "is a link" in said
    assert "hunter2" not in said
    assert secret.read_text() == "password,hunter2\n"
    assert pending(home) == []
