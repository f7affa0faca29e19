"""What a shopper did, likes and ordered, as known at the end of a UTC day.

Names and order of the columns follow ``shopsight.contracts``. The push sources let a request move a shopper's history,
purchases and orders ahead of the marts.
"""

from feast import FeatureView, Field, FileSource, PushSource
from feast.types import Array, Float64, Int64, String

from entities import EXPORTS, NEVER_EXPIRES, OWNER, category, user

user_features_daily = FileSource(
    name="user_features_daily",
    path=str(EXPORTS / "user_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per user and day with activity; known at the end of that UTC day.",
    owner=OWNER,
)

user_features_view = FeatureView(
    name="user_features",
    entities=[user],
    ttl=NEVER_EXPIRES,
    source=user_features_daily,
    online=True,
    description="How active a user was, what they bought and how long ago, at the end of a UTC day.",
    tags={
        "mart": "user_features_daily",
        "consent": "personal",
        "read_by": "recommender, purchase_intent, churn, next_best_action",
    },
    owner=OWNER,
    schema=[
        Field(name="user_id", dtype=String, description="The key."),
        Field(name="events_7d", dtype=Int64, description="Events in the last 7 days."),
        Field(name="views_28d", dtype=Int64, description="Items viewed in the last 28 days, repeats counted."),
        Field(name="carts_28d", dtype=Int64, description="Items put into the cart in the last 28 days."),
        Field(name="purchases_28d", dtype=Int64, description="Order lines bought in the last 28 days."),
        Field(name="sessions_28d", dtype=Int64, description="Sessions in the last 28 days."),
        Field(name="revenue_28d", dtype=Float64, description="Revenue of the last 28 days."),
        Field(name="distinct_items_28d", dtype=Int64, description="Different items touched in the last 28 days."),
        Field(name="mean_price_28d", dtype=Float64, description="Mean price of the items touched in 28 days."),
        Field(name="orders_total", dtype=Int64, description="Orders since the first event."),
        Field(name="days_since_first_event", dtype=Float64, description="Days since the user was first seen."),
        Field(name="days_since_last_event", dtype=Float64, description="Days since the user was last seen."),
        Field(name="days_since_last_order", dtype=Float64, description="Days since the last order; null without one."),
        Field(name="favourite_category", dtype=String, description="Category with the most interactions in 28 days."),
    ],
)

user_history_daily = FileSource(
    name="user_history_daily",
    path=str(EXPORTS / "user_history_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A user's last interactions, oldest first, as known at the end of each UTC day with activity.",
    owner=OWNER,
)

live_user_history = PushSource(
    name="live_user_history",
    batch_source=user_history_daily,
    description="Rows of user_history that shopsight.feature_store.live makes of the events of a request.",
    owner=OWNER,
)

user_history_view = FeatureView(
    name="user_history",
    entities=[user],
    ttl=NEVER_EXPIRES,
    source=live_user_history,
    online=True,
    description="The last 50 interactions of a user, oldest first: what the recommender reads.",
    tags={"mart": "user_history_daily", "consent": "personal", "read_by": "recommender, search"},
    owner=OWNER,
    schema=[
        Field(name="user_id", dtype=String, description="The key."),
        Field(name="item_ids", dtype=Array(String), description="Items, oldest interaction first."),
        Field(name="event_names", dtype=Array(String), description="What was done with each, in the same order."),
    ],
)

user_purchases = FileSource(
    name="user_purchases",
    path=str(EXPORTS / "user_purchases.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per shopper who bought: what, and when; known at the end of the day of the last purchase.",
    owner=OWNER,
)

live_user_purchases = PushSource(
    name="live_user_purchases",
    batch_source=user_purchases,
    description="Rows of user_purchases that shopsight.feature_store.live makes of the events of a request.",
    owner=OWNER,
)

user_purchases_view = FeatureView(
    name="user_purchases",
    entities=[user],
    ttl=NEVER_EXPIRES,
    source=live_user_purchases,
    online=True,
    description="The items that a shopper bought, and when each was last bought: what leaves their lists.",
    tags={
        "mart": "user_purchases",
        "consent": "personal",
        "read_by": "recommender",
        "stands": "until the next purchase, so an answer is no older for reading it",
    },
    owner=OWNER,
    schema=[
        Field(name="user_id", dtype=String, description="The key."),
        Field(name="bought_item_ids", dtype=Array(String), description="Items, bought longest ago first."),
        Field(name="bought_us", dtype=Array(String), description="Last purchase of each, microseconds since 1970."),
    ],
)

user_order_history_daily = FileSource(
    name="user_order_history_daily",
    path=str(EXPORTS / "user_order_history_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per customer and day with activity: their orders by the end of that UTC day.",
    owner=OWNER,
)

live_user_order_history = PushSource(
    name="live_user_order_history",
    batch_source=user_order_history_daily,
    description="Rows of user_order_history that shopsight.feature_store.live makes of the events of a request.",
    owner=OWNER,
)

user_order_history_view = FeatureView(
    name="user_order_history",
    entities=[user],
    ttl=NEVER_EXPIRES,
    source=live_user_order_history,
    online=True,
    description="The last 50 days on which a customer ordered; moments, not ages, so that no value grows stale.",
    tags={"mart": "user_order_history_daily", "consent": "personal", "read_by": "churn"},
    owner=OWNER,
    schema=[
        Field(name="user_id", dtype=String, description="The key."),
        Field(name="last_seen_us", dtype=Int64, description="Last event, in microseconds since 1970."),
        Field(name="ordered_us", dtype=Array(String), description="Last order of each such day, in microseconds."),
        Field(name="order_values", dtype=Array(String), description="Revenue of each such day, in the same order."),
    ],
)

user_taste_features_daily = FileSource(
    name="user_taste_features_daily",
    path=str(EXPORTS / "user_taste_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per user and day with activity; known at the end of that UTC day.",
    owner=OWNER,
)

user_taste_view = FeatureView(
    name="user_taste",
    entities=[user],
    ttl=NEVER_EXPIRES,
    source=user_taste_features_daily,
    online=False,
    description="How often a user comes, what they like, what they pay, when they come and what for.",
    tags={"mart": "user_taste_features_daily", "consent": "personal"},
    owner=OWNER,
    schema=[
        Field(name="user_id", dtype=String, description="The key."),
        Field(name="active_days_28d", dtype=Int64, description="Days with an event in 28 days."),
        Field(
            name="days_between_visits_28d",
            dtype=Float64,
            description="Mean days from one active day to the next in 28 days; null with one.",
        ),
        Field(name="events_per_session_28d", dtype=Float64, description="Events per session and day in 28 days."),
        Field(
            name="top_categories",
            dtype=Array(String),
            description="Up to three categories with the most events in 28 days, of equals by name; null if none.",
        ),
        Field(
            name="category_share_28d",
            dtype=Float64,
            description="Share of the events with a category that are of the first.",
        ),
        Field(name="top_brands", dtype=Array(String), description="As top_categories, for brands."),
        Field(
            name="brand_share_28d", dtype=Float64, description="Share of the events with a brand that are of the first."
        ),
        Field(
            name="price_low_28d",
            dtype=Float64,
            description="Lower quartile of the prices of events in 28 days; null if none carries one.",
        ),
        Field(name="price_median_28d", dtype=Float64, description="Median of these prices."),
        Field(name="price_high_28d", dtype=Float64, description="Upper quartile of these prices."),
        Field(
            name="discount_share_28d",
            dtype=Float64,
            description="Share of priced purchase lines below a price that the shopper had seen the item for before.",
        ),
        Field(
            name="favourite_hour",
            dtype=Int64,
            description="Hour (UTC) with the most events in 28 days, the earliest of equals.",
        ),
        Field(
            name="favourite_weekday",
            dtype=Int64,
            description="Weekday (Monday 1) with the most events in 28 days, the earliest of equals.",
        ),
        Field(name="evening_share_28d", dtype=Float64, description="Share of events from 18:00 UTC on."),
        Field(name="weekend_share_28d", dtype=Float64, description="Share of events on Saturday or Sunday (UTC)."),
        Field(
            name="mean_rating_given",
            dtype=Float64,
            description="Mean of all ratings given so far, 1 to 5; null without one.",
        ),
        Field(name="search_share_28d", dtype=Float64, description="Share of searches."),
        Field(name="question_share_28d", dtype=Float64, description="Share of questions."),
        Field(name="review_share_28d", dtype=Float64, description="Share of reviews and ratings."),
        Field(name="buying_share_28d", dtype=Float64, description="Share of carts, checkouts and purchases."),
    ],
)

user_category_features_daily = FileSource(
    name="user_category_features_daily",
    path=str(EXPORTS / "user_category_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per user, category and day on which the user touched it; known at the end of that UTC day.",
    owner=OWNER,
)

user_category_view = FeatureView(
    name="user_category",
    entities=[user, category],
    ttl=NEVER_EXPIRES,
    source=user_category_features_daily,
    online=False,
    description="What a user did in one category.",
    tags={"mart": "user_category_features_daily", "consent": "personal"},
    owner=OWNER,
    schema=[
        Field(name="user_id", dtype=String, description="The key."),
        Field(name="category", dtype=String, description="The key."),
        Field(name="category_events_total", dtype=Int64, description="Events in the category so far."),
        Field(name="category_purchases_total", dtype=Int64, description="Purchase lines in the category so far."),
        Field(name="category_events_28d", dtype=Int64, description="Events in 28 days."),
        Field(name="category_views_28d", dtype=Int64, description="view_item in 28 days."),
        Field(name="category_carts_28d", dtype=Int64, description="add_to_cart in 28 days."),
        Field(name="category_purchases_28d", dtype=Int64, description="Purchase lines in 28 days."),
        Field(name="category_revenue_28d", dtype=Float64, description="Sum of the purchase lines in 28 days."),
    ],
)
