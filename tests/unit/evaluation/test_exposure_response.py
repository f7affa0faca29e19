"""Effects of place and frequency are those that were planted, and nothing is said where clicks end impressions."""

import numpy as np
import pytest

from benchmarks.placements import NUMBER, POSITION, estimate, measure, simulate
from models.evaluation.bootstrap import Estimate
from models.evaluation.exposure_response import (
    Continuation,
    ExposureResponse,
    estimate_exposure_response,
    proposed_cap,
)


def test_planted_effects_are_recovered_where_plain_rates_are_wrong_by_half() -> None:
    made = measure(4, ends=0.0)
    assert made["said_nothing"] == 0
    assert made["frequency_log_error"] < 0.1
    assert made["position_log_error"] < 0.12
    assert made["frequency_log_error_of_plain_rates"] > 0.5
    assert made["share_of_intervals_with_the_truth"] > 0.9
    assert set(made["caps"]) <= {"3", "4"}


@pytest.mark.parametrize("ends", [1.0, 0.3])
def test_nothing_is_said_where_clicks_end_impressions(ends: float) -> None:
    made = estimate(simulate(0, ends=ends))
    assert made.not_evaluable is not None
    assert made.not_evaluable.startswith("impressions seem to end with a click")
    assert proposed_cap(made, worth=0.5) == (None, made.not_evaluable)


def test_few_clicked_pairs_say_nothing() -> None:
    made = estimate(simulate(0, ends=0.0, shoppers=20))
    assert made.not_evaluable is not None
    assert "it takes 30" in made.not_evaluable


def test_the_first_place_and_the_first_time_are_what_others_are_compared_with() -> None:
    made = estimate(simulate(1, ends=0.0))
    one = Estimate(value=1.0, low=1.0, high=1.0)
    assert (made.position[1], made.frequency[1]) == (one, one)
    assert len(made.position) == len(POSITION)
    assert len(made.frequency) == len(NUMBER)


def test_a_level_with_few_clicks_has_no_effect() -> None:
    log = simulate(2, ends=0.0, shoppers=600)
    made = estimate(log)
    assert 1 < max(made.frequency) < len(NUMBER)


def test_places_that_always_come_with_one_number_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(5)
    pair, number = np.repeat(np.arange(2_000), 2), np.tile([1, 2], 2_000)
    made = estimate_exposure_response(
        pair,
        number,
        number,
        np.ones(4_000),
        rng.random(4_000) < 0.3,
        continuation=Continuation(followed=9, clicked=10, expected=0.5),
    )
    assert made.not_evaluable == "places and numbers hang together too closely to be told apart"


def curve(*highs: float) -> ExposureResponse:
    values = {n: Estimate(value=high - 0.1, low=high - 0.2, high=high) for n, high in enumerate(highs, start=2)}
    return ExposureResponse(frequency={1: Estimate(value=1.0, low=1.0, high=1.0), **values})


@pytest.mark.parametrize(
    ("response", "cap"),
    [
        (curve(0.9, 0.6, 0.4, 0.3), 3),
        (curve(0.4, 0.3), 1),
        (curve(0.9, 0.4, 0.6), None),  # a later one may be worth it again
        (curve(0.9, 0.8), None),
        (curve(), None),
    ],
)
def test_a_cap_stands_where_all_later_impressions_are_surely_worth_less(
    response: ExposureResponse, cap: int | None
) -> None:
    assert proposed_cap(response, worth=0.5)[0] == cap
