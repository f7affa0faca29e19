"""Between Python's values and Feast's protobuf ones; imported by the stores only, for it imports Feast."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from feast import FeatureView
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import StringList, Value

from shopsight.feature_store.online_rows import OnlineRow, microseconds


def to_value(value: Any) -> Value:
    """Pack a feature's value for Feast.

    Raises:
        TypeError: it is none of the types that a feature view here may use.
    """
    if value is None:
        return Value()
    if isinstance(value, float):
        return Value(double_val=value)
    if isinstance(value, int):
        return Value(int64_val=value)
    if isinstance(value, str):
        return Value(string_val=value)
    if isinstance(value, list):
        return Value(string_list_val=StringList(val=value))
    raise TypeError(f"a feature is an int, float, str, list of str or None, not {type(value).__name__}")


def rows_from_feast(
    table: FeatureView, data: Iterable[tuple[EntityKey, dict[str, Value], datetime, datetime | None]]
) -> list[OnlineRow]:
    """Unpack the rows that Feast's own writers (``push``) hand over; no arrival counts as the event's time."""
    return [
        OnlineRow(
            key=entity_key.entity_values[0].string_val,
            event_us=microseconds(event),
            created_us=microseconds(created or event),
            values=[_to_python(features.get(field.name)) for field in table.features],
        )
        for entity_key, features, event, created in data
    ]


def _to_python(value: Value | None) -> Any:
    kind = None if value is None else value.WhichOneof("val")
    if value is None or kind is None:
        return None
    held = getattr(value, kind)
    return list(held.val) if kind == "string_list_val" else held
