"""What shop systems and tracking tools export, on excerpts in their true shape: orders, money and people, by value.

The rows of ``tests/data`` are invented; the sums below were worked out by hand.
"""

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats import FORMATS, tables
from shopsight.ingestion.formats.snowplow import FIELDS
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.readers.delimited import read_delimited
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.ingestion.validation.validate import validate
from shopsight.settings import REPO_ROOT, Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXCERPTS = REPO_ROOT / "tests" / "data"


def read(format_name: str, path: Path) -> tuple[pa.Table, dict[str, int]]:
    """Return the good events of a file, and how often each reason refuses a row."""
    good: list[pa.Table] = []
    reasons: dict[str, int] = {}
    with utc_connection() as connection:
        for chunk in FORMATS[format_name](path):
            judged = validate(connection, chunk, source_name=format_name, received_at=ARRIVAL)
            if chunk.table == "events":
                good.append(judged.good)
            for of_row in judged.reasons:
                for reason in of_row:
                    reasons[reason] = reasons.get(reason, 0) + 1
            assert chunk.raw(np.arange(chunk.rows.num_rows)) is not None
    return pa.concat_tables(good), reasons


def amounts(events: pa.Table) -> dict[str, dict[str | None, float | None]]:
    """Return what each item of each order brought ("p 1") or had given back ("r 1"); None where nobody says."""
    values_by_order: dict[str, dict[str | None, float | None]] = {}
    for row in events.to_pylist():
        if row["event_name"] not in ("purchase", "refund"):
            continue
        value = row["value"]
        if value is None and row["price"] is not None:
            value = float(row["price"]) * (row["quantity"] or 1)
        order = f"{row['event_name'][0]} {row['order_id']}"
        values_by_order.setdefault(order, {})[row["item_id"]] = value if value is None else round(value, 4)
    return values_by_order


def test_shopify_orders_have_their_discount_on_their_lines_and_their_refunds_by_amount() -> None:
    events, reasons = read("shopify", EXCERPTS / "shopify" / "orders_export.csv")
    assert reasons == {}
    assert amounts(events) == {
        "p #2001": {"MUG-B": 9.0, "PAN-1": 81.0},  # a tenth off
        "p #2002": {"PAN-1": 30.0},  # the discount was of the postage
        "p #2003": {"MUG-B": 20.0},
        "r #2003": {None: 7.5},
        "p #2004": {"PAN-1": 30.0},
        "r #2004": {None: None},  # voided: whole
        "p #2005": {"MUG-B": 9.0, "Gift wrap": 0.0},
    }
    assert set(events["currency"].to_pylist()) == {"EUR"}
    assert set(events["user_id"].to_pylist()) == {"ida@example.com", "bo@example.com", "cy@example.com", None}
    assert events["event_timestamp"][0].as_py() == datetime(2026, 2, 1, 15, 5, tzinfo=UTC)


def test_a_folder_of_shopify_lands_once_with_its_items_and_without_mails(home: Settings) -> None:
    receipt = import_file(home, "shopify", EXCERPTS / "shopify", received_at=ARRIVAL)
    assert (receipt.accepted, receipt.items, receipt.users, receipt.quarantined) == (9, 3, 2, 0)
    landed = b"".join(file.read_bytes() for file in home.event_log_dir.rglob("*") if file.is_file())
    assert b"ida@example.com" not in landed
    assert import_file(home, "shopify", EXCERPTS / "shopify", received_at=ARRIVAL).duplicates == 9


def test_shopify_products_of_the_new_template_are_read(tmp_path: Path) -> None:
    header = "Title,URL handle,Description,Vendor,Product category,Type,Option1 name,Option1 value,SKU,Price\n"
    (tmp_path / "products.csv").write_text(header + "Mug,mug,,Acme,,Mugs,Colour,blue,,10.00\n")
    (chunk,) = [chunk for chunk in FORMATS["shopify"](tmp_path / "products.csv") if chunk.rows.num_rows]
    assert chunk.table == "items"
    assert chunk.rows.to_pylist()[0] | {"description": None, "image_url": None} == {
        "item_id": "Mug - blue", "title": "Mug", "description": None, "category": "Mugs", "brand": "Acme",
        "price": "10.0", "image_url": None,
    }  # fmt: skip


