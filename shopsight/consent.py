"""What each consent permits: the one place that says it.

dbt and Feast cannot import Python, so dbt_project/macros/consent.sql and the tags of marts and feature views repeat it,
as does the table in docs/privacy.md; tests compare them.
"""

from collections.abc import Mapping
from typing import Final, Literal

Use = Literal["records", "totals", "personal"]
"""What rows are used for.

records: what the shop keeps of each visit and order, to run itself: it needs no consent.
totals: figures of many shoppers together, and models that say nothing of a person.
personal: what is about one shopper: lists, audiences, look-alikes, training of personal models, online views.
"""

USES: Final[Mapping[str, frozenset[Use]]] = {
    "granted": frozenset({"records", "totals", "personal"}),
    "analytics_only": frozenset({"records", "totals"}),
    "none": frozenset({"records"}),
}
"""What each value permits, the strictest last."""

CONSENTS: Final = tuple(USES)
"""Every value that an event, a user or a request may state."""

UNSTATED: Final = "granted"
"""The consent of an event that states none."""

TAG: Final = "consent"
"""Tag of a feature view that names the use of its rows; a mart has the dbt tag ``consent_<use>``."""

PERSONAL_EXPORTS: Final = (
    "interactions",
    "rfm",
    "user_features_daily",
    "user_history_daily",
    "user_purchases",
    "user_order_history_daily",
    "user_taste_features_daily",
    "user_category_features_daily",
    "session_features",
    "session_flow_features",
    "session_state_features",
    "session_labels",
    "churn_labels",
    "churn_scores",
    "user_groups",
    "user_embeddings",
    "shown_lists",
)
"""Files of ``warehouse/exports`` whose rows are of personal use; the last four are no marts of dbt's."""


def allows(consent: str, use: Use) -> bool:
    """Return whether a consent permits a use."""
    return use in USES[consent]
