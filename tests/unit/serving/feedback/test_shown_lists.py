"""The prediction log as a table: a row an item, and nothing that cannot be read is dropped in silence."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from serving.feedback.shown_lists import LogReading, shown_items, write_shown_lists
from serving.prediction_log import encode_row

ROW: dict[str, Any] = {
    "recommendation_id": "rec_1",
    "answered_at": "2026-03-02T09:00:00Z",
    "model": {"name": "recommender", "version": "v0003", "baseline": None},
    "placement": "trending",
    "user": "u_maya",
    "session_id": None,
    "request": {"num_results": 2},
    "fallback": "trending",
    "results": [["i_1", 0.5, "trending"], ["i_2", 0.25, "trending"]],
    "propensities": [1.0, 0.05],
}


def read(folder: Path, *lines: bytes) -> tuple[LogReading, list[dict[str, Any]]]:
    (folder / "log").mkdir()
    (folder / "log" / "a.jsonl").write_bytes(b"".join(lines))
    reading = write_shown_lists(folder / "log", folder / "shown.parquet")
    return reading, pq.read_table(folder / "shown.parquet").to_pylist()


def test_an_answer_of_two_items_is_two_rows_from_the_top(tmp_path: Path) -> None:
    reading, rows = read(tmp_path, encode_row(ROW))
    assert [(row["position"], row["item_id"], row["propensity"]) for row in rows] == [(1, "i_1", 1.0), (2, "i_2", 0.05)]
    first = rows[0]
    assert (first["user_id"], first["placement"], first["model_version"]) == ("u_maya", "trending", "v0003")
    assert (first["experiment"], first["arm"], first["session_id"]) == (None, None, None)
    assert (reading.answers, reading.lost) == (1, 0)


def test_the_arm_of_an_experiment_is_taken_from_the_row() -> None:
    row = shown_items(ROW | {"experiment": "blend", "arm": "b"})[0]
    assert (row["experiment"], row["arm"]) == ("blend", "b")


def test_a_changed_line_is_counted_and_named_and_those_around_it_are_read(tmp_path: Path) -> None:
    changed = encode_row(ROW).replace(b"i_2", b"i_9")
    reading, rows = read(tmp_path, encode_row(ROW), changed, encode_row(ROW | {"recommendation_id": "rec_2"}))
    assert (reading.answers, reading.damaged, reading.unreadable) == (2, 1, 0)
    assert reading.lines == [f"{tmp_path / 'log' / 'a.jsonl'}:2"]
    assert {row["recommendation_id"] for row in rows} == {"rec_1", "rec_2"}


@pytest.mark.parametrize(
    "change",
    [
        {"answered_at": "2026-03-02T09:00:00"},
        {"answered_at": None},
        {"model": None},
        {"results": [[]]},
        {"results": [[7, 0.5, "trending"]]},
        {"propensities": [1.0]},
        {"propensities": [1.0, 0.0]},
        {"user": 7},
        {"placement": ""},
        {"request": "none"},
    ],
)
def test_an_intact_row_that_is_no_answer_is_counted_with_the_reason(tmp_path: Path, change: dict[str, Any]) -> None:
    reading, rows = read(tmp_path, encode_row(ROW | change))
    assert rows == []
    assert (reading.answers, reading.unreadable, len(reading.lines)) == (0, 1, 1)
    assert sum(reading.reasons.values()) == 1


def test_a_list_without_items_showed_nothing_and_is_counted(tmp_path: Path) -> None:
    reading, rows = read(tmp_path, encode_row(ROW | {"results": [], "propensities": None}))
    assert (reading.answers, reading.empty, reading.lost, rows) == (0, 1, 0, [])


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    reading = write_shown_lists(tmp_path / "none", tmp_path / "shown.parquet")
    assert (reading.answers, reading.lost) == (0, 0)
    assert pq.read_table(tmp_path / "shown.parquet").num_rows == 0
