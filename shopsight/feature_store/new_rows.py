"""Brings into the online store what of a mart is new since the last time, without reading the rest of it.

A mart's files never change, and their names are not used twice, so what is new is in the files that were not there:
new rows, and records of rows that are no more. What is held of an entity either stands, or is replaced by a new row, or
is one of the rows that are no more; only for these last entities, which are few, all files are searched.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from shopsight.feature_store.connection import mart_source
from shopsight.feature_store.online_rows import MonotoneOnlineStore
from shopsight.feature_store.taken_up import TakenUp, newest_of
from shopsight.feature_store.view_rows import (
    ROWS_PER_BATCH,
    batches_of,
    make_newest,
    refused_ids,
    register_refused,
    sql_of_entities,
    sql_of_permitted,
)
from shopsight.marts import Mart, Part, open_duckdb, sql_list
from shopsight.refusals import Refusals

if TYPE_CHECKING:
    import duckdb
    from feast import FeatureView, RepoConfig


def take_up_new_rows(
    online: MonotoneOnlineStore,
    config: "RepoConfig",
    view: "FeatureView",
    mart: Mart,
    before: TakenUp,
    *,
    until_us: int,
    refusals: Refusals,
) -> tuple[int, TakenUp] | None:
    """Write what is new of a mart since ``before``, and take out what is no more.

    Returns:
        How many rows were written, and what is taken up now; None where the whole mart has to be read to tell what is
        to be done, and nothing was written.
    """
    parts = [part for part in mart.parts if part.path.name not in before.parts]
    deletes = [part for part in mart.deletes if part.path.name not in before.deletes]
    if len(view.join_keys) > 1 or (deletes and view.join_keys[0] not in mart.entity):
        return None
    refused = {one for ids in refused_ids(view, refusals).values() for one in ids}
    with open_duckdb() as connection:
        register_refused(connection, view, refusals)
        new = _sql_of_new(view, mart, parts, before, until_us=until_us)
        make_newest(connection, view, sql_of_permitted(view, new, refusals), mart=mart, until_us=until_us)
        doubtful = (_named(connection, view, deletes) | set(before.withheld)) - refused
        stored = online.stored_versions(config, view, sorted(doubtful))
        _register_doubtful(connection, doubtful, stored, withheld=before.withheld)
        gone = _make_found(connection, view, mart, until_us=until_us, refusals=refusals)
        stored_of_refused = online.stored_versions(config, view, sorted(refused))
        out = [*gone, *stored_of_refused]
        if {entity for _, entity in before.newest} & refused.union(gone):
            return None  # the data may reach less far than they did
        refused_in_new = connection.execute(
            f"select distinct entity from ({new}) where entity in (select id from refused)"
        )
        withheld = refused & {
            *before.withheld,
            *stored_of_refused,
            *(entity for (entity,) in refused_in_new.fetchall()),
        }
        # Noted before it is done: a run that is killed in between is taken up by the next.
        online.note(config, view, replace(before, withheld=tuple(sorted(withheld.union(before.withheld)))).text())
        written, newest = 0, list(before.newest)
        for table in ("newest", "found"):
            for batch in batches_of(connection, f"from {table}"):
                written += online.write_rows(config, view, batch, rewrite=True)
                newest = newest_of(newest, batch)
            if table == "newest":
                for start in range(0, len(out), ROWS_PER_BATCH):
                    online.drop_rows(config, view, out[start : start + ROWS_PER_BATCH])
    after = TakenUp.of(mart, until_us=until_us, newest=newest, withheld=withheld)
    ends = [end for end in (before.data_end_us, after.data_end_us) if end is not None]
    return written, replace(after, data_end_us=max(ends, default=None))


def _sql_of_new(view: "FeatureView", mart: Mart, parts: Sequence[Part], before: TakenUp, *, until_us: int) -> str:
    """Return SQL for the rows of new parts, and for those of earlier parts that have come due since."""
    rows = [sql_of_entities(view, replace(mart, parts=tuple(parts)))] if parts else []
    earlier = tuple(part for part in mart.parts if part not in parts)
    if earlier and until_us > before.until_us:
        # On the column itself, so that files and row groups without such rows are not read.
        due = f'"{mart_source(view).timestamp_field}" > make_timestamptz({before.until_us})'
        rows.append(f"select * from ({sql_of_entities(view, replace(mart, parts=earlier))}) where {due}")
    if not rows:
        rows.append(f"select * from ({sql_of_entities(view, replace(mart, parts=mart.parts[-1:]))}) limit 0")
    return f"select * from ({' union all by name '.join(rows)}) where event_us <= {until_us}"


def _named(connection: "duckdb.DuckDBPyConnection", view: "FeatureView", deletes: Sequence[Part]) -> set[str]:
    """Return the entities of which records of deletes name rows."""
    if not deletes:
        return set()
    (key,) = view.join_keys
    files = sql_list(part.path for part in deletes)
    query = f'select distinct "{key}" from read_parquet({files}) where "{key}" is not null'
    return {entity for (entity,) in connection.execute(query).fetchall()}


def _register_doubtful(
    connection: "duckdb.DuckDBPyConnection",
    entities: Collection[str],
    stored: dict[str, tuple[int, int]],
    *,
    withheld: Collection[str],
) -> None:
    """Make ``doubtful`` known: of each entity the version that is held, which is null where none is.

    What is held of an entity that was withheld says nothing of its newest row: a run that was killed may have written a
    new row of a moment long past, and not yet the one that the rest of the mart has.
    """
    import pyarrow as pa

    names = sorted(entities)
    events, arrivals = ([stored[name][n] if name in stored else None for name in names] for n in (0, 1))
    versions = {"event_us": pa.array(events, pa.int64()), "created_us": pa.array(arrivals, pa.int64())}
    is_withheld = pa.array([name in withheld for name in names])
    connection.register(
        "doubtful", pa.table({"entity": pa.array(names, pa.string()), **versions, "is_withheld": is_withheld})
    )


def _make_found(
    connection: "duckdb.DuckDBPyConnection", view: "FeatureView", mart: Mart, *, until_us: int, refusals: Refusals
) -> list[str]:
    """Make ``found``: the newest row in the whole mart of the entities that new rows do not settle.

    Returns:
        Those of the entities whose held row is no more, whether or not there is another one.
    """
    connection.execute(
        """
        create temp table unsettled as
        select doubtful.* from doubtful left join newest on doubtful.entity = newest.entity
        where is_withheld or doubtful.event_us is null or newest.entity is null
            or doubtful.event_us > newest.event_us
            or (doubtful.event_us = newest.event_us and doubtful.created_us > newest.created_us)
        """
    )
    (unsettled,) = connection.execute("select count(*) from unsettled").fetchall()[0]
    rows = sql_of_permitted(view, sql_of_entities(view, mart), refusals)
    if not unsettled:
        connection.execute("create temp table found as select * from newest limit 0")
        return []
    asked = "entity in (select entity from unsettled)"
    make_newest(connection, view, f"select * from ({rows}) where {asked}", mart=mart, until_us=until_us, table="found")
    versions = "entity, event_us, created_us"
    connection.execute(f"create temp table live as select {versions} from ({rows}) where {asked}")
    ever = f"select {versions} from ({sql_of_entities(view, replace(mart, deletes=()))}) where {asked}"
    connection.execute(f"create temp table ever as {ever}")
    same = "of.entity = unsettled.entity and of.event_us = unsettled.event_us and of.created_us = unsettled.created_us"
    connection.execute(
        f"""
        create temp table gone as
        select entity from unsettled
        where event_us is not null
            and not exists (select 1 from live as of where {same})
            -- What a push brought is in no file; where the mart holds nothing of the entity, it has left with it.
            and (
                exists (select 1 from ever as of where {same})
                or (created_us <= {mart.written_us()} and entity not in (select entity from live))
            )
        """
    )
    connection.execute(
        """
        delete from found where entity not in (select entity from gone)
            and entity in (select entity from unsettled where event_us is not null and not is_withheld)
        """
    )
    return [entity for (entity,) in connection.execute("select entity from gone").fetchall()]
