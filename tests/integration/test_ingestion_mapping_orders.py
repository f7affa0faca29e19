"""What a mapping says of rows that belong together: orders and their lines, arrays, parts, refunds, rows left out."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from shopsight.ingestion.checking import check_source
from shopsight.ingestion.formats.mapped import read_mapped
from shopsight.ingestion.formats.mapping import Mapping
from shopsight.ingestion.formats.mapping_file import MappingError, read_mapping
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINES = {
    "event_name": {"constant": "purchase"},
    "event_timestamp": "at",
    "user_id": "who",
    "item_id": "sku",
    "order_id": "order",
}


def mapping_of(columns: dict[str, Any] | None = None, **keys: Any) -> Mapping:
    return Mapping.model_validate({"columns": LINES | (columns or {}), **keys})


def table(tmp_path: Path, header: str, *rows: str) -> Path:
    path = tmp_path / "lines.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def read(path: Path, mapping: Mapping) -> list[dict[str, Any]]:
    """Return the rows that no importer refuses, whatever the rules of a row say of them afterwards."""
    rows = []
    for chunk in read_mapped(path, mapping):
        for i, row in enumerate(chunk.rows.to_pylist()):
            if not any(mask[i] for mask in chunk.refused.values()):
                rows.append(row)
    return rows


def refused(path: Path, mapping: Mapping) -> dict[str, int]:
    counts: dict[str, int] = {}
    for chunk in read_mapped(path, mapping):
        for reason, mask in chunk.refused.items():
            counts[reason] = counts.get(reason, 0) + int(mask.sum())
    return counts


def values(rows: list[dict[str, Any]]) -> list[float]:
    return [float(row["value"]) for row in rows]


HEADER = "order,who,sku,at,qty,price"
AT = "2026-02-01T10:00:00Z"


# Money of whole orders --------------------------------------------------------------------------------------------


def test_an_orders_total_is_spread_over_its_lines_to_the_cent(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        f"{HEADER},total",
        f"o1,u1,a,{AT},1,10.00,100.00",
        f"o1,u1,b,{AT},1,10.00,100.00",
        f"o1,u1,c,{AT},1,10.00,100.00",
        f"o2,u2,a,{AT},3,20.00,75.00",
        f"o2,u2,b,{AT},1,40.00,75.00",
    )
    mapping = mapping_of({"price": "price", "quantity": "qty"}, order_total="total")
    assert values(read(path, mapping)) == [33.33, 33.34, 33.33, 45.0, 30.0]


def test_without_amounts_of_lines_an_orders_total_is_spread_by_pieces(tmp_path: Path) -> None:
    path = table(tmp_path, "order,who,sku,at,qty,total", f"o1,u1,a,{AT},3,100", f"o1,u1,b,{AT},1,100")
    assert values(read(path, mapping_of({"quantity": "qty"}, order_total="total"))) == [75.0, 25.0]


def test_a_discount_of_an_order_is_taken_off_its_lines_whether_each_or_only_the_first_names_it(tmp_path: Path) -> None:
    mapping = mapping_of({"price": "price", "quantity": "qty"}, order_discount="less")
    for second in ("-12.00", ""):
        path = table(
            tmp_path, f"{HEADER},less", f"o1,u1,a,{AT},2,20.00,-12.00", f"o1,u1,b,{AT},1,20.00,{second}",
            f"o2,u1,a,{AT},1,20.00,",
        )  # fmt: skip
        rows = read(path, mapping)
        assert values(rows[:2]) == [32.0, 16.0]
        assert rows[2]["value"] is None


def test_lines_of_far_apart_chunks_share_one_order(tmp_path: Path) -> None:
    orders = [f"o{i % 70_000}" for i in range(140_000)]
    rows = {
        "order": orders, "who": ["u"] * 140_000, "sku": [f"s{i}" for i in range(140_000)], "at": [AT] * 140_000,
        "price": [3.0] * 140_000, "total": [5.0] * 140_000,
    }  # fmt: skip
    pq.write_table(pa.table(rows), tmp_path / "lines.parquet")
    chunks = list(read_mapped(tmp_path / "lines.parquet", mapping_of({"price": "price"}, order_total="total")))
    assert len(chunks) == 2
    assert sum(sum(map(float, chunk.rows["value"].to_pylist())) for chunk in chunks) == pytest.approx(5 * 70_000)


def test_an_order_whose_lines_disagree_about_its_total_is_set_aside(tmp_path: Path) -> None:
    path = table(tmp_path, f"{HEADER},total", f"o1,u1,a,{AT},1,10,20", f"o1,u1,b,{AT},1,10,21", f"o2,u,a,{AT},1,9,x")
    mapping = mapping_of({"price": "price"}, order_total="total")
    assert refused(path, mapping) == {"money_of_order_unclear": 3}


def test_a_line_that_is_told_again_takes_no_share_of_what_its_order_cost(tmp_path: Path) -> None:
    later = "2026-02-03T10:00:00Z"
    once = (f"o1,u1,a,{AT},1,30,50", f"o1,u1,b,{AT},1,30,50")
    orders = {
        "a row of overlapping shards": (once[0], *once, once[1]),
        "the order some days later": (*once, f"o1,u1,a,{later},1,30,44", f"o1,u1,b,{later},1,30,44"),
        "its number in another spelling": (once[0], f"o1\u00a0,u1,b,{AT},1,30,50"),
    }
    for said, rows in orders.items():
        path = table(tmp_path, f"{HEADER},total", *rows)
        for keys in ({"order_total": "total"}, {"order_discount": {"constant": "10"}}):
            lines = read(path, mapping_of({"price": "price"}, **keys))
            assert len(lines) == len(rows)
            assert {row["item_id"] + row["event_timestamp"]: float(row["value"]) for row in lines if
                    row["event_timestamp"] == AT} == {f"a{AT}": 25.0, f"b{AT}": 25.0}, said  # fmt: skip


def test_lines_of_one_item_that_differ_at_one_moment_both_take_their_share(tmp_path: Path) -> None:
    path = table(tmp_path, f"{HEADER},total", f"o1,u1,a,{AT},1,30,50", f"o1,u1,a,{AT},1,20,50")
    assert values(read(path, mapping_of({"price": "price"}, order_total="total"))) == [30.0, 20.0]


def test_order_numbers_of_two_shoppers_are_two_orders_where_the_mapping_says_so(tmp_path: Path) -> None:
    path = table(tmp_path, f"{HEADER},total", f"1,u1,a,{AT},1,10,8", f"1,u2,b,{AT},1,10,9")
    mapping = mapping_of({"price": "price"}, order_total="total", unique_per_actor=["order_id"])
    assert values(read(path, mapping)) == [8.0, 9.0]


# Refunds ----------------------------------------------------------------------------------------------------------


def test_a_later_file_that_says_a_higher_refund_of_an_order_adds_nothing_to_the_first(tmp_path: Path) -> None:
    home = Settings(home=tmp_path / "home")
    (tmp_path / "m.yml").write_text(RIGHT + "  item_id: sku\norder_refund: back\n")
    for back, accepted, corrected in (("5.00", 2, 0), ("12.00", 0, 1)):
        path = table(tmp_path, f"{HEADER},back", f"o1,u1,a,{AT},1,30,{back}")
        receipt = import_file(home, "mapped", path, received_at=ARRIVAL, mapping=tmp_path / "m.yml")
        assert (receipt.accepted, receipt.corrected) == (accepted, corrected)


def test_what_was_given_back_of_an_order_is_one_refund_of_the_order(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        f"{HEADER},back,back_at",
        f"o1,u1,a,{AT},1,10,5.50,2026-02-09T10:00:00Z",
        f"o1,u1,b,{AT},1,10,5.50,2026-02-09T10:00:00Z",
        f"o2,u2,a,{AT},1,10,0.00,",
        f"o3,u3,a,{AT},1,10,-10.00,",
    )
    mapping = mapping_of({"price": "price"}, order_refund="back", refunded_at="back_at")
    refunds = [row for row in read(path, mapping) if row["event_name"] == "refund"]
    said = [(row["order_id"], row["item_id"], float(row["value"]), row["event_timestamp"]) for row in refunds]
    assert said == [("o1", None, 5.5, "2026-02-09T10:00:00Z"), ("o3", None, 10.0, AT)]
    assert [row["price"] for row in refunds] == [None, None]


def test_what_was_given_back_of_a_line_is_a_refund_of_its_item(home: Settings, tmp_path: Path) -> None:
    path = table(
        tmp_path, f"{HEADER},back,id", f"o1,u1,a,{AT},1,10,4.00,e1", f"o1,u1,b,{AT},1,10,,e2", f"o2,u1,c,{AT},1,9,x,e3"
    )
    mapping = mapping_of({"price": "price", "event_id": "id"}, line_refund="back")
    rows = read(path, mapping)
    said = [(row["event_name"], row["item_id"], row["value"]) for row in rows if row["event_name"] == "refund"]
    assert said == [("refund", "a", "4.00"), ("refund", "c", "x")]
    (tmp_path / "lines.yml").write_text(yaml.safe_dump(mapping.model_dump(mode="json", exclude_unset=True)))
    receipt = import_file(home, "mapped", path, received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted, receipt.duplicates, receipt.reasons) == (5, 4, 0, {"value_invalid": 1})


# Parts of lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "items", "total"),
    [
        (["1,,SHIRT-M,2,29", "2,1,SHIRT-M,2,0", "3,,CAP,1,10"], ["SHIRT-M", "CAP"], 68.0),  # the line has the money
        (["1,,SET,1,0", "2,1,TEA,2,5", "3,1,CUP,1,8"], ["TEA", "CUP"], 18.0),  # its parts have it
        (["1,,SET,1,18", "2,1,TEA,2,5", "3,1,CUP,1,8"], ["TEA", "CUP"], 18.0),  # both have the same
        (["1,,SET,1,0", "2,1,TEA,1,0"], ["SET"], 0.0),  # nobody has any
        (["1,1,SHIRT,1,29", "2,7,CAP,1,10"], ["SHIRT", "CAP"], 39.0),  # own parent, and a parent that is not there
    ],
)
def test_a_line_and_its_parts_count_once(tmp_path: Path, lines: list[str], items: list[str], total: float) -> None:
    path = table(tmp_path, "id,parent,sku,qty,price,order,who,at", *(f"{line},o1,u1,{AT}" for line in lines))
    mapping = mapping_of({"price": "price", "quantity": "qty"}, part_of={"column": "parent", "line": "id"})
    rows = read(path, mapping)
    assert [row["item_id"] for row in rows] == items
    assert sum(float(row["price"]) * float(row["quantity"]) for row in rows) == total


def test_a_line_and_parts_with_different_money_are_set_aside(tmp_path: Path) -> None:
    path = table(
        tmp_path, "id,parent,sku,price,order,who,at", f"1,,SET,20,o1,u1,{AT}", f"2,1,TEA,5,o1,u1,{AT}",
        f"1,,CAP,5,o2,u1,{AT}",
    )  # fmt: skip
    mapping = mapping_of({"price": "price"}, part_of={"column": "parent", "line": "id"})
    assert refused(path, mapping) == {"money_of_parts_unclear": 2}


# Rows that do not count -------------------------------------------------------------------------------------------


def test_rows_are_kept_or_skipped_by_a_columns_words(home: Settings, tmp_path: Path) -> None:
    path = table(
        tmp_path, f"{HEADER},status", *(f"o{i},u1,a,{AT},1,10,{word}" for i, word in enumerate(["Paid", " failed", ""]))
    )
    skipping = mapping_of({"price": "price"}, where={"status": {"skip": ["FAILED", "void"]}})
    keeping = mapping_of({"price": "price"}, where={"status": {"keep": ["paid"]}})
    assert [row["order_id"] for row in read(path, skipping)] == ["o0", "o2"]
    assert [row["order_id"] for row in read(path, keeping)] == ["o0"]
    checks = {c.name: c for c in check_source(read_mapped(path, keeping), source_name="s", received_at=ARRIVAL)}
    assert checks["left_out_by_design"].rows == 2
    assert [c.name for c in checks.values() if c.status == "FAIL"] == []
    (tmp_path / "lines.yml").write_text(yaml.safe_dump(keeping.model_dump(mode="json", exclude_unset=True)))
    assert import_file(home, "mapped", path, received_at=ARRIVAL).reasons == {"left_out_by_mapping": 2}


# JSON -------------------------------------------------------------------------------------------------------------

CALLS = [
    {"id": "e1", "at": AT, "who": "u1", "what": "viewed", "p": {"product": {"id": "a"}, "price": 3}},
    {"id": "e2", "at": AT, "who": "u1", "what": "bought", "p": {
        "order": "o1", "products": [{"id": "a", "price": 3.5, "n": 2}, {"id": "b", "price": 4, "n": 1}]}},
    {"id": "e3", "at": AT, "who": "u1", "what": "bought", "p": {"order": "o2", "products": []}},
]  # fmt: skip
CALL_MAPPING = Mapping.model_validate(
    {
        "columns": {
            "event_id": "id",
            "event_name": {"column": "what", "values": {"viewed": "view_item", "bought": "purchase"}},
            "event_timestamp": "at",
            "user_id": "who",
            "item_id": {"column": "p.products[].id", "otherwise": "p.product.id"},
            "price": {"column": "p.products[].price", "otherwise": "p.price"},
            "quantity": "p.products[].n",
            "order_id": "p.order",
        }
    }
)


def as_json_lines(folder: Path) -> Path:
    (folder / "calls.jsonl").write_text("\n".join(map(json.dumps, CALLS)))
    return folder / "calls.jsonl"


def as_csv(folder: Path) -> Path:
    rows = [
        ",".join('"' + str(v if isinstance(v, str) else json.dumps(v)).replace('"', '""') + '"' for v in call.values())
        for call in CALLS
    ]
    return table(folder, "id,at,who,what,p", *rows)


def as_parquet(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(CALLS), folder / "calls.parquet")
    return folder / "calls.parquet"


@pytest.mark.parametrize("written", [as_json_lines, as_csv, as_parquet])
def test_paths_lead_into_json_and_arrays_become_lines(home: Settings, tmp_path: Path, written: Any) -> None:
    path = written(tmp_path)
    rows = read(path, CALL_MAPPING)
    said = [(r["event_id"], r["item_id"], r["price"] and float(r["price"]), r["quantity"], r["order_id"]) for r in rows]
    assert said == [
        ("e1", "a", 3.0, None, None), ("e2", "a", 3.5, "2", "o1"), ("e2", "b", 4.0, "1", "o1"),
        ("e3", None, None, None, "o2"),
    ]  # fmt: skip
    assert [row["line_number"] for row in rows] == [0, 0, 1, 0]
    mapping = tmp_path / "m.yml"
    mapping.write_text(yaml.safe_dump(CALL_MAPPING.model_dump(mode="json", exclude_unset=True)))
    receipt = import_file(home, "mapped", path, mapping=mapping, received_at=ARRIVAL)
    assert (receipt.accepted, receipt.duplicates, receipt.reasons) == (3, 0, {"item_id_missing": 1})


def test_a_flattened_name_with_points_is_a_column_before_it_is_a_path(tmp_path: Path) -> None:
    path = table(tmp_path, "order,who,item.sku,at,item", f'o1,u1,a,{AT},"{{""sku"": ""b""}}"')
    assert [row["item_id"] for row in read(path, mapping_of({"item_id": "item.sku"}))] == ["a"]


# Files of orders and of lines -------------------------------------------------------------------------------------


def test_lines_take_time_and_shopper_from_the_file_of_orders(home: Settings, tmp_path: Path) -> None:
    path = table(tmp_path, "order_id,product,price", "1,a,5", "1,b,6", "2,a,5", "3,c,9")
    (tmp_path / "orders.csv").write_text(
        f"entity_id,buyer_no,created,status\n1.0,u1,{AT},paid\n2,u2,{AT},canceled\n9,u3,{AT},paid\n"
    )
    (tmp_path / "lines.yml").write_text(
        "columns:\n  event_name: {constant: purchase}\n  event_timestamp: orders.created\n  user_id: orders.buyer_no\n"
        "  item_id: product\n  order_id: order_id\n  price: price\n"
        "orders: {file: orders.csv, column: order_id, key: entity_id}\nwhere: {orders.status: {skip: [canceled]}}\n"
    )
    receipt = import_file(home, "mapped", path, received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted) == (4, 2)
    assert receipt.reasons == {"event_timestamp_missing": 1, "left_out_by_mapping": 1}
    (tmp_path / "orders.csv").write_text(f"entity_id,buyer_no,created,status\n1,u1,{AT},p\n1,u2,{AT},p\n")
    with pytest.raises(SourceFileError, match="1 orders have several rows in it, such as 1"):
        import_file(home, "mapped", path, received_at=ARRIVAL)
    (tmp_path / "orders.csv").write_text(f"entity_id,buyer_nr,created,status\n1,u1,{AT},p\n")
    with pytest.raises(SourceFileError, match="write buyer_nr for buyer_no"):
        import_file(home, "mapped", path, received_at=ARRIVAL)


# Numbers and times ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("written", "price"), [("1299", 12.99), ("5", 0.05), ("1299.5", 12.995), ("12 99", None)])
def test_cents_become_the_shops_currency(tmp_path: Path, written: str, price: float | None) -> None:
    path = table(tmp_path, HEADER, f"o1,u1,a,{AT},1,{written}")
    (row,) = read(path, mapping_of({"price": {"column": "price", "scale": 100}}))
    assert price is None or float(row["price"]) == price
    assert price is not None or not row["price"].replace(".", "").isdigit()


def test_cents_in_typed_columns_are_scaled_too(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"order": ["o"], "who": ["u"], "sku": ["a"], "at": [AT], "price": [1299]}), tmp_path / "l.parquet"
    )
    (row,) = read(tmp_path / "l.parquet", mapping_of({"price": {"column": "price", "scale": 100}}))
    assert float(row["price"]) == 12.99


def local_hours(path: Path, time: dict[str, str]) -> tuple[list[str], dict[str, int]]:
    chunks: list[RawChunk] = list(read_mapped(path, mapping_of({"event_timestamp": {"column": "at", **time}})))
    return [row["event_timestamp"][:16] for chunk in chunks for row in chunk.rows.to_pylist()], {
        name: int(rows.sum()) for name, rows in chunks[0].doubts.items()
    }


def test_hours_that_daylight_saving_leaves_out_or_has_twice_are_counted(home: Settings, tmp_path: Path) -> None:
    hours = ["2025-03-30 01:59:59", "2025-03-30 02:30:00", "2025-10-26 01:59:00", "2025-10-26 02:00:00",
             "2025-10-26 02:59:00", "2025-10-26 03:00:00", ""]  # fmt: skip
    path = table(tmp_path, HEADER, *(f"o{i},u1,a,{hour},1,1" for i, hour in enumerate(hours[:6])))
    read_as, doubts = local_hours(path, {"zone": "Europe/Berlin"})
    assert read_as == [
        "2025-03-30T00:59", "2025-03-30T01:30", "2025-10-25T23:59", "2025-10-26T01:00", "2025-10-26T01:59",
        "2025-10-26T02:00",
    ]  # fmt: skip
    assert doubts == {"local_time_skipped": 1, "local_time_shown_twice": 2}
    assert local_hours(path, {"zone": "UTC"})[1] == {}
    mapping = mapping_of({"event_timestamp": {"column": "at", "zone": "Europe/Berlin"}})
    checks = {c.name: c for c in check_source(read_mapped(path, mapping), source_name="s", received_at=ARRIVAL)}
    assert (checks["local_time_shown_twice"].status, checks["local_time_shown_twice"].rows) == ("WARN", 2)
    (tmp_path / "lines.yml").write_text(yaml.safe_dump(mapping.model_dump(mode="json", exclude_unset=True)))
    assert import_file(home, "mapped", path, received_at=ARRIVAL).doubts == doubts


def test_a_column_says_each_rows_zone_in_text_and_in_typed_times(tmp_path: Path) -> None:
    zones = ["Europe/Berlin", "America/New_York", "Mars/Base"]
    path = table(tmp_path, "order,who,sku,at,tz", *(f"o{i},u,a,2026-07-01 10:00:00,{z}" for i, z in enumerate(zones)))
    expected = ["2026-07-01T08:00", "2026-07-01T14:00"]
    assert local_hours(path, {"zone_column": "tz"})[0][:2] == expected
    assert local_hours(path, {"zone_column": "tz"})[0][2].startswith("not ISO 8601")
    rows = pa.table(
        {
            "order": ["o1", "o2"],
            "who": ["u"] * 2,
            "sku": ["a"] * 2,
            "at": [datetime(2026, 7, 1, 10)] * 2,
            "tz": zones[:2],
        }
    )
    pq.write_table(rows, tmp_path / "typed.parquet")
    assert local_hours(tmp_path / "typed.parquet", {"zone_column": "tz"})[0] == expected


# Mistakes ---------------------------------------------------------------------------------------------------------

RIGHT = """\
columns:
  event_name: {constant: purchase}
  event_timestamp: at
  user_id: who
  order_id: order
  price: price
