"""How an item fares, as known at the end of a UTC day."""

from feast import FeatureView, Field, FileSource
from feast.types import Float64, Int64, String

from entities import EXPORTS, NEVER_EXPIRES, OWNER, item

item_features_daily = FileSource(
    name="item_features_daily",
    path=str(EXPORTS / "item_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per item and day with activity; known at the end of that UTC day.",
    owner=OWNER,
)

item_features_view = FeatureView(
    name="item_features",
    entities=[item],
    ttl=NEVER_EXPIRES,
    source=item_features_daily,
    online=False,
    description="How much an item is viewed, bought and liked, at the end of a UTC day.",
    tags={"mart": "item_features_daily", "consent": "totals"},
    owner=OWNER,
    schema=[
        Field(name="item_id", dtype=String, description="The key."),
        Field(name="views_7d", dtype=Int64, description="Views in the last 7 days."),
        Field(name="carts_7d", dtype=Int64, description="Times put into a cart in the last 7 days."),
        Field(name="purchases_7d", dtype=Int64, description="Order lines in the last 7 days."),
        Field(name="views_28d", dtype=Int64, description="Views in the last 28 days."),
        Field(name="carts_28d", dtype=Int64, description="Times put into a cart in the last 28 days."),
        Field(name="purchases_28d", dtype=Int64, description="Order lines in the last 28 days."),
        Field(name="popularity", dtype=Float64, description="Interactions, each halved in weight every 7 days."),
        Field(name="cart_rate_28d", dtype=Float64, description="Carts per view in 28 days; null without views."),
        Field(name="conversion_rate_28d", dtype=Float64, description="Purchases per view in 28 days."),
        Field(name="mean_price_28d", dtype=Float64, description="Mean price seen in the last 28 days."),
        Field(name="rating_mean", dtype=Float64, description="Mean of all ratings so far, 1 to 5; null without one."),
        Field(name="rating_count", dtype=Int64, description="Ratings so far."),
        Field(name="days_since_first_event", dtype=Float64, description="Days since the item was first seen."),
    ],
)

item_quality_features_daily = FileSource(
    name="item_quality_features_daily",
    path=str(EXPORTS / "item_quality_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per item and day with activity; known at the end of that UTC day.",
    owner=OWNER,
)

item_quality_view = FeatureView(
    name="item_quality",
    entities=[item],
    ttl=NEVER_EXPIRES,
    source=item_quality_features_daily,
    online=False,
    description="Returns, momentum and price of an item against its own past.",
    tags={"mart": "item_quality_features_daily", "consent": "totals"},
    owner=OWNER,
    schema=[
        Field(name="item_id", dtype=String, description="The key."),
        Field(name="purchases_total", dtype=Int64, description="Purchase lines so far."),
        Field(name="refunds_total", dtype=Int64, description="Refund lines so far."),
        Field(
            name="return_rate",
            dtype=Float64,
            description="Refund lines per purchase line so far; null before the first purchase.",
        ),
        Field(
            name="view_momentum", dtype=Float64, description="Views of 7 days per view of 28 days; null without a view."
        ),
        Field(
            name="days_since_last_purchase",
            dtype=Float64,
            description="Days, with fraction, from the latest purchase to feature_timestamp; null before the first.",
        ),
        Field(
            name="last_price",
            dtype=Float64,
            description="Price of the latest event that carries one; null if none does.",
        ),
        Field(
            name="price_to_highest_28d",
            dtype=Float64,
            description="last_price per highest price of 28 days: below 1 after a reduction.",
        ),
    ],
)
