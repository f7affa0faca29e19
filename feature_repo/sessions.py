"""A session up to one of its events, and the state from which a pushed event moves it.

The sources have no time of arrival on purpose: a session's own events travel with the request that asks about it, so
the delay with which the log received them does not matter. The push sources let a request move the same views ahead
of the marts.
"""

from feast import FeatureView, Field, FileSource, PushSource
from feast.types import Array, Float64, Int64, String

from entities import EXPORTS, NEVER_EXPIRES, OWNER, SHORT_LIVED, session

session_features = FileSource(
    name="session_features",
    path=str(EXPORTS / "session_features.parquet"),
    timestamp_field="event_timestamp",
    description="A row per event of a session: the session's shape up to and including that event.",
    owner=OWNER,
)

live_session_features = PushSource(
    name="live_session_features",
    batch_source=session_features,
    description="Rows of session_features that shopsight.feature_store.live makes of the events of a request.",
    owner=OWNER,
)

session_features_view = FeatureView(
    name="session_features",
    entities=[session],
    ttl=NEVER_EXPIRES,
    source=live_session_features,
    online=True,
    description="The shape of a session up to and including one of its events, before any checkout.",
    tags={"mart": "session_features", "consent": "personal", "read_by": "purchase_intent", **SHORT_LIVED},
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

session_state_features = FileSource(
    name="session_state_features",
    path=str(EXPORTS / "session_state_features.parquet"),
    timestamp_field="event_timestamp",
    description="A row per session: where its events before any checkout end.",
    owner=OWNER,
)

live_session_state = PushSource(
    name="live_session_state",
    batch_source=session_state_features,
    description="Rows of session_state that shopsight.feature_store.live makes of the events of a request.",
    owner=OWNER,
)

session_state_view = FeatureView(
    name="session_state",
    entities=[session],
    ttl=NEVER_EXPIRES,
    source=live_session_state,
    online=True,
    description="What it takes to go on counting a session; state of the push source, never an input of a model.",
    tags={"mart": "session_state_features", "consent": "personal", "read_by": "push", **SHORT_LIVED},
    owner=OWNER,
    schema=[
        Field(name="session_id", dtype=String, description="The key."),
        Field(
            name="is_checked_out",
            dtype=Int64,
            description="1 if a checkout or purchase followed: nothing moves any more.",
        ),
        Field(name="started_us", dtype=Int64, description="First event, in microseconds since 1970 UTC."),
        Field(name="last_us", dtype=Int64, description="Last event before any checkout, likewise."),
        Field(name="events", dtype=Int64, description="Event rows."),
        Field(name="views", dtype=Int64, description="view_item."),
        Field(name="searches", dtype=Int64, description="search."),
        Field(name="wishlists", dtype=Int64, description="add_to_wishlist."),
        Field(name="carts", dtype=Int64, description="add_to_cart."),
        Field(name="cart_removals", dtype=Int64, description="remove_from_cart."),
        Field(name="cart_views", dtype=Int64, description="view_cart."),
        Field(name="items_seen", dtype=Array(String), description="Different items, by name; null if none."),
        Field(name="categories_seen", dtype=Array(String), description="Different categories, by name; null if none."),
        Field(
            name="price_sum",
            dtype=String,
            description="Exact sum of the prices, in digits; null if no event carries one.",
        ),
        Field(name="prices", dtype=Int64, description="Events with a price."),
        Field(name="price_min", dtype=Float64, description="Lowest price."),
        Field(name="price_max", dtype=Float64, description="Highest price."),
        Field(name="longest_pause", dtype=Float64, description="Longest pause in seconds."),
        Field(name="deepest_position", dtype=Int64, description="Greatest list position; null if none."),
        Field(name="recent_actions", dtype=Array(String), description="Names of the last ten events, oldest first."),
        Field(
            name="recent_items",
            dtype=Array(String),
            description="Their items in the same order, empty where there is none.",
        ),
        Field(
            name="recent_keys",
            dtype=Array(String),
            description="event_id|line_number|source of each, in the same order.",
        ),
    ],
)

session_flow_features = FileSource(
    name="session_flow_features",
    path=str(EXPORTS / "session_flow_features.parquet"),
    timestamp_field="event_timestamp",
    description="A row per event of a session: how it went up to and including that event.",
    owner=OWNER,
)

live_session_flow = PushSource(
    name="live_session_flow",
    batch_source=session_flow_features,
    description="Rows of session_flow that shopsight.feature_store.live makes of the events of a request.",
    owner=OWNER,
)

session_flow_view = FeatureView(
    name="session_flow",
    entities=[session],
    ttl=NEVER_EXPIRES,
    source=live_session_flow,
    online=False,
    description="Pace, depth, prices and last steps of a session up to and including one of its events.",
    tags={"mart": "session_flow_features", "consent": "personal", **SHORT_LIVED},
    owner=OWNER,
    schema=[
        Field(name="session_id", dtype=String, description="The key."),
        Field(
            name="mean_dwell_seconds",
            dtype=Float64,
            description="Mean seconds from one event to the next so far; null at the first.",
        ),
        Field(
            name="longest_dwell_seconds", dtype=Float64, description="Longest of these pauses; 0 at the first event."
        ),
        Field(
            name="deepest_position_so_far",
            dtype=Int64,
            description="Greatest position in a list that an event carried; null while none does.",
        ),
        Field(
            name="price_spread_so_far",
            dtype=Float64,
            description="Highest less lowest price so far; null while no event carries a price.",
        ),
        Field(
            name="cart_rate_so_far", dtype=Float64, description="add_to_cart per view_item so far; null without a view."
        ),
        Field(name="last_actions", dtype=Array(String), description="Names of the last ten events, this one last."),
        Field(
            name="last_items",
            dtype=Array(String),
            description="Items of the last ten events in that order, those without one left out; null if none has one.",
        ),
    ],
)
