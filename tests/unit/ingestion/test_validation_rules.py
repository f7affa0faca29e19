from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shopsight.events import EVENT_NAMES
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.readers.chunks import TableName, chunk_of_rows
from shopsight.ingestion.validation.rules import EVENT_RULES, INVENTORY_RULES, ITEM_RULES, STRUCTURE_REASONS, USER_RULES
from shopsight.ingestion.validation.validate import Validated, validate

CONNECTION = utc_connection()
ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
VIEW = {"event_name": "view_item", "event_timestamp": "2026-03-01T10:00:00Z", "user_id": "maya", "item_id": "i1"}


def judge(rows: pa.Table, table: TableName = "events") -> Validated:
    chunk = chunk_of_rows(rows, first_line=2, table=table)
    return validate(CONNECTION, chunk, source_name="shop", received_at=ARRIVAL)


def judge_one(**changes: Any) -> list[str]:
    """Reasons against one event, given as text as a CSV file would."""
    row = {name: None if value is None else str(value) for name, value in (VIEW | changes).items()}
    judged = judge(pa.Table.from_pylist([row], schema=pa.schema([(name, pa.string()) for name in row])))
    return judged.reasons[0] if judged.reasons else []


def accepted_one(**changes: Any) -> dict[str, Any]:
    judged = judge(pa.Table.from_pylist([VIEW | changes]))
    assert judged.reasons == []
    return dict(judged.good.to_pylist()[0])


BAD = [
    ({"event_name": None}, "event_name_missing"),
    ({"event_name": "viewed"}, "event_name_unknown"),
    ({"event_timestamp": ""}, "event_timestamp_missing"),
    ({"event_timestamp": "yesterday"}, "event_timestamp_invalid"),
    ({"event_timestamp": "2026-03-01 10:00:00"}, "event_timestamp_invalid"),
    ({"event_timestamp": "2026-02-30T10:00:00Z"}, "event_timestamp_invalid"),
    ({"event_timestamp": "infinity"}, "event_timestamp_invalid"),
    ({"event_timestamp": "9" * 18}, "event_timestamp_invalid"),
    ({"event_timestamp": "20"}, "event_timestamp_out_of_range"),
    ({"event_timestamp": "2026-03-02T12:00:01Z"}, "event_timestamp_out_of_range"),
    ({"created_timestamp": "soon"}, "created_timestamp_invalid"),
    ({"created_timestamp": "2027-01-01T00:00:00Z"}, "created_timestamp_out_of_range"),
    ({"user_id": "  "}, "actor_missing"),
    ({"user_id": "NULL"}, "actor_missing"),
    ({"user_id": "0"}, "actor_missing"),
    ({"user_id": "8.61235E+11"}, "id_rounded"),
    ({"item_id": "4,01e+12"}, "id_rounded"),
    ({"item_id": '["a","b"]'}, "id_nested"),
    ({"order_id": '{"id": 7}'}, "id_nested"),
    ({"item_id": None}, "item_id_missing"),
    ({"event_name": "purchase"}, "order_id_missing"),
    ({"event_name": "search", "item_id": None}, "query_missing"),
    ({"event_name": "ask_question"}, "text_missing"),
    ({"event_name": "rate_item"}, "rating_missing"),
    ({"event_name": "rate_item", "value": "6"}, "rating_out_of_range"),
    ({"line_number": "first"}, "line_number_invalid"),
    ({"line_number": "-1"}, "line_number_negative"),
    ({"quantity": "1.5"}, "quantity_invalid"),
    ({"quantity": "3000000000"}, "quantity_invalid"),
    ({"quantity": "0"}, "quantity_out_of_range"),
    ({"price": "12,50"}, "price_invalid"),
    ({"price": "nan"}, "price_invalid"),
    ({"price": "-1"}, "price_negative"),
    ({"event_name": "purchase", "order_id": "o", "value": "-1"}, "value_negative"),
    ({"value": "inf"}, "value_invalid"),
    ({"list_position": "top"}, "list_position_invalid"),
    ({"list_position": "-3"}, "list_position_negative"),
    ({"currency": "euro"}, "currency_invalid"),
    ({"consent": "maybe"}, "consent_unknown"),
    ({"properties": "[1]"}, "properties_invalid"),
    ({"properties": "{"}, "properties_invalid"),
    ({"item_id": "x" * 257}, "id_too_long"),
    ({"item_id": '["i1", "i2"]'}, "id_nested"),
    ({"order_id": '{"id": 5}'}, "id_nested"),
    ({"query": "x" * 2001}, "query_too_long"),
    ({"text": "x" * 20001}, "text_too_long"),
    ({"properties": '{"a": "' + "x" * 65536 + '"}'}, "properties_too_long"),
]


