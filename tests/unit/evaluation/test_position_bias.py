"""The examination of places, told from clicks that were drawn from a planted truth."""

from dataclasses import dataclass

import numpy as np
import pytest

from models.evaluation.position_bias import PositionBias, estimate_position_bias

TRUTH = {place: place**-0.8 for place in range(1, 9)}


@dataclass(frozen=True)
class Clicks:
    """Pairs of an item and a place."""

    items: list[str]
    places: list[int]
    impressions: list[int]
    clicks: list[int]

    def rate(self, place: int) -> float:
        rows = [row for row, one in enumerate(self.places) if one == place]
        return sum(self.clicks[row] for row in rows) / sum(self.impressions[row] for row in rows)

    def estimate(self) -> PositionBias:
        return estimate_position_bias(self.items, self.places, self.impressions, self.clicks)


def drawn(*, items: int, impressions: float, seed: int) -> Clicks:
    """Draw clicks on items of which the more attractive ones stand at the top more often."""
    rng = np.random.default_rng(seed)
    attraction_I1 = rng.beta(1, 4, (items, 1))
    order_I1 = np.argsort(np.argsort(-attraction_I1, axis=0), axis=0) / items
    impressions_IK = rng.poisson(impressions * np.exp(-3 * np.abs(order_I1 - np.arange(8) / 7)))
    clicks_IK = rng.binomial(impressions_IK, np.array(list(TRUTH.values())) * attraction_I1)
    item_R, place_R = np.nonzero(impressions_IK)
    return Clicks(
        items=[f"i_{item}" for item in item_R],
        places=(place_R + 1).tolist(),
        impressions=impressions_IK[item_R, place_R].tolist(),
        clicks=clicks_IK[item_R, place_R].tolist(),
    )


def test_the_planted_examination_comes_back_where_the_rates_of_places_mislead() -> None:
    rows = drawn(items=400, impressions=200, seed=3)
    bias = rows.estimate()
    assert bias.positions == tuple(TRUTH)
    for place, truth in TRUTH.items():
        assert bias.examination[place].value == pytest.approx(truth, rel=0.08)
    # Without comparing items with themselves, the last place would pass for a fifth of what it is.
    assert rows.rate(8) / rows.rate(1) < 0.5 * TRUTH[8]


def test_thousands_of_items_with_a_few_clicks_each_do_not_bias_it() -> None:
    bias = drawn(items=4_000, impressions=3, seed=6).estimate()
    for place in (2, 4, 8):
        one = bias.examination[place]
        assert one.low < TRUTH[place] < one.high
        assert one.value == pytest.approx(TRUTH[place], rel=0.15)


def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held_truth = []
    for seed in range(60):
        one = drawn(items=200, impressions=10, seed=seed).estimate().examination
        held_truth += [one[place].low <= TRUTH[place] <= one[place].high for place in (2, 5, 8)]
    assert 0.9 < np.mean(held_truth) <= 0.99


def test_the_corrected_rate_of_a_low_place_is_what_the_top_would_have_had() -> None:
    bias = drawn(items=400, impressions=200, seed=3).estimate()
    impressions, clicks = {8: 20_000}, {8: round(20_000 * 0.1 * TRUTH[8])}
    corrected = bias.corrected(impressions, clicks)
    assert corrected is not None
    assert corrected.value == pytest.approx(0.1, rel=0.08)
    assert corrected.low < 0.1 < corrected.high


def test_no_click_is_a_corrected_rate_of_none_with_an_upper_end_and_no_impression_is_no_rate() -> None:
    bias = drawn(items=400, impressions=50, seed=3).estimate()
    none = bias.corrected({3: 100}, {})
    assert none is not None
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high > 0.03
    assert bias.corrected({99: 100}, {99: 3}) is None


def test_items_that_never_moved_say_nothing() -> None:
    rows = [(f"i_{n}", 1 + n % 4, 1_000, 100) for n in range(100)]
    bias = estimate_position_bias(*map(list, zip(*rows, strict=True)))
    assert bias.examination == {}
    assert bias.not_evaluable is not None
    assert bias.not_evaluable.startswith("not enough clicks: 0 on 0 items")


def test_places_that_no_item_links_with_the_first_are_left_out() -> None:
    linked = [(f"a_{n}", place, 500, 50 // place) for n in range(20) for place in (1, 2)]
    apart = [(f"b_{n}", place, 500, 40) for n in range(20) for place in (7, 8)]
    bias = estimate_position_bias(*map(list, zip(*linked, *apart, strict=True)))
    assert bias.positions == (1, 2)
    assert bias.examination[2].value == pytest.approx(0.5)


def test_a_place_that_only_ever_lost_is_not_given_a_share_of_none() -> None:
    rows = [(f"a_{n}", place, 500, clicks) for n in range(20) for place, clicks in ((1, 30), (2, 20), (3, 0))]
    # Place 4 won clicks against place 3 alone, which has none: nothing compares it with the first.
    rows += [(f"b_{n}", place, 500, clicks) for n in range(20) for place, clicks in ((3, 0), (4, 5))]
    bias = estimate_position_bias(*map(list, zip(*rows, strict=True)))
    assert bias.positions == (1, 2)


def test_no_rows_at_all_are_not_enough() -> None:
    assert estimate_position_bias([], [], [], []).not_evaluable is not None
