"""Feast's Redis store, where the newer row wins even between writers that race.

Feast's own store reads the held timestamp and writes in two steps, so that two writers can each pass the check, and it
drops a correction that has the same event time. Here one script compares and writes inside Redis, by event time and
then arrival, many rows at a time. What is read, and how, stays Feast's.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Literal

import redis
from feast import FeatureView, RepoConfig
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from redis.backoff import NoBackoff
from redis.retry import Retry

from shopsight.feature_store.connection import OnlineStoreUnavailableError
from shopsight.feature_store.feast_values import rows_from_feast
from shopsight.feature_store.online_rows import KEY, ChangeRows, OnlineRow, oldest_served, rows_to_write
from shopsight.feature_store.redis_encoding import RowEncoder, event_us, moments, version

WRITE_NEWER: Final = """
local width, written = tonumber(ARGV[2]), 0
for place, key in ipairs(KEYS) do
  local start = 2 + place * width
  local held, offered = redis.call('HGET', key, ARGV[3]), ARGV[start + 1]
  if not held or held < offered or (held == offered and ARGV[1] == 'rewrite') then
    local pairs_ = {}
    for nth = 1, width do
      pairs_[2 * nth - 1], pairs_[2 * nth] = ARGV[2 + nth], ARGV[start + nth]
    end
    redis.call('HSET', key, unpack(pairs_))
    written = written + 1
  end
