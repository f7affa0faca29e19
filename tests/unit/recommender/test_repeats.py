"""After how long shoppers buy an item again: by hand, for items that are bought often, seldom and never again."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from models.recommender.dataset import Interactions
from models.recommender.repeats import usual_intervals

START = datetime(2026, 1, 1, 9, tzinfo=UTC)


def bought(item: str, shoppers: int, *days: float, event: str = "purchase") -> list[tuple[str, str, str, datetime]]:
    return [(f"{item}-{n}", item, event, START + timedelta(days=day)) for n in range(shoppers) for day in days]


def intervals(*rows: list[tuple[str, str, str, datetime]], shelf: str = "Tea") -> dict[str, float]:
    users, items, events, moments = zip(*(row for part in rows for row in part), strict=True)
    table = {"user_id": users, "item_id": items, "event_name": events, "nth": pa.array([1] * len(users), pa.int64())}
    data = Interactions.from_tables(
        pa.table({**table, "event_timestamp": pa.array(moments, pa.timestamp("us", tz="UTC"))})
    )
    days = usual_intervals(data, [None if item == "lone" else shelf for item in data.item_ids])
    return dict(zip(data.item_ids.tolist(), days.tolist(), strict=True))


def test_an_item_that_was_bought_again_five_times_has_the_median_of_its_own_intervals() -> None:
    days = intervals(bought("green", 5, 0, 28), bought("black", 3, 0, 10, 40))
    assert days == {"green": 28.0, "black": 20.0}


def test_an_item_that_was_seldom_bought_again_has_the_interval_of_its_category_where_that_says_enough() -> None:
    days = intervals(bought("green", 20, 0, 28), bought("rare", 4, 0, 7), bought("lone", 4, 0, 7))
    assert days["rare"] == 28.0
    assert np.isnan(days["lone"])
    assert np.isnan(intervals(bought("green", 10, 0, 28), bought("rare", 4, 0, 7))["rare"])


def test_two_orders_of_a_day_and_looking_again_are_no_repeat() -> None:
    days = intervals(bought("green", 30, 0.0, 0.2), bought("black", 30, 0, 5, event="view_item"))
    assert all(np.isnan(interval) for interval in days.values())
