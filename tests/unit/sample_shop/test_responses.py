"""How shoppers of the sample shop answer an offer."""

import numpy as np
import pytest

from shopsight.sample_shop import generate
from shopsight.sample_shop.responses import KINDS, WITH, WITHOUT, answer, draw_responses

PEOPLE = generate("small", seed=3).people


def test_every_kind_is_common_enough_to_be_seen():
    kinds = np.bincount(draw_responses(PEOPLE, seed=3).kind_U, minlength=len(KINDS)) / len(PEOPLE.user_ids)
    assert (kinds > 0.1).all()


def test_the_same_shop_answers_alike_and_another_seed_otherwise():
    kinds = [draw_responses(PEOPLE, seed=seed).kind_U for seed in (3, 3, 4)]
    assert (kinds[0] == kinds[1]).all()
    assert (kinds[0] != kinds[2]).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sent", [True, False])
def test_orders_come_as_often_as_the_kind_says(kind, sent):
    responses = draw_responses(PEOPLE, seed=3)
    theirs = responses.kind_U == KINDS.index(kind)
    rng = np.random.default_rng(0)
    orders = [answer(responses, np.full(len(theirs), sent), rng=rng)[theirs] > 0 for _ in range(20)]
    assert np.mean(orders) == pytest.approx((WITH if sent else WITHOUT)[KINDS.index(kind)], abs=0.03)


def test_sleeping_dogs_are_driven_away_and_only_persuadables_are_won():
    responses = draw_responses(PEOPLE, seed=3)
    signs = {kind: np.sign(responses.effect_U[responses.kind_U == KINDS.index(kind)]) for kind in KINDS}
    assert (signs["sleeping_dog"] == -1).all()
    assert (signs["persuadable"] == 1).all()
    assert not signs["sure_thing"].any()
    assert not signs["lost_cause"].any()
