"""Histories hold what was known at the as-of date, labels what came after it, and features read the first alone."""

import numpy as np
import pytest

from models.churn.bg_nbd import BetaGeometric, RecencyFrequency
from models.churn.features import churn_features, feature_names
from models.churn.histories import Histories, LabelledRows, OrderBook

BG_NBD = BetaGeometric(r=0.6, alpha=20.0, a=0.8, b=3.0)


def book(seed: int = 1, customers: int = 60, orders: int = 400) -> OrderBook:
    rng = np.random.default_rng(seed)
    return OrderBook.of(
        rng.integers(0, customers, orders), np.sort(rng.uniform(0, 200, orders)), rng.uniform(1, 50, orders)
    )


def test_labels_agree_with_a_search_through_all_orders() -> None:
    orders = book()
    rows = LabelledRows.of(orders, np.array([60.0, 120.0]), horizon_days=30)
    for row in range(len(rows)):
        mine = orders.customers == rows.histories.customers[row]
        after = mine & (orders.days >= rows.as_of[row])
        within = after & (orders.days < rows.as_of[row] + 30)
        assert rows.outcomes.churned[row] == (not within.any())
        assert rows.outcomes.revenue[row] == pytest.approx(orders.values[within].sum())
        wait = orders.days[after].min() - rows.as_of[row] if after.any() else np.inf
        assert rows.outcomes.days_to_next[row] == pytest.approx(wait)


def test_features_do_not_change_when_the_future_does() -> None:
    orders = book()
    past = orders.days < 100
    cut = OrderBook.of(orders.customers[past], orders.days[past], orders.values[past])
    whole, short = (churn_features(b.histories(100.0), BG_NBD, horizon_days=28) for b in (orders, cut))
    np.testing.assert_array_equal(whole, short)


def test_a_row_alone_has_the_features_it_has_among_others() -> None:
    histories = book().histories(150.0)
    together = churn_features(histories, BG_NBD, horizon_days=28)
    for row in (0, 7, len(histories) - 1):
        alone = churn_features(histories.take(np.arange(len(histories)) == row), BG_NBD, horizon_days=28)
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-9)


def test_the_features_of_a_known_customer_are_what_their_names_say() -> None:
    histories = Histories(
        customers=np.array([0]),
        as_of=np.array([100.0]),
        lengths=np.array([3]),
        days=np.array([20.0, 50.0, 90.0]),
        values=np.array([10.0, 20.0, 60.0]),
    )
    names = feature_names()
    features = dict(zip(names, churn_features(histories, BG_NBD, horizon_days=28)[0], strict=True))
    assert features["days_since_last_order"] == 10
    assert features["days_since_first_order"] == 80
    assert (features["orders"], features["orders_14d"], features["orders_60d"]) == (3, 1, 2)
    assert (features["revenue_28d"], features["revenue"], features["mean_order_value"]) == (60, 90, 30)
    assert (features["mean_gap_days"], features["longest_gap_days"], features["last_gap_days"]) == (35, 40, 40)
    assert features["gap_before_last_days"] == 30
    assert features["wait_over_mean_gap"] == pytest.approx(10 / 36)
    assert features["last_to_mean_order_value"] == 2
    assert features["days_with_orders"] == 3
    assert [features[f"orders_{days}d"] for days in (14, 28, 60, 120, 365)] == [1, 1, 2, 3, 3]
    assert [features[f"revenue_{days}d"] for days in (14, 28, 60, 120, 365)] == [60, 60, 80, 90, 90]
    for days in (14, 45, 120):
        rate = sum(0.5 ** (ago / days) for ago in (80, 50, 10)) / days
        assert features[f"order_rate_{days}d_half_life"] == pytest.approx(rate)
    # Gaps of 30 and 40 days, amounts of 10, 20 and 60.
    assert features["gap_spread_days"] == pytest.approx(5)
    assert features["wait_over_longest_gap"] == pytest.approx(10 / 41)
    assert features["order_value_spread"] == pytest.approx(float(np.std([10, 20, 60])))
    assert (features["last_order_value"], features["active_share_of_months"]) == (60, 1)
    buyer = RecencyFrequency(repeats=np.array([2.0]), last=np.array([70.0]), age=np.array([80.0]))
    assert features["bg_nbd_alive"] == pytest.approx(float(BG_NBD.alive(buyer)[0]))
    assert features["bg_nbd_no_order"] == pytest.approx(float(BG_NBD.no_order(buyer, days=28)[0]))


def test_a_customer_of_one_order_has_no_gaps_and_one_of_two_none_before_the_last() -> None:
    histories = Histories(
        customers=np.array([0, 1]),
        as_of=np.array([100.0, 100.0]),
        lengths=np.array([1, 2]),
        days=np.array([40.0, 10.0, 72.0]),
        values=np.array([10.0, 0.0, 0.0]),
    )
    names = feature_names()
    one, two = (dict(zip(names, row, strict=True)) for row in churn_features(histories, BG_NBD, horizon_days=28))
    of_gaps = ("mean_gap_days", "gap_spread_days", "longest_gap_days", "last_gap_days", "gap_before_last_days")
    assert all(np.isnan(one[name]) for name in (*of_gaps, "wait_over_mean_gap", "order_value_spread"))
    # An order of exactly 28 or 60 days ago is within so many days.
    assert (one["orders_60d"], two["orders_28d"], two["orders_14d"]) == (1, 1, 0)
    assert [two[name] for name in of_gaps[:4]] == [62, 0, 62, 62]
    assert np.isnan(two["gap_before_last_days"])
    assert np.isnan(two["last_to_mean_order_value"])
    # Orders 90 and 28 days ago fell into two of the four months since.
    assert two["active_share_of_months"] == 0.5


def test_orders_of_no_length_are_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        OrderBook.of(np.array([], dtype=np.intp), np.array([]), np.array([]))
