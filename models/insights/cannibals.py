"""Which items take one another's sales: what an item sells while another one of its category is sold out.

A sale-out is a trial that the shop did not plan: the days around it have the shoppers of both items, and one of the
items only. Sales are compared per visit of the shop, over the 28 days before and after a sale-out. It assumes that
nothing else that concerns the item alone changed with it.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from models.insights.findings import Finding
from models.insights.rates import is_news, rate_ratio

if TYPE_CHECKING:
    import duckdb

DAYS_AROUND: Final = 28
MAX_AGE_DAYS: Final = 180
"""How far back sale-outs are looked at."""
MIN_OUT_DAYS: Final = 3
MIN_UNITS: Final = 10
"""Purchases of the item over all days that are compared."""

STATES: Final = """
    with days as (
        select distinct event_date from daily_kpis where event_date > $first and event_date <= $last
    ), spans as (
        select item_id, is_available, valid_from, valid_to from item_versions
    ), states as (
        -- A day counts as one on which an item could be bought, or could not, where that held for all of it.
        select
            days.event_date, spans.item_id,
            bool_and(spans.is_available) as is_in, bool_or(spans.is_available) as was_in
        from days inner join spans
            on spans.valid_from < ((days.event_date + 1)::timestamp at time zone $zone)
            and (spans.valid_to is null or spans.valid_to > (days.event_date::timestamp at time zone $zone))
        group by days.event_date, spans.item_id
    )
    select event_date, item_id, is_in from states where is_in = was_in order by event_date
"""
SALES: Final = """
    select item_id, event_date, purchases from item_demand_daily
    where event_date > $first and event_date <= $last and purchases > 0
"""


def cannibals(connection: "duckdb.DuckDBPyConnection", ends: datetime, zone: str) -> list[Finding]:
    """Return each pair that can be judged; the finding's ``other`` is the item that takes the subject's sales.

    Args:
        connection: with the marts ``items``, ``item_versions``, ``item_demand_daily`` and ``daily_kpis``.
        ends: when the newest week is over.
        zone: the shop's.
    """
    last = ends.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    span = {"first": last - timedelta(days=MAX_AGE_DAYS), "last": last}
    visits = dict(
        connection.execute(
            "select event_date, sessions from daily_kpis where event_date > $first and event_date <= $last", span
        ).fetchall()
    )
    in_days, out_days = defaultdict[str, set[Any]](set), defaultdict[str, set[Any]](set)
    for day, item_id, is_in in connection.execute(STATES, {**span, "zone": zone}).fetchall():
        (in_days if is_in else out_days)[item_id].add(day)
    sold: dict[str, dict[Any, int]] = defaultdict(dict)
    for item_id, day, purchases in connection.execute(SALES, span).fetchall():
        sold[item_id][day] = purchases
    shelves = defaultdict[str, list[str]](list)
    for item_id, category in connection.execute(
        "select item_id, category from items where category is not null"
    ).fetchall():
        shelves[category].append(item_id)
    shelf_of = {item_id: shelf for shelf in shelves.values() for item_id in shelf}
    pairs = [
        one
        for taker, out in out_days.items()
        if len(out) >= MIN_OUT_DAYS
        for loser in shelf_of.get(taker, [])
        if loser != taker and (one := _pair(taker, loser, out, in_days, sold, visits)) is not None
    ]
    sure = is_news([one["ratio"].p for one in pairs])
    return [_finding(one, bool(sure[place])) for place, one in enumerate(pairs)]


def _pair(
    taker: str,
    loser: str,
    out: set[Any],
    in_days: dict[str, set[Any]],
    sold: dict[str, dict[Any, int]],
    visits: dict[Any, int],
) -> dict[str, Any] | None:
    near = {day + timedelta(days=shift) for day in out for shift in range(-DAYS_AROUND, DAYS_AROUND + 1)}
    without = sorted(day for day in out & in_days[loser] if visits.get(day))
    beside = sorted(day for day in near & in_days[taker] & in_days[loser] if visits.get(day))
    if len(without) < MIN_OUT_DAYS or len(beside) < MIN_OUT_DAYS:
        return None
    units, units_beside = (
        np.array([sold[loser].get(day, 0) for day in days], np.float64) for days in (without, beside)
    )
    if units.sum() + units_beside.sum() < MIN_UNITS:
        return None
    traffic, traffic_beside = (np.array([visits[day] for day in days], np.float64) for days in (without, beside))
    # How much days of the ordinary kind differ by more than chance says how sure the others are.
    expected = units_beside.sum() * traffic_beside / traffic_beside.sum()
    spread = ((units_beside - expected) ** 2 / np.maximum(expected, 1e-9)).sum() / (len(beside) - 1)
    ratio = rate_ratio(
        units.sum(), traffic.sum(), units_beside.sum(), traffic_beside.sum(), dispersion=max(float(spread), 1.0)
    )
    return {
        "taker": taker,
        "loser": loser,
        "ratio": ratio,
        "without": without,
        "beside": beside,
        "counts": (int(units.sum()), int(traffic.sum()), int(units_beside.sum()), int(traffic_beside.sum())),
    }


def _finding(pair: dict[str, Any], is_sure: bool) -> Finding:
    units, traffic, units_beside, traffic_beside = pair["counts"]
    days, other_days = (", ".join(f"date '{day}'" for day in pair[name]) for name in ("without", "beside"))
    loser = "'" + pair["loser"].replace("'", "''") + "'"
    return Finding(
        kind="cannibal",
        subject=pair["loser"],
        other=pair["taker"],
        count=units,
        of=traffic,
        count_before=units_beside,
        of_before=traffic_beside,
        value=pair["ratio"].value,
        low=pair["ratio"].low,
        high=pair["ratio"].high,
        p=pair["ratio"].p,
        is_news=is_sure and pair["ratio"].low > 1,
        rows=f"select * from item_demand_daily where item_id = {loser} and purchases > 0 and event_date in ({days})",
        numbers=f"select {_sums(loser, days, 'count', 'of')}, {_sums(loser, other_days, 'count_before', 'of_before')}",
    )


def _sums(item: str, days: str, purchases: str, visits: str) -> str:
    """Return SQL for what an item sold on some days, and the visits of these days."""
    sold = f"from item_demand_daily where item_id = {item} and event_date in ({days})"
    return (
        f"(select coalesce(sum(purchases), 0)::bigint {sold}) as {purchases}, "
        f'(select sum(sessions)::bigint from daily_kpis where event_date in ({days})) as "{visits}"'
    )
