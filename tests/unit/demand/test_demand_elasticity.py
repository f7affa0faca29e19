import numpy as np
import pandas as pd
import pytest

from models.demand.elasticity import elasticities, poisson_regression, prepared, shrunken
from models.demand.prices import price_table, weekly
from shopsight.errors import ShopsightError

WEEKS = 104


def planted(elasticity, *, level=60.0, spread=0.2, items=6, seed=4):
    """Weekly sales whose prices fall in the season in which items sell most."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2024-01-01", periods=WEEKS, freq="7D")
    season = 0.5 * np.sin(2 * np.pi * np.arange(WEEKS) / 52)
    parts = []
    for item in range(items):
        moves = np.repeat(rng.normal(0, spread, WEEKS // 2), 2) - 0.3 * season
        units = rng.poisson(level * np.exp(elasticity * moves + season))
        parts.append(pd.DataFrame({"item_id": f"i{item}", "date": dates, "units": units, "price": 10 * np.exp(moves)}))
    return pd.concat(parts, ignore_index=True)


def test_an_elasticity_is_told_from_the_season_that_moves_prices_too():
    answers = elasticities(prepared(planted(-2.0)), seed=1)
    assert answers.own == pytest.approx(np.full(6, -2.0), abs=0.25)
    assert (answers.distrust == "").all()
    assert ((answers.low < answers.own) & (answers.own < answers.high)).all()


def test_what_is_not_to_be_trusted_says_why():
    still = planted(-2.0, items=2).assign(price=9.0)
    rare = planted(-2.0, items=2, level=0.05).assign(item_id=lambda rows: "rare" + rows["item_id"])
    short = planted(-2.0, items=1).head(10).assign(item_id="short")
    answers = elasticities(prepared(pd.concat([still, rare, short, planted(-2.0).tail(3 * WEEKS)])), seed=1)
    reasons = dict(zip(answers.item_ids, answers.distrust, strict=True))
    assert reasons["i0"] == "its price hardly moved"
    assert reasons["short"] == "too few periods with a price"
    assert reasons["rarei0"] != ""
    table = price_table(answers).to_pylist()
    assert table[0]["elasticity"] is None
    assert not table[0]["is_trusted"]


def test_items_whose_prices_move_together_are_not_told_apart():
    one = planted(-2.0, items=1)
    answers = elasticities(prepared(pd.concat([one, one.assign(item_id="same")])), seed=1)
    assert set(answers.distrust) == {"its price moves with its rivals' prices"}


def test_sales_at_a_price_follow_the_elasticity():
    table = prepared(planted(-2.0))
    answers = elasticities(table, seed=1)
    rows = table.head(1)
    dearer = rows.assign(log_price=rows["log_price"] + 0.1)
    ratio = answers.model.predict(dearer)[0] / answers.model.predict(rows)[0]
    assert ratio == pytest.approx(np.exp(0.1 * answers.own[0]), rel=1e-6)


def test_weeks_in_which_an_item_was_sold_out_are_left_out():
    rows = planted(-2.0, items=1).assign(sold_out=lambda table: table.index < 40)
    assert len(prepared(rows)) == WEEKS - 40


def test_unsure_estimates_are_drawn_to_the_common_mean():
    estimate, error = np.array([-2.0, -2.1, -1.9, -6.0, np.nan]), np.array([0.05, 0.05, 0.05, 3.0, np.nan])
    mean, spread = shrunken(estimate, error)
    assert mean[:3] == pytest.approx(estimate[:3], abs=0.1)
    assert mean[3] == pytest.approx(-2.0, abs=0.3)
    assert spread[3] < 1.0
    assert np.isnan(mean[4])


def test_a_poisson_regression_counts_periods_without_sales():
    rng = np.random.default_rng(0)
    price = rng.normal(0, 0.5, 4_000)
    counts = rng.poisson(0.3 * np.exp(-1.5 * price)).astype(float)
    features = np.column_stack([np.ones(4_000), price])
    answer, covariance = poisson_regression(features, counts, np.zeros(4_000), clusters=np.arange(4_000))
    assert answer == pytest.approx([np.log(0.3), -1.5], abs=0.12)
    assert np.sqrt(covariance[1, 1]) == pytest.approx(0.05, abs=0.03)


def test_days_become_weeks_at_the_price_that_was_paid():
    dates = pd.date_range("2026-01-05", periods=14)
    rows = pd.DataFrame({"item_id": "a", "date": dates, "units": [1.0] * 7 + [3.0, *[0.0] * 5, 1.0], "price": 4.0})
    rows.loc[13, "price"] = 8.0
    assert weekly(rows)[["units", "price"]].to_numpy() == pytest.approx(np.array([[7.0, 4.0], [4.0, 5.0]]), rel=1e-4)


def test_sales_without_prices_are_refused():
    with pytest.raises(ShopsightError, match="no row has a price"):
        prepared(planted(-2.0).assign(price=np.nan))
