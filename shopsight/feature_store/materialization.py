"""Brings the newest features of every entity into the online store, writing only what changed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from shopsight.feature_store.connection import (
    UnusableFeatures,
    mart_source,
    open_feature_store,
)
from shopsight.feature_store.online_rows import SQL_TYPES, MonotoneOnlineStore, OnlineRow, microseconds
from shopsight.locking import exclusive
from shopsight.settings import Settings

if TYPE_CHECKING:
    import duckdb
    from feast import FeatureStore, FeatureView

ROWS_PER_BATCH: Final = 5_000
"""Rows per transaction: readers and other writers wait for none of them, memory stays flat."""


def materialize(settings: Settings, *, until: datetime, rewrite: bool = False) -> dict[str, int]:
    """Write each entity's newest features, as known at ``until``, into the online store.

    What the store already holds is compared by event time and arrival, so a second call writes nothing, a late row is
    picked up whenever it arrives, a lost store is refilled, and an older row never replaces a newer one. (A mark of
    "done until then" would miss rows that arrive behind it.) When the fields of a view change, all of it is rewritten.

    Args:
        settings: says where the marts and the online store are.
        until: values that became known later than this are left for another time; aware.
        rewrite: write every entity again, as after a change of the SQL behind the same columns.

    Returns:
        Rows written, by the name of each online feature view.

    Raises:
        FeatureStoreNotReady: no definitions were applied, or a mart was not exported.
        UnusableFeatures: a mart lacks a column of its view, or holds infinite values or NaN.
        OnlineStoreUnavailable: the online store does not answer.
        ResourceBusy: another process is materialising.
    """
    if until.tzinfo is None:
        raise ValueError("until needs a time zone")
    with exclusive(settings.feature_store_dir / ".lock", what="the feature store", wait_seconds=30):
        store = open_feature_store(settings, read_only=True)
        views = [view for view in store.list_feature_views() if view.online]
        return {view.name: _materialize_view(store, view, until=until, rewrite=rewrite) for view in views}


def erase_online(settings: Settings, *, join_key: str, values: Sequence[str]) -> int:
    """Delete what the online store holds on some entities, such as users who asked for it.

    Args:
        settings: says where the online store is.
        join_key: ``user_id``, ``item_id`` or ``session_id``.
        values: the entities, by their stored (pseudonymous) ids.

    Returns:
        How many entries were deleted.
    """
    with exclusive(settings.feature_store_dir / ".lock", what="the feature store", wait_seconds=30):
        store = open_feature_store(settings, read_only=True)
        views = [view for view in store.list_feature_views() if view.online and view.join_keys == [join_key]]
        return _online_store(store).erase(store.config, views, values)


def _materialize_view(store: "FeatureStore", view: "FeatureView", *, until: datetime, rewrite: bool) -> int:
    online, config = _online_store(store), store.config
    fields = ", ".join(sorted(f"{field.name} {field.dtype}" for field in view.features))
    rewrite = rewrite or online.held_fields(config, view) != fields
    written = sum(online.write_rows(config, view, rows, rewrite=rewrite) for rows in _newest_rows(view, until=until))
    online.record_fields(config, view, fields)
    return written


def _online_store(store: "FeatureStore") -> MonotoneOnlineStore:
    return cast(MonotoneOnlineStore, store._get_provider().online_store)


def _newest_rows(view: "FeatureView", *, until: datetime) -> Iterator[list[OnlineRow]]:
    """Read the newest row of each entity from the view's mart, cast to the types that the view declares."""
    import duckdb

    source = mart_source(view)
    (key,) = view.join_keys
    created = source.created_timestamp_column or source.timestamp_field
    features = ", ".join(f'CAST("{f.name}" AS {SQL_TYPES[str(f.dtype)]}) AS "{f.name}"' for f in view.features)
    with duckdb.connect(config={"threads": 2}) as connection:
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [source.path]).fetchall()
        needed = {key, source.timestamp_field, created, *(field.name for field in view.features)}
        missing = sorted(needed - {column[0] for column in described})
        if missing:
            raise UnusableFeatures(
                f"{Path(source.path).name} lacks {', '.join(missing)}.",
                why=f"the feature view {view.name!r} and the mart behind it have drifted apart",
                fix="make feature_repo/feature_views.py and the dbt model agree, then build the warehouse again",
            )
        connection.execute(
            f"""
            CREATE TEMP TABLE newest AS
            SELECT "{key}", epoch_us("{source.timestamp_field}"), epoch_us("{created}"), {features}
            FROM read_parquet(?)
            WHERE "{key}" IS NOT NULL AND epoch_us("{source.timestamp_field}") <= ?
            QUALIFY row_number() OVER (
                PARTITION BY "{key}" ORDER BY "{source.timestamp_field}" DESC, "{created}" DESC
            ) = 1
            """,
            [source.path, microseconds(until)],
        )
        _refuse_infinite(connection, view, key=key, mart=Path(source.path).name)
        for batch in connection.sql("FROM newest").to_arrow_reader(ROWS_PER_BATCH):
            keys, events, arrivals, *values = (column.to_pylist() for column in batch.columns)
            yield [OnlineRow(*row) for row in zip(keys, events, arrivals, zip(*values, strict=True), strict=True)]


def _refuse_infinite(connection: "duckdb.DuckDBPyConnection", view: "FeatureView", *, key: str, mart: str) -> None:
    """Feast would store and serve infinities and NaN; a model fed with one answers nonsense."""
    numbers = [field.name for field in view.features if str(field.dtype) == "Float64"]
    for name in numbers:
        query = f'SELECT "{key}" FROM newest WHERE NOT isfinite("{name}") LIMIT 1'
        bad = connection.execute(query).fetchone()
        if bad is not None:
            raise UnusableFeatures(
                f"The column {name!r} of {mart} holds a number that is infinite or NaN (for {key} {bad[0]!r}).",
                why="a division by zero or an overflow in the SQL that makes it",
                fix="make the dbt model return null where the figure is undefined, then build the warehouse again",
            )
