"""What features are about: the keys that join them to a training row or a request."""

from feast import Entity, ValueType

OWNER = "shopsight"

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
