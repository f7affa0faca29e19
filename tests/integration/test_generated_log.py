"""A generated log lands whole in an empty home, is the same for the same number, and is refused where it would hurt."""

import shutil
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.warehouse import run_step
from cli.demo import run_demo
from shopsight.errors import ShopsightError
from shopsight.generated_log import EVENTS_PER_SESSION, GeneratedLog, land_generated_log
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.log.event_log import EventLog, Receipt
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 11, 1, tzinfo=UTC)
EVENTS = 3_000


def landed(settings: Settings, events: int = EVENTS) -> Receipt:
    return land_generated_log(settings, events, received_at=ARRIVAL)


def rows_of(settings: Settings, table: str) -> pa.Table:
    files = f"{settings.event_log_dir}/arrival_date=2026-*/batch=*/{table}"
    with utc_connection() as connection:
        query = f"from read_parquet('{files}', hive_partitioning = false) order by all"
        return connection.sql(query).to_arrow_table()


def test_every_event_that_was_asked_for_is_accepted_and_counted(home: Settings) -> None:
    receipt = landed(home)
    assert (receipt.received, receipt.accepted, receipt.quarantined) == (EVENTS, EVENTS, 0)
    assert (receipt.items, receipt.users) == (600, 30)
    assert receipt.last_event_at < ARRIVAL
    assert EventLog.open(home).totals().accepted == EVENTS


def test_the_same_number_gives_the_same_rows(home: Settings, tmp_path: Path) -> None:
    other = home.model_copy(update={"home": tmp_path / "other"})
    landed(home)
    landed(other)
    for table in ("events/*.parquet", "items.parquet", "users.parquet"):
        assert rows_of(home, table).equals(rows_of(other, table))


def test_the_rows_do_not_depend_on_how_many_are_drawn_at_a_time() -> None:
    log = GeneratedLog(events=EVENTS)
    with utc_connection() as connection:
        whole = log.event_rows(connection, 0, log.sessions)
        parts = [log.event_rows(connection, first, first + 70) for first in range(0, log.sessions, 70)]
    order = [("event_id", "ascending")]
    assert pa.concat_tables(parts).sort_by(order).equals(whole.sort_by(order))


def test_the_benchmark_of_the_warehouse_has_the_same_events_with_ids_as_they_are_drawn(
    home: Settings, tmp_path: Path
) -> None:
    landed(home)
    run_step("generate", tmp_path / "raw", [str(EVENTS)])
    shutil.move(tmp_path / "raw" / "last_day", tmp_path / "raw" / "event_log" / "arrival_date=2026-03-31")
    names = Pseudonymiser.from_settings(home)
    raw = rows_of(Settings(home=tmp_path / "raw"), "events/*.parquet")
    for column, treatment in (("user_id", names.users), ("anonymous_id", names.anonymous_ids)):
        raw = raw.set_column(raw.schema.get_field_index(column), column, treatment(raw[column]))
    drawn = rows_of(home, "events/*.parquet").select(raw.column_names)
    order = [("event_id", "ascending")]
    assert drawn.num_rows == EVENTS
    assert drawn.sort_by(order).cast(raw.schema).to_pylist() == raw.sort_by(order).to_pylist()


def test_no_session_is_cut_short(home: Settings) -> None:
    assert landed(home, EVENTS + EVENTS_PER_SESSION - 1).received == EVENTS


def test_a_home_with_a_log_is_refused_and_its_log_stays(home: Settings) -> None:
    landed(home)
    with pytest.raises(ShopsightError, match=r"has an event log(.|\n)*SHOPSIGHT_HOME"):
        landed(home)
    assert EventLog.open(home).totals().batches == 1


@pytest.mark.parametrize("events", [-10, 0, 999, 1_000_000_001])
def test_a_number_that_is_no_log_is_refused_before_anything_is_written(home: Settings, events: int) -> None:
    with pytest.raises(ShopsightError, match="1,000 to 1,000,000,000"):
        landed(home, events)
    assert not home.home.exists()


def test_a_disk_that_is_too_small_for_the_whole_chain_is_refused(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**40, 0, 150 * EVENTS - 1))
    with pytest.raises(ShopsightError, match="no room for a log of 3,000 events"):
        landed(home)
    assert not home.home.exists()


def test_only_a_generated_log_takes_a_number_of_events(home: Settings) -> None:
    with pytest.raises(ShopsightError, match="the source sample takes no number of events"):
        run_demo(source="sample", data=None, size="tiny", events=EVENTS, call_services=False)
    assert not home.home.exists()
