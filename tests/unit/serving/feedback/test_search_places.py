"""Where clicked results stood, told from the search service's log, and what a click there counts for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.evaluation.bootstrap import Estimate
from models.evaluation.position_bias import PositionBias
from models.search.click_weights import MAX_WEIGHT, click_weights
from serving.feedback.search_places import search_places
from serving.prediction_log import PredictionLog, new_id
from shopsight.clock import rfc3339

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        pa.field("session_id", pa.string()),
        pa.field("event_timestamp", pa.timestamp("us", "UTC")),
        pa.field("query", pa.string()),
        pa.field("clicked_item_id", pa.string()),
    ]
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PredictionLog]:
    log = PredictionLog(tmp_path / "search", sync_seconds=60)
    yield log
    log.close()


def answer(log: PredictionLog, query: str, items: list[str], *, at: datetime = NOON, **more: Any) -> None:
    log.append(
        {
            "recommendation_id": new_id(),
            "answered_at": rfc3339(at),
            "placement": "search",
            "model": {"name": "search", "version": "v0001"},
            "query": query,
            "session_id": None,
            "results": [[item, 1.0, "search"] for item in items],
            **more,
        }
    )


def search(query: str, clicked: str | None, *, at: datetime = NOON, session: str = "s1") -> dict[str, Any]:
    return {"session_id": session, "event_timestamp": at, "query": query, "clicked_item_id": clicked}


def positions(folder: Path, *searches: dict[str, Any]) -> list[int | None]:
    return search_places(pa.Table.from_pylist(list(searches), schema=SCHEMA), folder / "search").positions


def test_a_click_stood_where_the_answer_of_its_search_had_the_item(log: PredictionLog, tmp_path: Path) -> None:
    answer(log, "Red  Shoes", ["a", "b", "c"])
    asked = [search("red shoes", "c"), search("red shoes", None), search("blue shoes", "a"), search("red shoes", "z")]
    assert positions(tmp_path, *asked) == [3, None, None, None]


def test_the_answer_of_the_session_is_taken_before_one_that_names_none(log: PredictionLog, tmp_path: Path) -> None:
    answer(log, "shoes", ["a", "b"])
    answer(log, "shoes", ["b", "a"], at=NOON - timedelta(seconds=40), session_id="s1")
    answer(log, "shoes", ["c", "b"], session_id="s2")
    assert positions(tmp_path, search("shoes", "b")) == [1]


def test_an_answer_of_another_hour_or_that_nobody_saw_is_not_taken(log: PredictionLog, tmp_path: Path) -> None:
    answer(log, "shoes", ["a"], at=NOON - timedelta(hours=1))
    answer(log, "shoes", ["a"], role="shadow")
    assert positions(tmp_path, search("shoes", "a")) == [None]


def test_a_row_that_is_no_answer_tells_nothing_and_hides_no_other(log: PredictionLog, tmp_path: Path) -> None:
    log.append({"recommendation_id": "srch_1", "query": "shoes", "results": [["a", 1.0, "search"]]})
    answer(log, "shoes", ["b", "a"])
    assert positions(tmp_path, search("shoes", "a")) == [2]


def test_an_address_in_a_query_is_matched_as_the_log_writes_it(log: PredictionLog, tmp_path: Path) -> None:
    from shopsight.privacy import redact_text

    answer(log, redact_text("order of ana@example.com"), ["a"])
    assert positions(tmp_path, search("order of ana@example.com", "a")) == [1]


def test_a_shop_without_a_log_says_that_nothing_can_be_told(tmp_path: Path) -> None:
    places = search_places(pa.Table.from_pylist([search("shoes", "a")], schema=SCHEMA), tmp_path / "none")
    assert places.placed == 0
    assert places.bias.not_evaluable
    assert click_weights(places.positions, places.bias).to_pylist() == [1.0]


def test_how_often_places_are_looked_at_is_recovered_from_the_log(log: PredictionLog, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    looked_at, wanted = np.array([1.0, 0.5, 0.25]), dict(zip("abc", (0.2, 0.15, 0.1), strict=True))
    asked = []
    for number in range(6_000):
        at, query = NOON + timedelta(minutes=10 * number), f"query {number % 5}"
        order = rng.permutation(list(wanted)).tolist()
        answer(log, query, order, at=at)
        clicks = [item for place, item in enumerate(order) if rng.random() < looked_at[place] * wanted[item]]
        asked.append(search(query, clicks[0] if len(clicks) == 1 else None, at=at))
    places = search_places(pa.Table.from_pylist(asked, schema=SCHEMA), tmp_path / "search")
    assert places.placed == sum(one["clicked_item_id"] is not None for one in asked)
    assert places.bias.examination[3].value == pytest.approx(0.25, rel=0.35)


def test_a_click_counts_the_more_the_seldomer_its_place_is_looked_at_up_to_a_limit() -> None:
    estimates = {1: 1.0, 2: 0.5, 9: 0.01}
    bias = PositionBias(examination={place: Estimate(value=v, low=v, high=v) for place, v in estimates.items()})
    assert click_weights([1, 2, None, 5, 9], bias).to_pylist() == [1.0, 2.0, 1.0, 2.0, MAX_WEIGHT]
