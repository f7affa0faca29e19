import numpy as np
import pytest

from models.recommender.baselines import ages
from models.recommender.dataset import Interactions
from models.recommender.history import BEHAVIOUR_CODES
from models.recommender.linear.pairs import PairsConfig, fit_together
from models.recommender.scoring import Neighbours

HOUR = 3_600.0


def shop(*events: tuple[int, int, str, float]) -> Interactions:
    """Interactions of (user, item, behaviour, hours)."""
    users, items, names, hours = zip(*sorted(events, key=lambda e: (e[0], e[3])), strict=True)
    return Interactions(
        item_ids=np.array([f"i_{n}" for n in range(5)], dtype=object),
        users_E=np.array(users),
        items_E=np.array(items),
        behaviours_E=np.array([BEHAVIOUR_CODES[name] for name in names]),
        times_E=np.array(hours) * HOUR,
    )


def partners(neighbours: Neighbours, item: int) -> dict[int, float]:
    pairs = zip(neighbours.items_NK[item].tolist(), neighbours.weights_NK[item].tolist(), strict=True)
    return {other: weight for other, weight in pairs if weight > 0}


def test_only_the_asked_behaviour_within_the_time_makes_a_pair_by_hand_computed_cosine() -> None:
    basket = [(user, item, "purchase", 1.0) for user in (1, 2) for item in (0, 1)]
    train = shop(
        *basket,
        (3, 0, "purchase", 1.0),
        (1, 2, "view_item", 1.0),  # another behaviour
        (1, 3, "purchase", 50.0),  # another day
        (2, 3, "purchase", 50.0),
    )
    pairs = fit_together(train, "purchase", PairsConfig(within_seconds=24 * HOUR, shrinkage=1.0, min_count=2))
    assert partners(pairs, 0) == {1: pytest.approx(2 / np.sqrt((3 + 1) * (2 + 1)))}
    assert partners(pairs, 1) == {0: partners(pairs, 0)[1]}
    assert partners(pairs, 2) == partners(pairs, 3) == {}


def test_a_pair_seen_once_is_chance_and_an_item_is_no_pair_with_itself() -> None:
    once = [(1, 0, "purchase", 1.0), (1, 1, "purchase", 1.0)]
    again = [(2, 4, "purchase", hour) for hour in (1.0, 1.1, 1.2)]
    pairs = fit_together(shop(*once, *again), "purchase", PairsConfig(within_seconds=HOUR))
    assert all(partners(pairs, item) == {} for item in range(5))


def test_an_items_age_is_counted_from_its_first_interaction() -> None:
    age_N = ages(shop((1, 0, "view_item", 0.0), (2, 0, "purchase", 48.0), (1, 1, "view_item", 24.0))).scores_N
    assert age_N[:2].tolist() == [2.0, 1.0]
    assert np.isinf(age_N[2:]).all()