def test_a_line_of_shopify_whose_order_is_not_there_is_quarantined(tmp_path: Path) -> None:
    lines = (EXCERPTS / "shopify" / "orders_export.csv").read_text().splitlines()
    (tmp_path / "orders.csv").write_text("\n".join([lines[0], lines[2]]) + "\n")
    events, reasons = read("shopify", tmp_path / "orders.csv")
    assert events.num_rows == 0
    assert reasons["order_without_its_first_line"] == 1


def orders_of_shopify(path: Path, *lines: str) -> Path:
    head = "Name,Email,Financial Status,Currency,Shipping,Taxes,Total,Discount Amount,Created at,Lineitem quantity"
    path.write_text("\n".join([f"{head},Lineitem name,Lineitem price,Lineitem sku,Lineitem discount", *lines]) + "\n")
    return path


def test_a_blank_row_between_the_lines_of_an_order_parts_nothing(tmp_path: Path) -> None:
    at = "2026-02-01 10:05:00 -0500"
    path = orders_of_shopify(
        tmp_path / "orders.csv", f"#1,,paid,EUR,0,0,13,0,{at},1,Mug,10,MUG,0", "," * 13, f"#1,,,,,,,,{at},1,Cup,3,CUP,0"
    )
    events, reasons = read("shopify", path)
    assert amounts(events) == {"p #1": {"MUG": 10.0, "CUP": 3.0}}
    assert "order_without_its_first_line" not in reasons


def test_what_was_paid_tells_whether_an_orders_discount_has_those_of_its_lines_in_it(tmp_path: Path) -> None:
    lines = "2026-02-01 10:05:00 -0500,1,Mug,100,MUG,20"
    for said in ("5", "25"):
        path = orders_of_shopify(tmp_path / "orders.csv", f"#1,,paid,EUR,4.90,0,79.90,{said},{lines}")
        assert amounts(read("shopify", path)[0]) == {"p #1": {"MUG": 75.0}}


def test_a_later_export_says_an_order_as_it_is_by_then(home: Settings, tmp_path: Path) -> None:
    at = "2026-02-01 10:05:00 -0500"
    path = orders_of_shopify(
        tmp_path / "orders.csv", f"#1,,paid,EUR,0,0,13,0,{at},1,Mug,10,MUG,0", f"#1,,,,,,,,{at},1,Cup,3,CUP,0"
    )
    import_file(home, "shopify", path, received_at=ARRIVAL)
    orders_of_shopify(path, f"#1,,paid,EUR,0,0,11,0,{at},1,Cup,2,CUP,0", f"#1,,,,,,,,{at},1,Mug,10,MUG,1")
    receipt = import_file(home, "shopify", path, received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted, receipt.corrected) == (2, 0, 2)


def test_a_file_of_another_header_is_refused_with_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "payouts.csv").write_text("Payout Date,Amount\n2026-02-01,10\n")
    with pytest.raises(SourceFileError) as refused:
        list(FORMATS["shopify"](tmp_path / "payouts.csv"))
    assert "Payout Date, Amount" in refused.value.why


def test_orders_that_lie_across_blocks_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = read("shopify", EXCERPTS / "shopify" / "orders_export.csv")
    monkeypatch.setattr(tables, "read_delimited", lambda path, **how: read_delimited(path, block_bytes=600, **how))
    parts, reasons = read("shopify", EXCERPTS / "shopify" / "orders_export.csv")
    assert reasons == {}
    assert amounts(parts) == amounts(whole)


def test_woocommerce_orders_of_the_api_are_read_by_their_status() -> None:
    events, reasons = read("woocommerce", EXCERPTS / "woocommerce" / "orders.json")
    assert reasons == {"order_not_paid": 1}
    assert amounts(events) == {
        "p 727": {"MUG": 9.0, "23": 27.0},
        "p 728": {"MUG": 30.0},
        "r 728": {None: 12.5},
        "p 729": {"MUG": 10.0},
        "r 729": {None: None},
    }
    people = zip(events["user_id"].to_pylist(), events["anonymous_id"].to_pylist(), strict=True)
    assert set(people) == {("12", None), ("bo@example.com", None), (None, "order 729")}


def test_woocommerce_orders_of_a_plugin_have_signs_commas_and_a_discount_of_the_cart() -> None:
    events, reasons = read("woocommerce", EXCERPTS / "woocommerce" / "orders_of_a_plugin.csv")
    assert reasons == {"order_not_paid": 1}
    assert amounts(events) == {
        "p 901": {"MUG": 18.0, "PAN": 27.0},
        "p 902": {"SOFA": 1250.0},
        "p 904": {"MUG": 10.0},
        "r 904": {None: None},
    }