@pytest.mark.parametrize(("changes", "reason"), BAD)
def test_a_bad_row_is_quarantined_for_its_one_reason(changes: dict[str, Any], reason: str) -> None:
    assert judge_one(**changes) == [reason]


def test_every_rule_for_events_has_a_case_above() -> None:
    assert {rule.reason for rule in EVENT_RULES} == {reason for _, reason in BAD}


def test_a_row_with_two_faults_gives_both_reasons() -> None:
    assert judge_one(user_id=None, quantity="-1") == ["actor_missing", "quantity_out_of_range"]


def test_reasons_are_unique_and_explained() -> None:
    for rules in (EVENT_RULES, ITEM_RULES, USER_RULES, INVENTORY_RULES):
        reasons = [rule.reason for rule in rules]
        assert len(set(reasons)) == len(reasons) <= 62  # one bit each in a 64-bit integer
        assert all(rule.meaning for rule in rules)
        assert not set(reasons) & set(STRUCTURE_REASONS)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T10:00:00Z",
        "2026-03-01t10:00:00z",
        "2026-03-01 10:00:00+00:00",
        "2026-03-01T11:00:00.000+01:00",
        "2026-03-01 10:00:00 UTC",
        "1772359200",
        "1772359200000",
        "1772359200.0",
        "1772359200000000",
        1772359200,
        1772359200000,
        1772359200.0,
        datetime(2026, 3, 1, 10),
        datetime(2026, 3, 1, 11, tzinfo=UTC) - timedelta(hours=1),
    ],
)
def test_every_way_to_write_ten_o_clock_is_ten_o_clock(text: Any) -> None:
    assert accepted_one(event_timestamp=text)["event_timestamp"] == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_fractions_of_a_second_are_kept_to_the_microsecond() -> None:
    for text in ("2026-03-01T10:00:00.123456Z", "1772359200.123456", "1772359200123.456"):
        assert accepted_one(event_timestamp=text)["event_timestamp"].microsecond == 123456


def test_empty_fields_take_their_defaults() -> None:
    event = accepted_one()
    expected = {"line_number": 0, "consent": "granted", "source": "shop", "created_timestamp": ARRIVAL}
    assert {name: event[name] for name in expected} == expected


def test_text_is_trimmed_and_numbers_are_typed() -> None:
    event = accepted_one(item_id=" i1\t", price="12.50", quantity="2.0", currency="eur", value="1e2", device="")
    assert (event["item_id"], event["price"], event["quantity"]) == ("i1", Decimal("12.5000"), 2)
    assert (event["currency"], event["value"], event["device"]) == ("EUR", 100.0, None)


def test_ids_of_other_types_become_text_without_a_spurious_fraction() -> None:
    rows = pa.table(
        {
            "event_name": pa.array(["view_item", "view_item"]).dictionary_encode(),
            "event_timestamp": [1772359200, 1772359200],
            "user_id": pa.array([7, None], pa.int64()),
            "anonymous_id": pa.array([None, 8.0], pa.float64()),
            "item_id": pa.array([6768.0, 0.5], pa.float64()),
            "properties": pa.array([{"a": 1}, {"a": 2}]),
            "text": pa.array(["x", "y"], pa.large_string()),
            "brand": pa.nulls(2),
        }
    )
    good = judge(rows).good.to_pylist()
    assert [row["user_id"] for row in good] == ["7", None]
    assert [row["anonymous_id"] for row in good] == [None, "8"]
    assert [row["item_id"] for row in good] == ["6768", "0.5"]
    assert [row["properties"] for row in good] == ['{"a":1}', '{"a":2}']


