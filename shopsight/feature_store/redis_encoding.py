"""A row as the bytes that Feast keeps in Redis, made without a protobuf message per value.

Materialising a million users means fourteen million values: a message for each took longer than Redis did to store
them. The bytes are Feast's own, so that what reads them stays Feast's; a test holds the two together.
"""

import re
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from feast import FeatureView, RepoConfig
from feast.infra.key_encoding_utils import serialize_entity_key_prefix
from feast.infra.online_stores.helpers import _mmh3
from feast.protos.feast.types.Value_pb2 import Value, ValueType
from google.protobuf.timestamp_pb2 import Timestamp

from shopsight.feature_store.feast_values import to_python, to_value
from shopsight.feature_store.online_rows import (
    CREATED_US,
    EPOCH,
    EVENT_US,
    FEATURES,
    KEY_SEPARATOR,
    MICROSECOND,
    OnlineRow,
)

SHIFT: Final = 1 << 62
"""Added to microseconds so that moments before 1970 stay positive and compare right as text of 19 digits."""

LENGTH_DELIMITED: Final = 2
FIXED_64: Final = 1
STRING_TAG: Final = bytes([Value.STRING_VAL_FIELD_NUMBER << 3 | LENGTH_DELIMITED])
DOUBLE: Final = struct.Struct("<cd")
DOUBLE_TAG: Final = bytes([Value.DOUBLE_VAL_FIELD_NUMBER << 3 | FIXED_64])
TYPE_AND_LENGTH: Final = struct.Struct("<II")
ONE_BYTE_LENGTH: Final = 128
"""Texts below this have their length in one byte; longer ones are left to protobuf."""


class RowEncoder:
    """Everything about one feature view's rows that does not change from row to row."""

    def __init__(self, config: RepoConfig, table: FeatureView) -> None:
        self._prefix = serialize_entity_key_prefix(list(table.join_keys))
        self._project = config.project.encode()
        self._encoders = [_ENCODERS.get(str(field.dtype), _encode) for field in table.features]
        self.fields: list[str | bytes] = [
            f"_version:{table.name}",
            f"_ts:{table.name}",
            *(_mmh3(f"{table.name}:{field.name}") for field in table.features),
        ]
        """Fields of the hash: the version first, then the event's time, then the features."""

    def key(self, key: str) -> bytes:
        """Return the name of the entity's hash, which all views with the same join keys share."""
        parts = [self._prefix]
        for value in key.split(KEY_SEPARATOR):
            encoded = value.encode()
            parts += [TYPE_AND_LENGTH.pack(ValueType.STRING, len(encoded)), encoded]
        parts.append(self._project)
        return b"".join(parts)

    def entity(self, name: bytes) -> str:
        """Return the entity that :meth:`key` made a name of."""
        values, place, end = [], len(self._prefix), len(name) - len(self._project)
        while place < end:
            _, length = TYPE_AND_LENGTH.unpack_from(name, place)
            place += TYPE_AND_LENGTH.size
            values.append(name[place : place + length].decode())
            place += length
        return KEY_SEPARATOR.join(values)

    def any_key(self) -> bytes:
        """Return the pattern (as of ``SCAN``) of the hashes of all entities."""
        return re.sub(rb"([*?\[\]\\])", rb"\\\1", self._prefix) + b"*" + self._project

    def values(self, row: OnlineRow) -> list[bytes]:
        """Return the values of :attr:`fields`."""
        encoded = [version(row), _timestamp(row[EVENT_US])]
        encoded += [encode(value) for encode, value in zip(self._encoders, row[FEATURES], strict=True)]
        return encoded

    def row(self, key: str, values: Sequence[bytes | None]) -> OnlineRow | None:
        """Return the row that the values of :attr:`fields` hold; None where the entity has none."""
        version, _, *features = values
        if version is None:
            return None
        event, created = moments(version)
        messages = [None if value is None else Value.FromString(value) for value in features]
        return (key, event, created, *map(to_python, messages))


def version(row: OnlineRow) -> bytes:
    """Return what compares as the row's age does."""
    return f"{row[EVENT_US] + SHIFT:019d}.{row[CREATED_US] + SHIFT:019d}".encode()


def moments(version: bytes) -> tuple[int, int]:
    """Return the event time and the arrival, in microseconds, that a version holds."""
    event, created = version.decode().split(".")
    return int(event) - SHIFT, int(created) - SHIFT


def event_us(timestamp: bytes | bytearray | memoryview) -> int:
    """Return the microseconds of an encoded event time."""
    message = Timestamp.FromString(bytes(timestamp))
    return int(message.seconds) * 1_000_000 + int(message.nanos) // 1_000


@lru_cache(maxsize=1 << 12)
def _timestamp(event: int) -> bytes:
    message = Timestamp()
    message.FromDatetime(EPOCH + event * MICROSECOND)
    return bytes(message.SerializeToString())


def _encode(value: Any) -> bytes:
    return bytes(to_value(value).SerializeToString())


_encode_seen: Final = lru_cache(maxsize=1 << 16)(_encode)
"""Counts are few and repeat."""


def _encode_double(value: float | None) -> bytes:
    return b"" if value is None else DOUBLE.pack(DOUBLE_TAG, value)


def _encode_text(value: str | None) -> bytes:
    if value is None:
        return b""
    text = value.encode()
    return STRING_TAG + bytes([len(text)]) + text if len(text) < ONE_BYTE_LENGTH else _encode(value)


_ENCODERS: Final[dict[str, Callable[[Any], bytes]]] = {
    "Int64": _encode_seen,
    "Float64": _encode_double,
    "String": _encode_text,
}
