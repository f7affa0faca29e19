"""Writes the canonical formats: CSV, JSON Lines and Parquet."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from generated_exports.exports import Delivery, Export, truth_of
from generated_exports.flat_rows import (
    corrected,
    numbered,
    orphaned,
    refunds_first,
    repeated,
    shared_ids,
    signed,
    spelled,
    told_again,
    with_visits,
)
from generated_exports.known_shop import Row, Style, known_shop
from generated_exports.wrappings import Sheet, delivered, packed, pick_packing, split, text_of, workbook_of

STYLE = Style(order_discounts=False)
NUMERIC = {"quantity", "price", "value", "line_number"}
IDS = ("user_id", "anonymous_id", "item_id", "order_id")
EXTRA = {"note": ('said "yes"', "two\nlines", "a;b,c|d\te", "3,50 €", "")}


def canonical_export(rng: Random, number: int, format_name: str) -> Export:
    """Return one export of a canonical format."""
    faults: list[str] = []
    shop = known_shop(rng, number, STYLE)
    truth = truth_of(shop)
    rows = [row for order in shop.orders for row in order.rows()]
    rows = _amounts(rng, rows, faults)
    rows, seen = with_visits(rng, shop, rows)
    truth.people |= seen
    source = f"shop-{number}"
    has_ids, has_arrivals = rng.random() > 0.5, rng.random() > 0.5
    if has_arrivals:
        rows = [row | {"created_timestamp": row["event_timestamp"] + timedelta(minutes=1)} for row in rows]
    rows = orphaned(rng, truth.orders, rows, faults)
    if has_ids:
        rows = numbered(rows, number)
        rows = corrected(rng, rows, faults, has_arrivals=has_arrivals)
        rows = shared_ids(rng, rows, faults)
    rows = told_again(rng, rows, faults)
    rows = signed(rng, rows, faults)
    rows = refunds_first(rng, rows, faults)
    rows = repeated(rng, rows, faults)
    if len({order.currency for order in shop.orders}) > 1:
        faults.append("currencies: several")
    is_shuffled = rng.random() > 0.7 and not any("later row" in fault for fault in faults)
    if is_shuffled:
        rng.shuffle(rows)
    rows = spelled(rng, [row | {"source": source} for row in rows], faults, IDS)
    writer = {"canonical_csv": _csv, "canonical_jsonl": _jsonl, "canonical_parquet": _parquet}[format_name]
    deliveries = _delivered(rng, rows, faults, writer)
    return Export(format_name=format_name, deliveries=deliveries, truth=truth, faults=faults, source=source)


def _amounts(rng: Random, rows: list[Row], faults: list[str]) -> list[Row]:
    """Say what was paid by price, by value, or by both; by price alone only where there is no discount."""
    is_discounted = any(
        row["event_name"] == "purchase" and row["value"] != row["price"] * row["quantity"] for row in rows
    )
    style = rng.choice(("both", "value") if is_discounted else ("both", "value", "price"))
    if is_discounted:
        faults.append("discounts: of lines")
    if style == "both":
        return rows
    gone = "price" if style == "value" else "value"
    return [row | ({gone: None} if row["event_name"] == "purchase" else {}) for row in rows]


def _delivered(rng: Random, rows: list[Row], faults: list[str], writer: Any) -> list[Delivery]:
    how = rng.random()
    if how > 0.85 and len(rows) > 1:
        faults.append("wrapping: folder of shards")
        name, files = "events", {}
        is_hive = rng.random() > 0.5
        for place, some in enumerate(split(rng, rows, faults)):
            file, data = writer(rng, some, faults, is_part=True)
            part = f"part-{place:05d}{file.removeprefix('events')}"
            files[f"{name}/region={place}/{part}" if is_hive else f"{name}/{part}"] = data
        if is_hive:
            faults.append("wrapping: Hive partitions")
        return [Delivery(name=name, files=files)]
    if how > 0.7 and len(rows) > 1 and not any("corrections" in fault for fault in faults):
        faults.append("duplicates: overlapping files")
        half = 1 + rng.randrange(len(rows) - 1)
        parts = [rows[: half + 1], rows[half:]]
        if rng.random() > 0.5:
            parts.reverse()
        return [delivered(*writer(rng, some, faults)) for some in parts]
    delivery = delivered(*writer(rng, rows, faults))
    if how < 0.1:
        return [delivery]
    if how > 0.6:
        faults.append("duplicates: same file twice")
        return [delivery, delivery]
    return [delivery]


def _columns(rng: Random, rows: list[Row]) -> list[str]:
    there = [name for name in rows[0] if name in ("event_name", "event_timestamp", "user_id", "source")]
    there += [name for name in {key: None for row in rows for key in row} if name not in there]
    filled = [
        name for name in there if name in ("user_id", "anonymous_id") or any(r.get(name) is not None for r in rows)
    ]
    rng.shuffle(filled)
    return filled


def _csv(rng: Random, rows: list[Row], faults: list[str], *, is_part: bool = False) -> tuple[str, bytes]:
    names = _columns(rng, rows)
    time = _times(rng, faults)
    sheet = Sheet(names=names, rows=[[_cell(row.get(name), time) for name in names] for row in rows])
    if not is_part and rng.random() > 0.9:
        faults.append("wrapping: xlsx")
        return "events.xlsx", workbook_of(rng, sheet, NUMERIC | {"user_id", "item_id", "order_id"})
    if rng.random() > 0.7:
        faults.append("wrapping: quoted line breaks")
        sheet = Sheet(names=[*names, "note"], rows=[[*row, rng.choice(EXTRA["note"])] for row in sheet.rows])
    return packed_file(rng, text_of(rng, sheet, faults), "events.csv", faults)


def packed_file(rng: Random, data: bytes, name: str, faults: list[str]) -> tuple[str, bytes]:
    """Return a file that may be packed."""
    return packed(data, name, pick_packing(rng, faults))


def _times(rng: Random, faults: list[str]) -> Any:
    style = rng.choice(("z", "z", "offset", "hours", "blank", "s", "ms", "us"))
    if style != "z":
        faults.append(f"times: {style}")
    offset = timezone(timedelta(hours=rng.choice((-5, 1, 2))))
    signs = {"offset": "%Y-%m-%dT%H:%M:%S%z", "blank": "%Y-%m-%d %H:%M:%S %z", "hours": "%Y-%m-%d %H:%M:%S"}

    def said(moment: datetime) -> str:
        if style == "z":
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        if style in signs:
            text = moment.astimezone(offset).strftime(signs[style])
            return text + moment.astimezone(offset).strftime("%z")[:3] if style == "hours" else text
        return str(int(moment.timestamp()) * {"s": 1, "ms": 1000, "us": 1_000_000}[style])

    return said


def _cell(value: Any, time: Any) -> str:
    if value is None:
        return ""
    return time(value) if isinstance(value, datetime) else str(value)


def _jsonl(rng: Random, rows: list[Row], faults: list[str], *, is_part: bool = False) -> tuple[str, bytes]:
    del is_part
    time = _times(rng, faults)
    numbers = rng.choice(("float", "text"))
    are_ints = rng.random() > 0.7
    drops = rng.random() > 0.5

    def value_of(name: str, value: Any) -> Any:
        if isinstance(value, datetime):
            text = time(value)
            return int(text) if text.isdigit() else text
        if isinstance(value, Decimal):
            return float(value) if numbers == "float" else str(value)
        if are_ints and name in IDS and isinstance(value, str) and value.isdigit() and not value.startswith("0"):
            return int(value)
        return value

    lines = [
        json.dumps(
            {k: value_of(k, v) for k, v in row.items() if v is not None or not drops}, ensure_ascii=rng.random() > 0.5
        )
        for row in rows
    ]
    data = "\n".join(lines).encode() + b"\n"
    return packed_file(rng, data, "events.jsonl", faults)


def _parquet(rng: Random, rows: list[Row], faults: list[str], *, is_part: bool = False) -> tuple[str, bytes]:
    del is_part
    names = _columns(rng, rows)
    numbers, zone = rng.choice(("float", "decimal", "text")), rng.choice(("UTC", "none", "berlin", "ns"))
    are_ints = rng.random() > 0.6
    columns: dict[str, pa.Array] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name.endswith("_timestamp"):
            kind = {
                "UTC": pa.timestamp("us", "UTC"),
                "none": pa.timestamp("us"),
                "berlin": pa.timestamp("ms", "Europe/Berlin"),
                "ns": pa.timestamp("ns", "UTC"),
            }[zone]
            plain = [v.astimezone(UTC).replace(tzinfo=None) if v and zone == "none" else v for v in values]
            columns[name] = pa.array(plain, kind)
        elif name in ("price", "value"):
            kinds = {"float": pa.float64(), "decimal": pa.decimal128(18, 4), "text": pa.string()}
            said = [None if v is None else float(v) if numbers == "float" else v for v in values]
            columns[name] = pa.array(
                [str(v) if v is not None and numbers == "text" else v for v in said], kinds[numbers]
            )
        elif are_ints and name in IDS and all(v is None or v.removesuffix(".0").isdigit() for v in values):
            faults.append("ids: numbers in Parquet")
            some = [None if v is None else int(v.removesuffix(".0")) for v in values]
            columns[name] = pa.array(some, pa.float64() if None in some else pa.int64())
        else:
            columns[name] = pa.array(values)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return "events.parquet", bytes(sink.getvalue())
