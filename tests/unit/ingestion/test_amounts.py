"""An order's amounts on its lines: to the cent, whatever the order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopsight.ingestion.formats.amounts import spread


def of_one_order(amount: float, *weights: float) -> list[float]:
    count = len(weights)
    parts = spread(np.full(count, amount), np.array(weights, dtype=float), np.zeros(count, dtype=np.int64))
    return list(parts.tolist())


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (10.0, (30.0, 30.0), [5.0, 5.0]),
        (10.0, (1.0, 1.0, 1.0), [3.34, 3.33, 3.33]),
        (0.02, (1.0, 1.0, 1.0), [0.01, 0.01, 0.0]),
        (5.0, (0.0, 50.0), [0.0, 5.0]),
        (9.0, (0.0, 0.0), [4.5, 4.5]),
        (-10.0, (1.0, 2.0), [-3.33, -6.67]),
        (12.3456, (1.0, 1.0), [6.1728, 6.1728]),
        (50.0, (30.0, 30.0), [25.0, 25.0]),
        (0.0, (1.0, 2.0), [0.0, 0.0]),
    ],
)
def test_an_amount_is_divided_by_the_largest_remainder(
    amount: float, weights: tuple[float, ...], parts: list[float]
) -> None:
    assert of_one_order(amount, *weights) == parts


def test_lines_of_orders_may_lie_in_any_order_and_those_without_an_amount_stay_without() -> None:
    amounts = np.array([1.0, 0.03, np.nan, 1.0, 0.03])
    parts = spread(amounts, np.array([3.0, 1.0, 1.0, 1.0, 1.0]), np.array([7, 2, 5, 7, 2]))
    assert parts.tolist()[:2] == [0.75, 0.02]
    assert parts.tolist()[3:] == [0.25, 0.01]
    assert np.isnan(parts[2])


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**7), min_size=1, max_size=40))
def test_the_parts_add_up_to_the_amount_and_none_is_a_cent_off(cents: int, weights: list[int]) -> None:
    parts = of_one_order(cents / 100, *map(float, weights))
    assert sum(round(part * 100) for part in parts) == cents
    if sum(weights):
        shares = [cents * weight / sum(weights) for weight in weights]
        assert all(abs(round(part * 100) - share) < 1.001 for part, share in zip(parts, shares, strict=True))
