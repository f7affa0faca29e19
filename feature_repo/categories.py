"""What a category costs, as known at the end of a UTC day."""

from feast import FeatureView, Field, FileSource
from feast.types import Float64, Int64, String

from entities import EXPORTS, NEVER_EXPIRES, OWNER, category

category_price_features_daily = FileSource(
    name="category_price_features_daily",
    path=str(EXPORTS / "category_price_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per category and day with a priced event; known at the end of that UTC day.",
    owner=OWNER,
)

category_prices_view = FeatureView(
    name="category_prices",
    entities=[category],
    ttl=NEVER_EXPIRES,
    source=category_price_features_daily,
    online=False,
    description="The range of prices in a category, which places an item in it.",
    tags={"mart": "category_price_features_daily", "consent": "totals"},
    owner=OWNER,
    schema=[
        Field(name="category", dtype=String, description="The key."),
        Field(name="category_price_min_28d", dtype=Float64, description="Lowest price of its events."),
        Field(name="category_price_mean_28d", dtype=Float64, description="Mean price of its events."),
        Field(name="category_price_max_28d", dtype=Float64, description="Highest price of its events."),
        Field(name="category_prices_28d", dtype=Int64, description="Events with a price."),
    ],
)