PLUGIN = "Order Number,Order Status,Order Date,Order Total Amount,Order Currency,SKU,Quantity,Item Cost"


def of_a_plugin(path: Path, *amounts: str) -> Path:
    lines = [f"{i},Completed,2026-02-10 10:05,{one},IDR,S{i},1,{one}" for i, one in enumerate(amounts)]
    path.write_text("\n".join([PLUGIN, *lines]) + "\n")
    return path


def test_points_between_thousands_are_known_by_the_other_amounts_of_the_file(tmp_path: Path) -> None:
    for written, brought in (
        (("Rp50.000", "Rp1.250.000", "Rp900"), [50_000, 1_250_000, 900]),
        (("1.250", '"40,50"'), [1250, 40.5]),
        (("1.250", "40.5"), [1.25, 40.5]),
        (("0.125", "3"), [0.125, 3]),
    ):
        events, _ = read("woocommerce", of_a_plugin(tmp_path / "orders.csv", *written))
        assert [value for order in amounts(events).values() for value in order.values()] == brought


def test_amounts_of_which_nothing_says_what_their_points_are_stop_the_import(tmp_path: Path) -> None:
    path = of_a_plugin(tmp_path / "orders.csv", "€1.250", "€40")
    with pytest.raises(SourceFileError, match=r"such as €1\.250, may have a point before decimals"):
        read("woocommerce", path)


def test_a_line_of_magento_that_is_a_part_of_another_counts_once() -> None:
    events, reasons = read("magento", EXCERPTS / "magento")
    assert reasons == {"part_of_another_line": 3, "order_not_paid": 1}
    assert amounts(events) == {
        "p 000000101": {"SHIRT-M": 52.2, "CAP": 10.0},
        "p 000000102": {"SET": 22.0, "MUG": 22.0},
        "r 000000102": {"MUG": 11.0},
        "p 000000103": {"CAP": 10.0},
        "r 000000103": {None: None},
    }
    assert set(zip(events["order_id"].to_pylist(), events["currency"].to_pylist(), strict=True)) == {
        ("000000101", "EUR"), ("000000102", "USD"), ("000000103", "EUR"),
    }  # fmt: skip


def test_orders_of_magento_without_their_lines_are_refused() -> None:
    with pytest.raises(SourceFileError, match="without their lines"):
        list(FORMATS["magento"](EXCERPTS / "magento" / "sales_order.csv"))


TOOLS = {
    "segment": EXCERPTS / "segment" / "calls.jsonl",
    "posthog": EXCERPTS / "posthog" / "events.jsonl",
    "amplitude": EXCERPTS / "amplitude",
    "matomo": EXCERPTS / "matomo" / "visits.json",
    "snowplow": EXCERPTS / "snowplow" / "enriched.tsv",
}
MONEY: dict[str, dict[str, dict[str | None, float | None]]] = {
    "segment": {
        "p G1": {"mug": 9.0, "pan": 27.0},
        "r G1": {"mug": None},
        "p G2": {"mug": 10.0},  # as it was updated
        "p G3": {"mug": 10.0, "pan": 30.0},
        "r G3": {None: None},  # cancelled
        "p G4": {"mug": 10.0, "pan": 20.0, "lid": 10.0},  # two have no price
        "r G4": {None: None},
    },
    "posthog": {"p P1": {"mug": 9.0, "pan": 27.0}, "r P1": {"mug": None}},
    "amplitude": {"p A1": {"mug": 10.0, "pan": 30.0}, "p i5": {"pan": 60.0}, "r A1": {None: None}},
    "matomo": {"p M1": {"mug": 9.0, "pan": 27.0}, "p M2": {"Pan": 30.0}},
    "snowplow": {"p S1": {"mug": 9.0, "pan": 27.0}, "r S1": {None: 5.0}, "p S2": {"pan": 30.0}},
}
NAMES = {
    "segment": {"page_view": 1, "view_item": 1, "identify": 2, "purchase": 8, "refund": 3},
    "posthog": {"page_view": 1, "view_item": 1, "identify": 1, "purchase": 2, "refund": 1},
    "amplitude": {"page_view": 1, "view_item": 1, "purchase": 3, "refund": 1},
    "matomo": {"page_view": 1, "view_item": 1, "search": 1, "view_cart": 1, "purchase": 3},
    "snowplow": {"page_view": 1, "view_item": 1, "add_to_cart": 1, "purchase": 3, "refund": 1},
}
UNKNOWN = {"segment": 1, "posthog": 1, "amplitude": 0, "matomo": 0, "snowplow": 1}
"""Words that are none of the tool's own: the others that are left out are so by design."""


