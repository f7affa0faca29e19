"""Which columns of the training table are watched for drift."""

import pandas as pd

from models.evaluation.drift.findings import DriftColumns
from models.evaluation.drift.windows import watched_rows
from models.purchase_intent.encoding import CATEGORICAL, FEATURES

GROWS_WITH_THE_CALENDAR = ("days_since_first_event", "orders_total")
"""Running totals of a shopper: every window differs from the one before, in a shop where nothing changed."""

WATCHED_COLUMNS = DriftColumns(
    numerical=tuple(name for name in FEATURES if name not in (*CATEGORICAL, *GROWS_WITH_THE_CALENDAR)),
    categorical=CATEGORICAL,
    unit="session_id",
)
"""Every feature of ``purchase_intent_v1`` but the running totals; one row of each session is compared."""


def watched(training_set: pd.DataFrame) -> pd.DataFrame:
    """Return the watched columns of the training table."""
    return watched_rows(training_set, WATCHED_COLUMNS)
