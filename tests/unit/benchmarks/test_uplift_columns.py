"""Which columns of a trial may be features."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.uplift.columns import choose_features


def rows(count: int = 4_000) -> tuple[pd.DataFrame, np.typing.NDArray[np.intp], np.typing.NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    arm = rng.integers(0, 2, count)
    visit = rng.random(count) < 0.2
    spend = np.where(visit & (rng.random(count) < 0.3), rng.exponential(50, count), 0.0)
    table = pd.DataFrame(
        {
            "recency": rng.integers(1, 13, count),
            "history": rng.exponential(100, count).round(2),
            "zone": rng.choice(["Rural", "Urban"], count),
            "income": np.where(rng.random(count) < 0.3, np.nan, rng.normal(size=count)),
            "basket": spend,
            "mails_read": rng.poisson(1 + 0.5 * arm),
            "customer": [f"c{number}" for number in range(count)],
            "row": np.arange(count),
            "shop": "one",
            "conversion_later": rng.integers(0, 2, count),
            "clicks_before": rng.integers(0, 2, count),
            "copy": visit + rng.normal(0, 0.1, count),
        }
    )
    return table, arm.astype(np.intp), visit.astype(np.float64)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("mails_read", "the arms differ in it"),
        ("basket", "says the outcome"),
        ("copy", "orders the outcome almost perfectly"),
        ("conversion_later", "named like an outcome"),
        ("customer", "names rows"),
        ("row", "names rows"),
        ("shop", "one value only"),
    ],
)
def test_a_column_that_cannot_be_from_before_is_left_out_with_a_reason(column, reason):
    assert reason in choose_features(*rows()).left_out[column]


def test_columns_from_before_stay_and_texts_become_categories():
    features = choose_features(*rows())
    assert features.names == ("recency", "history", "zone", "income", "clicks_before")
    assert features.categorical == (2,)
    assert np.isnan(features.values_RF[:, 3]).mean() == pytest.approx(0.3, abs=0.05)


def test_an_amount_says_that_there_was_a_visit_and_no_visit_says_that_there_was_no_amount():
    table, arm, visit = rows()
    amount = table.pop("basket").to_numpy()
    left_out = choose_features(table.assign(seen=visit), arm, amount).left_out
    assert "the outcome never came" in left_out["seen"]


def test_named_columns_are_taken_at_their_word():
    table, arm, visit = rows()
    features = choose_features(table, arm, visit, named=("basket",))
    assert features.names == ("basket",)
    assert not features.left_out


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="no column age"):
        choose_features(*rows(), named=("age",))