"""
MISTAKES = [
    ("where: {status: {skip: [a], keep: [b]}}", "line 7: where.status: give either keep or skip"),
    ("where: {status: {omit: [a]}}", "line 7: where.status"),
    ("order_total: total\norder_discount: less", "order_discount: order_total has it taken off already"),
    ("order_total: {column: total, scale: 7}", "line 7: order_total.scale"),
    ("order_total: {column: total, zone: UTC}", "order_total: unit, format and zone are for times"),
    ("refunded_at: {column: back, zone: UTC}", "refunded_at: give order_refund or line_refund too"),
    ("orders: {column: order}", "line 7: orders.file"),
    ("part_of: {column: parent}", "line 7: part_of.line"),
    ("properties: [orders.status]", "orders: is missing, which orders.status needs"),
    ("properties: ['a[].x', 'b[].y']", "one array can be a file's lines, not a, b"),
    ("properties: ['a[].x']\nrepeats_are_pieces: [purchase]", "repeats_are_pieces: the lines of an order have numbers"),
    ("header: [at, who, order]", "header: price is not among its names"),
]


@pytest.mark.parametrize(("line", "said"), MISTAKES)
def test_a_mistake_in_the_keys_about_orders_is_named(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "m.yml").write_text(f"{RIGHT}{line}\n")
    with pytest.raises(MappingError) as error:
        read_mapping(tmp_path / "m.yml")
    assert said in error.value.why


def test_an_amount_of_an_order_needs_the_orders_id(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(RIGHT.replace("  order_id: order\n", "") + "order_total: total\n")
    with pytest.raises(MappingError) as error:
        read_mapping(tmp_path / "m.yml")
    assert "order_id is missing" in error.value.why


@pytest.mark.parametrize("written", [as_json_lines, as_parquet, as_csv])
def test_a_column_that_the_file_lacks_is_named_with_the_one_that_may_be_meant(tmp_path: Path, written: Any) -> None:
    mapping = Mapping.model_validate({"columns": LINES | {"order_id": "idd", "item_id": "what"}})
    with pytest.raises(SourceFileError, match="write id for idd") as error:
        list(read_mapped(written(tmp_path), mapping))
    assert "sku" not in error.value.why


def test_a_key_that_first_comes_late_in_json_lines_is_read(tmp_path: Path) -> None:
    line = {"order": "o1", "who": "u1", "sku": "a", "at": AT}
    path = tmp_path / "late.jsonl"
    path.write_text("\n".join([json.dumps(line)] * 1_500 + [json.dumps(line | {"price": 5})]))
    assert [row["price"] for row in read(path, mapping_of({"price": "price"}))][-1] == "5"
