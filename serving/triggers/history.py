"""What happened before now, as triggers read it: events of the log, versions of items, and orders that fall due."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from models.triggers.book import FirstOrderFollowUp, Replenishment, TriggerBook, WinBack
from models.triggers.engine import Due, Evidence, ItemChange
from shopsight.marts import export_path, mart_at, mart_exists, open_duckdb
from shopsight.settings import Settings

if TYPE_CHECKING:
    import duckdb

COLUMNS: Final = (
    *("event_id", "line_number", "event_name", "event_timestamp", "user_id", "anonymous_id", "item_id", "query"),
    *("order_id", "consent", "source"),
)
"""What is read of an event."""
EVENTS: Final = f"""
    select {", ".join(COLUMNS)} from read_parquet($files, hive_partitioning = false)
    where event_timestamp >= $since and event_timestamp < $until and event_name != 'refund'
    qualify row_number() over (
        partition by source, event_id, line_number, event_name, item_id, order_id order by created_timestamp desc
    ) = 1
    order by event_timestamp, event_id, line_number
"""
NEWEST: Final = """
    select max(event_timestamp) from read_parquet($files, hive_partitioning = false) where event_timestamp < $until
"""
VERSIONS: Final = """
    with versions as (
        select
            item_id, valid_from, valid_to, price::double as price, currency,
            coalesce(is_available, true) as available,
            lead(valid_from) over (partition by item_id order by valid_from) as next_from
        from item_versions where valid_from < $until
    )
    select item_id, valid_from, price, currency, available from versions
    where valid_from >= $since or valid_to is null or valid_to > $since
    union all
    select item_id, valid_to, price, currency, false from versions
    where valid_to >= $since and valid_to < $until and valid_to is distinct from next_from
    order by 2, 1
"""
ORDERS: Final = """
    with all_orders as (
        select user_id, order_key as cause, ordered_at from orders where ordered_at is not null
        union all
        select user_id, cause, ordered_at from live_orders
        where ordered_at > (select coalesce(max(ordered_at), '-infinity') from orders)
    )
    select user_id, cause, ordered_at, row_number() over shopper as place, lead(ordered_at) over shopper as next_at
    from all_orders window shopper as (partition by user_id order by ordered_at, cause)
"""
AFTER_ORDERS: Final = """
    select user_id, cause, ordered_at, ordered_at + to_microseconds($wait) as due_at from placed
    where {condition} and ordered_at + to_microseconds($wait) >= $since and ordered_at + to_microseconds($wait) < $until
        and (next_at is null or next_at > ordered_at + to_microseconds($wait))
    order by due_at, user_id
"""
REFILLS: Final = """
    with bought as (
        select user_id, item_id, order_key as cause, ordered_at from order_items
        where ordered_at is not null and quantity > 0
        union all
        select user_id, item_id, cause, ordered_at from live_items
        where ordered_at > (select coalesce(max(ordered_at), '-infinity') from order_items)
    ), placed as (
        select *, lead(ordered_at) over (partition by user_id, item_id order by ordered_at, cause) as next_at
        from bought
    ), usual as (
        -- Of what was known when the span begins: a repeat of later teaches nothing about it.
        select item_id, median(date_diff('microsecond', ordered_at, next_at)) as wait, count(*) as repeats
        from placed where next_at < $since and next_at > ordered_at group by item_id having count(*) >= $min_repeats
    ), waiting as (
        select *, ordered_at + to_microseconds(wait::bigint - $lead) as due_at from placed join usual using (item_id)
    )
    select user_id, item_id, cause, ordered_at, due_at, wait / 86400e6 as days, repeats from waiting
    where due_at >= $since and due_at < $until and (next_at is null or next_at > due_at)
    order by due_at, user_id, item_id
