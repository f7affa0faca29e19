"""What a profile is read from; imports nothing, so that an asset can name it before anything is read."""

from typing import Final

MARTS: Final = (
    "users",
    "rfm",
    "orders",
    "sessions",
    "utterances",
    "user_features_daily",
    "user_taste_features_daily",
    "user_order_history_daily",
)
"""Marts that a profile is read from."""
SCORES: Final = "churn_scores"
"""What the approved churn model wrote, where there is one."""
GROUPS: Final = "user_groups"
"""The behaviour group of each shopper, where they were made."""
