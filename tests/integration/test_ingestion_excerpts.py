"""Every public format that real files are tested in, on a small excerpt in its shape that always lies here.

The rows of ``tests/data`` are invented, a page a format, with one row or more of every kind that its reader refuses or
finds repeated. The counts below were taken from the files by eye and by ``wc``, not from a reader.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from cli.app import app
from shopsight.ingestion.importers import check_file, import_file
from shopsight.ingestion.log.event_log import Receipt
from shopsight.settings import REPO_ROOT, Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXCERPTS = REPO_ROOT / "tests" / "data"

FILES = {
    "retailrocket": EXCERPTS / "retailrocket" / "events.csv",
    "rees46": EXCERPTS / "rees46" / "2019-Oct.csv",
    "taobao": EXCERPTS / "taobao" / "UserBehavior.csv",
    "otto": EXCERPTS / "otto" / "train.jsonl",
    "amazon_reviews": EXCERPTS / "amazon_reviews" / "All_Invented_5.json",
    "uci_online_retail": EXCERPTS / "uci_online_retail" / "online_retail_II.csv",
}
COUNTS = {
    "retailrocket": (36, 36, 0, 0),
    "rees46": (19, 19, 0, 0),
    "taobao": (44, 42, 0, 2),
    "otto": (30, 29, 1, 0),
    "amazon_reviews": (7, 5, 1, 1),
    "uci_online_retail": (23, 19, 1, 3),
}
"""Received, accepted, duplicates, quarantined."""
REASONS = {
    "retailrocket": {},
    "rees46": {},
    "taobao": {"event_timestamp_outside_the_data_set": 2},
    "otto": {},
    "amazon_reviews": {"rating_missing": 1},
    "uci_online_retail": {"not_a_product": 1, "not_a_sale": 1, "quantity_out_of_range": 2},
}
NAMES = {
    "retailrocket": {"view_item": 23, "add_to_cart": 8, "purchase": 5},
    "rees46": {"view_item": 15, "add_to_cart": 2, "purchase": 2},
    "taobao": {"view_item": 24, "add_to_wishlist": 6, "add_to_cart": 6, "purchase": 6},
    "otto": {"view_item": 24, "add_to_cart": 3, "purchase": 2},
    "amazon_reviews": {"rate_item": 5},
    "uci_online_retail": {"purchase": 18, "refund": 1},
}


def counts(receipt: Receipt) -> tuple[int, int, int, int]:
    return receipt.received, receipt.accepted, receipt.duplicates, receipt.quarantined


def accepted(settings: Settings, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    files = str(settings.event_log_dir / "arrival_date=*" / "batch=*" / "events" / "part-*.parquet")
    return duckdb.sql(f"SELECT {columns} FROM '{files}' WHERE {where} ORDER BY ALL").fetchall()


@pytest.mark.parametrize("format_name", FILES)
def test_an_excerpt_lands_to_the_row_and_only_once(home: Settings, format_name: str) -> None:
    receipt = import_file(home, format_name, FILES[format_name], received_at=ARRIVAL)
    assert counts(receipt) == COUNTS[format_name]
    assert receipt.reasons == REASONS[format_name]
    events = accepted(home, "event_name")
    assert {name: events.count((name,)) for (name,) in events} == NAMES[format_name]
    received, taken, repeated, refused = COUNTS[format_name]
    again = import_file(home, format_name, FILES[format_name], received_at=ARRIVAL)
    assert counts(again) == (received, 0, taken + repeated, refused)


@pytest.mark.parametrize("format_name", FILES)
def test_validating_an_excerpt_foretells_what_importing_it_does(home: Settings, format_name: str) -> None:
    checks = {check.name: check for check in check_file(format_name, FILES[format_name], received_at=ARRIVAL)}
    foretold = {
        name: check.rows for name, check in checks.items() if check.rows and name not in ("duplicates", "time_span")
    }
    receipt = import_file(home, format_name, FILES[format_name], received_at=ARRIVAL)
    assert foretold == receipt.reasons == REASONS[format_name]
    assert checks["duplicates"].rows == receipt.duplicates == COUNTS[format_name][2]


def test_carts_and_purchases_of_the_otto_excerpt_belong_to_its_six_sessions(home: Settings) -> None:
    import_file(home, "otto", FILES["otto"], received_at=ARRIVAL)
    sessions = accepted(home, "DISTINCT session_id")
    assert sessions == [("0",), ("1",), ("2",), ("3",), ("4",), ("5",)]
    assert accepted(home, "session_id, item_id", "event_name = 'purchase'") == [("3", "8002"), ("3", "8013")]


def test_the_products_of_the_invoice_excerpt_are_its_four_described_ones(home: Settings) -> None:
    receipt = import_file(home, "uci_online_retail", FILES["uci_online_retail"], received_at=ARRIVAL)
    assert receipt.items == 4


SAME = (
    "event_name, event_timestamp, created_timestamp, user_id, anonymous_id, session_id, item_id, quantity, price, "
    "order_id, category, brand"
)


def import_by_guess(settings: Settings, file: Path, mapping: Path) -> Receipt:
    result = CliRunner().invoke(app, ["map", str(file), "--write", str(mapping), "--source", "guessed", "--json"])
    assert result.exit_code == 0, result.output
    return import_file(settings, "mapped", file, mapping=mapping, received_at=ARRIVAL)


@pytest.mark.parametrize("format_name", ["retailrocket", "rees46"])
def test_the_guessed_mapping_of_an_excerpt_says_what_its_native_importer_says(
    home: Settings, tmp_path: Path, format_name: str
) -> None:
    native = import_file(home, format_name, FILES[format_name], received_at=ARRIVAL)
    guessed = import_by_guess(home, FILES[format_name], tmp_path / "guess.yml")
    assert counts(guessed) == counts(native)
    mine, theirs = (accepted(home, SAME, f"source = '{source}'") for source in ("guessed", format_name))
    assert len(mine) == COUNTS[format_name][1]
    assert mine == theirs


def test_guessed_invoices_of_known_customers_of_the_excerpt_are_the_native_ones(home: Settings, tmp_path: Path) -> None:
    import_file(home, "uci_online_retail", FILES["uci_online_retail"], received_at=ARRIVAL)
    import_by_guess(home, FILES["uci_online_retail"], tmp_path / "guess.yml")
    products = "user_id IS NOT NULL AND regexp_full_match(item_id, '[0-9]{5}.*')"
    columns = SAME.replace("session_id, ", "")
    mine, theirs = (
        accepted(home, columns, f"{products} AND source = '{source}'") for source in ("guessed", "uci_online_retail")
    )
    # Six invoices of three products, one of them without a customer, and the refund.
    assert len(theirs) == 16
    assert set(theirs) <= set(mine)