@pytest.mark.parametrize("format_name", TOOLS)
def test_calls_of_a_tool_are_named_and_their_money_is_on_the_lines(format_name: str) -> None:
    events, _ = read(format_name, TOOLS[format_name])
    names = events["event_name"].to_pylist()
    assert {name: names.count(name) for name in set(names)} == NAMES[format_name]
    assert amounts(events) == MONEY[format_name]


@pytest.mark.parametrize("format_name", TOOLS)
def test_what_a_tool_sends_by_itself_is_left_out_by_design(format_name: str) -> None:
    unknown = 0
    with utc_connection() as connection:
        for chunk in FORMATS[format_name](TOOLS[format_name]):
            bad = validate(connection, chunk, source_name=format_name, received_at=ARRIVAL).bad
            unknown += sum(chunk.left_out is None or not chunk.left_out[place] for place in bad)
    assert unknown == UNKNOWN[format_name]


@pytest.mark.parametrize("format_name", ["segment", "posthog"])
def test_identify_links_a_device_with_its_shopper(format_name: str) -> None:
    events, _ = read(format_name, TOOLS[format_name])
    links = [row for row in events.to_pylist() if row["event_name"] == "identify"]
    assert all(row["user_id"] and row["anonymous_id"] for row in links)
    visitor = next(row["anonymous_id"] for row in events.to_pylist() if row["user_id"] is None)
    assert visitor in {row["anonymous_id"] for row in links}


def test_an_archive_of_amplitude_is_read_without_unpacking_it(tmp_path: Path) -> None:
    (file,) = TOOLS["amplitude"].iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for hour, some in enumerate([lines[:4], lines[4:]]):
            archive.writestr(f"1234/1234_2026-02-01_{hour}#0.json", b"".join(some))
    events, _ = read("amplitude", tmp_path / "export.zip")
    assert amounts(events) == MONEY["amplitude"]


def as_parquet(path: Path, target: Path, *, dates: tuple[str, ...] = ()) -> Path:
    """Write a text table as pandas would: numbers, times and gaps as their types."""
    table = pd.read_csv(io.StringIO(path.read_text()), parse_dates=list(dates))
    for name in dates:
        table[name] = pd.to_datetime(table[name], utc=True)
    target.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pandas(table), target)
    return target


def test_typed_tables_of_shop_systems_are_read_as_their_text_is(tmp_path: Path) -> None:
    shopify = EXCERPTS / "shopify" / "orders_export.csv"
    typed = as_parquet(shopify, tmp_path / "orders.parquet", dates=("Created at", "Cancelled at"))
    assert amounts(read("shopify", typed)[0]) == amounts(read("shopify", shopify)[0])
    for name in ("sales_order", "sales_order_item"):
        as_parquet(EXCERPTS / "magento" / f"{name}.csv", tmp_path / "m" / f"{name}.parquet", dates=("created_at",))
    said = amounts(read("magento", tmp_path / "m")[0])
    assert said["p 101"] == {"SHIRT-M": 52.2, "CAP": 10.0}  # pandas takes the zeros from 000000101


@pytest.mark.parametrize("format_name", ["segment", "posthog", "amplitude", "matomo", "woocommerce"])
def test_typed_objects_are_read_as_their_text_is(tmp_path: Path, format_name: str) -> None:
    path = TOOLS.get(format_name, EXCERPTS / "woocommerce" / "orders.json")
    path = next(path.iterdir()) if path.is_dir() else path
    text = path.read_text()
    objects = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    keys = dict.fromkeys(key for value in objects for key in value)
    rows = [dict.fromkeys(keys) | _without_empty(value) for value in objects]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "typed.parquet")
    assert amounts(read(format_name, tmp_path / "typed.parquet")[0]) == amounts(read(format_name, path)[0])


def _without_empty(value: Any) -> Any:
    """Return an object without what is empty: Parquet has no objects without keys."""
    if isinstance(value, dict):
        return {key: _without_empty(inner) for key, inner in value.items() if inner not in ({}, [])}
    return [_without_empty(inner) for inner in value] if isinstance(value, list) else value


