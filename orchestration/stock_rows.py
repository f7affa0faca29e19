"""What the forecasts and the list of orders read of a home: sales by day, stock-outs, items and counts of the stock."""

from typing import TYPE_CHECKING

from models.stock.book import StockBook
from shopsight.live_items import LiveItems
from shopsight.marts import open_marts, sql_list
from shopsight.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from models.stock.plan import Shop

DAYS = """
    select item_id, event_date::timestamp as date, units::double as units, category, mean_price::double as price
    from item_demand_daily
"""
OUTAGES = """
    select
        item_id,
        timezone($zone, valid_from) as begins,
        timezone($zone, valid_to) as ends
    from item_versions
    where not is_available and coalesce(valid_to > valid_from, true)
    order by item_id, begins
"""
ITEMS = """
    select
        items.item_id,
        items.title,
        items.price,
        items.is_listed,
        case when not items.is_available then timezone($zone, coalesce(items.described_at, 'epoch'::timestamptz)) end
            as unavailable_since
    from items
"""
COUNTS = """
    select
        item_id,
        timezone($zone, coalesce(counted_at, created_timestamp)) as counted_at,
        units_on_hand,
        units_on_order,
        timezone($zone, arrives_at) as arrives_at,
        unit_cost::double as unit_cost,
        supplier
    from read_parquet({files}, hive_partitioning = false)
    order by counted_at, created_timestamp
"""


def read_days(settings: Settings) -> "pd.DataFrame":
    """Return ``item_id, date, units, category, price``: a row per item and day of the shop with events."""
    with open_marts(settings, ["item_demand_daily"]) as connection:
        days: pd.DataFrame = connection.sql(DAYS).df()
    return days


def read_outages(settings: Settings) -> "pd.DataFrame":
    """Return ``item_id, begins, ends``: when the catalogue said that an item cannot be bought, in the shop's zone."""
    with open_marts(settings, ["item_versions"]) as connection:
        outages: pd.DataFrame = connection.execute(OUTAGES, {"zone": settings.zone}).df()
    return outages


def read_shop(settings: Settings, days: "pd.DataFrame") -> "Shop":
    """Return what the list of orders is made of; counts are empty where the shop has sent none.

    Args:
        settings: where all of it is.
        days: by :func:`read_days`.

    Raises:
        ShopsightError: ``stock.yml`` is not valid.
    """
    from models.stock.plan import Shop

    files = sorted(settings.event_log_dir.glob("arrival_date=*/batch=*/inventory.parquet"))
    with open_marts(settings, ["items"]) as connection:
        items = connection.execute(ITEMS, {"zone": settings.zone}).df()
        counts = connection.execute(
            COUNTS.format(files=sql_list(files)) if files else NO_COUNTS, {"zone": settings.zone} if files else None
        ).df()
    return Shop(days=days, items=_as_of_now(settings, items), counts=counts, book=StockBook.read(settings.stock_path))


NO_COUNTS = """
    select
        null::varchar as item_id,
        null::timestamp as counted_at,
        null::double as units_on_hand,
        null::double as units_on_order,
        null::timestamp as arrives_at,
        null::double as unit_cost,
        null::varchar as supplier
    where false
"""


def _as_of_now(settings: Settings, items: "pd.DataFrame") -> "pd.DataFrame":
    """Have items be as the collector was told since the warehouse was built."""
    import pandas as pd

    live = LiveItems(settings.live_items_path).read()
    if not live:
        return items
    zone = settings.zone
    rows = items.set_index("item_id")
    for item in live.values():
        if item.item_id in rows.index and item.described_at is not None:
            since = pd.Timestamp(item.described_at).tz_convert(zone).tz_localize(None)
            rows.loc[item.item_id, "unavailable_since"] = pd.NaT if item.is_available else since
            rows.loc[item.item_id, "is_listed"] = item.is_listed
    return rows.reset_index()
