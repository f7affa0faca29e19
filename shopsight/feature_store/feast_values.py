"""Between Python's values and Feast's protobuf ones; imported by the stores only, for it imports Feast."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from feast import FeatureView
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import DoubleList, StringList, Value

from shopsight.feature_store.online_rows import KEY_SEPARATOR, OnlineRow, microseconds


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
    if isinstance(value, list) and value and isinstance(value[0], float):
        return Value(double_list_val=DoubleList(val=value))
    if isinstance(value, list):
        return Value(string_list_val=StringList(val=value))
    raise TypeError(f"a feature is an int, float, str, list of str or of float or None, not {type(value).__name__}")


def entity_name(entity_key: EntityKey) -> str:
    """Return an entity's key as :class:`OnlineRow` has it: the values in the order of their names, joined."""
    pairs = sorted(zip(entity_key.join_keys, entity_key.entity_values, strict=True), key=lambda pair: pair[0])
    return KEY_SEPARATOR.join(value.string_val for _, value in pairs)


def rows_from_feast(
    table: FeatureView, data: Iterable[tuple[EntityKey, dict[str, Value], datetime, datetime | None]]
) -> list[OnlineRow]:
    """Unpack the rows that Feast's own writers (``push``) hand over; no arrival counts as the event's time."""
    return [
        (
            entity_name(entity_key),
            microseconds(event),
            microseconds(created or event),
            *(to_python(features.get(field.name)) for field in table.features),
        )
        for entity_key, features, event, created in data
    ]


def to_python(value: Value | None) -> Any:
    """Unpack a feature's value; None where there is none."""
    kind = None if value is None else value.WhichOneof("val")
    if value is None or kind is None:
        return None
    content = getattr(value, kind)
    return list(content.val) if kind in ("string_list_val", "double_list_val") else content
