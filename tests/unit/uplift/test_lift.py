"""What a campaign added beside its hold-out."""

import numpy as np
import pytest

from models.campaigns.lift import lift, lot_is_off
from models.campaigns.lot import draws


def test_nineteen_of_twenty_intervals_hold_what_was_added():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        made = lift((rng.random(800) < 0.3).astype(float), (rng.random(200) < 0.2).astype(float))
        assert made is not None
        hits += made.per_shopper.low <= 0.1 <= made.per_shopper.high
    assert 0.92 <= hits / 400 <= 0.98


def test_the_total_is_that_of_all_who_were_sent_it():
    made = lift(np.ones(40), np.zeros(30))
    assert made is not None
    assert (made.total.value, made.sent, made.held_out) == (40.0, 40, 30)
    assert made.is_sure


def test_a_small_side_says_nothing():
    assert lift(np.ones(500), np.zeros(5)) is None


def test_the_same_shopper_draws_the_same_number_and_another_one_for_another_campaign():
    one = draws(["u_1", "u_2"], campaign="spring", what="hold_out")
    assert (one == draws(["u_1", "u_2"], campaign="spring", what="hold_out")).all()
    assert (one != draws(["u_1", "u_2"], campaign="autumn", what="hold_out")).all()
    assert (one != draws(["u_1", "u_2"], campaign="spring", what="offer")).all()


def test_a_lot_takes_its_share():
    numbers = draws([f"u_{n}" for n in range(20_000)], campaign="spring", what="hold_out")
    assert (numbers < 0.2).mean() == pytest.approx(0.2, abs=0.01)


def test_a_hold_out_that_is_too_small_for_its_lot_is_noticed():
    assert lot_is_off(950, 50, 0.2)
    assert not lot_is_off(810, 190, 0.2)
