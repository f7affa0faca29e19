"""Two tables of which nothing is known but what they hold: a defect is found, its column named, the rest is quiet."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from benchmarks.drift import DEFECTS, compared, hard_columns, plant, window
from models.evaluation.drift.findings import DriftConfig
from models.evaluation.drift.kinds import recognise
from models.evaluation.drift.tables import ROWS, Comparison, compare_tables
from models.evaluation.drift.values import plain

SLICE = (
    "column renamed",
    "numbers as text",
    "rare categories replaced",
    "a few far out",
    "default filled in",
    "items replaced",
    "ids written otherwise",
    "ids repeat",
    "stale",
    "two days lost",
    "rows sent twice",
    "texts in another language",
)
"""Kinds that differ most; `python -m benchmarks.drift` plants all of them, with more seeds."""


@pytest.mark.parametrize("kind", SLICE)
def test_a_planted_defect_is_found_and_its_column_named(kind: str) -> None:
    assert plant(kind, seed=3), DEFECTS[kind]


@pytest.fixture(scope="module")
def unchanged() -> Comparison:
    return compared(window(1), window(2))


def test_two_windows_of_one_shop_are_stable(unchanged: Comparison) -> None:
    assert (unchanged.status, unchanged.culprits) == ("stable", ())
    assert [finding.column for finding in unchanged.columns] == list(window(1).columns)


def test_ids_texts_and_moments_are_not_compared_as_amounts(unchanged: Comparison) -> None:
    kinds = {finding.column: finding.kind for finding in unchanged.columns}
    assert kinds == {
        "event_id": "key",
        "event_timestamp": "time",
        "user_id": "identity",
        "item_id": "identity",
        "event_name": "category",
        "price": "number",
        "quantity": "number",
        "discount": "number",
        "rating": "number",
        "channel": "category",
        "query": "text",
        "score": "number",
        "label": "number",
        "is_member": "category",
    }


def test_columns_without_a_distance_raise_nothing_and_get_a_verdict() -> None:
    assert hard_columns() == []


def numbers(name: str, values: object) -> pa.Table:
    return pa.table({name: values})


def test_a_difference_that_is_significant_but_tiny_is_stable() -> None:
    rng = np.random.default_rng(5)
    before, after = rng.normal(size=200_000), rng.normal(0.04, 1, 200_000)
    comparison = compare_tables(numbers("score", before), numbers("score", after), config=DriftConfig(max_rows=200_000))
    (column,) = comparison.columns
    assert comparison.status == "stable"
    assert column.p_value is not None
    assert column.p_value < 1e-6


def test_a_large_difference_of_few_rows_is_no_proof() -> None:
    few = compare_tables(
        numbers("score", np.arange(40.0)), numbers("score", 1_000 + np.arange(40.0)), config=DriftConfig()
    )
    assert few.status == "not evaluable"
    assert "40 rows in the current window, of 100 needed" in few.rows.reason


def test_ids_that_count_on_are_no_drift() -> None:
    before, after = (pa.table({"order_id": np.arange(start, start + 2_000)}) for start in (1_000, 9_000))
    assert compare_tables(before, after, config=DriftConfig()).status == "stable"


def test_shoppers_may_all_be_others_but_items_may_not() -> None:
    rng = np.random.default_rng(6)
    before, after = ([f"{mark}{n:05d}" for n in rng.integers(0, 300, 2_000)] for mark in ("a", "b"))
    for name, status in (("user_id", "stable"), ("item_id", "drifted")):
        assert compare_tables(numbers(name, before), numbers(name, after), config=DriftConfig()).status == status


def test_a_weekend_is_compared_with_weekends() -> None:
    rng = np.random.default_rng(8)

    def rows(first: str, days: int) -> pa.Table:
        moments = pd.Timestamp(first, tz="UTC") + pd.to_timedelta(np.sort(rng.uniform(0, days, days * 150)), unit="D")
        price = rng.normal(np.where(moments.dayofweek >= 5, 60, 20), 5.0)
        return pa.table({"event_timestamp": moments.to_numpy(), "price": price})

    month, saturday, monday = rows("2026-03-02", 28), rows("2026-04-04", 2), rows("2026-04-06", 2)
    for current in (saturday, monday):
        comparison = compare_tables(month, current, config=DriftConfig())
        assert comparison.status == "stable", comparison.culprits
        assert "of no other days" in comparison.notes[0]
    sold_out = saturday.set_column(1, "price", pa.array(rng.normal(20, 5.0, saturday.num_rows)))
    assert "price" in {one.column for one in compare_tables(month, sold_out, config=DriftConfig()).culprits}


def test_what_is_in_neither_window_alarms_nobody() -> None:
    rows = window(3, 300).assign(nothing=None, lonely=[1.0] * 5 + [np.nan] * 295)
    comparison = compared(rows, rows)
    assert comparison.status == "stable"
    assert {one.column: one.status for one in comparison.columns}["lonely"] == "not evaluable"


def test_typed_columns_and_their_text_hold_the_same() -> None:
    rows = window(4, 400)
    typed = pa.Table.from_pandas(rows, preserve_index=False)
    written = pa.table({name: pa.array(rows[name].map(lambda v: "" if pd.isna(v) else str(v))) for name in rows})
    comparison = compare_tables(typed, written, config=DriftConfig(), are_typed=False)
    assert comparison.status == "stable", comparison.culprits


def test_numbers_with_a_decimal_comma_are_numbers() -> None:
    assert recognise("price", plain(pa.chunked_array([["12,50", "3,99", "1,00"] * 40]))).kind == "number"
    before, after = ([f"{n / scale:.2f}".replace(".", ",") for n in range(100, 900)] for scale in (10, 1))
    comparison = compare_tables(
        numbers("price", before), numbers("price", after), config=DriftConfig(), are_typed=False
    )
    assert [one.column for one in comparison.culprits] == ["price"]


def test_lists_of_items_are_compared_by_what_is_in_them() -> None:
    rng = np.random.default_rng(9)

    def lists(mark: str, few: int) -> pa.Table:
        return pa.table({"items": [[f"{mark}{n}" for n in rng.integers(0, few, 10)] for _ in range(400)]})

    before = lists("i", 200)
    assert compare_tables(before, lists("i", 200), config=DriftConfig()).status == "stable"
    for other in (lists("new", 200), lists("i", 12)):
        assert compare_tables(before, other, config=DriftConfig()).columns[0].status == "drifted"


def test_more_rows_are_a_finding_about_the_rows() -> None:
    comparison = compared(window(1, 400), window(2, 4_000))
    assert ROWS in {one.column for one in comparison.culprits}


def test_the_money_in_the_rows_that_a_culprit_touches_is_said() -> None:
    after = window(2, 2_000)
    after = after.assign(channel=after.channel.mask(after.index % 10 == 0, "tiktok"), price=10.0)
    after = after.assign(price=after.price.where(after.index % 10 > 0, 30.0))
    comparison = compared(window(1, 2_000), after)
    assert comparison.money == "price"
    assert comparison.touched["channel"] == pytest.approx(0.25)


def test_an_amount_whose_name_ends_like_an_id_is_an_amount() -> None:
    cents = np.random.default_rng(3).integers(100, 9_000, 1_000)
    assert recognise("amount_paid", plain(pa.chunked_array([cents]))).kind == "number"
    assert recognise("itemid", plain(pa.chunked_array([cents]))).kind == "identity"


def test_days_of_a_week_beside_days_of_a_month_are_no_drift() -> None:
    rng = np.random.default_rng(4)
    month, week = (pd.Timestamp(first) + pd.to_timedelta(rng.integers(0, days, 100 * days), unit="D")
                   for first, days in (("2026-03-02", 28), ("2026-03-30", 7)))  # fmt: skip
    tables = [pa.table({"day": moments.date}) for moments in (month, week)]
    comparison = compare_tables(*tables, config=DriftConfig())
    assert comparison.status == "stable", comparison.culprits


@pytest.mark.parametrize("write", ["${:,.2f}", "{:.2f} EUR", "{:,.2f}"])
def test_amounts_with_signs_are_amounts(write: str) -> None:
    rng = np.random.default_rng(2)
    before, after = ([write.format(n) for n in rng.lognormal(7, 1, 800) * scale] for scale in (1, 1.6))
    tables = numbers("total", before), numbers("total", after)
    (column,) = compare_tables(*tables, config=DriftConfig(), are_typed=False).columns
    assert (column.kind, column.status) == ("number", "drifted")
