"""Shoppers at cut-off dates: who was in the population, what was known of them then, and what they did afterwards.

Everything is counted by DuckDB over all shoppers and dates at once. A feature reads rows that happened before the
cut-off and had arrived by it; a label reads rows from the cut-off on. Shapes: R rows, F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.asking.deeds import counted, holds, rows_of
from models.asking.question import Action, Question
from models.churn.dataset import read_histories
from models.churn.histories import Histories
from models.columns import encode
from models.evaluation.fairness import Groups, groups_of
from shopsight.contracts import USER_FEATURES, USER_ORDER_HISTORY, USER_TASTE_FEATURES

if TYPE_CHECKING:
    import duckdb

Floats = NDArray[np.float64]

MARTS: Final = ("user_features_daily", "user_taste_features_daily", "user_order_history_daily")
"""Marts of features that are read as of the cut-off."""
STATE: Final = tuple(name for name in USER_FEATURES if name != "favourite_category")
TASTE: Final = tuple(name for name in USER_TASTE_FEATURES if name not in ("top_categories", "top_brands"))
WINDOWS: Final = (7, 28, 90)
"""Days behind the cut-off in which the asked thing is counted."""
STEP_DAYS: Final = 7
"""Days between cut-offs, back from the newest day, as in the mart ``churn_labels``."""
IMPORTED_DAYS: Final = 30
"""Where most of a mart arrived later than this, it was imported as history, and arrivals say nothing."""


@dataclass(frozen=True, kw_only=True)
class CaseRows:
    """The population at each cut-off date."""

    users: NDArray[np.object_]
    """User id of each row, shape (R,)."""
    people: NDArray[np.intp]
    """Number of each row's shopper."""
    as_of: Floats
    """The cut-off of each row, in days since 1970 UTC."""
    outcomes: NDArray[np.bool_]
    """Whether the target was done within the horizon; meaningless until the horizon is over."""
    names: tuple[str, ...]
    features: Floats
    """Shape (R, F); ``nan`` where missing. Those of orders are added where the model is fitted."""
    known_at: Floats
    """When the newest of each row's features was known, in days since 1970 UTC."""
    since_last: Floats
    """Days since the target was done last, infinite where never; of several targets those of the first."""
    done_before: Floats
    """How often it was done before."""
    has_ordered: NDArray[np.bool_]
    histories: Histories
    """Of the rows that have ordered, in their order."""
    groups: Groups
    """Age band and gender, for the gaps between groups alone."""

    def __len__(self) -> int:
        return len(self.users)

    def take(self, chosen: NDArray[np.bool_]) -> "CaseRows":
        """Return the rows where ``chosen`` is true."""
        columns = {
            name: getattr(self, name)[chosen]
            for name in (
                "users",
                "people",
                "as_of",
                "outcomes",
                "features",
                "known_at",
                "since_last",
                "done_before",
                "has_ordered",
            )
        }
        return CaseRows(
            names=self.names,
            histories=self.histories.take(chosen[self.has_ordered]),
            groups={name: column[chosen] for name, column in self.groups.items()},
            **columns,
        )


def log_span(connection: "duckdb.DuckDBPyConnection") -> tuple[float, float]:
    """Return the first and last midnight that end a day of the log, in days since 1970 UTC; 0, 0 without one."""
    query = "select epoch_us(min(feature_timestamp)) / 86400e6, epoch_us(max(feature_timestamp)) / 86400e6"
    first, last = connection.execute(f"{query} from user_features_daily").fetchall()[0]
    return (0.0, 0.0) if first is None else (float(first), float(last))


