"""Names that several tools share: where one tool ends and the next begins, both read the name here.

dbt and Feast cannot import Python constants, so tests compare their files with these names.
"""

from typing import Final

INTENTS: Final = ("search_product", "compare_product", "ask_question", "leave_review", "other")
"""The five labels of an utterance, in the order of every probability vector."""

TRAINING_RUN: Final = "training run"
"""Who asks for a candidate's approval, and therefore cannot be the one who gives it."""

APPROVAL_POLICY: Final = "automatic approval policy"
"""Who approves where ``SHOPSIGHT_APPROVAL_POLICY`` is automatic; no person signs with this name."""
RELEASE_POLICY: Final = "release policy"
"""Who lets a version under release go on, or stops it, by what was counted; no person signs with this name."""

EXPORTED_MARTS: Final = (
    "items",
    "users",
    "sessions",
    "interactions",
    "user_features_daily",
    "user_history_daily",
    "user_purchases",
    "item_features_daily",
    "session_features",
    "session_labels",
    "utterances",
    "reviews",
    "user_taste_features_daily",
    "user_category_features_daily",
    "item_quality_features_daily",
    "category_price_features_daily",
    "session_flow_features",
    "session_state_features",
    "user_order_history_daily",
    "churn_labels",
)
"""Marts that models, services and Feast read, by :mod:`shopsight.marts`."""

EXPORTED_BY_MODELS: Final = (
    "churn_scores",
    "review_insights",
    "item_forecasts",
    "market_insights",
    "placement_response",
    "price_insights",
    "reorder_list",
    "user_groups",
    "user_embeddings",
    "item_embeddings",
    "item_picture_embeddings",
    "item_picture_suggestions",
    "shown_lists",
    "list_feedback",
    "feedback_daily",
)
"""What is written beside the marts: what approved models say, and what came of what they said."""

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

USER_TASTE_FEATURES: Final = (
    "active_days_28d",
    "days_between_visits_28d",
    "events_per_session_28d",
    "top_categories",
    "category_share_28d",
    "top_brands",
    "brand_share_28d",
    "price_low_28d",
    "price_median_28d",
    "price_high_28d",
    "discount_share_28d",
    "favourite_hour",
    "favourite_weekday",
    "evening_share_28d",
    "weekend_share_28d",
    "mean_rating_given",
    "search_share_28d",
    "question_share_28d",
    "review_share_28d",
    "buying_share_28d",
)
"""Columns of ``user_taste_features_daily`` beside its keys."""

USER_CATEGORY_FEATURES: Final = (
    "category_events_total",
    "category_purchases_total",
    "category_events_28d",
    "category_views_28d",
    "category_carts_28d",
    "category_purchases_28d",
    "category_revenue_28d",
)
"""Columns of ``user_category_features_daily`` beside its keys."""

ITEM_QUALITY_FEATURES: Final = (
    "purchases_total",
    "refunds_total",
    "return_rate",
    "view_momentum",
    "days_since_last_purchase",
    "last_price",
    "price_to_highest_28d",
)
"""Columns of ``item_quality_features_daily`` beside its keys."""

CATEGORY_PRICE_FEATURES: Final = (
    "category_price_min_28d",
    "category_price_mean_28d",
    "category_price_max_28d",
    "category_prices_28d",
)
"""Columns of ``category_price_features_daily`` beside its keys."""

SESSION_FLOW_FEATURES: Final = (
    "mean_dwell_seconds",
    "longest_dwell_seconds",
    "deepest_position_so_far",
    "price_spread_so_far",
    "cart_rate_so_far",
    "last_actions",
    "last_items",
)
"""Columns of ``session_flow_features`` beside its keys."""

USER_ORDER_HISTORY: Final = (
    "last_seen_us",
    "ordered_us",
    "order_values",
)
"""Columns of ``user_order_history_daily`` beside its keys: what churn reads of a customer."""

SESSION_STATE: Final = (
    "is_checked_out",
    "started_us",
    "last_us",
    "events",
    "views",
    "searches",
    "wishlists",
    "carts",
    "cart_removals",
    "cart_views",
    "items_seen",
    "categories_seen",
    "price_sum",
    "prices",
    "price_min",
    "price_max",
    "longest_pause",
    "deepest_position",
    "recent_actions",
    "recent_items",
    "recent_keys",
)
"""Columns of ``session_state_features`` beside its keys; the push source goes on from them, models do not read them."""

PURCHASES_LENGTH: Final = 500
"""Most items, each counted once, that ``user_purchases`` keeps of a shopper."""

HISTORY_LENGTH: Final = 50
"""Maximum history, in events, that ``user_history_daily`` and the sequence models keep."""
