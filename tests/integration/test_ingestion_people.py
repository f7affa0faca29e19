"""Who did it, and with what: orders of nobody, items known by name, events in unknown words."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from shopsight.ingestion.checking import worst
from shopsight.ingestion.formats.mapping_file import read_mapping
from shopsight.ingestion.guessing.guess import Guess, guess_mapping
from shopsight.ingestion.importers import check_file, import_file
from shopsight.ingestion.log.event_log import Receipt
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)


def accepted(settings: Settings, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    files = str(settings.event_log_dir / "arrival_date=*" / "batch=*" / "events" / "part-*.parquet")
    return duckdb.sql(f"SELECT {columns} FROM '{files}' WHERE {where} ORDER BY ALL").fetchall()


def take(settings: Settings, format_name: str, path: Path, text: str) -> Receipt:
    path.write_text(text)
    return import_file(settings, format_name, path, received_at=ARRIVAL)


def guess_of(path: Path, text: str) -> Guess:
    path.write_text(text)
    return guess_mapping(path)


def import_by(settings: Settings, guess: Guess, path: Path) -> Receipt:
    mapping = path.with_suffix(".yml")
    mapping.write_text(yaml.safe_dump(guess.document, allow_unicode=True))
    assert read_mapping(mapping) == guess.mapping()
    return import_file(settings, "mapped", path, mapping=mapping, received_at=ARRIVAL)


def ga4(name: str, *items: dict[str, Any], order: str | None = None, device: str | None = "d1") -> str:
    event = {
        "event_timestamp": "1772352000000000",
        "event_name": name,
        "event_params": [{"key": "ga_session_id", "value": {"int_value": "7"}}],
        "user_pseudo_id": device,
        "ecommerce": {"transaction_id": order},
        "items": list(items),
    }
    return json.dumps(event) + "\n"


def test_an_order_of_nobody_counts_under_its_order_and_a_view_of_nobody_does_not(
    home: Settings, tmp_path: Path
) -> None:
    cap, mug = {"item_id": "cap", "price": 9, "quantity": 1}, {"item_id": "mug", "price": 4, "quantity": 2}
    lines = ga4("view_item", cap, device=None) + ga4("purchase", cap, mug, order="o1", device=None)
    receipt = take(home, "ga4", tmp_path / "e.jsonl", lines + ga4("purchase", cap, order="o2", device=None))
    assert (receipt.accepted, receipt.reasons, receipt.guests) == (3, {"actor_missing": 1}, 3)
    assert accepted(
        home, "order_id, count(DISTINCT anonymous_id), sum(price * quantity)::DOUBLE", "true GROUP BY 1"
    ) == [
        ("o1", 1, 17.0),
        ("o2", 1, 9.0),
    ]
    assert accepted(home, "count(DISTINCT anonymous_id), count(user_id)") == [(2, 0)]


def test_an_order_of_a_known_shopper_keeps_its_shopper(home: Settings, tmp_path: Path) -> None:
    table = "event_name,event_timestamp,user_id,anonymous_id,item_id,order_id\n"
    rows = "purchase,2026-02-01T10:00:00Z,maya,,i,o1\npurchase,2026-02-01T10:00:00Z,guest,dev,i,o2\n"
    receipt = take(home, "canonical_csv", tmp_path / "e.csv", table + rows)
    assert (receipt.accepted, receipt.guests) == (2, 0)
    assert accepted(home, "order_id, user_id IS NULL, anonymous_id IS NULL") == [
        ("o1", False, True),
        ("o2", True, False),
    ]


def test_ga4_items_without_an_id_are_known_by_their_name(home: Settings, tmp_path: Path) -> None:
    mug = {"item_id": "(not set)", "item_name": "Blue mug", "price": 12, "quantity": 1}
    cap = {"item_id": "cap", "item_name": "Cap", "price": 8, "quantity": 1}
    receipt = take(home, "ga4", tmp_path / "e.jsonl", ga4("purchase", mug, cap, order="o1"))
    assert receipt.quarantined == 0
    assert accepted(home, "item_id, price::DOUBLE") == [("Blue mug", 12.0), ("cap", 8.0)]


def test_segment_items_are_known_by_their_name_and_pages_are_no_items(home: Settings, tmp_path: Path) -> None:
    calls: list[dict[str, Any]] = [
        {"event": "Order Completed", "properties": {"order_id": "o", "products": [{"name": "Mug"}, {"sku": "cap"}]}},
        {"event": "Product Viewed", "properties": {"product_id": "", "name": "Scarf"}},
        {"event": "Promotion Viewed", "properties": {"name": "Spring sale"}},
        {"type": "page", "properties": {"name": "Home"}},
    ]
    stamp = "2026-02-01T10:00:00Z"
    lines = [{"type": "track", "messageId": f"m{i}", "timestamp": stamp, "userId": "maya"} | call
             for i, call in enumerate(calls)]  # fmt: skip
    take(home, "segment", tmp_path / "c.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    assert accepted(home, "event_name, item_id") == [
        ("page_view", None), ("purchase", "Mug"), ("purchase", "cap"), ("view_item", "Scarf"), ("view_promotion", None),
    ]  # fmt: skip


ACTIONS = "uid,sku,time,action\n" + "".join(
    f"{i % 9 + 1},s{i % 5},2026-02-01 10:00:{i:02d},{i % 4}\n" for i in range(60)
)


def test_a_column_of_numbered_actions_is_named_and_never_becomes_views(home: Settings, tmp_path: Path) -> None:
    guess = guess_of(tmp_path / "actions.csv", ACTIONS)
    assert guess.document["columns"]["event_name"] == {"column": "action"}
    assert any("action" in warning and "0, 1, 2, 3" in warning for warning in guess.warnings)
    with pytest.raises(SourceFileError) as stopped:
        import_by(home, guess, tmp_path / "actions.csv")
    assert "'3' (15)" in stopped.value.why
    assert "'3': ?" in stopped.value.fix
    assert accepted(home, "*") == []


def test_unknown_words_that_mean_something_elsewhere_are_proposed(home: Settings, tmp_path: Path) -> None:
    mapping = "columns: {event_timestamp: {column: time, zone: UTC}, event_name: action, user_id: uid, item_id: sku}\n"
    (tmp_path / "actions.yml").write_text(mapping)
    words = ACTIONS.replace(",0\n", ",pv\n").replace(",1\n", ",cart\n")
    with pytest.raises(SourceFileError) as stopped:
        take(home, "mapped", tmp_path / "actions.csv", words)
    assert "'cart': add_to_cart" in stopped.value.fix
    assert "'pv': view_item" in stopped.value.fix


def test_map_says_how_many_rows_have_a_word_for_nobody(home: Settings, tmp_path: Path) -> None:
    rows = "".join(f"{i},2026-02-0{i} 10:00:00,{0 if i < 9 else 41},s{i}\n" for i in range(1, 10))
    guess = guess_of(tmp_path / "orders.csv", "order_id,order_date,customer_id,sku\n" + rows)
    assert any("88.9% of the rows have no customer_id" in warning for warning in guess.warnings)
    receipt = import_by(home, guess, tmp_path / "orders.csv")
    assert (receipt.accepted, receipt.guests) == (9, 8)
    assert accepted(home, "count(DISTINCT anonymous_id), count(user_id)") == [(8, 1)]


def test_what_ga4_sends_by_itself_fails_no_healthy_export_and_a_typo_still_does(tmp_path: Path) -> None:
    cap = {"item_id": "cap", "price": 9, "quantity": 1}
    bought = ga4("purchase", cap, order="o1") + ga4("purchase", cap, order="o2", device=None)
    path = tmp_path / "e.jsonl"
    path.write_text(bought + "".join(ga4(name) for name in ("session_start", "scroll", "scroll", "user_engagement")))
    checks = {check.name: check for check in check_file("ga4", path, received_at=ARRIVAL)}
    assert worst(checks.values()) == "PASS"
    assert (checks["left_out_by_design"].rows, checks["guest_orders"].rows) == (4, 1)
    assert checks["left_out_by_design"].said.startswith("2 scroll, ")
    path.write_text(path.read_text() + ga4("purchse", cap, order="o3"))
    checks = {check.name: check for check in check_file("ga4", path, received_at=ARRIVAL)}
    assert (checks["event_name_unknown"].status, checks["event_name_unknown"].rows) == ("FAIL", 1)
