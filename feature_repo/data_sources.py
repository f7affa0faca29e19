"""Where features come from: the marts that dbt exports as Parquet under the home of this checkout's settings.

A source with a ``created_timestamp_column`` answers point-in-time queries with what had *arrived* by then, so a late
correction is not seen before it came. Sources of sessions and utterances have none on purpose: a session's own events
and an utterance's own text travel with the request that asks about them, so the delay with which the log received them
does not matter. The push sources at the end let the same views be moved by a request, ahead of the marts.
"""

from feast import FileSource, PushSource

from entities import OWNER
from shopsight.settings import Settings

EXPORTS = Settings().exports_dir.resolve()

user_features_daily = FileSource(
    name="user_features_daily",
    path=str(EXPORTS / "user_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per user and day with activity; known at the end of that UTC day.",
    owner=OWNER,
)

user_history_daily = FileSource(
    name="user_history_daily",
    path=str(EXPORTS / "user_history_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A user's last interactions, oldest first, as known at the end of each UTC day with activity.",
    owner=OWNER,
)

item_features_daily = FileSource(
    name="item_features_daily",
    path=str(EXPORTS / "item_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per item and day with activity; known at the end of that UTC day.",
    owner=OWNER,
)

session_features = FileSource(
    name="session_features",
    path=str(EXPORTS / "session_features.parquet"),
    timestamp_field="event_timestamp",
    description="A row per event of a session: the session's shape up to and including that event.",
    owner=OWNER,
)

utterances = FileSource(
    name="utterances",
    path=str(EXPORTS / "utterances.parquet"),
    timestamp_field="event_timestamp",
    description="A row per text that a shopper wrote.",
    owner=OWNER,
)

user_taste_features_daily = FileSource(
    name="user_taste_features_daily",
    path=str(EXPORTS / "user_taste_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per user and day with activity; known at the end of that UTC day.",
    owner=OWNER,
)

user_category_features_daily = FileSource(
    name="user_category_features_daily",
    path=str(EXPORTS / "user_category_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per user, category and day on which the user touched it; known at the end of that UTC day.",
    owner=OWNER,
)

item_quality_features_daily = FileSource(
    name="item_quality_features_daily",
    path=str(EXPORTS / "item_quality_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per item and day with activity; known at the end of that UTC day.",
    owner=OWNER,
)

category_price_features_daily = FileSource(
    name="category_price_features_daily",
    path=str(EXPORTS / "category_price_features_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per category and day with a priced event; known at the end of that UTC day.",
    owner=OWNER,
)

session_flow_features = FileSource(
    name="session_flow_features",
    path=str(EXPORTS / "session_flow_features.parquet"),
    timestamp_field="event_timestamp",
    description="A row per event of a session: how it went up to and including that event.",
    owner=OWNER,
)

session_state_features = FileSource(
    name="session_state_features",
    path=str(EXPORTS / "session_state_features.parquet"),
    timestamp_field="event_timestamp",
    description="A row per session: where its events before any checkout end.",
    owner=OWNER,
)

user_order_history_daily = FileSource(
    name="user_order_history_daily",
    path=str(EXPORTS / "user_order_history_daily.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per customer and day with activity: their orders by the end of that UTC day.",
    owner=OWNER,
)

live_user_history = PushSource(
    name="live_user_history",
    batch_source=user_history_daily,
    description="Rows of user_history that shopsight.feature_store.live makes of the events of a request.",
    owner=OWNER,
)

live_session_features = PushSource(
    name="live_session_features",
    batch_source=session_features,
    description="Rows of session_features that shopsight.feature_store.live makes of the events of a request.",
    owner=OWNER,
)

live_session_flow = PushSource(
    name="live_session_flow",
    batch_source=session_flow_features,
    description="Rows of session_flow that shopsight.feature_store.live makes of the events of a request.",
    owner=OWNER,
)

live_session_state = PushSource(
    name="live_session_state",
    batch_source=session_state_features,
    description="Rows of session_state that shopsight.feature_store.live makes of the events of a request.",
    owner=OWNER,
)
