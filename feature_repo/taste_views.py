"""What a shopper likes, how an item fares, what a category costs: all as known at the end of a UTC day."""

from feast import FeatureView, Field
from feast.types import Array, Float64, Int64, String

from data_sources import (
    category_price_features_daily,
    item_quality_features_daily,
    user_category_features_daily,
    user_taste_features_daily,
)
from entities import OWNER, category, item, user
from feature_views import NEVER_EXPIRES

user_taste_view = FeatureView(
    name="user_taste",
    entities=[user],
    ttl=NEVER_EXPIRES,
    source=user_taste_features_daily,
    online=True,
    description="How often a user comes, what they like, what they pay, when they come and what for.",
    tags={"mart": "user_taste_features_daily"},
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

user_category_view = FeatureView(
    name="user_category",
    entities=[user, category],
    ttl=NEVER_EXPIRES,
    source=user_category_features_daily,
    online=True,
    description="What a user did in one category.",
    tags={"mart": "user_category_features_daily"},
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

item_quality_view = FeatureView(
    name="item_quality",
    entities=[item],
    ttl=NEVER_EXPIRES,
    source=item_quality_features_daily,
    online=True,
    description="Returns, momentum and price of an item against its own past.",
    tags={"mart": "item_quality_features_daily"},
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

category_prices_view = FeatureView(
    name="category_prices",
    entities=[category],
    ttl=NEVER_EXPIRES,
    source=category_price_features_daily,
    online=True,
    description="The range of prices in a category, which places an item in it.",
    tags={"mart": "category_price_features_daily"},
    owner=OWNER,
    schema=[
        Field(name="category", dtype=String, description="The key."),
        Field(name="category_price_min_28d", dtype=Float64, description="Lowest price of its events."),
        Field(name="category_price_mean_28d", dtype=Float64, description="Mean price of its events."),
        Field(name="category_price_max_28d", dtype=Float64, description="Highest price of its events."),
        Field(name="category_prices_28d", dtype=Int64, description="Events with a price."),
    ],
)
