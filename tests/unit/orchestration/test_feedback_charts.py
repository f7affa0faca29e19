"""What the web UI draws of feedback."""

from datetime import date
from typing import Any

from orchestration.feedback_charts import feedback_pictures, promise_picture


def row(day: int, placement: str, position: int, impressions: int, clicked: int) -> dict[str, Any]:
    place = {"answered_on": date(2026, 3, day), "placement": placement, "position": position}
    return place | {"impressions": impressions, "clicked": clicked}


DAYS = [row(2, "trending", 1, 100, 10), row(3, "trending", 1, 100, 20), row(3, "trending", 2, 50, 1)]


def test_rates_of_a_position_are_of_all_days_and_rates_of_a_day_of_all_positions() -> None:
    pictures = feedback_pictures(DAYS)
    assert "| trending | 1 | 200 | 30 | 15.00% |" in pictures["clicks by position"].md_str
    assert "| trending | 2026-03-03 | 150 | 21 | 14.00% |" in pictures["clicks by day"].md_str
    assert "data:image/svg+xml;base64," in pictures["clicks by day"].md_str


def test_a_single_day_without_a_click_is_drawn_too() -> None:
    pictures = feedback_pictures([row(2, "trending", 1, 100, 0)])
    assert "| trending | 2026-03-02 | 100 | 0 | 0.00% |" in pictures["clicks by day"].md_str


def test_nothing_is_drawn_where_nothing_was_shown() -> None:
    assert feedback_pictures([]) == {}


def promise(day: int, measured: float, *, contacts: int = 100, metric: str = "recall@10") -> dict[str, Any]:
    return {
        "day": date(2026, 3, day),
        "model_version": "v0001",
        "metric": metric,
        "contacts": contacts,
        "measured": {"value": measured, "low": 0.0, "high": 1.0},
        "promised": {"value": 0.4, "low": 0.3, "high": 0.5},
    }


def test_what_was_kept_of_the_promise_is_drawn_day_by_day_beside_what_was_promised() -> None:
    days = [promise(2, 0.4), promise(3, 0.1), promise(3, 0.9, contacts=5, metric="recall@5")]
    drawn = promise_picture(days)["promise by day"].md_str
    assert "| 2026-03-02 | v0001 | recall@10 | 100 | 40.00% | 40.00% |" in drawn
    assert "| 2026-03-03 | v0001 | recall@10 | 100 | 10.00% | 40.00% |" in drawn
    assert "recall@5" not in drawn


def test_no_promise_is_drawn_where_none_was_made() -> None:
    assert promise_picture([]) == {}
    assert promise_picture([promise(2, 0.4) | {"promised": None}]) == {}
