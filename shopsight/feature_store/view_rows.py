"""The newest rows of a feature view's mart, by SQL over its Parquet files."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from shopsight.consent import TAG
from shopsight.feature_store.connection import UnusableFeaturesError, mart_source
from shopsight.feature_store.online_rows import KEY_SEPARATOR, SQL_TYPES, OnlineRow
from shopsight.marts import Mart
from shopsight.refusals import Refusals

if TYPE_CHECKING:
    import duckdb
    from feast import FeatureView

ROWS_PER_BATCH: Final = 5_000
"""Rows per transaction: readers and other writers wait for none of them, memory stays flat."""
PERSONS: Final = ("user_id", "session_id")
"""Join keys that say whose a row is."""


def refused_ids(view: "FeatureView", refusals: Refusals) -> dict[str, list[str]]:
    """Return, by join key, the ids that a view must not hold: none where it is not of personal use."""
    personal = view.tags.get(TAG) == "personal"
    return {name: sorted(refusals.of(name)) for name in sorted(view.join_keys)} if personal else {}


def register_refused(connection: "duckdb.DuckDBPyConnection", view: "FeatureView", refusals: Refusals) -> None:
    """Make ``refused`` known to a connection: a table of the ids that a view must not hold."""
    import pyarrow as pa

    ids = [one for named in refused_ids(view, refusals).values() for one in named]
    connection.register("refused", pa.table({"id": pa.array(ids, pa.string())}))


def place_of_person(view: "FeatureView") -> int:
    """Return which of an entity's values says whose it is, from 1."""
    return next((n for n, key in enumerate(sorted(view.join_keys), start=1) if key in PERSONS), 1)


def refuse_missing_columns(connection: "duckdb.DuckDBPyConnection", view: "FeatureView", mart: Mart) -> None:
    """Refuse a mart that has not every column of its view.

    Raises:
        UnusableFeaturesError: it lacks one.
    """
    source = mart_source(view)
    created = source.created_timestamp_column or source.timestamp_field
    needed = {*view.join_keys, source.timestamp_field, created, *(field.name for field in view.features)}
    missing = sorted(needed - {column[0] for column in connection.execute(f"describe {mart.rows()}").fetchall()})
    if missing:
        raise UnusableFeaturesError(
            f"The mart {mart.name} lacks {', '.join(missing)}.",
            why=f"the feature view {view.name!r} and the mart behind it have drifted apart",
            fix="make the view in feature_repo and the dbt model agree, then build the warehouse again",
        )


def sql_of_entities(view: "FeatureView", mart: Mart) -> str:
    """Return SQL for the rows of a mart, each with its entity and the moments ``event_us`` and ``created_us``."""
    source = mart_source(view)
    created = source.created_timestamp_column or source.timestamp_field
    entity = f" || '{KEY_SEPARATOR}' || ".join(f'"{name}"' for name in sorted(view.join_keys))
    return (
        f'select {entity} as entity, epoch_us("{source.timestamp_field}") as event_us, '
        f'epoch_us("{created}") as created_us, * from ({mart.rows()}) where entity is not null'
    )


def sql_of_permitted(view: "FeatureView", rows: str, refusals: Refusals) -> str:
    """Return SQL for those of some rows whose shoppers do not refuse; ``refused`` has to be registered."""
    named = refused_ids(view, refusals)
    allowed = [f'"{name}" not in (select id from refused)' for name, ids in named.items() if ids]
    return f"select * from ({rows}) where {' and '.join(allowed) or 'true'}"


def make_newest(
    connection: "duckdb.DuckDBPyConnection",
    view: "FeatureView",
    rows: str,
    *,
    mart: Mart,
    until_us: int,
    table: str = "newest",
    lifetime_us: int | None = None,
) -> None:
    """Make a temporary table of each entity's newest row, as known at a moment, in the order of the entities.

    Args:
        connection: a database of one's own.
        view: says which columns, and of which types.
        rows: SQL as of :func:`sql_of_entities`.
        mart: where they are from.
        until_us: what became known later is left out.
        table: its name.
        lifetime_us: rows that are so much older than the newest of all are left out.

    Raises:
        UnusableFeaturesError: a column of the view holds infinite values or NaN.
    """
    fresh = "true" if lifetime_us is None else f"event_us >= max(event_us) over () - {lifetime_us}"
    features = ", ".join(f'cast("{f.name}" as {SQL_TYPES[str(f.dtype)]}) as "{f.name}"' for f in view.features)
    connection.execute(
        f"""
        create or replace temp table {table} as
        select entity, event_us, created_us, {features}
        from ({rows})
        where event_us <= $until_us
        qualify row_number() over (partition by entity order by event_us desc, created_us desc) = 1 and {fresh}
        -- In the order of the keys, a million of them go into the online store's index one after another.
        order by entity
        """,
        {"until_us": until_us},
    )
    _refuse_infinite(connection, view, table=table, mart=mart.name)


def batches_of(connection: "duckdb.DuckDBPyConnection", query: str) -> Iterator[list[OnlineRow]]:
    """Yield what a query returns as rows of the online store, some at a time."""
    for batch in connection.sql(query).to_arrow_reader(ROWS_PER_BATCH):
        yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _refuse_infinite(connection: "duckdb.DuckDBPyConnection", view: "FeatureView", *, table: str, mart: str) -> None:
    """Feast would store and serve infinities and NaN; a model fed with one answers nonsense."""
    numbers = [field.name for field in view.features if str(field.dtype) == "Float64"]
    for name in numbers:
        query = f'select entity from {table} where not isfinite("{name}") limit 1'
        bad = connection.execute(query).fetchone()
        if bad is not None:
            raise UnusableFeaturesError(
                f"The column {name!r} of {mart} holds a number that is infinite or NaN (for {bad[0]!r}).",
                why="a division by zero or an overflow in the SQL that makes it",
                fix="make the dbt model return null where the figure is undefined, then build the warehouse again",
            )
