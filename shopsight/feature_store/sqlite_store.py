"""Feast's online store in one SQLite file, for readers and a writer that work at the same time.

Feast's own SQLite store keeps a row per feature, lets an older write replace a newer one, keeps whole seconds of local
time, and blocks readers while it writes (669 ms reads under one writer). Here an entity is one row that any SQLite
tool can read, with microseconds in UTC; the newer row always wins, and readers never wait (write-ahead log).
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from feast import Entity, FeatureView, RepoConfig
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel
from typing_extensions import override

from shopsight.feature_store.connection import OnlineStoreUnavailableError
from shopsight.feature_store.feast_values import entity_name, rows_from_feast, to_value
from shopsight.feature_store.online_rows import (
    EPOCH,
    MICROSECOND,
    ChangeRows,
    OnlineRow,
    expiry,
    oldest_served,
    rows_to_write,
)

KEYS_PER_QUERY: Final = 500
"""Keys of one ``IN (…)``; SQLite takes 32,766."""

BATCH: Final = 50_000
"""Keys that are read at a time: a reader that goes on for long keeps the log from being emptied."""

BUSY_SECONDS: Final = 30.0
"""How long a writer waits for another one."""

OLDEST_SERVED: Final = 'coalesce((select oldest_us from "horizons" where view = ?), -9223372036854775808)'
"""Rows of a view from before this have expired."""


class MonotoneSqliteOnlineStoreConfig(FeastConfigBaseModel):
    """Configuration of :class:`MonotoneSqliteOnlineStore`; Feast finds it by its name."""

    type: Literal["shopsight.feature_store.sqlite_store.MonotoneSqliteOnlineStore"]
    path: str
    """The SQLite file, absolute."""


class MonotoneSqliteOnlineStore(OnlineStore):
    """One table per feature view: the entity's key, two timestamps, and a column per feature (lists as JSON)."""

    def __init__(self) -> None:
        self._connections = threading.local()

    @override
    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Make the tables of the views that are kept, add their new columns, and drop the views that are gone.

        Feast names those that are kept online; what the others held goes back to the disk.
        """
        with self._transaction(config, create=True) as connection:
            connection.execute('create table if not exists "written_fields" (view text primary key, fields text)')
            connection.execute('create table if not exists "horizons" (view text primary key, oldest_us integer)')
            connection.execute(
                'create table if not exists "notes" (view text primary key, note text, row_count integer)'
            )
            for view in tables_to_keep:
                name = _table(config, view)
                connection.execute(
                    f"create table if not exists {name} (entity text primary key, event_us integer, created_us integer)"
                )
                existing = {column[1] for column in connection.execute(f"PRAGMA table_info({name})")}
                for feature in view.features:
                    if feature.name not in existing:
                        connection.execute(f'alter table {name} add column "{feature.name}"')
            for view in tables_to_delete:
                connection.execute(f"DROP TABLE IF EXISTS {_table(config, view)}")
                for about in ("written_fields", "horizons", "notes"):
                    connection.execute(f'delete from "{about}" where view = ?', (view.name,))
        if tables_to_delete:
            connection.execute("VACUUM")

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Drop the tables of the views."""
        self.update(config, tables, [], entities, [], partial=False)

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
        """Write the newer rows in one transaction, with ``rewrite`` also the equally new; return how many they are."""
        with self._transaction(config) as connection:
            return _upsert(connection, config, table, rows, rewrite=rewrite)

    def change_rows(
        self, config: RepoConfig, tables: Sequence[FeatureView], keys: Sequence[str], change: ChangeRows
    ) -> int:
        """Read entities' rows of these views, and write what ``change`` makes of them, with nobody in between."""
        with self._reporting(config), self._transaction(config) as connection:
            rows_of_views = [_stored_rows(connection, config, table, keys) for table in tables]
            stored = {key: [rows.get(key) for rows in rows_of_views] for key in keys}
            to_write, changed = rows_to_write(stored, change, views=len(tables))
            for table, rows in zip(tables, to_write, strict=True):
                if rows:
                    _upsert(connection, config, table, rows, rewrite=True)
        return changed

    def purge(self, config: RepoConfig, table: FeatureView) -> int:
        """Delete the view's rows that have expired; return how many they were."""
        with self._transaction(config) as connection:
            query = f"delete from {_table(config, table)} where event_us < {OLDEST_SERVED}"
            return connection.execute(query, (table.name,)).rowcount

    def stored_keys(self, config: RepoConfig, table: FeatureView) -> Iterator[list[tuple[str, int, int]]]:
        """Yield the key and both moments of every row of the view, a batch after the other in the order of the keys."""
        after = ""
        query = (
            f"select entity, event_us, created_us from {_table(config, table)} "
            f"where entity > ? order by entity limit {BATCH}"
        )
        while batch := self._read(config, query, [after]):
            yield [(key, event_us, created_us) for key, event_us, created_us in batch]
            after = batch[-1][0]

    def stored_versions(
        self, config: RepoConfig, table: FeatureView, keys: Sequence[str]
    ) -> dict[str, tuple[int, int]]:
        """Return both moments of the rows that are held of some entities."""
        stored: dict[str, tuple[int, int]] = {}
        for start in range(0, len(keys), KEYS_PER_QUERY):
            part = keys[start : start + KEYS_PER_QUERY]
            places = f"?{', ?' * (len(part) - 1)}"
            query = f"select entity, event_us, created_us from {_table(config, table)} where entity in ({places})"
            stored |= {row[0]: (row[1], row[2]) for row in self._read(config, query, part)}
        return stored

    def drop_rows(self, config: RepoConfig, table: FeatureView, keys: Sequence[str]) -> int:
        """Delete the view's rows of these entities, bytes and all."""
        return self.erase(config, [table], keys)

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[tuple[datetime | None, dict[str, Value] | None]]:
        """Return each key's event timestamp and features, ``(None, None)`` where nothing is held."""
        names = requested_features or [field.name for field in table.features]
        lists = _lists(table, names)
        columns = ", ".join(f'"{name}"' for name in names)
        keys = [entity_name(entity_key) for entity_key in entity_keys]
        served = f"event_us >= {OLDEST_SERVED}" if expiry(table) else "? IS NOT NULL"
        stored: dict[str, tuple[Any, ...]] = {}
        for start in range(0, len(keys), KEYS_PER_QUERY):
            part = keys[start : start + KEYS_PER_QUERY]
            query = (
                f"select entity, event_us, {columns} from {_table(config, table)} "
                f"where {served} and entity in (?{', ?' * (len(part) - 1)})"
            )
            stored.update((row[0], row[1:]) for row in self._read(config, query, [table.name, *part]))
        return [(None, None) if key not in stored else _to_feast(stored[key], names, lists) for key in keys]

    def held_fields(self, config: RepoConfig, table: FeatureView) -> str | None:
        """Return the fields that the view's rows were last completely written with."""
        rows = self._read(config, 'select fields from "written_fields" where view = ?', [table.name])
        return str(rows[0][0]) if rows else None

    def record_fields(self, config: RepoConfig, table: FeatureView, fields: str) -> None:
        """Remember that all rows of the view now have these fields."""
        with self._transaction(config) as connection:
            connection.execute('insert or replace into "written_fields" values (?, ?)', (table.name, fields))

    def note(self, config: RepoConfig, table: FeatureView, text: str | None) -> None:
        """Keep a note of what the view's rows are as of, with how many they are."""
        with self._transaction(config) as connection:
            connection.execute(
                f'insert or replace into "notes" select ?, ?, count(*) from {_table(config, table)}', (table.name, text)
            )

    def noted(self, config: RepoConfig, table: FeatureView) -> str | None:
        """Return the note, unless there are fewer rows than when it was written, less those that were erased."""
        query = (
            f'select note from "notes" where view = ? and row_count <= (select count(*) from {_table(config, table)})'
        )
        rows = self._read(config, query, [table.name])
        return rows[0][0] if rows else None

    def erase(self, config: RepoConfig, tables: Sequence[FeatureView], keys: Sequence[str]) -> int:
        """Delete the rows of these entities, bytes and all; return how many rows there were.

        ``secure_delete`` overwrites the freed bytes in the file and the checkpoint empties the log, so that an erased
        user's features cannot be read out of either.
        """
        with self._transaction(config) as connection:
            erased = 0
            for table in tables:
                before = connection.total_changes
                query = f"delete from {_table(config, table)} where entity = ?"
                connection.executemany(query, [(key,) for key in keys])
                deleted = connection.total_changes - before
                erased += deleted
                connection.execute('update "notes" set row_count = row_count - ? where view = ?', (deleted, table.name))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return erased

    def _read(self, config: RepoConfig, query: str, parameters: Sequence[str]) -> list[tuple[Any, ...]]:
        """Run a query on this thread's connection for reading, which cannot write nor create a missing file."""
        with self._reporting(config):
            connection: sqlite3.Connection | None = getattr(self._connections, "reader", None)
            file = _file_of(config)
            if connection is None or file != self._connections.read_file:
                self._connections.read_file = file
                uri = f"{Path(config.online_store.path).as_uri()}?mode=ro"
                connection = self._connections.reader = sqlite3.connect(uri, uri=True, isolation_level=None)
            return connection.execute(query, parameters).fetchall()

    @contextmanager
    def _reporting(self, config: RepoConfig) -> Iterator[None]:
        """Turn a failure into one that names the store and the fix, and let go of this thread's connections."""
        try:
            yield
        except sqlite3.Error as error:  # no file, another schema, or bytes that are no database
            self._forget("reader")
            self._forget("writer")
            raise OnlineStoreUnavailableError(
                f"The online store {config.online_store.path} cannot be read.",
                why=f"SQLite says: {error}",
                fix="apply and materialise the features (Dagster group `features`), or check SHOPSIGHT_HOME",
            ) from error

    def _forget(self, name: str) -> None:
        """Close a connection: it would go on seeing a damaged file after a whole one has taken its place."""
        connection: sqlite3.Connection | None = getattr(self._connections, name, None)
        if connection is not None:
            setattr(self._connections, name, None)
            connection.close()

    @contextmanager
    def _transaction(self, config: RepoConfig, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection for writing, inside one transaction; ``create`` makes a missing file."""
        connection: sqlite3.Connection | None = getattr(self._connections, "writer", None)
        file = _file_of(config)
        if connection is not None and file != self._connections.written_file:
            self._forget("writer")  # the file was deleted or replaced: nobody would see what goes into the old one
            connection = None
        if connection is None:
            uri = f"{Path(config.online_store.path).as_uri()}?mode={'rwc' if create else 'rw'}"
            connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            # The store can be rebuilt from the marts: a power cut may lose the last writes, not the file.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = on")
            self._connections.writer, self._connections.written_file = connection, _file_of(config)
        # IMMEDIATE takes the write lock at once: a lock taken later could fail without waiting.
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _file_of(config: RepoConfig) -> tuple[int, int] | None:
    """Return which file lies under the store's name: a connection would go on reading one that was replaced."""
    try:
        status = Path(config.online_store.path).stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _table(config: RepoConfig, view: FeatureView) -> str:
    return f'"{config.project}_{view.name}"'


def _upsert(
    connection: sqlite3.Connection, config: RepoConfig, table: FeatureView, rows: Sequence[OnlineRow], *, rewrite: bool
) -> int:
    columns = ["event_us", "created_us", *(f'"{field.name}"' for field in table.features)]
    newer = ">=" if rewrite else ">"
    upsert = (
        f"insert into {_table(config, table)} (entity, {', '.join(columns)}) values (?{', ?' * len(columns)}) "
        f"on conflict (entity) do update set {', '.join(f'{c} = excluded.{c}' for c in columns)} "
        f"where (excluded.event_us, excluded.created_us) {newer} (event_us, created_us)"
    )
    before = connection.total_changes
    if any(_lists(table, [field.name for field in table.features])):
        rows = [tuple(map(_to_sqlite, row)) for row in rows]
    connection.executemany(upsert, rows)
    written = connection.total_changes - before
    horizon = oldest_served(table, rows)
    if horizon is not None:
        connection.execute(
            'insert into "horizons" values (?, ?) '
            "on conflict (view) do update set oldest_us = max(oldest_us, excluded.oldest_us)",
            (table.name, horizon),
        )
    return written


def _stored_rows(
    connection: sqlite3.Connection, config: RepoConfig, table: FeatureView, keys: Sequence[str]
) -> dict[str, OnlineRow]:
    names = [field.name for field in table.features]
    lists = _lists(table, names)
    columns = ", ".join(f'"{name}"' for name in names)
    stored: dict[str, OnlineRow] = {}
    for start in range(0, len(keys), KEYS_PER_QUERY):
        part = keys[start : start + KEYS_PER_QUERY]
        query = (
            f"select entity, event_us, created_us, {columns} from {_table(config, table)} "
            f"where entity in (?{', ?' * (len(part) - 1)})"
        )
        for key, event_us, created_us, *values in connection.execute(query, part):
            stored[key] = (key, event_us, created_us, *_from_sqlite(values, lists))
    return stored


def _lists(table: FeatureView, names: Sequence[str]) -> list[bool]:
    kinds = {field.name: str(field.dtype).startswith("Array") for field in table.features}
    return [kinds[name] for name in names]


def _to_sqlite(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _from_sqlite(values: Sequence[Any], lists: list[bool]) -> list[Any]:
    return [
        json.loads(value) if is_list and value is not None else value
        for value, is_list in zip(values, lists, strict=True)
    ]


def _to_feast(row: tuple[Any, ...], names: list[str], lists: list[bool]) -> tuple[datetime, dict[str, Value]]:
    event_us, *values = row
    features = dict(zip(names, map(to_value, _from_sqlite(values, lists)), strict=True))
    return EPOCH + event_us * MICROSECOND, features
