"""What is watched for drift in the searches that the model learns from."""

import pandas as pd

from models.evaluation.drift.findings import DriftColumns
from models.evaluation.drift.windows import watched_rows
from models.text.normalise import detect_language

WATCHED_COLUMNS = DriftColumns(
    numerical=("query_words", "query_letters"),
    categorical=("language", "is_clicked"),
    identities=("clicked_item_id",),
    unit="user_id",
)
"""How shoppers write, in which language, whether anything is clicked, and what; one search of each is compared."""


def watched(training_set: pd.DataFrame) -> pd.DataFrame:
    """Return the watched columns of the training set."""
    queries = training_set["query"].astype(str)
    frame = training_set.assign(
        query_words=queries.str.split().str.len().astype("float64"),
        query_letters=queries.str.len().astype("float64"),
        language=queries.map(detect_language),
        is_clicked=training_set["is_clicked"].map({True: "yes", False: "no"}),
    )
    return watched_rows(frame, WATCHED_COLUMNS)
