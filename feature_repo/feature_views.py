"""Features, in groups that share a key and a source; names and order follow ``shopsight.contracts``.

Every view has ``ttl=0``, which is "never expires": Feast measures a TTL against the clock of today, and a shop's
history would come back empty. How old a value is, is itself a feature (``days_since_last_event``). Views of sessions
expire online all the same, by the tag ``expires_after_days``: beside the newest session, not beside the clock.
"""

from datetime import timedelta

from feast import FeatureView, Field
from feast.types import Array, Float64, Int64, String

from data_sources import item_features_daily, live_session_features, live_user_history, user_features_daily, utterances
from entities import OWNER, item, session, user, utterance

NEVER_EXPIRES = timedelta(0)
SHORT_LIVED = {"expires_after_days": "30"}

user_features_view = FeatureView(
    name="user_features",
    entities=[user],
    ttl=NEVER_EXPIRES,
    source=user_features_daily,
    online=True,
    description="How active a user was, what they bought and how long ago, at the end of a UTC day.",
    tags={"mart": "user_features_daily"},
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

user_history_view = FeatureView(
    name="user_history",
    entities=[user],
    ttl=NEVER_EXPIRES,
    source=live_user_history,
    online=True,
    description="The last 50 interactions of a user, oldest first: what the recommender reads.",
    tags={"mart": "user_history_daily"},
    owner=OWNER,
    schema=[
        Field(name="user_id", dtype=String, description="The key."),
        Field(name="item_ids", dtype=Array(String), description="Items, oldest interaction first."),
        Field(name="event_names", dtype=Array(String), description="What was done with each, in the same order."),
    ],
)

item_features_view = FeatureView(
    name="item_features",
    entities=[item],
    ttl=NEVER_EXPIRES,
    source=item_features_daily,
    online=True,
    description="How much an item is viewed, bought and liked, at the end of a UTC day.",
    tags={"mart": "item_features_daily"},
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

session_features_view = FeatureView(
    name="session_features",
    entities=[session],
    ttl=NEVER_EXPIRES,
    source=live_session_features,
    online=True,
    description="The shape of a session up to and including one of its events, before any checkout.",
    tags={"mart": "session_features", **SHORT_LIVED},
    owner=OWNER,
    schema=[
        Field(name="session_id", dtype=String, description="The key."),
        Field(name="events_so_far", dtype=Int64, description="Events of the session so far."),
        Field(name="views_so_far", dtype=Int64, description="Items viewed so far."),
        Field(name="searches_so_far", dtype=Int64, description="Searches so far."),
        Field(name="wishlists_so_far", dtype=Int64, description="Items put on the wish list so far."),
        Field(name="carts_so_far", dtype=Int64, description="Items put into the cart so far."),
        Field(name="cart_removals_so_far", dtype=Int64, description="Items taken out of the cart so far."),
        Field(name="cart_views_so_far", dtype=Int64, description="Looks at the cart so far."),
        Field(name="distinct_items_so_far", dtype=Int64, description="Different items touched so far."),
        Field(name="distinct_categories_so_far", dtype=Int64, description="Different categories touched so far."),
        Field(name="seconds_since_start", dtype=Float64, description="Seconds since the session began."),
        Field(name="seconds_since_last_event", dtype=Float64, description="Seconds since the event before this one."),
        Field(name="min_price_so_far", dtype=Float64, description="Lowest price seen so far; null without one."),
        Field(name="mean_price_so_far", dtype=Float64, description="Mean price seen so far; null without one."),
        Field(name="max_price_so_far", dtype=Float64, description="Highest price seen so far; null without one."),
        Field(name="hour_of_day", dtype=Int64, description="Hour of the event in UTC, 0 to 23."),
        Field(name="day_of_week", dtype=Int64, description="Day of the event in UTC."),
        Field(name="last_event_name", dtype=String, description="What the event was."),
    ],
)

utterance_text_view = FeatureView(
    name="utterance_text",
    entities=[utterance],
    ttl=NEVER_EXPIRES,
    source=utterances,
    online=False,
    description="What a shopper wrote and where; offline only, since a request brings its own text.",
    tags={"mart": "utterances"},
    owner=OWNER,
    schema=[
        Field(name="utterance_id", dtype=String, description="The key."),
        Field(name="text", dtype=String, description="The text, redacted of mail addresses and phone numbers."),
        Field(name="channel", dtype=String, description="search, question or review."),
    ],
)
