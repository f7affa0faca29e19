"""How a session goes, and the state from which a pushed event moves it: both move within a request."""

from feast import FeatureView, Field
from feast.types import Array, Float64, Int64, String

from data_sources import live_session_flow, live_session_state
from entities import OWNER, session
from feature_views import NEVER_EXPIRES, SHORT_LIVED

session_flow_view = FeatureView(
    name="session_flow",
    entities=[session],
    ttl=NEVER_EXPIRES,
    source=live_session_flow,
    online=True,
    description="Pace, depth, prices and last steps of a session up to and including one of its events.",
    tags={"mart": "session_flow_features", **SHORT_LIVED},
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

session_state_view = FeatureView(
    name="session_state",
    entities=[session],
    ttl=NEVER_EXPIRES,
    source=live_session_state,
    online=True,
    description="What it takes to go on counting a session; state of the push source, never an input of a model.",
    tags={"mart": "session_state_features", **SHORT_LIVED},
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