end
return written
"""
"""ARGV: `newer` or `rewrite`, the number of fields, the fields with the version first, then the values of each key."""

RAISE: Final = """
local held = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
if not held or held < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
"""
"""Sets a field of whole numbers to a greater one; never to a lesser."""

VERSIONS: Final = """
local held = {}
for place, key in ipairs(KEYS) do held[place] = redis.call('HGET', key, ARGV[1]) end
return held
"""

FIELDS: Final = """
local held = {}
for place, key in ipairs(KEYS) do held[place] = redis.call('HMGET', key, unpack(ARGV)) end
return held
"""

KEYS_PER_CALL: Final = 200
"""Keys of one script: Redis answers nobody else meanwhile, about a millisecond."""


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
        encoder = RowEncoder(config, table)
        written = 0
        with self._reporting(config) as client:
            write, versions = client.register_script(WRITE_NEWER), client.register_script(VERSIONS)
            for start in range(0, len(rows), KEYS_PER_CALL):
                part = rows[start : start + KEYS_PER_CALL]
                keys = [encoder.key(row[KEY]) for row in part]
                if not rewrite:
                    # Packing a row costs far more than asking for its version, and most rows are not new.
                    stored_versions = versions(keys=keys, args=[encoder.fields[0]])
                    new = [
                        n
                        for n, row in enumerate(part)
                        if stored_versions[n] is None or stored_versions[n] < version(row)
                    ]
                    part, keys = [part[n] for n in new], [keys[n] for n in new]
                if part:
                    written += write(keys=keys, args=_arguments(encoder, part, rewrite=rewrite))
            _keep_horizon(client, config, table, rows)
        return written

    def change_rows(
        self, config: RepoConfig, tables: Sequence[FeatureView], keys: Sequence[str], change: ChangeRows
    ) -> int:
        """Read entities' rows of these views, and write what ``change`` makes of them, with nobody in between."""
        return sum(
            self._change_some(config, tables, keys[start : start + KEYS_PER_CALL], change)
            for start in range(0, len(keys), KEYS_PER_CALL)
        )

    def _change_some(
        self, config: RepoConfig, tables: Sequence[FeatureView], keys: Sequence[str], change: ChangeRows
    ) -> int:
        encoders = [RowEncoder(config, table) for table in tables]
        names = [encoders[0].key(key) for key in keys]
        fields = [field for encoder in encoders for field in encoder.fields]
        changed = 0

        def attempt(pipe: Any) -> None:
            nonlocal changed
            stored = {}
            for key, reply in zip(keys, pipe.eval(FIELDS, len(names), *names, *fields), strict=True):
                values = iter(reply)
                stored[key] = [encoder.row(key, [next(values) for _ in encoder.fields]) for encoder in encoders]
            to_write, changed = rows_to_write(stored, change, views=len(tables))
            pipe.multi()
            for table, encoder, rows in zip(tables, encoders, to_write, strict=True):
                if rows:
                    written = [encoder.key(row[KEY]) for row in rows]
                    pipe.eval(WRITE_NEWER, len(rows), *written, *_arguments(encoder, rows, rewrite=True))
                    _keep_horizon(pipe, config, table, rows)

        with self._reporting(config) as client:
            client.transaction(attempt, *names)
        return changed

    def purge(self, config: RepoConfig, table: FeatureView) -> int:
        """Delete the view's rows that have expired; return how many they were."""
        with self._reporting(config) as client:
            horizon = client.hget(_about_key(config), f"oldest:{table.name}")
            return 0 if horizon is None else _delete(client, config, table, older_than=int(horizon))

    def stored_keys(self, config: RepoConfig, table: FeatureView) -> Iterator[list[tuple[str, int, int]]]:
        """Yield the key and both moments of every row of the view; one may come twice, as ``SCAN`` has it."""
        encoder = RowEncoder(config, table)
        with self._reporting(config) as client:
            for keys, versions in _scanned(client, encoder, encoder.fields[0]):
                stored = [(key, version) for key, version in zip(keys, versions, strict=True) if version]
                if stored:
                    yield [(encoder.entity(key), *moments(version)) for key, version in stored]

    def stored_versions(
        self, config: RepoConfig, table: FeatureView, keys: Sequence[str]
    ) -> dict[str, tuple[int, int]]:
        """Return both moments of the rows that are held of some entities."""
        encoder = RowEncoder(config, table)
        stored: dict[str, tuple[int, int]] = {}
        with self._reporting(config) as client:
            read = client.register_script(VERSIONS)
            for start in range(0, len(keys), KEYS_PER_CALL):
                part = keys[start : start + KEYS_PER_CALL]
                versions = read(keys=[encoder.key(key) for key in part], args=[encoder.fields[0]])
                stored |= {key: moments(one) for key, one in zip(part, versions, strict=True) if one is not None}
        return stored

    def drop_rows(self, config: RepoConfig, table: FeatureView, keys: Sequence[str]) -> int:
        """Delete the view's fields of these entities; Redis drops a hash with its last field."""
        encoder = RowEncoder(config, table)
        with self._reporting(config) as client:
            pipe = client.pipeline(transaction=False)
            for key in keys:
                pipe.hdel(encoder.key(key), *encoder.fields)
            return sum(deleted > 0 for deleted in pipe.execute())

    def delete_table(self, config: RepoConfig, table: FeatureView) -> None:
        """Delete all rows of a view, as when it is no longer defined; Feast's own would leave their versions."""
        with self._reporting(config) as client:
            _delete(client, config, table, older_than=None)
            client.hdel(_about_key(config), table.name, f"oldest:{table.name}", f"note:{table.name}")

    def held_fields(self, config: RepoConfig, table: FeatureView) -> str | None:
        """Return the fields that the view's rows were last completely written with."""
        with self._reporting(config) as client:
            stored = client.hget(_about_key(config), table.name)
        return None if stored is None else stored.decode()

    def record_fields(self, config: RepoConfig, table: FeatureView, fields: str) -> None:
        """Remember that all rows of the view now have these fields."""
        with self._reporting(config) as client:
            client.hset(_about_key(config), table.name, fields)

    def note(self, config: RepoConfig, table: FeatureView, text: str | None) -> None:
        """Keep a note of what the view's rows are as of, with the state of the server that they are in."""
        with self._reporting(config) as client:
            client.hset(_about_key(config), f"note:{table.name}", json.dumps([text, *_losses(client)]))

    def noted(self, config: RepoConfig, table: FeatureView) -> str | None:
        """Return the note, unless the server was started anew or has evicted keys since it was written."""
        with self._reporting(config) as client:
            stored = client.hget(_about_key(config), f"note:{table.name}")
            text, *losses = json.loads(stored) if stored else [None]
            return text if stored and losses == _losses(client) else None

    def erase(self, config: RepoConfig, tables: Sequence[FeatureView], keys: Sequence[str]) -> int:
        """Delete the hashes of these entities, which hold all views of them; return how many there were."""
        with self._reporting(config) as client:
            pipe = client.pipeline(transaction=False)
            for name in {RowEncoder(config, table).key(key) for table in tables for key in keys}:
                pipe.delete(name)
            return sum(pipe.execute())

    # Feast has no public hook for its Redis client nor for its reads. The pin `feast>=0.67,<0.68` guards these two, and
    # test_feast_reads_redis_through_the_two_private_methods_that_are_replaced fails when they move.
    def _get_client(self, online_store_config: Any) -> Any:
        """A store that is gone is tried once more at once: redis-py's own backoff held a request for 13 seconds."""
        earlier, client = self._client, super()._get_client(online_store_config)
        if earlier is None:
            client.set_retry(Retry(NoBackoff(), 1))
        return client

    def _read_hash_fields(self, config: RepoConfig, commands: Any) -> Any:
        """Every read of Feast's goes through here, in one round trip for all views; expired rows are left out."""
        views = [str(fields[-1]).removeprefix("_ts:") for _, fields in commands]
        names = list(dict.fromkeys(views))
        with self._reporting(config):
            oldest_fields: list[str | bytes] = [f"oldest:{name}" for name in names]
            about = (_about_key(config).encode(), oldest_fields)
            *replies, horizons = super()._read_hash_fields(config, [*commands, about])
        oldest = {
            name: int(bytes(horizon)) for name, horizon in zip(names, horizons, strict=True) if horizon is not None
        }
        return [
            [None] * len(reply) if view in oldest and reply[-1] and event_us(reply[-1]) < oldest[view] else reply
            for view, reply in zip(views, replies, strict=True)
        ]

    @contextmanager
    def _reporting(self, config: RepoConfig) -> Iterator[Any]:
        """Yield the client, and turn its failures into one that names the store and the fix."""
        try:
            yield self._get_client(config.online_store)
        except redis.RedisError as error:
            address = config.online_store.connection_string.split(",", 1)[0]
            raise OnlineStoreUnavailableError(
                f"The online store Redis at {address} does not answer as it should.",
                why=f"{type(error).__name__}: {error}",
                fix="start Redis there, or correct SHOPSIGHT_ONLINE_STORE (`sqlite` needs no server)",
            ) from error


