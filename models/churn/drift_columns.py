"""Which columns of the training table are watched for drift."""

import numpy as np
import pandas as pd

from models.churn.dataset import LAST_DAY
from models.evaluation.drift.findings import DriftColumns
from models.evaluation.drift.windows import watched_rows

WATCHED_COLUMNS = DriftColumns(numerical=("mean_order_value", *LAST_DAY), unit="user_id")
"""What orders bring, and the visits around the last one; one row of each customer is compared.

Days since the last order and days with orders are left out: in a shop where nothing changed customers still pile up,
and every window differs from the one before.
"""


def watched(training_set: pd.DataFrame) -> pd.DataFrame:
    """Return the watched columns of the training table."""
    means = [
        float(np.mean(np.asarray(values, dtype=np.float64))) if values is not None and len(values) else np.nan
        for values in training_set["order_values"]
    ]
    return watched_rows(training_set.assign(mean_order_value=means), WATCHED_COLUMNS)