def case_rows(
    connection: "duckdb.DuckDBPyConnection",
    question: Question,
    dates: Sequence[float],
    *,
    max_rows: int | None = None,
) -> CaseRows:
    """Return the population of a question at each date.

    Args:
        connection: with the marts as views.
        question: what is asked.
        dates: cut-offs, in days since 1970 UTC; midnights.
        max_rows: draw shoppers by a hash of their ids, whole, where there would be more rows.
    """
    _dates(connection, dates)
    _cases(connection, max_rows)
    joins, columns, conditions = [], [], ["true"]
    if question.subject == "customers":
        conditions.append("orders.ordered_us is not null")
    for number, action in enumerate(question.conditions):
        _count(connection, f"condition_{number}", action, past=True)
        joins.append(f"condition_{number}")
        conditions.append(
            holds(action, f"coalesce(condition_{number}.times, 0)", f"coalesce(condition_{number}.money, 0)")
        )
    wanted = []
    for number, action in enumerate(question.target):
        _count(connection, f"target_{number}", action, past=False, horizon=question.horizon_days)
        _history(connection, f"history_{number}", action)
        joins += [f"target_{number}", f"history_{number}"]
        wanted.append(holds(action, f"coalesce(target_{number}.times, 0)", f"coalesce(target_{number}.money, 0)"))
        counts = [f"done_{days}d" for days in WINDOWS] + ["done_before", "money_before"]
        columns += [f"coalesce(history_{number}.{name}, 0)::double as {name}_{number}" for name in counts]
        columns.append(f"history_{number}.since_last as since_last_{number}")
    state = [f"state.{name}::double as {name}" for name in STATE]
    taste = [f"taste.{name}::double as {name}" for name in TASTE]
    joined = " ".join(
        f"left join {name} on cases.user_id = {name}.user_id and cases.as_of = {name}.as_of" for name in joins
    )
    table = connection.sql(f"""
        with seen as (
            select cases.user_id, cases.as_of, state.* exclude (user_id)
            from cases asof join {visible_rows(connection, "user_features_daily", STATE)} as state
                on cases.user_id = state.user_id and cases.as_of >= state.visible
        ),
        tasted as (
            select cases.user_id, cases.as_of, taste.* exclude (user_id)
            from cases asof join {visible_rows(connection, "user_taste_features_daily", TASTE)} as taste
                on cases.user_id = taste.user_id and cases.as_of >= taste.visible
        ),
        ordered as (
            select cases.user_id, cases.as_of, orders.* exclude (user_id)
            from cases asof join {visible_rows(connection, "user_order_history_daily", USER_ORDER_HISTORY)} as orders
                on cases.user_id = orders.user_id and cases.as_of >= orders.visible
        )
        select cases.user_id, cases.as_of as event_timestamp, {" and ".join(wanted)} as outcome,
            epoch_us(greatest(state.visible, taste.visible, orders.visible)) / 86400e6 as known_at,
            {", ".join(columns)}, epoch_us(cases.as_of - state.feature_timestamp) / 86400e6 as days_since_active_day,
            {", ".join(state)}, {", ".join(taste)},
            orders.last_seen_us, orders.ordered_us, orders.order_values, users.age_band, users.gender
        from cases
        inner join seen as state on cases.user_id = state.user_id and cases.as_of = state.as_of
        left join tasted as taste on cases.user_id = taste.user_id and cases.as_of = taste.as_of
        left join ordered as orders on cases.user_id = orders.user_id and cases.as_of = orders.as_of
        left join users on cases.user_id = users.user_id
        {joined}
        where {" and ".join(conditions)}
        order by cases.as_of, cases.user_id
    """).to_arrow_table()
    return _read(table, targets=len(question.target))


def _read(table: pa.Table, *, targets: int) -> CaseRows:
    names = [
        f"{name}_{number}"
        for number in range(targets)
        for name in (*(f"done_{days}d" for days in WINDOWS), "done_before", "money_before", "since_last")
    ]
    names += ["days_since_active_day", *STATE, *TASTE]
    features = np.column_stack([_floats(table[name]) for name in names]) if len(table) else np.empty((0, len(names)))
    has_ordered = pc.is_valid(table["ordered_us"])
    customers = table.filter(has_ordered).combine_chunks()
    as_of = np.asarray(table["event_timestamp"].cast(pa.int64()).to_numpy(), dtype=np.float64) / 86_400e6
    since_last = _floats(table["since_last_0"])
    return CaseRows(
        users=np.array(table["user_id"].to_pylist(), dtype=np.object_),
        people=encode(table["user_id"]).places if len(table) else np.empty(0, dtype=np.intp),
        as_of=as_of,
        outcomes=np.asarray(table["outcome"].to_numpy(zero_copy_only=False), dtype=np.bool_),
        names=tuple(names),
        features=features,
        known_at=_floats(table["known_at"]),
        since_last=np.where(np.isnan(since_last), np.inf, since_last),
        done_before=_floats(table["done_before_0"]),
        has_ordered=np.asarray(has_ordered.to_numpy(zero_copy_only=False), dtype=np.bool_),
        histories=read_histories(customers),
        groups=groups_of(table) if len(table) else {},
    )


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _dates(connection: "duckdb.DuckDBPyConnection", dates: Sequence[float]) -> None:
    moments = pa.array([int(date * 86_400) * 1_000_000 for date in dates], pa.timestamp("us", tz="UTC"))
    connection.register("cut_offs", pa.table({"as_of": moments}))


