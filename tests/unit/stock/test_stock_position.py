"""What is there today, by a count and what happened since; and when it will be gone."""

import numpy as np
import pandas as pd

from models.stock.position import NO_COUNT, OLD_COUNT, days_until_out, position_of

TODAY = pd.Timestamp("2026-03-10")


def count(item: str, at: str, on_hand: float, on_order: float = 0.0, arrives: str | None = None) -> dict[str, object]:
    return {
        "item_id": item,
        "counted_at": pd.Timestamp(at),
        "units_on_hand": on_hand,
        "units_on_order": on_order,
        "arrives_at": pd.Timestamp(arrives) if arrives else pd.NaT,
        "unit_cost": 2.0,
        "supplier": "Alder",
    }


def place(items: list[str], counts: list[dict[str, object]], days: list[tuple[str, str, float]], gone=None):
    return position_of(
        np.array(items),
        pd.DataFrame(counts),
        pd.DataFrame(days, columns=["item_id", "date", "units"]).assign(
            date=lambda rows: pd.to_datetime(rows["date"]), units=lambda rows: rows["units"].astype(float)
        ),
        pd.Series(gone or {}, dtype="datetime64[ns]"),
        TODAY,
    )


def test_sales_after_the_newest_count_are_taken_off() -> None:
    counts = [count("lamp", "2026-03-01", 99), count("lamp", "2026-03-08", 10)]
    days = [("lamp", "2026-03-07", 50.0), ("lamp", "2026-03-08", 2.0), ("lamp", "2026-03-09", 1.0)]
    assert place(["lamp"], counts, days).on_hand_N.tolist() == [7]


def test_a_count_of_today_goes_before_all_others_and_one_of_tomorrow_does_not() -> None:
    counts = [count("lamp", "2026-03-09", 5), count("lamp", "2026-03-10 08:00", 3), count("lamp", "2026-03-11", 99)]
    assert place(["lamp"], counts, [("lamp", "2026-03-09", 2.0)]).on_hand_N.tolist() == [3]


def test_what_was_on_order_is_there_once_it_came() -> None:
    counts = [count("came", "2026-03-01", 1, 5, "2026-03-06"), count("comes", "2026-03-01", 1, 5, "2026-03-12")]
    position = place(["came", "comes"], counts, [])
    assert position.on_hand_N.tolist() == [6, 1]
    assert position.on_order_N.tolist() == [0, 5]
    assert position.position_N.tolist() == [6, 6]


def test_an_item_that_cannot_be_bought_since_its_count_is_not_there() -> None:
    counts = [count("before", "2026-03-05", 8), count("after", "2026-03-05", 8)]
    gone = {"before": pd.Timestamp("2026-03-04"), "after": pd.Timestamp("2026-03-06")}
    assert place(["after", "before"], counts, [], gone).on_hand_N.tolist() == [0, 8]


def test_items_without_a_count_or_with_an_old_one_say_so() -> None:
    position = place(["lamp", "rug"], [count("lamp", "2026-01-01", 8)], [])
    assert position.unknown_N.tolist() == [OLD_COUNT, NO_COUNT]
    assert np.isnan(position.position_N).all()


def test_an_item_is_out_when_its_expected_sales_have_taken_what_is_there_and_what_arrives() -> None:
    counts = [
        count("alone", "2026-03-10", 4),
        count("filled", "2026-03-10", 4, 4, "2026-03-12"),
        count("none", "2026-03-10", 0),
        count("plenty", "2026-03-10", 100),
    ]
    position = place(["alone", "filled", "none", "plenty"], counts, [])
    assert days_until_out(position, np.ones((4, 30))).tolist() == [3, 7, 0, np.inf]
