"""What the newest lists can be expected to bring, of shops whose truth is drawn."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from serving.feedback.expected import Expectation, expected_click_through

DAYS = 40
ITEMS = 60
DAY = timedelta(hours=24)


def shop(
    *,
    seed: int = 0,
    days: int = DAYS,
    lists: int = 300,
    newest_shows: str = "as before",
    open_days: int = 1,
    silent_days: int = 0,
    window: timedelta = DAY,
) -> tuple[Expectation, float]:
    """Return the expectation of a shop's days, and the click-through that its newest day was drawn with.

    An item's chance is its attraction times how often its position is looked at. Each day shows other items; the newest
    one may show the most attractive third, or the least. Nothing is clicked on ``silent_days`` before the open ones.
    """
    rng = np.random.default_rng(seed)
    attraction = rng.gamma(2.0, 0.06, ITEMS).clip(0, 0.9)
    looks = 1.0 / (1.0 + 0.5 * np.arange(5))
    order = np.argsort(-attraction)
    rows: dict[str, list[object]] = {
        name: [] for name in ("answered_on", "placement", "position", "item_id", "clicks", "is_complete")
    }
    chance = 0.0
    for day in range(days):
        stock = rng.permutation(ITEMS)[:20]
        if day == days - 1 and newest_shows != "as before":
            stock = order[:20] if newest_shows == "the best" else order[-20:]
        items = rng.choice(stock, (lists, 5))
        chances = attraction[items] * looks
        chance = float(chances.mean())
        is_silent = days - open_days - silent_days <= day < days - open_days
        clicks = (rng.random((lists, 5)) < chances) & (not is_silent)
        rows["answered_on"] += [date(2026, 5, 1) + timedelta(days=day)] * lists * 5
        rows["placement"] += ["recommended_for_you"] * lists * 5
        rows["position"] += np.tile(np.arange(1, 6), lists).tolist()
        rows["item_id"] += [f"i{item}" for item in items.ravel()]
        rows["clicks"] += clicks.ravel().astype(int).tolist()
        rows["is_complete"] += [day < days - open_days] * lists * 5
    with duckdb.connect() as connection:
        connection.register("list_feedback", pa.table(rows))
        return expected_click_through(connection, window=window), chance


@pytest.mark.parametrize("newest_shows", ["the best", "the worst", "as before"])
def test_a_day_that_shows_other_items_is_expected_to_be_clicked_otherwise(newest_shows: str) -> None:
    expectation, truth = shop(newest_shows=newest_shows)

    (newest,) = expectation.days
    assert newest.expected == pytest.approx(truth, rel=0.12)


def test_its_error_is_measured_on_past_days_and_is_below_that_of_carrying_the_last_figure_over() -> None:
    expectation, _ = shop()

    assert expectation.judged > 25
    assert expectation.error is not None
    assert expectation.error_of_carrying_over is not None
    assert expectation.error < 0.8 * expectation.error_of_carrying_over


def test_the_interval_holds_what_comes_on_nine_days_of_ten() -> None:
    is_within = []
    for seed in range(30):
        expectation, truth = shop(seed=seed, lists=60)
        (newest,) = expectation.days
        assert newest.low is not None
        assert newest.high is not None
        is_within.append(newest.low <= truth <= newest.high)

    assert np.mean(is_within) >= 0.9


def test_each_day_whose_windows_are_not_over_is_estimated_and_none_of_them_is_judged() -> None:
    one_open, _ = shop(open_days=1)
    three_open, _ = shop(open_days=3)

    assert len(three_open.days) == 3
    assert three_open.judged == one_open.judged - 2


def test_days_whose_windows_were_not_over_at_a_days_end_say_nothing_of_it() -> None:
    two_days_late, truth = shop(silent_days=2, window=3 * DAY)
    at_once, _ = shop(silent_days=2, window=DAY)

    assert two_days_late.days[0].expected == pytest.approx(truth, rel=0.15)
    assert at_once.days[0].expected < two_days_late.days[0].expected


def test_of_a_few_days_there_is_an_estimate_and_no_interval_and_the_report_says_why() -> None:
    expectation, _ = shop(days=12)

    (newest,) = expectation.days
    assert newest.low is None
    assert newest.high is None
    assert expectation.not_evaluable == f"an interval takes 19 past days; there are {expectation.judged}"


def test_of_a_handful_of_clicks_nothing_is_estimated_and_the_report_says_why() -> None:
    expectation, _ = shop(days=3, lists=2)

    assert not expectation.days
    assert expectation.not_evaluable is not None
    assert "fewer than 50 shown items were clicked" in expectation.not_evaluable


def test_without_a_list_there_is_no_estimate() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create table list_feedback (answered_on date, placement text, position bigint, item_id text, "
            "clicks bigint, is_complete boolean)"
        )
        expectation = expected_click_through(connection, window=DAY)

    assert expectation.not_evaluable == "no list is counted yet"
