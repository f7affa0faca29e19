"""Brings the newest features of every entity into the online store, writing only what changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from shopsight.feature_store.connection import mart_source, open_feature_store
from shopsight.feature_store.new_rows import take_up_new_rows
from shopsight.feature_store.online_rows import (
    EPOCH,
    MICROSECOND,
    MonotoneOnlineStore,
    expiry,
    fields_of,
    microseconds,
)
from shopsight.feature_store.taken_up import Newest, TakenUp, newest_of
from shopsight.feature_store.view_rows import (
    ROWS_PER_BATCH,
    batches_of,
    make_newest,
    place_of_person,
    refuse_missing_columns,
    register_refused,
    sql_of_entities,
    sql_of_permitted,
)
from shopsight.feature_store.written import WrittenState
from shopsight.locking import exclusive
from shopsight.marts import Mart, mart_at, mart_exists, open_duckdb
from shopsight.refusals import Refusals, read_refusals
from shopsight.settings import Settings

if TYPE_CHECKING:
    import duckdb
    from feast import FeatureStore, FeatureView, FileSource

WRITTEN_BY: Final = "written_by"
"""Tag of a feature view whose rows are no mart's but a model's, by its family."""


@dataclass(frozen=True, kw_only=True)
class _Written:
    """What a materialisation did of one view."""

    rows: int = 0
    data_end_us: int | None = None
    newest: Newest


def materialize(
    settings: Settings, *, until: datetime, rewrite: bool = False, views: Sequence[str] | None = None
) -> dict[str, int]:
    """Write each entity's newest features, as known at ``until``, into the online store.

    Of a mart that is made of parts, only what is new since the last time is read: new parts, new records of deletes,
    and rows that have come due; a note in the online store says what it has taken up. All of the mart is written where
    there is no such note, or it does not lead to the parts that there are (they were merged, or made anew), or the
    store lost rows. Of a mart that is one file, what the store holds is compared by event time and arrival. So a second
    call writes nothing, a late row is picked up whenever it arrives, a lost store is refilled, and an older row
    replaces a newer one only where that is no more. When the fields of a view change, all of it is rewritten.
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
        refusals = read_refusals(settings)
        written = {
            view.name: _materialize_view(store, view, until=until, rewrite=rewrite, refusals=refusals)
            for view in online
        }
        if views is None:
            _note(settings, [view for view in online if not view.tags.get(WRITTEN_BY)], written)
        return {name: view_written.rows for name, view_written in written.items()}


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
        online, config = _online_store(store), store.config
        for view in views:
            if (noted := TakenUp.read(online.noted(config, view))) is not None:
                left = noted.without(values)
                online.note(config, view, left.text() if left else None)
        erased = online.erase(config, views, values)
        if join_key == "user_id" and (state := WrittenState.read(settings.feature_store_dir)) is not None:
            state.without(values).write(settings.feature_store_dir)
        return erased


def _note(settings: Settings, views: "Sequence[FeatureView]", written: dict[str, _Written]) -> None:
    """Write down how far the data reach, and some of the shoppers; a model's rows say nothing of the data's end."""
    ends = [end for view in views if (end := written[view.name].data_end_us) is not None]
    shoppers = {v.name: [key for _, key in written[v.name].newest] for v in views if v.join_keys == ["user_id"]}
    WrittenState(data_end=EPOCH + max(ends) * MICROSECOND if ends else None, shoppers=shoppers).write(
        settings.feature_store_dir
    )


def _materialize_view(
    store: "FeatureStore", view: "FeatureView", *, until: datetime, rewrite: bool, refusals: Refusals
) -> _Written:
    if view.tags.get(WRITTEN_BY) and not mart_exists(Path(cast("FileSource", view.batch_source).path)):
        return _Written(newest=[])
    online, config, until_us = _online_store(store), store.config, microseconds(until)
    fields = fields_of(view)
    rewrite = rewrite or online.held_fields(config, view) != fields
    mart = mart_at(Path(mart_source(view).path))
    before = None if rewrite else TakenUp.read(online.noted(config, view))
    done = None
    if before is not None and before.goes_on_to(mart, until_us=until_us):
        done = take_up_new_rows(online, config, view, mart, before, until_us=until_us, refusals=refusals)
    if done is None:
        # Whoever is killed while all is written has to begin again.
        online.note(config, view, None)
        done = _take_up_whole(online, store, view, mart, until_us=until_us, rewrite=rewrite, refusals=refusals)
    rows, after = done
    online.record_fields(config, view, fields)
    if expiry(view) is not None:
        online.purge(config, view)
    if mart.parts:
        online.note(config, view, after.text())
    return _Written(rows=rows, data_end_us=after.data_end_us, newest=after.newest)


