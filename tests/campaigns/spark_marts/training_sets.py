"""Training sets by Feast's Spark store and by the platform's own, compared row by row."""

import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from shopsight.feature_store.connection import open_feature_store
from shopsight.feature_store.spark import open_spark_feature_store
from shopsight.marts import open_marts
from shopsight.settings import Settings

SERVICES: Final = ("recommender_v1", "churn_v1", "purchase_intent_v1", "session_flow_v1", "ranking_v1")
ROWS: Final = 300
KEYS: Final = {
    "user_id": "user_features_daily",
    "session_id": "session_features",
    "item_id": "item_features_daily",
    "category": "category_price_features_daily",
}
"""The keys that services ask for, and a mart that has each."""


def differing_training_rows(settings: Settings, folder: Path, *, seed: int) -> dict[str, tuple[int, int, int]]:
    """Return how many of the same rows Feast's Spark store and the platform's answer differently, by service.

    The rows ask about shoppers, sessions, items and categories of the marts, and some of none, at moments before,
    between and after what is known; once with what had arrived, once with all that is known. Definitions have to be
    applied, and a Spark session open.

    Returns:
        By service the rows asked for, those of them about which something is known, and those that differ.
    """
    ours, theirs = open_feature_store(settings, read_only=True), open_spark_feature_store(settings, folder)
    figures: dict[str, tuple[int, int, int]] = {}
    for service in SERVICES:
        rows = asking_rows(settings, seed)
        answered = differing = 0
        for arrived in (True, False):
            answers = []
            for store in (ours, theirs):
                job = store.get_historical_features(
                    entity_df=rows, features=store.get_feature_service(service), filter_by_created_timestamp=arrived
                )
                answers.append(_by_row(job.to_df(), {str(name) for name in rows} - {"row"}))
            answered += sum(any(value is not None for value in row.values()) for row in answers[0].values())
            differing += sum(answers[0].get(row) != answers[1].get(row) for row in range(len(rows)))
            differing += len(answers[1].keys() - answers[0].keys())
        figures[service] = (2 * len(rows), answered, differing)
    return figures


def asking_rows(settings: Settings, seed: int) -> pd.DataFrame:
    """Return rows that ask, each with its number, every key, its moment and what on-demand features want to know."""
    rng = random.Random(seed)
    with open_marts(settings) as connection:
        keys = {
            key: [value for (value,) in connection.execute(f"select distinct {key} from {mart} order by 1").fetchall()]
            for key, mart in KEYS.items()
        }
        first, last = connection.execute(
            "select min(feature_timestamp), max(feature_timestamp) from user_features_daily"
        ).fetchall()[0]
    span = int((last - first).total_seconds()) + 86_400
    rows = [
        {key: rng.choice(values) if rng.random() < 0.9 else "nobody knows it" for key, values in keys.items()}
        | {"row": number, "item_price": rng.uniform(1, 50), "item_brand": rng.choice(("Lux", "Oak", ""))}
        | {"event_timestamp": pd.Timestamp(first) + pd.Timedelta(seconds=rng.randrange(-86_400, span))}
        for number in range(ROWS)
    ]
    return pd.DataFrame(rows)


def _by_row(answer: pd.DataFrame, asked: set[str]) -> dict[int, Mapping[str, Any]]:
    features = [name for name in answer.columns if name not in asked]
    return {
        int(row["row"]): {name: _plain(row[name]) for name in features if name != "row"}
        for row in answer.to_dict("records")
    }


def _plain(value: Any) -> Any:
    """Return a value that compares across the stores: null is None, lists are lists, and doubles have nine digits."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | str):
        return value
    if hasattr(value, "__iter__"):
        return [_plain(part) for part in value]
    return float(f"{float(value):.9g}")
