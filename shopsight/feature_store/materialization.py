"""Brings the newest features of every entity into the online store, writing only what changed."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from shopsight.consent import TAG
from shopsight.feature_store.connection import (
    UnusableFeaturesError,
    mart_source,
    open_feature_store,
)
from shopsight.feature_store.online_rows import (
    EPOCH,
    MICROSECOND,
    SQL_TYPES,
    MonotoneOnlineStore,
    OnlineRow,
    expiry,
    microseconds,
)
from shopsight.feature_store.written import SHOPPERS_PER_VIEW, WrittenState
from shopsight.locking import exclusive
from shopsight.marts import Mart, mart_at, mart_exists, open_duckdb
from shopsight.refusals import Refusals, read_refusals
from shopsight.settings import Settings

if TYPE_CHECKING:
    import duckdb
    from feast import FeatureStore, FeatureView, FileSource

WRITTEN_BY: Final = "written_by"
"""Tag of a feature view whose rows are no mart's but a model's, by its family."""

ROWS_PER_BATCH: Final = 5_000
"""Rows per transaction: readers and other writers wait for none of them, memory stays flat."""


PERSONS: Final = ("user_id", "session_id")
"""Join keys that say whose a row is."""

NOBODY_REFUSES: Final = Refusals(users=frozenset(), sessions=frozenset())


def materialize(
    settings: Settings, *, until: datetime, rewrite: bool = False, views: Sequence[str] | None = None
) -> dict[str, int]:
    """Write each entity's newest features, as known at ``until``, into the online store.

    What the store already holds is compared by event time and arrival, so a second call writes nothing, a late row is
    picked up whenever it arrives, a lost store is refilled, and an older row never replaces a newer one. (A mark of
    "done until then" would miss rows that arrive behind it.) When the fields of a view change, all of it is rewritten.
    A view that a model writes (tag ``written_by``) has no rows before one is approved. Of a view that expires (tag
    ``expires_after_days``), what is too old is left out, and deleted where it was held. So is what the mart holds no
    more, and of views of personal use (tag ``consent``) whatever is of a shopper who refuses it now; what was pushed
    after the mart was written stays, for the mart cannot hold it yet.

    Args:
        settings: says where the marts and the online store are.
        until: values that became known later than this are left for another time; aware.
        rewrite: write every entity again, as after a change of the SQL behind the same columns.
        views: names of the feature views to write; all that are online where omitted.

    Returns:
        Rows written, by the name of each online feature view.

    Raises:
        FeatureStoreNotReadyError: no definitions were applied, or a mart was not exported.
        UnusableFeaturesError: a mart lacks a column of its view, or holds infinite values or NaN.
        OnlineStoreUnavailableError: the online store does not answer.
        ResourceBusyError: another process is materialising.
    """
    if until.tzinfo is None:
        raise ValueError("until needs a time zone")
    with exclusive(settings.feature_store_dir / ".lock", what="the feature store", wait_seconds=30):
        store = open_feature_store(settings, read_only=True)
        online = [view for view in store.list_feature_views() if view.online and (views is None or view.name in views)]
        newest: dict[str, list[tuple[int, str]]] = {view.name: [] for view in online}
        refusals = read_refusals(settings)
        written = {
            view.name: _materialize_view(
                store, view, until=until, rewrite=rewrite, newest=newest[view.name], refusals=refusals
            )
            for view in online
        }
        if views is None:
            _note(settings, [view for view in online if not view.tags.get(WRITTEN_BY)], newest)
        return written


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
        erased = _online_store(store).erase(store.config, views, values)
        if join_key == "user_id" and (state := WrittenState.read(settings.feature_store_dir)) is not None:
            state.without(values).write(settings.feature_store_dir)
        return erased


def _note(settings: Settings, views: "Sequence[FeatureView]", newest: dict[str, list[tuple[int, str]]]) -> None:
    """Write down how far the data reach, and some of the shoppers; a model's rows say nothing of the data's end."""
    ends = [event_us for view in views for event_us, _ in newest[view.name]]
    WrittenState(
        data_end=EPOCH + max(ends) * MICROSECOND if ends else None,
        shoppers={view.name: [key for _, key in newest[view.name]] for view in views if view.join_keys == ["user_id"]},
    ).write(settings.feature_store_dir)


def _noting(rows: Iterator[list[OnlineRow]], newest: list[tuple[int, str]]) -> Iterator[list[OnlineRow]]:
    """Pass rows on, and keep the moments and keys of the newest in ``newest``."""
    for batch in rows:
        newest[:] = heapq.nlargest(SHOPPERS_PER_VIEW, [*newest, *((int(row[1]), str(row[0])) for row in batch)])
        yield batch


def _materialize_view(
    store: "FeatureStore",
    view: "FeatureView",
    *,
    until: datetime,
    rewrite: bool,
    newest: list[tuple[int, str]],
    refusals: Refusals,
) -> int:
    if view.tags.get(WRITTEN_BY) and not mart_exists(Path(cast("FileSource", view.batch_source).path)):
        return 0
    online, config = _online_store(store), store.config
    fields = ", ".join(sorted(f"{field.name} {field.dtype}" for field in view.features))
    rewrite = rewrite or online.held_fields(config, view) != fields
    batches = _noting(newest_rows(view, until=until, refusals=refusals), newest)
    written = sum(online.write_rows(config, view, rows, rewrite=rewrite) for rows in batches)
    online.record_fields(config, view, fields)
    gone = _stored_but_gone(store, view, refusals=refusals)
    for start in range(0, len(gone), ROWS_PER_BATCH):
        online.drop_rows(config, view, gone[start : start + ROWS_PER_BATCH])
    if expiry(view) is not None:
        online.purge(config, view)
    return written


def _online_store(store: "FeatureStore") -> MonotoneOnlineStore:
    return cast(MonotoneOnlineStore, store.provider.online_store)


def _stored_but_gone(store: "FeatureStore", view: "FeatureView", *, refusals: Refusals) -> list[str]:
    """Return the entities that the online store holds of a view and the mart does not, or of whom it must not."""
    import pyarrow as pa

    source = mart_source(view)
    place = next((n for n, key in enumerate(sorted(view.join_keys), start=1) if key in PERSONS), 1)
    mart = mart_at(Path(source.path))
    stored = [
        pa.table({"entity": pa.array(keys, pa.string()), "created_us": pa.array(arrivals, pa.int64())})
        for batch in _online_store(store).stored_keys(store.config, view)
        for keys, arrivals in [zip(*batch, strict=True)]
    ]
    if not stored:
        return []
    with open_duckdb() as connection:
        connection.register("stored", pa.concat_tables(stored))
        rows = _register_rows(connection, view, mart, refusals)
        connection.execute(
            f"""
            select distinct stored.entity from stored
            where stored.entity not in (select entity from {rows} where entity is not null)
                and (
                    stored.created_us <= $written_us
                    or string_split(stored.entity, chr(31))[$place] in (select id from refused)
                )
            """,
            {"written_us": mart.written_us(), "place": place},
        )
        return [row[0] for row in connection.fetchall()]


def _register_rows(connection: "duckdb.DuckDBPyConnection", view: "FeatureView", mart: Mart, refusals: Refusals) -> str:
    """Make ``refused`` known to a connection, and return SQL for the rows of a mart whose shoppers do not refuse."""
    import pyarrow as pa

    keys = sorted(view.join_keys)
    personal = view.tags.get(TAG) == "personal"
    named = {name: sorted(refusals.of(name)) for name in keys} if personal else {}
    connection.register("refused", pa.table({"id": pa.array([i for ids in named.values() for i in ids], pa.string())}))
    entity = " || chr(31) || ".join(f'"{name}"' for name in keys)
    allowed = "".join(f' and "{name}" not in (select id from refused)' for name, ids in named.items() if ids)
    return f"(select {entity} as entity, * from ({mart.rows()}) where true{allowed})"


def newest_rows(
    view: "FeatureView", *, until: datetime, refusals: Refusals = NOBODY_REFUSES
) -> Iterator[list[OnlineRow]]:
    """Yield the newest row of each entity in a view's mart, as known at ``until``, in batches and in order of the key.

    Values have the types that the view declares. Of a view of personal use, those who refuse it are left out.

    Raises:
        FeatureStoreNotReadyError: the mart was not exported.
        UnusableFeaturesError: it lacks a column of the view, or holds infinite values or NaN.
    """
    source = mart_source(view)
    created = source.created_timestamp_column or source.timestamp_field
    lifetime = expiry(view)
    fresh = "true" if lifetime is None else f"event_us >= max(event_us) OVER () - {lifetime // MICROSECOND}"
    features = ", ".join(f'CAST("{f.name}" AS {SQL_TYPES[str(f.dtype)]}) AS "{f.name}"' for f in view.features)
    mart = mart_at(Path(source.path))
    with open_duckdb() as connection:
        described = connection.execute(f"describe {mart.rows()}").fetchall()
        needed = {*view.join_keys, source.timestamp_field, created, *(field.name for field in view.features)}
        missing = sorted(needed - {column[0] for column in described})
        if missing:
            raise UnusableFeaturesError(
                f"The mart {mart.name} lacks {', '.join(missing)}.",
                why=f"the feature view {view.name!r} and the mart behind it have drifted apart",
                fix="make the view in feature_repo and the dbt model agree, then build the warehouse again",
            )
        rows = _register_rows(connection, view, mart, refusals)
        connection.execute(
            f"""
            create temp table newest as
            select entity, epoch_us("{source.timestamp_field}") as event_us,
                epoch_us("{created}") as created_us, {features}
            from {rows}
            where entity is not null and event_us <= $until
            qualify row_number() over (partition by entity order by event_us desc, created_us desc) = 1
                and {fresh}
            -- In the order of the keys, a million of them go into the online store's index one after another.
            order by entity
            """,
            {"until": microseconds(until)},
        )
        _refuse_infinite(connection, view, mart=mart.name)
        for batch in connection.sql("from newest").to_arrow_reader(ROWS_PER_BATCH):
            yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _refuse_infinite(connection: "duckdb.DuckDBPyConnection", view: "FeatureView", *, mart: str) -> None:
    """Feast would store and serve infinities and NaN; a model fed with one answers nonsense."""
    numbers = [field.name for field in view.features if str(field.dtype) == "Float64"]
    for name in numbers:
        query = f'select entity from newest where not isfinite("{name}") limit 1'
        bad = connection.execute(query).fetchone()
        if bad is not None:
            raise UnusableFeaturesError(
                f"The column {name!r} of {mart} holds a number that is infinite or NaN (for {bad[0]!r}).",
                why="a division by zero or an overflow in the SQL that makes it",
                fix="make the dbt model return null where the figure is undefined, then build the warehouse again",
            )
