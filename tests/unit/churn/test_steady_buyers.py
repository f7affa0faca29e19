"""BG/NBD and Gamma-Gamma: the published figures, and parameters found again in customers drawn with known ones."""

import numpy as np
import pytest

from models.churn.bg_nbd import BetaGeometric, RecencyFrequency, fit_bg_nbd
from models.churn.gamma_gamma import GammaGamma, fit_gamma_gamma
from models.churn.histories import Histories

CDNOW = BetaGeometric(r=0.243, alpha=4.414, a=0.793, b=2.426)
"""As fitted in weeks by Fader, Hardie and Lee (2005), table 2."""


def customers(*rows: tuple[float, float, float]) -> RecencyFrequency:
    repeats, last, age = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    return RecencyFrequency(repeats=repeats, last=last, age=age)


def drawn(
    model: BetaGeometric, count: int, *, age: float, later: float, seed: int
) -> tuple[RecencyFrequency, np.ndarray]:
    """Draw customers from the model's own story, and the orders each makes in the ``later`` days after ``age``."""
    rng = np.random.default_rng(seed)
    rates, stops = rng.gamma(model.r, 1 / model.alpha, count), rng.beta(model.a, model.b, count)
    repeats, last, after = np.zeros(count), np.zeros(count), np.zeros(count)
    for customer in range(count):
        now = 0.0
        while True:
            now += rng.exponential(1 / rates[customer])
            if now > age + later:
                break
            if now <= age:
                repeats[customer], last[customer] = repeats[customer] + 1, now
            else:
                after[customer] += 1
            if rng.random() < stops[customer]:
                break
    return RecencyFrequency(repeats=repeats, last=last, age=np.full(count, age)), after


def test_the_published_customer_is_expected_to_buy_as_often_as_published() -> None:
    # Customer 0001 of CDNOW: B. Hardie, "Implementing the BG/NBD model in Microsoft Excel" (2005) gives 1.226.
    expected = CDNOW.expected_orders(customers((2, 30.43, 38.86)), days=39)
    assert expected[0] == pytest.approx(1.226, abs=0.001)


def test_a_customer_of_one_order_is_alive_for_sure_and_waiting_lowers_the_chance_of_others() -> None:
    alive = CDNOW.alive(customers((0, 0, 30), (3, 20, 21), (3, 20, 60), (12, 20, 60)))
    assert alive[0] == 1.0
    assert alive[1] > alive[2] > alive[3]


def test_the_published_value_of_a_next_order_is_found() -> None:
    # p 6.25, q 3.74, v 15.44: a customer with two repeat orders of 22.35 on average is worth 24.65 an order.
    assert GammaGamma(p=6.25, q=3.74, v=15.44).expected_value(np.array([2.0]), np.array([22.35]))[0] == pytest.approx(
        24.66, abs=0.02
    )


def test_the_fit_foresees_the_orders_of_customers_drawn_from_the_model() -> None:
    truth = BetaGeometric(r=0.6, alpha=20.0, a=0.8, b=3.0)
    seen, after = drawn(truth, 8_000, age=120, later=60, seed=1)
    fitted = fit_bg_nbd(seen)
    assert fitted.r == pytest.approx(truth.r, rel=0.1)
    assert fitted.alpha == pytest.approx(truth.alpha, rel=0.15)
    # a and b are known by what they say together: who is gone.
    assert fitted.alive(seen).mean() == pytest.approx(truth.alive(seen).mean(), abs=0.03)
    assert fitted.expected_orders(seen, days=60).mean() == pytest.approx(after.mean(), rel=0.08)
    assert fitted.no_order(seen, days=60).mean() == pytest.approx((after == 0).mean(), abs=0.02)


def test_gamma_gamma_shrinks_the_mean_of_few_orders_towards_the_shop() -> None:
    rng = np.random.default_rng(2)
    truth = GammaGamma(p=4.0, q=5.0, v=60.0)
    orders = rng.integers(1, 9, 6_000).astype(np.float64)
    scales = rng.gamma(truth.q, 1 / truth.v, 6_000)
    means = rng.gamma(truth.p * orders, 1 / (scales * orders))
    fitted = fit_gamma_gamma(orders, means)
    assert fitted.expected_value(np.array([0.0]), np.array([0.0]))[0] == pytest.approx(
        truth.p * truth.v / (truth.q - 1), rel=0.05
    )
    rare, often = fitted.expected_value(np.array([1.0, 50.0]), np.array([200.0, 200.0]))
    assert 60 < rare < often < 200


def test_two_orders_of_a_day_are_one_decision() -> None:
    histories = Histories(
        customers=np.array([0, 1]),
        as_of=np.array([30.0, 30.0]),
        lengths=np.array([4, 1]),
        days=np.array([1.2, 1.7, 5.1, 9.0, 4.0]),
        values=np.ones(5),
    )
    counted = RecencyFrequency.of(histories)
    np.testing.assert_array_equal(counted.repeats, [2, 0])
    np.testing.assert_allclose(counted.last, [7.8, 0])
    np.testing.assert_allclose(counted.age, [28.8, 26.0])


def test_customers_who_all_ordered_once_teach_nothing_and_are_refused() -> None:
    with pytest.raises(ValueError, match="a second order"):
        fit_bg_nbd(customers((0.0, 0.0, 30.0), (0.0, 0.0, 60.0)))