def test_a_bad_row_takes_no_good_row_with_it() -> None:
    rows = [VIEW | {"event_name": name, "item_id": str(i)} for i, name in enumerate(["view_item", "oops"] * 50)]
    judged = judge(pa.Table.from_pylist(rows))
    assert judged.good["item_id"].to_pylist() == [str(i) for i in range(0, 100, 2)]
    assert judged.bad.tolist() == list(range(1, 100, 2))
    assert judged.reasons == [["event_name_unknown"]] * 50


def test_columns_of_a_large_chunk_stay_beside_each_other() -> None:
    # With two threads DuckDB gives blocks of 122,880 rows back in any order, but not every time.
    assert CONNECTION.sql("SELECT current_setting('threads')").fetchall() == [(1,)]
    count = 400_000
    numbers = np.arange(count)
    names = np.where(numbers % 50 == 7, "oops", "view_item")
    stamps = np.where(numbers % 50 == 9, "soon", (1_500_000_000 + numbers).astype(str))
    rows = pa.table(
        {
            "event_name": names,
            "event_timestamp": stamps,
            "user_id": (numbers + 1).astype(str),
            "item_id": numbers.astype(str),
        }
    )
    judged = judge(rows)
    is_bad = (numbers % 50 == 7) | (numbers % 50 == 9)
    assert np.array_equal(judged.bad, numbers[is_bad])
    items = judged.good["item_id"].cast(pa.int64()).to_numpy()
    assert np.array_equal(items, numbers[~is_bad])
    seconds = judged.good["event_timestamp"].cast(pa.int64()).to_numpy() // 1_000_000
    assert np.array_equal(seconds - 1_500_000_000, items)


def test_every_canonical_name_is_known() -> None:
    rest = {"order_id": "o", "query": "q", "text": "t", "value": "5"}
    assert judge(pa.Table.from_pylist([VIEW | rest | {"event_name": name} for name in EVENT_NAMES])).reasons == []


def test_no_rows_give_no_rows() -> None:
    judged = judge(pa.Table.from_pylist([VIEW]).slice(0, 0))
    assert (judged.good.num_rows, judged.bad.tolist()) == (0, np.array([]).tolist())


@pytest.mark.parametrize(
    ("table", "row", "reasons"),
    [
        ("items", {"item_id": "i", "price": "1.5", "attributes": '{"a": 1}'}, []),
        ("items", {"item_id": "", "price": "x"}, ["item_id_missing", "price_invalid"]),
        ("items", {"item_id": "i", "price": "-1", "currency": "?"}, ["price_negative", "currency_invalid"]),
        ("items", {"item_id": "i", "valid_from": "x", "valid_to": "y"}, ["valid_from_invalid", "valid_to_invalid"]),
        ("items", {"item_id": "i", "attributes": "1"}, ["attributes_invalid"]),
        ("items", {"item_id": "i" * 300, "title": "t" * 20001}, ["id_too_long", "text_too_long"]),
        ("users", {"user_id": "u", "created_at": "2026-01-01T00:00:00Z"}, []),
        ("users", {"user_id": None, "created_at": "x"}, ["user_id_missing", "created_at_invalid"]),
        ("users", {"user_id": "u", "consent": "x", "country": "c" * 300}, ["consent_unknown", "id_too_long"]),
        ("inventory", {"item_id": "i", "units_on_hand": "0"}, []),
        ("inventory", {"item_id": "i", "units_on_hand": "2.5", "units_on_order": "10", "unit_cost": "1.25"}, []),
        ("inventory", {"item_id": "i", "units_on_hand": ""}, ["units_on_hand_missing"]),
        ("inventory", {"item_id": "i", "units_on_hand": "many"}, ["units_on_hand_invalid"]),
        ("inventory", {"item_id": "", "units_on_hand": "-1"}, ["item_id_missing", "units_on_hand_negative"]),
        ("inventory", {"item_id": "i", "units_on_hand": "1", "unit_cost": "-1"}, ["unit_cost_negative"]),
        (
            "inventory",
            {"item_id": "i", "units_on_hand": "1", "counted_at": "2100-01-01T00:00:00Z"},
            ["counted_at_in_future"],
        ),
    ],
)
def test_companions_have_rules_of_their_own(table: TableName, row: dict[str, Any], reasons: list[str]) -> None:
    columns = pa.schema([(name, pa.string()) for name in row])
    judged = judge(pa.Table.from_pylist([row], schema=columns), table)
    assert (judged.reasons[0] if judged.reasons else []) == reasons