def _cases(connection: "duckdb.DuckDBPyConnection", max_rows: int | None) -> None:
    """Make the table of shoppers at the dates on which something was known of them."""
    connection.execute("""
        create or replace temp table cases as
        select seen.user_id, cut_offs.as_of
        from (select user_id, min(feature_timestamp) as first_day from user_features_daily group by user_id) as seen
        inner join cut_offs on seen.first_day <= cut_offs.as_of
    """)
    ((rows,),) = connection.execute("select count(*) from cases").fetchall()
    if max_rows is not None and rows > max_rows:
        share = int(10_000 * max_rows / rows)
        connection.execute(f"delete from cases where hash(user_id) % 10000 >= {share}")


def _count(connection: "duckdb.DuckDBPyConnection", name: str, action: Action, *, past: bool, horizon: int = 0) -> None:
    """Make the table of how often, and for how much, an action was done before or after each cut-off."""
    if past:
        span = "deeds.at < cut_offs.as_of"
        span += f" and deeds.at >= cut_offs.as_of - interval '{action.days} days'" if action.days else ""
        span += "" if imported(connection, "interactions") else " and deeds.known_at <= cut_offs.as_of"
    else:
        span = f"deeds.at >= cut_offs.as_of and deeds.at < cut_offs.as_of + interval '{horizon} days'"
    connection.execute(f"""
        create or replace temp table {name} as
        select deeds.user_id, cut_offs.as_of, count(distinct deeds.{counted(action)}) as times,
            sum(deeds.money) as money
        from ({rows_of(action)}) as deeds inner join cut_offs on {span}
        group by deeds.user_id, cut_offs.as_of
    """)


def _history(connection: "duckdb.DuckDBPyConnection", name: str, action: Action) -> None:
    """Make the table of what each shopper had done of the target before each cut-off."""
    windows = ", ".join(
        f"count(distinct deeds.unit) filter (where deeds.at >= cut_offs.as_of - interval '{days} days') as done_{days}d"
        for days in WINDOWS
    )
    arrived = "" if imported(connection, "interactions") else " and deeds.known_at <= cut_offs.as_of"
    connection.execute(f"""
        create or replace temp table {name} as
        select deeds.user_id, cut_offs.as_of, {windows}, count(distinct deeds.unit) as done_before,
            sum(deeds.money) as money_before, min(epoch_us(cut_offs.as_of - deeds.at)) / 86400e6 as since_last
        from ({rows_of(action)}) as deeds inner join cut_offs on deeds.at < cut_offs.as_of{arrived}
        group by deeds.user_id, cut_offs.as_of
    """)


def visible_rows(connection: "duckdb.DuckDBPyConnection", mart: str, columns: Sequence[str]) -> str:
    """Return SQL for a mart's rows with the moment from which on each is the newest that is known.

    A row that comes to light after a newer one is never the newest.
    """
    moment = "feature_timestamp" if imported(connection, mart) else "greatest(feature_timestamp, created_timestamp)"
    return f"""(
        select user_id, feature_timestamp, {", ".join(columns)}, {moment} as visible from {mart}
        qualify coalesce(feature_timestamp > max(feature_timestamp) over (
            partition by user_id order by {moment}, feature_timestamp rows between unbounded preceding and 1 preceding
        ), true)
    )"""


def imported(connection: "duckdb.DuckDBPyConnection", mart: str) -> bool:
    """Return whether most of a mart arrived long after it happened: then arrival says only when it was imported."""
    moment = "event_timestamp" if mart == "interactions" else "feature_timestamp"
    late = f"(created_timestamp - {moment} > interval '{IMPORTED_DAYS} days')"
    query = f"select coalesce(avg({late}::int), 0) > .5 from {mart}"
    ((answer,),) = connection.execute(query).fetchall()
    return bool(answer)
