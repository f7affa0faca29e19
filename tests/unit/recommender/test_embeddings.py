"""Segments and look-alikes from vectors of shoppers."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.catalogue import Catalogue
from models.recommender.history import History
from models.recommender.vectors.embeddings import describe, everyones_look_alikes, group_by_taste, look_alikes

GROUPS = 3


@pytest.fixture(scope="module")
def shoppers() -> tuple[np.ndarray, np.ndarray]:
    """Vectors around three directions of different length, and which direction each is of: 120, 60 and 40."""
    rng = np.random.default_rng(2)
    truth = np.repeat([0, 1, 2], [120, 60, 40])
    middles = np.eye(GROUPS, 8)[truth]
    return ((middles + 0.1 * rng.normal(size=(220, 8))) * rng.uniform(1, 9, (220, 1))).astype(np.float32), truth


def test_shoppers_of_one_direction_share_a_taste_group_and_the_largest_is_number_0(shoppers) -> None:
    vectors, truth = shoppers
    groups = group_by_taste(vectors, seed=1)
    assert np.array_equal(groups, group_by_taste(vectors, seed=1))
    sizes = np.bincount(groups)
    assert sizes.tolist() == sorted(sizes, reverse=True)
    for number in range(groups.max() + 1):
        assert len(set(truth[groups == number])) == 1, "no group mixes two directions"


def test_a_shop_with_few_shoppers_is_one_taste_group(shoppers) -> None:
    assert group_by_taste(shoppers[0][:30], seed=1).tolist() == [0] * 30
    assert group_by_taste(shoppers[0][:0], seed=1).tolist() == []


def test_a_taste_group_is_described_by_what_it_touches_more_than_the_shop_does() -> None:
    catalogue = Catalogue(
        item_ids=["a", "b", "c"], titles=[None] * 3, categories=["Lamps", "Rugs", None], brands=[None] * 3,
        prices=np.zeros(3), available=np.ones(3, dtype=np.bool_), listed=np.ones(3, dtype=np.bool_),
        positions={"a": 0, "b": 1, "c": 2}, num_known=3,
    )  # fmt: skip
    histories = [History(np.array(items), np.ones(len(items), dtype=np.int64)) for items in ([0, 0, 0, 1], [1, 1, 2])]
    lamps, rugs = describe(np.array([0, 1]), histories, catalogue)
    assert lamps.categories == (("Lamps", pytest.approx(1.5)), ("Rugs", pytest.approx(0.5)))
    assert rugs.categories == (("Rugs", pytest.approx(2.0)),)
    assert (lamps.shoppers, rugs.shoppers) == (1, 1)


def test_look_alikes_are_the_nearest_to_the_seeds_mean_and_never_a_seed(shoppers) -> None:
    vectors, truth = shoppers
    names = [f"u{place}" for place in range(len(vectors))]
    users = pa.table({"user_id": names, "user_vector": vectors.tolist()})
    nearest = look_alikes(users, ["u130", "u131", "nobody"], count=10)
    assert len(nearest) == 10
    assert {"u130", "u131"}.isdisjoint(name for name, _ in nearest)
    assert all(truth[int(name[1:])] == 1 for name, _ in nearest)
    cosines = [cosine for _, cosine in nearest]
    assert cosines == sorted(cosines, reverse=True)
    assert look_alikes(users, ["nobody"], count=10) == []


def test_everyones_look_alikes_are_those_that_are_asked_for_one_by_one(shoppers) -> None:
    names = [f"u{place}" for place in range(220)]
    users = pa.table({"user_id": names, "user_vector": shoppers[0].tolist()})
    rows: dict[str, list[tuple[str, Any]]] = {}
    for user, place, other, cosine in everyones_look_alikes(users, count=5, seed=1):
        rows.setdefault(user, []).append((other, pytest.approx(cosine, abs=1e-5)))
        assert place == len(rows[user])
    assert rows == {name: look_alikes(users, [name], count=5) for name in names}


def test_of_a_large_shop_everybody_is_compared_with_some_drawn_shoppers_and_never_with_themselves(shoppers) -> None:
    names = [f"u{place}" for place in range(220)]
    users = pa.table({"user_id": names, "user_vector": shoppers[0].tolist()})
    rows = list(everyones_look_alikes(users, count=3, seed=1, among=50))
    assert len(rows) == 3 * 220
    assert len({other for _, _, other, _ in rows}) <= 50
    assert all(user != other for user, _, other, _ in rows)


def test_a_single_shopper_has_no_look_alike() -> None:
    users = pa.table({"user_id": ["u1"], "user_vector": [[1.0, 0.0]]})
    assert list(everyones_look_alikes(users, count=5, seed=1)) == []
