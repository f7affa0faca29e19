"""What features are about (the keys that join them to a training row or a request), and what all views share.

Every view has ``ttl=0``, which is "never expires": Feast measures a TTL against the clock of today, and a shop's
history would come back empty. How old a value is, is itself a feature (``days_since_last_event``). Views of sessions
expire online all the same, by the tag ``expires_after_days``: beside the newest session, not beside the clock.

A source with a ``created_timestamp_column`` answers point-in-time queries with what had *arrived* by then, so a late
correction is not seen before it came.

A view is online only while something reads it in a request. Its tag ``read_by`` names these readers: families, whose
feature service holds the view, or ``push``, the code behind the push sources. A test compares the tags with both.
"""

from datetime import timedelta

from feast import Entity, ValueType

from shopsight.settings import Settings

OWNER = "shopsight"
EXPORTS = Settings().exports_dir.resolve()
"""Where dbt exports the marts that the sources read, under the home of this checkout's settings."""
NEVER_EXPIRES = timedelta(0)
SHORT_LIVED = {"expires_after_days": "30"}

user = Entity(
    name="user",
    join_keys=["user_id"],
    value_type=ValueType.STRING,
    description="A shopper: the pseudonym of a known user, or of a visitor who never signed in.",
    tags={"personal_data": "pseudonymous"},
    owner=OWNER,
)

item = Entity(
    name="item",
    join_keys=["item_id"],
    value_type=ValueType.STRING,
    description="A product of the catalogue.",
    tags={"personal_data": "none"},
    owner=OWNER,
)

session = Entity(
    name="session",
    join_keys=["session_id"],
    value_type=ValueType.STRING,
    description="One visit: a user's events without a gap of thirty minutes.",
    tags={"personal_data": "pseudonymous"},
    owner=OWNER,
)

utterance = Entity(
    name="utterance",
    join_keys=["utterance_id"],
    value_type=ValueType.STRING,
    description="One text a shopper wrote: a search, a question or a review.",
    tags={"personal_data": "redacted text"},
    owner=OWNER,
)

category = Entity(
    name="category",
    join_keys=["category"],
    value_type=ValueType.STRING,
    description="A category path of the catalogue, such as `Home > Lamps`.",
    tags={"personal_data": "none"},
    owner=OWNER,
)
