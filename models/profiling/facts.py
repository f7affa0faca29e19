"""What the marts hold of shoppers, read for one of them or for all at once: the rows that a profile is made of.

Every mart is read once, in the order of the shoppers, whether for one or for a million: a profile that is looked up is
the one that would be made now.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from models.profiling.sources import GROUPS, SCORES

if TYPE_CHECKING:
    import duckdb

AT_ONCE: Final = 5_000
"""Shoppers whose rows are Python objects at the same time, some 50 MB."""
ORDERS_NAMED: Final = 20
"""Orders that stand as evidence, the newest first."""
WORDS: Final = 5
"""Texts that are told of a shopper, the newest first."""

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The rows of one shopper; moments are in UTC, without a zone."""

    account: Row
    """Of ``users``."""
    state: Row | None = None
    """The newest row of ``user_features_daily``; None of whom no behaviour of personal use is known."""
    taste: Row = field(default_factory=dict)
    """The newest row of ``user_taste_features_daily``."""
    rfm: Row | None = None
    channel: Row | None = None
    """``value, visits, total, newest, sessions`` of the most frequent channel."""
    device: Row | None = None
    words: Sequence[Row] = ()
    """``utterance_id, event_timestamp, channel, text``, the newest first."""
    orders: Row | None = None
    """``orders, net_revenue, first, last, order_keys``; None without one."""
    forecast: Row | None = None
    """Of :class:`models.profiling.forecasts.Forecasts`."""
    scores: Row | None = None
    """Of ``churn_scores``."""
    group: Row | None = None
    """Of ``user_groups``."""


def read_facts(
    connection: "duckdb.DuckDBPyConnection",
    users: Sequence[str] | None = None,
    *,
    forecasts: pa.Table | None,
    has_scores: bool,
    has_groups: bool = False,
) -> Iterator[tuple[str, Facts]]:
    """Yield each shopper with their rows, in the order of the ids.

    Args:
        connection: with :data:`models.profiling.sources.MARTS` (and ``churn_scores``, where there are such) as views.
        users: whose rows are read; None for everybody. Those whom ``users`` does not know are passed over.
        forecasts: a row for each customer, in the order of ``user_id``.
        has_scores: whether ``churn_scores`` is among the views.
        has_groups: whether ``user_groups`` is.
    """
    one = ""
    if users is not None:
        connection.register("wanted", pa.table({"user_id": pa.array(list(users), pa.string())}))
        one = "user_id in (select user_id from wanted)"
    queries = _queries(one)
    if has_scores:
        queries["scores"] = _of_each(SCORES, one)
    if has_groups:
        queries["group"] = _of_each(GROUPS, one)
    tables = {name: _Sorted(connection.sql(query).to_arrow_table()) for name, query in queries.items()}
    if forecasts is not None:
        tables["forecast"] = _Sorted(forecasts)
    accounts = tables.pop("account")
    for start in range(0, accounts.rows, AT_ONCE):
        chunk = accounts.between(start, start + AT_ONCE)
        first, last = chunk[0]["user_id"], chunk[-1]["user_id"]
        rows = {name: table.by_user(first, last) for name, table in tables.items()}
        for account in chunk:
            user = account["user_id"]
            single = {name: rows[name][user][0] for name in tables if name != "words" and user in rows[name]}
            yield user, Facts(account=account, words=rows["words"].get(user, ()), **single)


class _Sorted:
    """A table in the order of ``user_id``, of which some shoppers are taken at a time."""

    def __init__(self, table: pa.Table) -> None:
        self._table = _in_utc(table.combine_chunks())
        self._ids = self._table["user_id"]
        self.rows = table.num_rows

    def between(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Return the rows of some places."""
        rows: list[dict[str, Any]] = self._table.slice(start, stop - start).to_pylist()
        return rows

    def by_user(self, first: str, last: str) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of all shoppers from one id to another, both included."""
        start, stop = self._place(first), self._place(last)
        while stop < self.rows and self._ids[stop].as_py() == last:
            stop += 1
        by_user: dict[str, list[dict[str, Any]]] = {}
        for row in self.between(start, stop):
            by_user.setdefault(row["user_id"], []).append(row)
        return by_user

    def _place(self, user: str) -> int:
        return bisect_left(range(self.rows), user, key=lambda place: str(self._ids[place]))


def _in_utc(table: pa.Table) -> pa.Table:
    """Return the table with moments without a zone, in UTC: Python objects with one cost ten times as much."""
    fields = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _of_each(export: str, one: str) -> str:
    return f"select * from {export} {'where ' + one if one else ''} order by user_id"


def _queries(one: str) -> dict[str, str]:
    where, and_also = (f"where {one}", f"and {one}") if one else ("", "")
    newest = """
        select unnest(newest) from (
            select arg_max(rows, feature_timestamp) as newest from {mart} as rows {where} group by user_id
        ) order by newest.user_id
    """
    usual = """
        select user_id, {column} as value, count(*) as visits, max(started_at) as newest,
            arg_max(session_id, started_at, 3) as sessions, sum(count(*)) over (partition by user_id)::bigint as total
        from sessions where {column} is not null {and_also}
        group by user_id, {column}
        qualify row_number() over (partition by user_id order by visits desc, value) = 1
        order by user_id
    """
    return {
        "account": f"select * from users {where} order by user_id",
        "state": newest.format(mart="user_features_daily", where=where),
        "taste": newest.format(mart="user_taste_features_daily", where=where),
        "rfm": f"select * from rfm {where} order by user_id",
        "channel": usual.format(column="channel", and_also=and_also),
        "device": usual.format(column="device", and_also=and_also),
        "words": f"""
            select user_id, utterance_id, event_timestamp, channel, text from utterances
            where user_id is not null {and_also}
            qualify row_number() over (partition by user_id order by event_timestamp desc, utterance_id) <= {WORDS}
            order by user_id, event_timestamp desc, utterance_id
        """,
        "orders": f"""
            select user_id, count(*) as orders, sum(net_revenue)::double as net_revenue,
                min(ordered_at) as first, max(ordered_at) as last,
                arg_max(order_key, ordered_at, {ORDERS_NAMED}) as order_keys
            from orders where ordered_at is not null and user_id is not null {and_also}
            group by user_id order by user_id
        """,
    }
