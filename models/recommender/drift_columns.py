"""What is watched for drift in the interactions that the recommender learns from."""

import pandas as pd

from models.evaluation.drift.findings import DriftColumns
from models.evaluation.drift.windows import watched_rows

WATCHED_COLUMNS = DriftColumns(
    numerical=("price", "hour"), categorical=("event_name",), identities=("item_id",), unit="user_id"
)
"""What shoppers do, with which items, at what price and at what time of day; one row of each shopper is compared."""


def watched(training_set: pd.DataFrame) -> pd.DataFrame:
    """Return the watched columns of the training set."""
    hour = pd.to_datetime(training_set["event_timestamp"], utc=True).dt.hour
    price = training_set["price"].astype("float64")
    return watched_rows(training_set.assign(hour=hour, price=price), WATCHED_COLUMNS)
