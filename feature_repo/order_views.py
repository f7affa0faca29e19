"""What a customer ordered, as known at the end of a UTC day: churn tells its features from it at any later moment."""

from feast import FeatureView, Field
from feast.types import Array, Int64, String

from data_sources import user_order_history_daily
from entities import OWNER, user
from feature_views import NEVER_EXPIRES

user_order_history_view = FeatureView(
    name="user_order_history",
    entities=[user],
    ttl=NEVER_EXPIRES,
    source=user_order_history_daily,
    online=True,
    description="The last 50 days on which a customer ordered; moments, not ages, so that no value grows stale.",
    tags={"mart": "user_order_history_daily"},
    owner=OWNER,
    schema=[
        Field(name="user_id", dtype=String, description="The key."),
        Field(name="last_seen_us", dtype=Int64, description="Last event, in microseconds since 1970."),
        Field(name="ordered_us", dtype=Array(String), description="Last order of each such day, in microseconds."),
        Field(name="order_values", dtype=Array(String), description="Revenue of each such day, in the same order."),
    ],
)
