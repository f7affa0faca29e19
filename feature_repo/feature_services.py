"""The features of each model, under a version: what it trains on is what it is served with.

A service lists the columns that its family reads and no others; the family's record in ``shopsight.families`` names the
same views and columns on the reader's side, and applying the definitions compares the two. A change of a service's
features is a new version (``…_v2``).

``item_features`` belongs to no service: it has names in common with ``user_features`` and another key, and is read by
its own name; so does ``session_state``, which no model may read. ``ranking_v1`` and ``session_flow_v1`` are offered to
models to come, ``embeddings_v1`` to analysts: none of their views is online.
"""

from feast import FeatureService

from categories import category_prices_view
from embeddings import item_embedding_view, user_embedding_view
from entities import OWNER
from items import item_quality_view
from on_demand import item_fit
from sessions import session_features_view, session_flow_view
from users import (
    user_category_view,
    user_features_view,
    user_history_view,
    user_order_history_view,
    user_purchases_view,
    user_taste_view,
)
from utterances import utterance_text_view

intent_v1 = FeatureService(
    name="intent_v1",
    features=[utterance_text_view],
    description="Text and channel of an utterance, for the intent classifier.",
    tags={"family": "intent"},
    owner=OWNER,
)

recommender_v1 = FeatureService(
    name="recommender_v1",
    features=[user_history_view, user_purchases_view, user_features_view[["favourite_category"]]],
    description="History and purchases of a user and the category they look at most, for the recommender.",
    tags={"family": "recommender"},
    owner=OWNER,
)

purchase_intent_v1 = FeatureService(
    name="purchase_intent_v1",
    features=[session_features_view, user_features_view],
    description="The session so far and the user behind it, for purchase propensity.",
    tags={"family": "purchase_intent"},
    owner=OWNER,
)

churn_v1 = FeatureService(
    name="churn_v1",
    features=[
        user_order_history_view,
        user_features_view[
            ["events_7d", "views_28d", "carts_28d", "sessions_28d", "distinct_items_28d", "mean_price_28d"]
        ],
    ],
    description="What a customer ordered, and how active they were on their last active day, for churn.",
    tags={"family": "churn"},
    owner=OWNER,
)

search_v1 = FeatureService(
    name="search_v1",
    features=[user_history_view],
    description="What a shopper touched lately, for the order of search results.",
    tags={"family": "search"},
    owner=OWNER,
)

next_best_action_v1 = FeatureService(
    name="next_best_action_v1",
    features=[
        user_features_view[
            [
                "events_7d",
                "views_28d",
                "carts_28d",
                "purchases_28d",
                "sessions_28d",
                "revenue_28d",
                "distinct_items_28d",
                "mean_price_28d",
                "orders_total",
                "days_since_first_event",
                "days_since_last_event",
                "days_since_last_order",
            ]
        ]
    ],
    description="How active a shopper was on their last active day, and how long they have been here, for actions.",
    tags={"family": "next_best_action"},
    owner=OWNER,
)

ranking_v1 = FeatureService(
    name="ranking_v1",
    features=[user_taste_view, user_category_view, item_quality_view, category_prices_view, item_fit],
    description="A shopper, an item and its category, and how they fit, for ranking items.",
    tags={"family": "none yet"},
    owner=OWNER,
)

session_flow_v1 = FeatureService(
    name="session_flow_v1",
    features=[session_features_view, session_flow_view],
    description="The session so far and how it went, for purchase propensity to come.",
    tags={"family": "none yet"},
    owner=OWNER,
)

embeddings_v1 = FeatureService(
    name="embeddings_v1",
    features=[user_embedding_view, item_embedding_view],
    description="Where the approved recommender places shoppers and items, for look-alikes and taste groups.",
    tags={"family": "none yet"},
    owner=OWNER,
)
