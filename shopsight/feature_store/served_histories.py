"""Holds a training set of sequences against its feature service: what is learnt from must be what will be served."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from shopsight.contracts import HISTORY_LENGTH
from shopsight.feature_store.connection import UnusableFeaturesError
from shopsight.feature_store.history import training_set
from shopsight.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

SHOPPERS: Final = 2_000
"""Shoppers whose histories are compared: a view that counts otherwise differs for most of them."""

LAST_STEPS: Final = f"""
    with sampled as (select distinct user_id from interactions order by md5(user_id), user_id limit {SHOPPERS})
    select user_id, list(item_id order by nth)[-{HISTORY_LENGTH}:] as item_ids,
        list(event_name order by nth)[-{HISTORY_LENGTH}:] as event_names, max(event_timestamp) as last_seen
    from interactions semi join sampled using (user_id)
    group by user_id
    order by user_id
"""


def compare_histories(settings: Settings, *, service: str, interactions: "pa.Table", now: datetime) -> int:
    """Compare shoppers' histories in a feature service with the end of the interactions that a model trains on.

    Args:
        settings: says where the definitions and the marts are.
        service: name of the feature service, which has ``item_ids`` and ``event_names``.
        interactions: the mart of that name: ``user_id``, ``item_id``, ``event_name``, ``event_timestamp`` and ``nth``,
            the place in the shopper's order.
        now: the histories are read as known then, or at the end of the last day where that is later; aware.

    Returns:
        How many shoppers were compared; all their histories are equal.

    Raises:
        FeatureStoreNotReadyError: no definitions were applied, or the mart behind the histories was not exported.
        UnusableFeaturesError: the service is not what its family reads, or a history differs.
    """
    import duckdb
    import pandas as pd

    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("interactions", interactions)
        expected = connection.sql(LAST_STEPS).to_arrow_table()
    if expected.num_rows == 0:
        return 0
    last_day = max(expected["last_seen"].to_pylist()).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    moment = max(now, last_day + timedelta(days=1))
    asked = pd.DataFrame({"user_id": expected["user_id"].to_pylist(), "event_timestamp": pd.Timestamp(moment)})
    served = training_set(settings, service=service, entities=asked, columns=("item_ids", "event_names"))
    different = [
        row["user_id"]
        for row, items, names in zip(
            expected.select(["user_id", "item_ids", "event_names"]).to_pylist(),
            served["item_ids"],
            served["event_names"],
            strict=True,
        )
        if (row["item_ids"], row["event_names"]) != (_list(items), _list(names))
    ]
    if different:
        raise UnusableFeaturesError(
            f"{len(different)} of {expected.num_rows} histories in the feature service {service!r} are not the end of "
            f"the interactions that the model trains on, such as that of {different[0]!r}.",
            why="the marts user_history_daily and interactions were built apart, or count different events",
            fix="build both marts again (Dagster group `transformation`); if it stays, compare their SQL",
        )
    return int(expected.num_rows)


def _list(values: object) -> list[object] | None:
    """Return the list of a data frame's cell; of a shopper without features it is None or not a number."""
    return list(values) if hasattr(values, "__iter__") else None
