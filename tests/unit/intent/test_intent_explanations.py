"""Contributions of words to an intent: their sum, and that they are Shapley's."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.intent.reasons import (
    EXACT_UNITS,
    MAX_COALITIONS,
    MAX_UNITS,
    all_coalitions,
    draw_orders,
    exact_values,
    mean_steps,
    split_units,
    visited_coalitions,
)


def _game(units: int, *, seed: int) -> NDArray[np.float64]:
    """Return a value for every coalition, in the order of all_coalitions."""
    return np.random.default_rng(seed).normal(size=2**units)


def _values_at(game: NDArray[np.float64], coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
    return game[coalitions @ (1 << np.arange(coalitions.shape[1]))]


@pytest.mark.parametrize("units", range(7, MAX_UNITS + 1))
def test_contributions_sum_to_the_whole_minus_the_empty_text_whatever_orders_were_drawn(units: int) -> None:
    orders = draw_orders(units, seed=units)
    coalitions = visited_coalitions(orders)
    values = _values_at(_game(units, seed=1), coalitions)
    assert mean_steps(orders, coalitions, values).sum() == pytest.approx(values[-1] - values[0], abs=1e-9)
    assert len(coalitions) <= MAX_COALITIONS, "one run of the graph"
    assert len({row.tobytes() for row in coalitions}) == len(coalitions), "no part is read twice"


def test_values_of_a_short_text_are_the_mean_over_all_its_orders() -> None:
    game = _game(4, seed=3)
    coalitions = all_coalitions(4)
    orders = np.array(list(permutations(range(4))))
    values = exact_values(coalitions, game)
    np.testing.assert_allclose(values, mean_steps(orders, coalitions, game), atol=1e-12)
    assert values.sum() == pytest.approx(game[-1] - game[0])
    assert len(all_coalitions(EXACT_UNITS)) <= MAX_COALITIONS


def test_words_that_act_alone_get_exactly_their_own_weight_from_drawn_orders_too() -> None:
    weights = np.array([3.0, -1.0, 0.0, 0.5, 2.0, -4.0, 1.0, 0.25, 7.0])
    orders = draw_orders(len(weights), seed=5)
    coalitions = visited_coalitions(orders)
    np.testing.assert_allclose(mean_steps(orders, coalitions, coalitions @ weights), weights, atol=1e-12)


def test_two_words_that_only_work_together_share_alike_over_an_order_and_its_reverse() -> None:
    orders = draw_orders(8, seed=2)
    coalitions = visited_coalitions(orders)
    values = mean_steps(orders, coalitions, (coalitions[:, 2] & coalitions[:, 6]).astype(float))
    np.testing.assert_allclose(values, np.eye(8)[2] / 2 + np.eye(8)[6] / 2, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", []),
        ("red  shoes?", ["red  ", "shoes?"]),
        ("iphone手机壳", ["iphone", "手", "机", "壳"]),
        ("多少钱。ok", ["多", "少", "钱", "。ok"]),
        ("ㄅ 한국 𠮷x", ["ㄅ ", "한", "국 ", "𠮷x"]),
    ],
)
def test_words_and_characters_are_told_apart_and_nothing_is_lost(text: str, units: list[str]) -> None:
    assert split_units(text) == units


def test_neighbours_of_a_long_text_go_together() -> None:
    text = " ".join(f"w{n}" for n in range(40))
    units = split_units(text)
    assert len(units) == MAX_UNITS
    assert "".join(units) == text
