"""Feast's Redis store, where the newer row wins even between writers that race.

Feast's own store reads the held timestamp and writes in two steps, so that two writers can each pass the check, and it
drops a correction that has the same event time. Here one script compares and writes inside Redis, by event time and
then arrival. What is read, and how, stays Feast's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Literal

import redis
from feast import FeatureView, RepoConfig
from feast.infra.online_stores.helpers import _mmh3, _redis_key
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from redis.backoff import NoBackoff
from redis.retry import Retry

from shopsight.feature_store.connection import OnlineStoreUnavailable
from shopsight.feature_store.feast_values import rows_from_feast, to_value
from shopsight.feature_store.online_rows import EPOCH, MICROSECOND, OnlineRow

WRITE_NEWER: Final = """
local held = redis.call('HGET', KEYS[1], ARGV[2])
if held and (held > ARGV[3] or (held == ARGV[3] and ARGV[1] == 'newer')) then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
"""
"""ARGV: `newer` or `rewrite`, then the fields and values to set, the version first."""

SHIFT: Final = 1 << 62
"""Added to microseconds so that moments before 1970 stay positive and compare right as text of 19 digits."""


class MonotoneRedisOnlineStoreConfig(RedisOnlineStoreConfig):
    """Configuration of :class:`MonotoneRedisOnlineStore`; Feast finds it by its name."""

    type: Literal["shopsight.feature_store.redis_store.MonotoneRedisOnlineStore"]  # type: ignore[assignment]


class MonotoneRedisOnlineStore(RedisOnlineStore):
    """One hash per entity, as Feast lays it out, and in it the version of each feature view."""

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[tuple[EntityKey, dict[str, Value], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Write rows, as Feast's ``push`` and ``write_to_online_store`` ask."""
        self.write_rows(config, table, rows_from_feast(table, data), rewrite=True)
        if progress:
            progress(len(data))

    def write_rows(self, config: RepoConfig, table: FeatureView, rows: Sequence[OnlineRow], *, rewrite: bool) -> int:
        """Write the newer rows, with ``rewrite`` also the equally new; return how many they are."""
        with self._reporting(config) as client:
            if not rewrite:
                # Packing a row costs far more than asking for its version, and most rows are not new.
                rows = _unheld(client, config, table, rows)
            script = client.register_script(WRITE_NEWER)
            pipe = client.pipeline(transaction=False)
            for row in rows:
                script(keys=[_key(config, table, row.key)], args=_arguments(table, row, rewrite=rewrite), client=pipe)
            return sum(pipe.execute())

    def held_fields(self, config: RepoConfig, table: FeatureView) -> str | None:
        """Return the fields that the view's rows were last completely written with."""
        with self._reporting(config) as client:
            held = client.hget(_fields_key(config), table.name)
        return None if held is None else held.decode()

    def record_fields(self, config: RepoConfig, table: FeatureView, fields: str) -> None:
        """Remember that all rows of the view now have these fields."""
        with self._reporting(config) as client:
            client.hset(_fields_key(config), table.name, fields)

    def erase(self, config: RepoConfig, tables: Sequence[FeatureView], keys: Sequence[str]) -> int:
        """Delete the hashes of these entities, which hold all views of them; return how many there were."""
        with self._reporting(config) as client:
            pipe = client.pipeline(transaction=False)
            for name in {_key(config, table, key) for table in tables for key in keys}:
                pipe.delete(name)
            return sum(pipe.execute())

    def _get_client(self, online_store_config: Any) -> Any:
        """A store that is gone is tried once more at once: redis-py's own backoff held a request for 13 seconds."""
        known, client = self._client, super()._get_client(online_store_config)
        if known is None:
            client.set_retry(Retry(NoBackoff(), 1))
        return client

    def _read_hash_fields(self, config: RepoConfig, commands: Any) -> Any:
        """Every read of Feast's goes through here, in one round trip for all views."""
        with self._reporting(config):
            return super()._read_hash_fields(config, commands)

    @contextmanager
    def _reporting(self, config: RepoConfig) -> Iterator[Any]:
        """Yield the client, and turn its failures into one that names the store and the fix."""
        try:
            yield self._get_client(config.online_store)
        except redis.RedisError as error:
            address = config.online_store.connection_string.split(",", 1)[0]
            raise OnlineStoreUnavailable(
                f"The online store Redis at {address} does not answer as it should.",
                why=f"{type(error).__name__}: {error}",
                fix="start Redis there, or correct SHOPSIGHT_ONLINE_STORE (`sqlite` needs no server)",
            ) from error


def _unheld(client: Any, config: RepoConfig, table: FeatureView, rows: Sequence[OnlineRow]) -> list[OnlineRow]:
    pipe = client.pipeline(transaction=False)
    for row in rows:
        pipe.hget(_key(config, table, row.key), _version_field(table))
    held = pipe.execute()
    return [row for row, version in zip(rows, held, strict=True) if version is None or version < _version(row)]


def _arguments(table: FeatureView, row: OnlineRow, *, rewrite: bool) -> list[Any]:
    event = Timestamp()
    event.FromDatetime(EPOCH + row.event_us * MICROSECOND)
    arguments: list[Any] = ["rewrite" if rewrite else "newer", _version_field(table), _version(row)]
    arguments += [f"_ts:{table.name}", event.SerializeToString()]
    for field, value in zip(table.features, row.values, strict=True):
        arguments += [_mmh3(f"{table.name}:{field.name}"), to_value(value).SerializeToString()]
    return arguments


def _version(row: OnlineRow) -> bytes:
    return f"{row.event_us + SHIFT:019d}.{row.created_us + SHIFT:019d}".encode()


def _version_field(table: FeatureView) -> str:
    return f"_version:{table.name}"


def _key(config: RepoConfig, table: FeatureView, key: str) -> bytes:
    entity_key = EntityKey(join_keys=list(table.join_keys), entity_values=[Value(string_val=key)])
    return bytes(_redis_key(config.project, entity_key, config.entity_key_serialization_version))


def _fields_key(config: RepoConfig) -> str:
    return f"written_fields:{config.project}"
