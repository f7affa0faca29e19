"""What groups are made of: a row of traits per shopper as of a midnight, from the feature marts, all shoppers at once.

Shapes: U shoppers, T traits.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import duckdb

Floats = NDArray[np.float64]

MARTS: Final = ("user_features_daily", "user_taste_features_daily")
"""Marts that the traits are read from."""
TRAITS: Final[dict[str, tuple[str, str, str, str, str]]] = {
    "orders": ("ln(1 + state.orders_total)", "order often", "order seldom", "下单多", "下单少"),
    "silence": (
        "ln(1 + {age} + state.days_since_last_event)",
        "have been away for long",
        "came lately",
        "久未来访",
        "最近来过",
    ),
    "visits": ("ln(1 + state.sessions_28d)", "visit often", "visit seldom", "来访频繁", "来访少"),
    "views": ("ln(1 + state.views_28d)", "look at much", "look at little", "浏览多", "浏览少"),
    "buying": (
        "coalesce(taste.buying_share_28d, 0)",
        "fill carts and buy",
        "look without buying",
        "加购下单多",
        "只看不买",
    ),
    "searching": ("coalesce(taste.search_share_28d, 0)", "search", "do not search", "常搜索", "不搜索"),
    "prices": (
        "ln(1 + coalesce(state.mean_price_28d, taste.price_median_28d))",
        "like dear things",
        "like cheap things",
        "偏好高价",
        "偏好低价",
    ),
}
"""Of each trait: its SQL (``{age}``: days since the row's day), and what those above and below the average do.

In English, then in Chinese.
"""


@dataclass(frozen=True, kw_only=True)
class ShopperTraits:
    """Shoppers as of a midnight."""

    users: NDArray[np.object_]
    """Shape (U,)."""
    traits: Floats
    """Shape (U, T), in the order of :data:`TRAITS`; a price that nobody knows is the median."""
    revenue: Floats
    """Revenue of 28 days."""
    orders: Floats
    """Orders so far."""


def read_traits(connection: "duckdb.DuckDBPyConnection", as_of: float, *, min_events: int = 3) -> ShopperTraits:
    """Return the shoppers who did anything worth a group by a midnight.

    Args:
        connection: with :data:`MARTS` as views.
        as_of: in days since 1970 UTC.
        min_events: whoever did less in 28 days, and never ordered, is a passer-by and in no group.
    """
    moment = f"make_timestamptz({int(as_of * 86_400) * 1_000_000})"
    newest = "qualify row_number() over (partition by user_id order by feature_timestamp desc) = 1"
    age = f"epoch_us({moment} - state.feature_timestamp) / 86400e6"
    columns = ", ".join(f"({sql.format(age=age)})::double as {name}" for name, (sql, *_) in TRAITS.items())
    table = connection.sql(f"""
        with state as (select * from user_features_daily where feature_timestamp <= {moment} {newest}),
        taste as (select * from user_taste_features_daily where feature_timestamp <= {moment} {newest})
        select state.user_id, {columns}, case when {age} < 28 then state.revenue_28d else 0 end::double as revenue,
            state.orders_total::double as order_count
        from state left join taste on state.user_id = taste.user_id
        where state.orders_total > 0 or coalesce(state.views_28d, 0) + coalesce(state.carts_28d, 0) >= {min_events}
        order by state.user_id
    """).to_arrow_table()
    traits = np.column_stack([np.asarray(table[name].to_numpy(), dtype=np.float64) for name in TRAITS])
    for column in traits.T:
        unknown = np.isnan(column)
        column[unknown] = 0.0 if unknown.all() else np.median(column[~unknown])
    return ShopperTraits(
        users=np.array(table["user_id"].to_pylist(), dtype=np.object_),
        traits=traits,
        revenue=np.asarray(table["revenue"].fill_null(0.0).to_numpy(), dtype=np.float64),
        orders=np.asarray(table["order_count"].fill_null(0.0).to_numpy(), dtype=np.float64),
    )