def _arguments(encoder: RowEncoder, rows: Sequence[OnlineRow], *, rewrite: bool) -> list[Any]:
    arguments: list[Any] = ["rewrite" if rewrite else "newer", len(encoder.fields), *encoder.fields]
    for row in rows:
        arguments += encoder.values(row)
    return arguments


def _keep_horizon(client: Any, config: RepoConfig, table: FeatureView, rows: Sequence[OnlineRow]) -> None:
    """Let time go on for a view whose rows expire: what is too old beside the newest row is served no more."""
    horizon = oldest_served(table, rows)
    if horizon is not None:
        client.eval(RAISE, 1, _about_key(config), f"oldest:{table.name}", horizon)


def _delete(client: Any, config: RepoConfig, table: FeatureView, *, older_than: int | None) -> int:
    """Delete a view's rows of all entities, or those before a moment; Redis drops a hash with its last field."""
    encoder = RowEncoder(config, table)
    deleted = 0
    for keys, times in _scanned(client, encoder, encoder.fields[1]):
        pipe = client.pipeline(transaction=False)
        replies = zip(keys, times, strict=True)
        gone = [key for key, time in replies if time and (older_than is None or event_us(time) < older_than)]
        for key in gone:
            pipe.hdel(key, *encoder.fields)
        pipe.execute()
        deleted += len(gone)
    return deleted


def _scanned(client: Any, encoder: RowEncoder, field: str | bytes) -> Iterator[tuple[list[bytes], list[bytes | None]]]:
    """Yield the names of the hashes with a view's join keys and one field of each; None where it has none."""
    cursor = None
    while cursor != 0:
        cursor, keys = client.scan(cursor or 0, match=encoder.any_key(), count=1_000)
        pipe = client.pipeline(transaction=False)
        for key in keys:
            pipe.hget(key, field)
        yield keys, pipe.execute()


def _losses(client: Any) -> list[Any]:
    """Return what changes when a server may have lost keys by itself: which run of it this is, and its evictions."""
    return [client.info("server")["run_id"], client.info("stats")["evicted_keys"]]


def _about_key(config: RepoConfig) -> str:
    return f"written_fields:{config.project}"
