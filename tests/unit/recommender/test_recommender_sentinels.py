"""What stops a training run: a split that gives the answer away."""

from dataclasses import replace

import numpy as np
import pytest

from models.evaluation.sentinels import SentinelTrippedError
from models.recommender.baselines import recent_popularity
from models.recommender.dataset import Interactions, window
from models.recommender.linear.item_knn import ItemKnnConfig, cooccurrence, fit_item_knn
from models.recommender.scoring import Constant
from models.recommender.sentinels import check_run

USERS, ITEMS, VISITS = 200, 50, 12
DAY = 86_400.0


@pytest.fixture(scope="module")
def shop():
    """Every shopper walks along a ring of fifty items, one item a day, from a day and an item of their own."""
    rng = np.random.default_rng(1)
    users_E, steps_E = np.repeat(np.arange(USERS), VISITS), np.tile(np.arange(VISITS), USERS)
    return Interactions(
        item_ids=np.array([f"{item:02d}" for item in range(ITEMS)], dtype=object),
        users_E=users_E,
        items_E=(rng.integers(ITEMS, size=USERS)[users_E] + steps_E) % ITEMS,
        behaviours_E=np.ones(USERS * VISITS, dtype=np.int64),
        times_E=DAY * (rng.uniform(0, 60, size=USERS)[users_E] + steps_E),
    )


@pytest.fixture(scope="module")
def cutoff(shop):
    return shop.quantile_time(0.7)


@pytest.fixture(scope="module")
def validation(shop, cutoff):
    return window(shop, start=cutoff, end=np.inf, max_targets_per_user=20, max_targets=8_000, max_users=3_000, seed=0)


@pytest.fixture(scope="module")
def views(validation):
    train, config = validation.train, ItemKnnConfig()
    return {
        "item_knn": fit_item_knn(cooccurrence(train, config), config),
        "popularity_recent": recent_popularity(train, half_life_days=7.0),
    }


def test_a_sound_split_says_what_each_sentinel_saw(validation, views, cutoff):
    readings = check_run(validation, views, {"item_knn": 1.0}, cutoff=cutoff, seed=0)
    assert [one.sentinel for one in readings] == ["interactions_not_newer", "targets_are_new", "shuffled_histories"]
    assert all(one.value <= one.limit for one in readings)


def test_an_interaction_after_the_cutoff_stops_the_run(shop, validation, views, cutoff):
    leaking = replace(validation, train=shop)
    with pytest.raises(SentinelTrippedError, match="interactions from their future"):
        check_run(leaking, views, {"item_knn": 1.0}, cutoff=cutoff, seed=0)


def test_a_target_in_its_own_history_stops_the_run(validation, views, cutoff):
    first, *others = validation.cases
    leaking = replace(validation, cases=[replace(first, target=int(first.history.items[-1])), *others])
    with pytest.raises(SentinelTrippedError, match=r"1 of \d+ targets are in their own history"):
        check_run(leaking, views, {"item_knn": 1.0}, cutoff=cutoff, seed=0)


def test_a_view_that_knows_the_targets_without_the_history_stops_the_run(validation, views, cutoff):
    # Half of the cases ask for one item, which a view has learnt from the window itself.
    cases = [
        replace(case, target=7) if place % 2 and 7 not in case.seen and 7 not in case.history.items else case
        for place, case in enumerate(validation.cases)
    ]
    from_the_window = Constant(scores_N=(np.arange(ITEMS) == 7).astype(np.float32))
    with pytest.raises(SentinelTrippedError, match="histories of other shoppers"):
        check_run(
            replace(validation, cases=cases),
            {**views, "leaking": from_the_window},
            {"leaking": 1.0},
            cutoff=cutoff,
            seed=0,
        )


def test_the_same_seed_draws_the_same_histories(validation, views, cutoff):
    one, again, other = (
        check_run(validation, views, {"item_knn": 1.0}, cutoff=cutoff, seed=seed)[-1].value for seed in (1, 1, 2)
    )
    assert one == again != other
