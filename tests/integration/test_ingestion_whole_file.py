"""What validation asks of a whole file: each row right, and the file wrong."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from cli.app import app
from shopsight.ingestion.checking import worst
from shopsight.ingestion.checks import QUESTIONS
from shopsight.ingestion.checks.answers import Check
from shopsight.ingestion.importers import check_file, import_file
from shopsight.settings import REPO_ROOT, Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = (
    "event_id", "event_name", "event_timestamp", "created_timestamp", "user_id", "anonymous_id", "session_id",
    "order_id", "item_id", "quantity", "price", "currency", "value",
)  # fmt: skip
NAMES = {question.name for question in QUESTIONS}


def row(event_name: str, at: str, **fields: Any) -> dict[str, Any]:
    moment = f"2026-02-{at}:00Z"
    return {"event_name": event_name, "event_timestamp": moment, "created_timestamp": moment, **fields}


def checks_of(folder: Path, rows: list[dict[str, Any]]) -> dict[str, Check]:
    with (folder / "events.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return {check.name: check for check in check_file("canonical_csv", folder / "events.csv", received_at=ARRIVAL)}


def broken(checks: dict[str, Check]) -> dict[str, int]:
    """Return how much breaks each question to the whole file that does not pass."""
    return {name: check.rows for name, check in checks.items() if name in NAMES and check.status != "PASS"}


def bought(order: str, at: str, item: str, **fields: Any) -> dict[str, Any]:
    money = {"price": 10, "quantity": 1, "currency": "EUR"}
    return row("purchase", at, order_id=order, item_id=item, **{"user_id": f"u-{order}", **money, **fields})


HEALTHY = [
    row("view_item", "01T10:00", anonymous_id="d1", session_id="s1", item_id="cap"),
    row("view_item", "01T10:05", user_id="maya", session_id="s1", item_id="mug"),
    bought("o1", "01T10:10", "cap", user_id="maya", anonymous_id="d1", session_id="s1", price=8, value=7.5),
    bought("o1", "01T10:10", "mug", user_id="maya", anonymous_id="d1", session_id="s1", price=12.5, value=12.5),
    row("refund", "03T10:00", user_id="maya", order_id="o1", item_id="cap"),
    row("view_item", "01T23:50", user_id="ben", session_id="s2", item_id="cap"),
    row("view_item", "02T00:10", user_id="ben", session_id="s2", item_id="cap"),
    bought("o2", "02T00:11", "cap", user_id="ben", session_id="s2", quantity=3),
]


def test_a_login_a_midnight_a_discount_and_a_refund_of_a_known_order_are_no_faults(tmp_path: Path) -> None:
    checks = checks_of(tmp_path, HEALTHY)
    assert worst(checks.values()) == "PASS"
    assert set(checks) >= NAMES
    assert checks["order_line_bought_again"].said == "none of 3 order lines"


def test_faults_of_orders_and_their_money_are_counted_with_their_lines(tmp_path: Path) -> None:
    rows = [
        bought("again", "01T10:00", "cap"),
        bought("again", "01T10:07", "cap"),
        bought("shared", "01T10:00", "cap", user_id="maya"),
        bought("shared", "09T10:00", "mug", user_id="ben"),
        bought("free", "01T10:00", "cap", price=""),
        bought("total", "01T10:00", "cap", price=10, value=30),
        bought("total", "01T10:00", "mug", price=20, value=30),
        bought("mixed", "01T10:00", "cap", currency="EUR"),
        bought("mixed", "01T10:00", "mug", currency="SEK", price=11),
        bought("cents", "01T10:00", "cap", price=1000, value=10),
        bought("bulk", "01T10:00", "cap", quantity=20260301),
        bought("bulk", "01T10:00", "scarf", quantity=900_000, price=9, currency=""),
        row("refund", "02T10:00", user_id="maya", order_id="lost", item_id="cap"),
        row("refund", "02T10:00", user_id="maya", order_id="again", item_id="cap"),
        bought("one", "03T10:00", "cap", event_id="e1"),
        bought("one", "03T10:05", "mug", event_id="e1"),
        bought("lines", "04T10:00", "cap", event_id="e2"),
        bought("lines", "04T10:00", "mug", event_id="e2"),
    ]
    checks = checks_of(tmp_path, rows)
    assert broken(checks) == {
        "event_id_reused": 1,
        "order_line_bought_again": 1,
        "order_of_several_shoppers": 1,
        "purchases_without_money": 1,
        "refunds_without_money": 1,
        "refunds_without_purchase": 1,
        "order_total_on_lines": 1,
        "order_of_several_currencies": 1,
        "shopper_of_several_currencies": 1,
        "several_currencies": 1,
        "money_without_currency": 1,
        "price_hundredfold": 1,
        "value_hundredfold": 1,
        "quantity_far_out": 1,
    }
    again = checks["order_line_bought_again"]
    assert (again.examples[0].line, json.loads(again.examples[0].raw)["other_line"]) == (2, 3)
    assert (again.why, again.fix) != ("", "")
    assert json.loads(checks["order_total_on_lines"].examples[0].raw)["order_id"] == "total"


def test_a_total_mapped_as_the_price_is_the_same_on_all_lines_of_every_order(tmp_path: Path) -> None:
    totals = [bought(f"o{i}", "01T10:00", item, price=20 + i) for i in range(4) for item in ("cap", "mug")]
    assert broken(checks_of(tmp_path, totals)) == {"order_total_as_price": 4}
    prices = [bought(f"o{i}", "01T10:00", item, price=9) for i in range(4) for item in ("cap", "mug")]
    assert broken(checks_of(tmp_path, prices)) == {}


def test_faults_of_people_sessions_and_clocks_are_counted(tmp_path: Path) -> None:
    def view(at: str, **fields: Any) -> dict[str, Any]:
        return row("view_item", at, item_id="cap", **fields)

    rows = [
        *(view(f"01T10:{i:02d}", user_id="till", anonymous_id=f"d{i % 6}") for i in range(30)),
        *(view("01T10:00", user_id=f"u{i}") for i in range(6)),
        view("01T10:00", user_id="Maya@x", session_id="1"),
        view("01T10:01", user_id="maya@x", session_id="1"),
        view("01T10:00", user_id="17850,0", session_id="long"),
        view("09T10:00", user_id="17850,0", session_id="long"),
        view("01T10:00", user_id="skewed") | {"created_timestamp": "2026-01-31T10:00:00Z"},
        view("01T10:00", user_id="unset") | {"event_timestamp": "2000-01-01T00:00:00Z"},
        view("01T10:00", user_id="local")
        | {"event_timestamp": "2026-03-01T13:00:00Z", "created_timestamp": "2026-03-01T13:00:00Z"},
        view("01T10:00", user_id="NULL", anonymous_id="d1"),
    ]
    checks = checks_of(tmp_path, rows)
    assert broken(checks) == {
        "user_id_everywhere": 1,
        "ids_like_numbers": 1,
        "ids_alike_but_for_case": 1,
        "session_of_several_shoppers": 1,
        "session_over_a_day": 1,
        "times_in_future": 1,
        "received_before_it_happened": 1,
        "times_far_off": 1,
    }
    assert (checks["words_for_nobody"].rows, checks["words_for_nobody"].status) == (1, "PASS")
    assert "user_id 'NULL' (1)" in checks["words_for_nobody"].said


def test_every_check_of_a_whole_file_is_in_the_documentation_and_in_the_json(tmp_path: Path) -> None:
    documented = (REPO_ROOT / "docs" / "events.md").read_text()
    assert [name for name in sorted(NAMES) if f"`{name}`" not in documented] == []
    checks_of(tmp_path, HEALTHY)
    answer = CliRunner().invoke(app, ["validate", "canonical_csv", str(tmp_path / "events.csv"), "--json"])
    assert {check["name"] for check in json.loads(answer.stdout)["checks"]} >= NAMES


def test_hours_in_which_clocks_change_are_named_for_times_of_a_zone(tmp_path: Path) -> None:
    times = ("2026-03-29 01:59", "2026-03-29 02:30", "2025-10-26 02:30", "2025-10-26 03:00")
    (tmp_path / "log.csv").write_text("t,u,i\n" + "".join(f"{time},maya,cap\n" for time in times))
    (tmp_path / "log.yml").write_text(
        "columns: {event_name: {constant: view_item}, event_timestamp: {column: t, zone: Europe/Berlin}, "
        "user_id: u, item_id: i}\n"
    )
    arrival = datetime(2026, 4, 1, tzinfo=UTC)
    checks = {check.name: check for check in check_file("mapped", tmp_path / "log.csv", received_at=arrival)}
    assert [example.line for example in checks["local_time_skipped"].examples] == [3]
    assert [example.line for example in checks["local_time_shown_twice"].examples] == [4]


def test_events_of_a_batch_that_ga4_numbers_or_that_show_other_pages_are_no_duplicates(
    home: Settings, tmp_path: Path
) -> None:
    def event(name: str, page: str = "/", **fields: Any) -> str:
        params = [
            {"key": "ga_session_id", "value": {"int_value": "7"}},
            {"key": "page_location", "value": {"string_value": page}},
        ]
        base = {"event_timestamp": "1772352000000000", "event_name": name, "user_pseudo_id": "d1", "items": []}
        return json.dumps(base | {"event_params": params} | fields) + "\n"

    cap: dict[str, Any] = {"items": [{"item_id": "cap"}]}
    lines = [
        event("add_to_cart", batch_event_index="1", **cap),
        event("add_to_cart", batch_event_index="2", **cap),
        event("add_to_cart", batch_event_index="2", **cap),
        event("add_to_cart", batch_event_index="2", **cap, user_pseudo_id="d2"),
        event("page_view", "/a"),
        event("page_view", "/b"),
        event("page_view", "/b"),
        event("view_item", **cap),
        event("view_item", **cap),
    ]
    (tmp_path / "e.jsonl").write_text("".join(lines))
    receipt = import_file(home, "ga4", tmp_path / "e.jsonl", received_at=ARRIVAL)
    assert (receipt.accepted, receipt.duplicates) == (6, 3)
    files = str(home.event_log_dir / "arrival_date=*" / "batch=*" / "events" / "part-*.parquet")
    ids = duckdb.sql(f"SELECT event_id FROM '{files}' WHERE event_name = 'add_to_cart'").fetchall()
    assert all("a_" in name and "d1" not in name for (name,) in ids)


@pytest.mark.parametrize(
    ("line", "query"),
    [
        ('"5\\" screen, \\"cheap\\""', '5" screen, "cheap"'),
        (' "5"" screen"', '"5"" screen"'),
        ("\u00a0lamp\u3000", "lamp"),
    ],
)
def test_a_quote_after_a_backslash_is_read_and_blanks_around_any_text_are_taken_off(
    home: Settings, tmp_path: Path, line: str, query: str
) -> None:
    (tmp_path / "events.csv").write_text(
        f"event_name,event_timestamp,user_id,query\nsearch\u00a0,\u00a02026-02-01T10:00:00Z,maya,{line}\n"
    )
    receipt = import_file(home, "canonical_csv", tmp_path / "events.csv", received_at=ARRIVAL)
    assert receipt.reasons == {}
    files = str(home.event_log_dir / "arrival_date=*" / "batch=*" / "events" / "part-*.parquet")
    assert duckdb.sql(f"SELECT query FROM '{files}'").fetchall() == [(query,)]
