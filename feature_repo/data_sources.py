"""Where features come from: the marts that dbt exports as Parquet under the home of this checkout's settings.

A source with a ``created_timestamp_column`` answers point-in-time queries with what had *arrived* by then, so a late
correction is not seen before it came. Two sources have none on purpose: a session's own events and an utterance's own
text travel with the request that asks about them, so the delay with which the log received them does not matter.
"""

from feast import FileSource

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