def test_typed_events_of_snowplow_are_read_as_their_text_is(tmp_path: Path) -> None:
    text = TOOLS["snowplow"].read_text()
    table = pd.DataFrame([line.split("\t") for line in text.splitlines()], columns=list(FIELDS)).replace("", None)
    for name in ("collector_tstamp", "derived_tstamp"):
        table[name] = pd.to_datetime(table[name])
    for name in ("ti_price", "ti_quantity"):
        table[name] = table[name].astype(float)
    table.to_parquet(tmp_path / "events.parquet")
    table.to_csv(tmp_path / "events.csv", index=False)
    for name in ("events.parquet", "events.csv"):
        assert amounts(read("snowplow", tmp_path / name)[0]) == MONEY["snowplow"]


def ga4(name: str, items: list[dict[str, Any]], **ecommerce: Any) -> str:
    params = [{"key": "currency", "value": {"string_value": "EUR"}}]
    params += [
        {"key": key, "value": {"double_value": ecommerce.pop(key)}} for key in ("value", "discount") if key in ecommerce
    ]
    event = {
        "event_timestamp": "1772352000000000", "event_name": name, "event_params": params, "user_pseudo_id": "d1",
        "ecommerce": ecommerce, "items": items,
    }  # fmt: skip
    return json.dumps(event) + "\n"


def test_what_an_order_of_ga4_says_of_itself_reaches_its_lines(tmp_path: Path) -> None:
    mug, pan = {"item_id": "mug", "price": 10, "quantity": 1}, {"item_id": "pan", "price": 30.0, "quantity": 1}
    lines = [
        ga4("purchase", [mug, pan], transaction_id="1", value=36.0),
        ga4("purchase", [mug, pan], transaction_id="2", value=44.9),  # with postage
        ga4("purchase", [mug, pan], transaction_id="3", purchase_revenue=44.9, shipping_value=4.9, discount=4.0),
        ga4("purchase", [mug | {"item_revenue": 8.0}, pan], transaction_id="4", value=0.0),
        ga4("refund", [], transaction_id="1"),
        ga4("refund", [], transaction_id="2", value=5.0),
        ga4("refund", [{"item_id": "pan", "quantity": 1}], transaction_id="3"),
    ]
    (tmp_path / "e.jsonl").write_text("".join(lines))
    events, reasons = read("ga4", tmp_path / "e.jsonl")
    assert reasons == {}
    assert amounts(events) == {
        "p 1": {"mug": 9.0, "pan": 27.0},
        "p 2": {"mug": 10.0, "pan": 30.0},
        "p 3": {"mug": 10.0, "pan": 30.0},
        "p 4": {"mug": 8.0, "pan": 30.0},
        "r 1": {None: None},
        "r 2": {None: 5.0},
        "r 3": {"pan": None},
    }
    rows = [json.loads(line) for line in lines]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "e.parquet")
    assert amounts(read("ga4", tmp_path / "e.parquet")[0]) == amounts(events)


@pytest.mark.parametrize(
    ("said", "revenue"),
    [
        ({"revenue": 50, "discount": 10, "total": 52.5, "shipping": 2.5, "tax": 0}, 50.0),
        ({"revenue": 60, "discount": 10, "total": 55, "shipping": 5}, 50.0),
        ({"discount": 10}, 50.0),
        ({"subtotal": 50, "revenue": 60, "discount": 10}, 50.0),
        ({"total": 57, "shipping": 5, "tax": 2}, 50.0),
        ({"revenue": 67, "shipping": 5, "tax": 2}, 60.0),
        ({"revenue": 0}, 60.0),
        ({"revenue": 0, "discount": 60, "coupon": "FREE"}, 0.0),
        ({}, 60.0),
    ],
)
def test_the_revenue_of_an_order_is_after_discount_and_before_postage_and_tax(
    tmp_path: Path, said: dict[str, float], revenue: float
) -> None:
    products = [{"product_id": "a", "price": 30, "quantity": 1}, {"product_id": "b", "price": 15, "quantity": 2}]
    call = {
        "type": "track", "event": "Order Completed", "messageId": "m", "timestamp": "2026-02-01T10:00:00Z",
        "userId": "u", "properties": {"order_id": "o", "products": products} | said,
    }  # fmt: skip
    (tmp_path / "c.jsonl").write_text(json.dumps(call) + "\n")
    lines = amounts(read("segment", tmp_path / "c.jsonl")[0])["p o"]
    assert sum(value or 0.0 for value in lines.values()) == pytest.approx(revenue, abs=1e-9)