def _online_store(store: "FeatureStore") -> MonotoneOnlineStore:
    return cast(MonotoneOnlineStore, store.provider.online_store)


def _take_up_whole(
    online: MonotoneOnlineStore,
    store: "FeatureStore",
    view: "FeatureView",
    mart: Mart,
    *,
    until_us: int,
    rewrite: bool,
    refusals: Refusals,
) -> tuple[int, TakenUp]:
    """Compare all of a mart with what is held; return how many rows were written, and what is taken up now."""
    lifetime = expiry(view)
    # A part may hold other values than the one that it came from, of the same moments.
    rewrite = rewrite or bool(mart.parts)
    with open_duckdb() as connection:
        refuse_missing_columns(connection, view, mart)
        register_refused(connection, view, refusals)
        entities = sql_of_entities(view, mart)
        permitted = sql_of_permitted(view, entities, refusals)
        make_newest(
            connection,
            view,
            permitted,
            mart=mart,
            until_us=until_us,
            lifetime_us=None if lifetime is None else lifetime // MICROSECOND,
        )
        gone = _stored_but_gone(connection, online, store, view, mart, permitted)
        for start in range(0, len(gone), ROWS_PER_BATCH):
            online.drop_rows(store.config, view, gone[start : start + ROWS_PER_BATCH])
        written, newest = 0, Newest()
        for batch in batches_of(connection, "from newest"):
            written += online.write_rows(store.config, view, batch, rewrite=rewrite)
            newest = newest_of(newest, batch)
        refused = f"select distinct entity from ({entities}) where entity in (select id from refused)"
        withheld = [entity for (entity,) in connection.execute(refused).fetchall()]
    return written, TakenUp.of(mart, until_us=until_us, newest=newest, withheld=withheld)


def _stored_but_gone(
    connection: "duckdb.DuckDBPyConnection",
    online: MonotoneOnlineStore,
    store: "FeatureStore",
    view: "FeatureView",
    mart: Mart,
    permitted: str,
) -> list[str]:
    """Return the entities whose held row must go: the mart has none of theirs, or of them it must not be held.

    So must a row that is newer than all that the mart has of the entity and is not among them, if none can be pushed.
    """
    import pyarrow as pa

    stored = [
        pa.table(
            {
                "entity": pa.array(keys, pa.string()),
                "event_us": pa.array(events, pa.int64()),
                "created_us": pa.array(arrivals, pa.int64()),
            }
        )
        for batch in online.stored_keys(store.config, view)
        for keys, events, arrivals in [zip(*batch, strict=True)]
    ]
    if not stored:
        return []
    connection.register("stored", pa.concat_tables(stored))
    connection.execute(f"create temp table versions as select entity, event_us, created_us from ({permitted})")
    connection.execute(
        """
        select distinct stored.entity from stored left join newest on stored.entity = newest.entity
        where (
                stored.entity not in (select entity from versions)
                and (
                    stored.created_us <= $written_us
                    or string_split(stored.entity, chr(31))[$place] in (select id from refused)
                )
            )
            or (
                $is_only_of_marts
                and (
                    newest.entity is null or stored.event_us > newest.event_us
                    or (stored.event_us = newest.event_us and stored.created_us > newest.created_us)
                )
                and not exists (
                    select 1 from versions
                    where versions.entity = stored.entity and versions.event_us = stored.event_us
                        and versions.created_us = stored.created_us
                )
            )
        """,
        {
            "written_us": mart.written_us(),
            "place": place_of_person(view),
            "is_only_of_marts": view.stream_source is None,
        },
    )
    return [row[0] for row in connection.fetchall()]
