import types
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Union, get_args, get_origin

import pyarrow as pa
import pytest
from pydantic import AwareDatetime, ValidationError

from shopsight.events import EVENT_NAMES, EVENT_SCHEMA, TIMESTAMP
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.readers.chunks import chunk_of_rows
from shopsight.ingestion.validation.event_schema import Event, event_json_schema
from shopsight.ingestion.validation.validate import validate

ARROW_TYPES = {
    str: pa.string(),
    int: pa.int32(),
    float: pa.float64(),
    Decimal: pa.decimal128(18, 4),
    AwareDatetime: TIMESTAMP,
}
GOOD: dict[str, Any] = {
    "event_id": "e1",
    "event_name": "view_item",
    "event_timestamp": datetime(2026, 3, 1, 10, tzinfo=UTC),
    "created_timestamp": datetime(2026, 3, 1, 11, tzinfo=UTC),
    "user_id": "maya",
    "item_id": "i1",
    "source": "shop",
}
CONNECTION = utc_connection()


def python_type(annotation: Any) -> tuple[Any, bool]:
    """The bare type of a field, and whether it may be None."""
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [argument for argument in get_args(annotation) if argument is not type(None)]
        return python_type(inner[0])[0], len(inner) < len(get_args(annotation))
    if get_origin(annotation) is Annotated:
        return python_type(get_args(annotation)[0])
    if str(get_origin(annotation)) == "typing.Literal":
        return str, False
    return annotation, False


def test_the_model_and_the_arrow_schema_have_the_same_columns_types_and_nulls() -> None:
    assert list(Event.model_fields) == EVENT_SCHEMA.names
    for field in EVENT_SCHEMA:
        kind, nullable = python_type(Event.model_fields[field.name].annotation)
        assert (ARROW_TYPES[kind], nullable) == (field.type, field.nullable), field.name


def test_the_json_schema_names_every_event_and_describes_every_column() -> None:
    schema = event_json_schema()
    assert schema["properties"]["event_name"]["enum"] == list(EVENT_NAMES)
    assert all("description" in column for column in schema["properties"].values())
    assert schema["required"] == [
        "event_id",
        "event_name",
        "event_timestamp",
        "created_timestamp",
        "source",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"event_name": "viewed"},
        {"event_timestamp": datetime(1970, 1, 1, tzinfo=UTC)},
        {"user_id": None},
        {"user_id": None, "anonymous_id": "a"},
        {"item_id": None},
        {"event_name": "search"},
        {"event_name": "search", "query": "shoes"},
        {"event_name": "purchase"},
        {"event_name": "refund", "order_id": "o"},
        {"event_name": "ask_question"},
        {"event_name": "rate_item"},
        {"event_name": "rate_item", "value": 0.5},
        {"event_name": "rate_item", "value": 5.0},
        {"event_name": "rate_item", "text": "fine"},
        {"line_number": -1},
        {"quantity": 0},
        {"quantity": 2},
        {"price": Decimal("-0.5")},
        {"price": Decimal("0.5")},
        {"value": float("inf")},
        {"list_position": -1},
        {"currency": "EURO"},
        {"consent": "perhaps"},
        {"consent": "none"},
        {"properties": "[]"},
        {"properties": "{"},
        {"properties": '{"a": 1}'},
        {"item_id": "x" * 257},
        {"query": "x" * 2001},
        {"text": "x" * 20001},
    ],
)
def test_the_model_and_the_vectorised_rules_judge_alike(changes: dict[str, Any]) -> None:
    event = GOOD | changes
    columns = pa.schema([field for field in EVENT_SCHEMA if field.name in event])
    rows = pa.Table.from_pylist([event], schema=pa.schema([field.with_nullable(True) for field in columns]))
    received_at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    judged = validate(CONNECTION, chunk_of_rows(rows, first_line=1), source_name="shop", received_at=received_at)
    try:
        Event(**event)
        accepted = True
    except ValidationError:
        accepted = False
    assert accepted == (judged.good.num_rows == 1), judged.reasons
