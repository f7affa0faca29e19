"""Which columns of the training table are watched for drift."""

import pandas as pd

from models.evaluation.drift.findings import DriftColumns
from models.evaluation.drift.windows import watched_rows

WATCHED_COLUMNS = DriftColumns(
    numerical=("views_28d", "sessions_28d", "mean_price_28d", "orders_total"), unit="user_id"
)
"""How active shoppers on the lists of campaigns are; one row of each is compared.

Days since something are left out: between two campaigns they grow by themselves.
"""


def watched(training_set: pd.DataFrame) -> pd.DataFrame:
    """Return the watched columns of the training table."""
    return watched_rows(training_set, WATCHED_COLUMNS)
