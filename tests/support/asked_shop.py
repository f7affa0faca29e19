"""A shop of some hundred shoppers as marts in memory: who looks often buys often, and nothing else is to be known."""

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from shopsight.contracts import USER_FEATURES, USER_TASTE_FEATURES

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
CATEGORIES = ("Sports > Running > Shoes", "Sports > Fitness", "Kitchen > Coffee")
BRANDS = ("Veloria", "Moka & Co")
ITEMS = [
    {"item_id": f"i_{number}", "category": CATEGORIES[number % 3], "brand": BRANDS[number % 2], "price": 10.0 + number}
    for number in range(6)
]


def asked_shop(*, shoppers: int = 300, days: int = 90, seed: int = 5) -> duckdb.DuckDBPyConnection:
    """Return the marts that questions are answered from."""
    rng = np.random.default_rng(seed)
    deeds: list[dict[str, Any]] = []
    for number in range(shoppers):
        eagerness = rng.beta(1.0, 8.0)
        for day in np.flatnonzero(rng.random(days) < eagerness):
            at = FIRST_DAY + timedelta(days=int(day), hours=10, seconds=number)
            item = ITEMS[int(rng.integers(6))]
            deeds.append({"user_id": f"u_{number:03}", "event_name": "view_item", "at": at, **item})
            if rng.random() < 0.4:
                deeds.append({"user_id": f"u_{number:03}", "event_name": "purchase", "at": at, **item})
    return marts_of(deeds)


def marts_of(deeds: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """Return marts in which these views and purchases, and nothing else, happened; each arrived as it happened."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.register("deeds", pa.Table.from_pylist(deeds))
    connection.register("items", pa.Table.from_pylist(ITEMS))
    state = {
        "events_7d": "count(*) over last_week",
        "views_28d": "count(*) filter (where event_name = 'view_item') over last_month",
        "revenue_28d": "sum(price) filter (where event_name = 'purchase') over last_month",
        "purchases_28d": "count(*) filter (where event_name = 'purchase') over last_month",
    }
    columns = ", ".join(f"{state.get(name, 'null')} as {name}" for name in USER_FEATURES)
    tastes = ", ".join(f"null as {name}" for name in USER_TASTE_FEATURES)
    connection.execute(f"""
        create table interactions as
        select user_id, item_id, event_name, deeds.at as event_timestamp, deeds.at as created_timestamp,
            price
        from deeds;
        create table order_items as
        select user_id, item_id, category, brand, deeds.at as ordered_at, 'o' || user_id || deeds.at as order_key,
            1 as quantity, price as gross_revenue, null::timestamptz as refunded_at, null::double as refunded_revenue
        from deeds where event_name = 'purchase';
        create table sessions as
        select distinct user_id, deeds.at as started_at, user_id || deeds.at as session_id, false as is_bot,
            0 as checkouts
        from deeds;
        create table utterances (user_id varchar, event_timestamp timestamptz, created_timestamp timestamptz,
            utterance_id varchar, channel varchar);
        create table reviews (user_id varchar, event_timestamp timestamptz, created_timestamp timestamptz,
            review_id varchar, item_id varchar, category varchar, stars double);
        create table users as select distinct user_id, null::varchar as age_band, null::varchar as gender from deeds;
        create table user_features_daily as
        select distinct on (user_id, feature_timestamp) *, feature_timestamp as created_timestamp from (
            select user_id, date_trunc('day', deeds.at) + interval 1 day as feature_timestamp, {columns} from deeds
            window last_week as (partition by user_id order by deeds.at::date range between interval 6 days preceding
                and current row),
            last_month as (partition by user_id order by deeds.at::date range between interval 27 days preceding
                and current row));
        create table user_taste_features_daily as
        select user_id, feature_timestamp, created_timestamp, {tastes} from user_features_daily;
        create table user_order_history_daily as
        select days.user_id, days.feature_timestamp, days.created_timestamp,
            epoch_us(max(deeds.at)) as last_seen_us,
            list(epoch_us(deeds.at)::varchar order by deeds.at) as ordered_us,
            list(deeds.price::varchar order by deeds.at) as order_values
        from user_features_daily as days inner join deeds
            on days.user_id = deeds.user_id and deeds.at < days.feature_timestamp and deeds.event_name = 'purchase'
        group by all;
    """)
    return connection
