"""Names that several tools share: where one tool ends and the next begins, both read the name here.

dbt and Feast cannot import Python constants, so tests compare their files with these names.
"""

from typing import Final

INTENTS: Final = ("search_product", "compare_product", "ask_question", "leave_review", "other")
"""The five labels of an utterance, in the order of every probability vector."""

MODEL_FAMILIES: Final = ("intent", "recommender", "purchase_intent")

FEATURE_SERVICES: Final = {
    "intent": "intent_v1",
    "recommender": "recommender_v1",
    "purchase_intent": "purchase_intent_v1",
}
"""The versioned feature service that each model trains on and is served with."""

BENTOS: Final = {
    "intent": "shopsight_intent",
    "recommender": "shopsight_recommendation",
    "purchase_intent": "shopsight_propensity",
}
"""The Bento that carries each model family; the BentoML model has the family's own name."""

TRAINING_RUN: Final = "training run"
"""Who asks for a candidate's approval, and therefore cannot be the one who gives it."""

EXPORTED_MARTS: Final = (
    "items",
    "users",
    "sessions",
    "interactions",
    "user_features_daily",
    "user_history_daily",
    "item_features_daily",
    "session_features",
    "session_labels",
    "utterances",
)
"""Marts that are exported as ``warehouse/exports/<mart>.parquet`` after each build."""

USER_FEATURES: Final = (
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
    "favourite_category",
)
"""Columns of ``user_features_daily`` beside its keys; all known at the end of a UTC day."""

ITEM_FEATURES: Final = (
    "views_7d",
    "carts_7d",
    "purchases_7d",
    "views_28d",
    "carts_28d",
    "purchases_28d",
    "popularity",
    "cart_rate_28d",
    "conversion_rate_28d",
    "mean_price_28d",
    "rating_mean",
    "rating_count",
    "days_since_first_event",
)
"""Columns of ``item_features_daily`` beside its keys; all known at the end of a UTC day."""

SESSION_FEATURES: Final = (
    "events_so_far",
    "views_so_far",
    "searches_so_far",
    "wishlists_so_far",
    "carts_so_far",
    "cart_removals_so_far",
    "cart_views_so_far",
    "distinct_items_so_far",
    "distinct_categories_so_far",
    "seconds_since_start",
    "seconds_since_last_event",
    "min_price_so_far",
    "mean_price_so_far",
    "max_price_so_far",
    "hour_of_day",
    "day_of_week",
    "last_event_name",
)
"""Columns of ``session_features`` beside its keys: a session's shape up to and including one of its events."""

HISTORY_LENGTH: Final = 50
"""Longest history, in events, that ``user_history_daily`` and the sequence models keep."""
