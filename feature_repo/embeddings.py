"""Where the approved recommender places shoppers and items: written by the asset `embeddings`, not by dbt.

The vectors of two versions of the model do not compare, so each row names its own. Before a recommender is approved
there is no file.
"""

from feast import FeatureView, Field, FileSource
from feast.types import Array, Float64, Int64, String

from entities import EXPORTS, NEVER_EXPIRES, OWNER, item, user

user_embeddings = FileSource(
    name="user_embeddings",
    path=str(EXPORTS / "user_embeddings.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per shopper with a history, as the approved recommender sees them.",
    owner=OWNER,
)

item_embeddings = FileSource(
    name="item_embeddings",
    path=str(EXPORTS / "item_embeddings.parquet"),
    timestamp_field="feature_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per item that the approved recommender knows something of.",
    owner=OWNER,
)

user_embedding_view = FeatureView(
    name="user_embedding",
    entities=[user],
    ttl=NEVER_EXPIRES,
    source=user_embeddings,
    online=False,
    description="A shopper's vector, whose product with an item's is the transformer's score, and their taste group.",
    tags={"written_by": "recommender", "consent": "personal"},
    owner=OWNER,
    schema=[
        Field(name="user_id", dtype=String, description="The key."),
        Field(name="user_vector", dtype=Array(Float64), description="The transformer's last state for the history."),
        Field(name="taste_group", dtype=Int64, description="Which group of shoppers of like taste: 0 is the largest."),
        Field(name="user_model_version", dtype=String, description="The recommender that made it."),
    ],
)

item_embedding_view = FeatureView(
    name="item_embedding",
    entities=[item],
    ttl=NEVER_EXPIRES,
    source=item_embeddings,
    online=False,
    description="An item's vector, the same on input and output of the transformer.",
    tags={"written_by": "recommender", "consent": "totals"},
    owner=OWNER,
    schema=[
        Field(name="item_id", dtype=String, description="The key."),
        Field(name="item_vector", dtype=Array(Float64), description="Its own embedding plus brand and categories."),
        Field(name="item_model_version", dtype=String, description="The recommender that made it."),
    ],
)
