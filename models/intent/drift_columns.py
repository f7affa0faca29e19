"""What is watched for drift in the texts that the intent model reads."""

import pandas as pd

from models.evaluation.drift_checks import DriftColumns
from models.evaluation.drift_windows import watched_rows

WATCHED_COLUMNS = DriftColumns(numerical=("characters", "words", "chinese_share"), categorical=("channel",))
"""How long texts are, in which script, and where they are written."""


def watched(training_set: pd.DataFrame) -> pd.DataFrame:
    """Return the watched columns of the training set."""
    texts = training_set["text"].fillna("").astype(str)
    chinese = texts.str.count(r"[\u4e00-\u9fff]") / texts.str.len().clip(lower=1)
    measured = training_set.assign(characters=texts.str.len(), words=texts.str.split().str.len(), chinese_share=chinese)
    return watched_rows(measured, WATCHED_COLUMNS)
