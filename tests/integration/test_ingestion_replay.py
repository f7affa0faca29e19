"""Quarantined rows are imported again once their cause is mended; nothing is counted twice."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cli.app import app
from shopsight.ingestion.formats import taobao
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.log.event_log import EventLog, Totals
from shopsight.ingestion.log.quarantine import read_quarantine
from shopsight.ingestion.replay import Replay, replay_quarantine
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
MENDED = datetime(2026, 3, 4, 12, tzinfo=UTC)


def again(settings: Settings, **options: Any) -> Replay:
    return replay_quarantine(settings, received_at=MENDED, **options)


def balance(settings: Settings) -> tuple[int, int, int, int]:
    totals: Totals = EventLog.open(settings).totals()
    assert totals.received == totals.accepted + totals.duplicates + totals.quarantined
    assert totals.accepted == len(stored(settings))
    return totals.received, totals.accepted, totals.duplicates, totals.quarantined


def stored(settings: Settings, columns: str = "source, event_id, line_number") -> list[tuple[Any, ...]]:
    files = str(settings.event_log_dir / "arrival_date=*" / "batch=*" / "events" / "part-*.parquet")
    return duckdb.sql(f"SELECT {columns} FROM '{files}' ORDER BY ALL").fetchall()


def view(event_id: str, moment: str, user_id: str, item_id: str, event_name: str = "view_item") -> dict[str, str]:
    return {"event_id": event_id, "event_name": event_name, "event_timestamp": moment, "user_id": user_id,
            "item_id": item_id}  # fmt: skip


# A shop's clock was two days ahead; three days later these rows are no longer in the future.
FUTURE = [
    view("1", "2026-03-01T10:00:00Z", "maya", "i1"),
    view("2", "2026-03-03T10:00:00Z", "maya", "i2"),
    view("2", "2026-03-03T10:00:00Z", "maya", "i2"),
    view("3", "2026-03-03T11:00:00Z", "jo", "i,3\n4"),
    view("4", "2026-03-03T11:00:00Z", "jo", "i3", "hover"),
]


def write(folder: Path, format_name: str) -> Path:
    path = folder / f"events.{format_name.removeprefix('canonical_')}"
    if format_name == "canonical_jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in FUTURE))
        return path
    rows = pa.Table.from_pylist(FUTURE)
    if format_name == "canonical_parquet":
        moments = [datetime.fromisoformat(row["event_timestamp"]).replace(tzinfo=None) for row in FUTURE]
        pq.write_table(rows.set_column(2, "event_timestamp", pa.array(moments)), path)
    else:
        pa.csv.write_csv(rows, path)
    return path


@pytest.mark.parametrize("format_name", ["canonical_csv", "canonical_jsonl", "canonical_parquet"])
def test_mended_rows_land_once_and_leave_the_quarantine(home: Settings, tmp_path: Path, format_name: str) -> None:
    import_file(home, format_name, write(tmp_path, format_name), received_at=ARRIVAL)
    assert balance(home) == (5, 1, 0, 4)
    assert replay_quarantine(home, received_at=ARRIVAL).receipt.received == 0
    assert EventLog.open(home).totals().batches == 1  # nothing was mended, nothing landed
    done = again(home)
    assert (done.receipt.accepted, done.receipt.duplicates, done.still_bad, done.not_read) == (2, 1, 1, 0)
    assert balance(home) == (5, 3, 1, 1)
    assert EventLog.open(home).totals().reasons == {"event_name_unknown": 1, "event_timestamp_out_of_range": 1}
    assert {row[0] for row in stored(home, "item_id")} == {"i1", "i2", "i,3\n4"}
    assert [b"hover" in raw for raw in read_quarantine(home)["raw"].to_pylist()] == [True]
    once = stored(home)
    assert again(home).receipt.received == 0
    assert (stored(home), balance(home)) == (once, (5, 3, 1, 1))


def test_the_quarantine_is_listed_by_reason_and_batch_with_counts_of_all_and_rows_of_some(
    home: Settings, tmp_path: Path
) -> None:
    receipts = [
        import_file(home, "canonical_csv", write(tmp_path, "canonical_csv"), received_at=arrival)
        for arrival in (ARRIVAL, ARRIVAL - timedelta(days=1))
    ]
    runner = CliRunner()

    def listed(*options: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(runner.invoke(app, ["quarantine", "list", "--json", *options]).stdout)
        return answer

    everything = listed("--limit", "1")
    assert everything["rows"] == sum(receipt.quarantined for receipt in receipts)
    assert len(everything["examples"]) == 1
    late = listed("--reason", "event_timestamp_out_of_range", "--batch", receipts[0].batch_id)
    assert {row["batch_id"] for row in late["examples"]} == {receipts[0].batch_id}
    assert late["rows"] == late["reasons"]["event_timestamp_out_of_range"] == len(late["examples"]) < everything["rows"]
    again(home)
    assert listed()["rows"] < everything["rows"]


def test_rows_that_were_mended_by_hand_before_are_duplicates(home: Settings, tmp_path: Path) -> None:
    file = write(tmp_path, "canonical_jsonl")
    import_file(home, "canonical_jsonl", file, received_at=ARRIVAL)
    import_file(home, "canonical_jsonl", file, received_at=MENDED)
    assert balance(home) == (10, 3, 2, 5)
    assert (again(home).receipt.accepted, balance(home)) == (0, (10, 3, 5, 2))


def test_a_mended_rule_of_an_importer_frees_its_rows(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = int(taobao.FIRST.timestamp())
    rows = [f"1,2,3,pv,{start - 1}", f"1,2,3,pv,{start}", '1,2,3,pv,"', f"1,2,3,buy,{start - 5}"]
    (tmp_path / "UserBehavior.csv").write_text("\n".join(rows))
    import_file(home, "taobao", tmp_path / "UserBehavior.csv", received_at=ARRIVAL)
    assert balance(home) == (4, 1, 0, 3)
    monkeypatch.setattr(taobao, "FIRST", datetime(2017, 11, 1, tzinfo=UTC))
    done = again(home)
    assert (done.receipt.accepted, done.still_bad, done.not_read) == (2, 0, 1)
    assert balance(home) == (4, 3, 0, 1)
    assert stored(home, "source, user_id IS NULL, created_timestamp = event_timestamp") == [("taobao", False, True)] * 3


def test_one_event_of_an_exploded_line_is_freed_alone(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    products = [{"product_id": "p1"}, {"product_id": "p2", "quantity": 0}, {"product_id": "p3"}]
    call = {"type": "track", "event": "Order Completed", "messageId": "m", "timestamp": "2026-02-01T10:00:00Z",
            "userId": "maya", "properties": {"order_id": "o", "products": products}}  # fmt: skip
    (tmp_path / "calls.jsonl").write_text(json.dumps(call))
    import_file(home, "segment", tmp_path / "calls.jsonl", received_at=ARRIVAL)
    assert balance(home) == (3, 2, 0, 1)
    from shopsight.ingestion.validation import validate as validation

    rules = tuple(rule for rule in validation.RULES["events"] if rule.reason != "quantity_out_of_range")
    monkeypatch.setitem(validation.RULES, "events", rules)
    assert again(home).receipt.accepted == 1
    assert balance(home) == (3, 3, 0, 0)
    assert stored(home, "line_number, item_id, quantity") == [(0, "p1", None), (1, "p2", 0), (2, "p3", None)]


def test_a_mended_mapping_frees_the_rows_that_the_old_one_refused(home: Settings, tmp_path: Path) -> None:
    mapping, mended = tmp_path / "m.yml", tmp_path / "mended.yml"
    mapping.write_text(
        "source: hats\ncolumns:\n  event_name: {column: Aktion, values: {gesehen: view_item}}\n"
        "  event_timestamp: Zeit\n  user_id: Kunde\n  item_id: Artikel\n"
    )
    mended.write_text(mapping.read_text().replace("view_item}", "view_item, geschaut: view_item}"))
    rows = [
        "Zeit;Kunde;Aktion;Artikel",
        *(f"177235920{i};7;geschaut;H{i}" for i in range(4)),
        "1772359200;7;gesehen;H9",
    ]
    (tmp_path / "hats.csv").write_text("\n".join(rows))
    import_file(home, "mapped", tmp_path / "hats.csv", mapping=mapping, received_at=ARRIVAL)
    assert balance(home) == (5, 1, 0, 4)
    assert again(home).not_read == 4
    runner = CliRunner()
    listed = runner.invoke(app, ["quarantine", "list", "--json"])
    assert json.loads(listed.stdout)["reasons"] == {"event_name_unknown": 4}
    result = runner.invoke(app, ["quarantine", "replay", "--mapping", str(mended), "--json"])
    assert json.loads(result.stdout)["receipt"]["accepted"] == 4
    assert balance(home) == (5, 5, 0, 0)
    assert {source for source, _, _ in stored(home)} == {"hats"}
    assert json.loads(runner.invoke(app, ["quarantine", "list", "--json"]).stdout)["rows"] == 0


def test_companions_are_freed_too(home: Settings, tmp_path: Path) -> None:
    pa.csv.write_csv(pa.Table.from_pylist(FUTURE[:1]), tmp_path / "events.csv")
    (tmp_path / "items.csv").write_text("item_id,title,price\ni1,Shoe,1\ni2,Sock,-1\n")
    import_file(home, "canonical_csv", tmp_path, received_at=ARRIVAL)
    done = again(home)
    assert (done.receipt.items, done.still_bad) == (0, 1)
    assert len(read_quarantine(home)) == 1


def test_a_replay_that_fails_changes_nothing(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_file(home, "canonical_csv", write(tmp_path, "canonical_csv"), received_at=ARRIVAL)
    with monkeypatch.context() as broken:
        publish = "shopsight.ingestion.log.staging.StagedBatch.publish"
        broken.setattr(publish, lambda *_: (_ for _ in ()).throw(OSError()))
        with pytest.raises(OSError):  # noqa: PT011
            again(home)
    assert balance(home) == (5, 1, 0, 4)
    assert again(home).receipt.accepted == 2


# R10 --------------------------------------------------------------------------------------------------------------


def flawed(rows: int, seed: int) -> Iterator[str]:
    """Yield a Taobao file of distinct rows, 5% of them twice, and 2% broken in four ways on top."""
    rng = np.random.default_rng(seed)
    start = int(taobao.FIRST.timestamp())
    bad = [f"3,hover,{start}", "3,pv,soon", f"3,pv,{start - 9}", "pv"]
    twice, broken = rng.random(rows) < 0.05, rng.random(rows) < 0.02
    for i in range(rows):
        line = f"{1 + i % 997},{i},3,pv,{start + i % 700_000}"
        yield line
        if twice[i]:
            yield line
        if broken[i]:
            yield f"{i},x{i},{bad[i % 4]}"


@pytest.mark.parametrize("rows", [20_000, pytest.param(935_000, marks=pytest.mark.slow)])
def test_a_million_events_with_duplicates_and_flaws_are_accounted_for_to_the_row(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    lines = list(flawed(rows, seed=11))
    (tmp_path / "UserBehavior.csv").write_text("\n".join(lines))
    bad = [line for line in lines if ",x" in line]
    twice = len(lines) - len(bad) - rows
    import_file(home, "taobao", tmp_path / "UserBehavior.csv", received_at=ARRIVAL)
    assert balance(home) == (len(lines), rows, twice, len(bad))
    assert sorted(read_quarantine(home, limit=None)["raw"].to_pylist()) == sorted(line.encode() for line in bad)
    monkeypatch.setattr(taobao, "FIRST", datetime(2017, 11, 1, tzinfo=UTC))
    early = sum(f",pv,{int(datetime(2017, 11, 24, 16, tzinfo=UTC).timestamp()) - 9}" in line for line in bad)
    done = again(home)
    assert (done.receipt.accepted, done.receipt.duplicates) == (early, 0)
    assert balance(home) == (len(lines), rows + early, twice, len(bad) - early)
    assert again(home).receipt.received == 0
    import_file(home, "taobao", tmp_path / "UserBehavior.csv", received_at=MENDED)
    assert len(stored(home)) == rows + early