"""


def event_files(settings: Settings, since: datetime) -> list[str]:
    """Return the files of the log that can hold events of a moment or later: nothing arrives before it happened."""
    first = f"arrival_date={since.date()}"
    folders = [one for one in sorted(settings.event_log_dir.glob("arrival_date=*")) if one.name >= first]
    return [str(path) for folder in folders for path in sorted(folder.glob("batch=*/events/*.parquet"))]


def events_of_log(settings: Settings, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    """Yield the events of the log in ``[since, until)`` in the order in which they happened."""
    files = event_files(settings, since)
    if not files:
        return
    with open_duckdb() as connection:
        events = connection.sql(EVENTS, params={"files": files, "since": since, "until": until})
        reader = events.to_arrow_reader(10_000)
        for batch in reader:
            yield from batch.to_pylist()


def newest_event(settings: Settings, *, before: datetime) -> datetime | None:
    """Return when the newest event of the log happened; None of an empty log."""
    files = event_files(settings, datetime.min.replace(tzinfo=before.tzinfo))
    if not files:
        return None
    with open_duckdb() as connection:
        row = connection.execute(NEWEST, {"files": files, "until": before}).fetchone()
    return row[0] if row else None


def item_changes(settings: Settings, since: datetime, until: datetime) -> list[ItemChange]:
    """Return what the warehouse says of items: their state when a span begins, and each change within it, in order."""
    if not mart_exists(export_path(settings, "item_versions")):
        return []
    with _marts(settings, ["item_versions"]) as connection:
        rows = connection.execute(VERSIONS, {"since": since, "until": until}).fetchall()
    return [
        ItemChange(at=at, item_id=item_id, price=price, currency=currency, is_available=available)
        for item_id, at, price, currency, available in rows
    ]


def due_after_orders(
    settings: Settings,
    book: TriggerBook,
    since: datetime,
    until: datetime,
    *,
    live: Sequence[tuple[str, str, datetime, str | None]] = (),
) -> list[Due]:
    """Return what falls due within ``[since, until)`` because of orders, as was known by then.

    Args:
        settings: the home.
        book: the triggers.
        since: first moment.
        until: first moment that does not count.
        live: user, order, time and item of purchases that may not be in the marts yet.
    """
    rules = [one for one in book.triggers if isinstance(one, WinBack | FirstOrderFollowUp | Replenishment)]
    names = ("orders", "order_items")
    if not rules or not all(mart_exists(export_path(settings, name)) for name in names):
        return []
    moments: list[Due] = []
    with _marts(settings, names) as connection:
        _register(connection, live)
        connection.execute(f"create table placed as {ORDERS}")
        span = {"since": since, "until": until}
        for rule in rules:
            if isinstance(rule, Replenishment):
                lead = timedelta(days=rule.lead_days) // timedelta(microseconds=1)
                rows = connection.execute(REFILLS, span | {"min_repeats": rule.min_repeats, "lead": lead}).fetchall()
                moments += [_refill(rule, *row) for row in rows]
                continue
            wait = timedelta(days=rule.after_days) // timedelta(microseconds=1)
            condition = "place = 1" if isinstance(rule, FirstOrderFollowUp) else "true"
            query = AFTER_ORDERS.format(condition=condition)
            moments += [_after(rule, *row) for row in connection.execute(query, span | {"wait": wait}).fetchall()]
    return moments


def _after(rule: WinBack | FirstOrderFollowUp, user: str, cause: str, ordered_at: datetime, due_at: datetime) -> Due:
    what = "first order" if isinstance(rule, FirstOrderFollowUp) else "latest order"
    evidence = Evidence(what=what, at=ordered_at, event_id=cause, detail=f"no other order for {rule.after_days:g} days")
    return Due(trigger=rule.name, when=rule.when, shopper=user, at=due_at, cause=cause, evidence=(evidence,))


def _refill(
    rule: Replenishment,
    user: str,
    item_id: str,
    cause: str,
    ordered_at: datetime,
    due_at: datetime,
    days: float,
    repeats: int,
) -> Due:
    detail = f"bought again after {days:.1f} days in the median of {repeats} repeats"
    evidence = Evidence(what="order of the item", at=ordered_at, event_id=cause, item_id=item_id, detail=detail)
    return Due(
        trigger=rule.name,
        when=rule.when,
        shopper=user,
        at=due_at,
        cause=f"{item_id}@{cause}",
        item_ids=(item_id,),
        evidence=(evidence,),
    )


def _marts(settings: Settings, names: Sequence[str]) -> "duckdb.DuckDBPyConnection":
    connection = open_duckdb()
    for name in names:
        connection.execute(f'create view "{name}" as {mart_at(Path(export_path(settings, name))).rows()}')
    return connection


def _register(connection: "duckdb.DuckDBPyConnection", live: Sequence[tuple[str, str, datetime, str | None]]) -> None:
    import pyarrow as pa

    users, causes, moments, items = (list(column) for column in zip(*live, strict=True)) if live else ([], [], [], [])
    rows = pa.table(
        {
            "user_id": pa.array(users, pa.string()),
            "cause": pa.array(causes, pa.string()),
            "ordered_at": pa.array(moments, pa.timestamp("us", tz="UTC")),
            "item_id": pa.array(items, pa.string()),
        }
    )
    connection.register("live_lines", rows)
    connection.execute("create view live_items as select * from live_lines where item_id is not null")
    connection.execute(
        "create view live_orders as select user_id, cause, min(ordered_at) as ordered_at from live_lines group by all"
    )
