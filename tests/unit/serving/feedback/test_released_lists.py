"""A version whose lists surely lose clicks is told from one of which nothing is sure yet."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.feedback.released_lists import released_lists
from shopsight.marts import export_path
from shopsight.settings import Settings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def write(
    home: Settings, *, shoppers: int, clicked: dict[str, int], at: datetime = NOON, complete: bool = True
) -> None:
    """Write a list for each shopper; of each version's, the first so many were clicked."""
    feedback, lists = [], []
    for version, clicks in clicked.items():
        for number in range(shoppers):
            name = {"recommendation_id": f"{version} {number}", "position": 1}
            was_clicked = int(number < clicks)
            feedback.append(
                name
                | {"answered_at": at, "model_version": version, "is_complete": complete}
                | {"clicks": was_clicked, "orders": 0}
            )
            lists.append(name | {"user_id": f"u_{version}_{number}", "session_id": None})
    for mart, rows in (("list_feedback", feedback), ("shown_lists", lists)):
        path = export_path(home, mart)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)


def said_of(home: Settings) -> tuple[str, str]:
    lists = released_lists(home, version="v0002", champion="v0001", since=NOON, worst=0.2, alpha=0.01)
    return lists.status, lists.sentence


def test_a_version_that_loses_half_of_the_clicks_is_worse(home: Settings) -> None:
    write(home, shoppers=1_500, clicked={"v0001": 600, "v0002": 300})
    status, sentence = said_of(home)
    assert status == "worse"
    assert "more than 20% are lost" in sentence


def test_a_version_with_as_many_clicks_is_not(home: Settings) -> None:
    write(home, shoppers=1_500, clicked={"v0001": 600, "v0002": 600})
    assert said_of(home)[0] == "kept"


def test_orders_of_which_there_are_too_few_say_nothing(home: Settings) -> None:
    write(home, shoppers=1_500, clicked={"v0001": 600, "v0002": 600})
    assert "lists that were ordered: not enough yet" in said_of(home)[1]


@pytest.mark.parametrize(
    "too_few", [{"shoppers": 99}, {"shoppers": 300, "complete": False}, {"shoppers": 300, "at": NOON - timedelta(1)}]
)
def test_too_few_shoppers_lists_too_new_or_of_before_say_nothing(home: Settings, too_few: dict[str, object]) -> None:
    write(home, clicked={"v0001": 60, "v0002": 0}, **too_few)  # type: ignore[arg-type]
    assert said_of(home)[0] == "not_enough_yet"


def test_without_feedback_that_is_what_is_said(home: Settings) -> None:
    status, sentence = said_of(home)
    assert (status, "no feedback was made" in sentence) == ("not_enough_yet", True)
