"""Items that nobody touched: what is read of them, and the vectors that are made from it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from models.recommender.cold.items import ColdItemsConfig, attribute_features, project_cold_items
from models.recommender.cold.texts import item_texts

CONFIG = ColdItemsConfig(min_items=20)
ITEMS, COLD, WIDTH = 300, 30, 8


@pytest.fixture
def shop():
    """Item vectors that follow from features, with a little noise; the last items have no shoppers and no vector."""
    rng = np.random.default_rng(4)
    features_NF = rng.standard_normal((ITEMS, 12)).astype(np.float32)
    truth_ND = features_NF @ rng.standard_normal((12, WIDTH)).astype(np.float32) + 3.0
    vectors_ND = truth_ND + 0.1 * rng.standard_normal((ITEMS, WIDTH)).astype(np.float32)
    users_N = rng.integers(3, 60, ITEMS)
    users_N[-COLD:] = 0
    vectors_ND[-COLD:] = 0.0
    return features_NF, vectors_ND, users_N, truth_ND


def test_a_cold_item_gets_the_vector_that_its_features_would_have_led_to(shop):
    features_NF, vectors_ND, users_N, truth_ND = shop
    projected = project_cold_items(vectors_ND, users_N, {"text": features_NF}, CONFIG, seed=1)
    assert projected.projected_N.tolist() == (users_N == 0).tolist()
    missed = ((projected.vectors_ND[-COLD:] - truth_ND[-COLD:]) ** 2).sum()
    spread = ((truth_ND[-COLD:] - truth_ND[:-COLD].mean(axis=0)) ** 2).sum()
    assert missed < 0.02 * spread
    assert projected.report["explained variance of held-out items"]["text"] > 0.95


def test_the_vectors_of_items_with_shoppers_stay_what_they_are(shop):
    features_NF, vectors_ND, users_N, _ = shop
    projected = project_cold_items(vectors_ND, users_N, {"text": features_NF}, CONFIG, seed=1)
    assert np.array_equal(projected.vectors_ND[:-COLD], vectors_ND[:-COLD])
    assert not vectors_ND[-COLD:].any(), "the given matrix is not written into"


def test_sparse_features_are_projected_as_dense_ones(shop):
    features_NF, vectors_ND, users_N, _ = shop
    dense, thin = (
        project_cold_items(vectors_ND, users_N, {"one": one}, CONFIG, seed=1).vectors_ND
        for one in (features_NF, sparse.csr_array(features_NF))
    )
    assert thin == pytest.approx(dense, abs=1e-4)


def test_features_that_say_nothing_are_not_preferred_and_little_of_them_is_believed(shop):
    features_NF, vectors_ND, users_N, _ = shop
    noise_NF = np.random.default_rng(9).standard_normal((ITEMS, 40)).astype(np.float32)
    projected = project_cold_items(vectors_ND, users_N, {"noise": noise_NF, "text": features_NF}, CONFIG, seed=1)
    explained = projected.report["explained variance of held-out items"]
    assert explained["noise"] < 0.05 < explained["text"]
    assert "noise" not in projected.report["projected items"]
    alone = project_cold_items(vectors_ND, users_N, {"noise": noise_NF}, CONFIG, seed=1)
    assert alone.report["strength"]["noise"] == max(CONFIG.ridge_alphas)


def test_an_item_without_text_is_left_to_its_attributes_and_one_without_either_alone(shop):
    features_NF, vectors_ND, users_N, _ = shop
    text_NF, some_NF = features_NF.copy(), features_NF[:, :4].copy()
    text_NF[-10:] = 0.0
    some_NF[-3:] = 0.0
    projected = project_cold_items(vectors_ND, users_N, {"text": text_NF, "attributes": some_NF}, CONFIG, seed=1)
    assert projected.report["projected items"]["attributes"] == 7
    assert sum(projected.report["projected items"].values()) == COLD - 3
    assert projected.report["items without users that nothing is said of"] == 3
    assert not projected.vectors_ND[-3:].any()


def test_too_few_items_to_learn_from_project_nothing(shop):
    features_NF, vectors_ND, users_N, _ = shop
    projected = project_cold_items(vectors_ND, users_N, {"text": features_NF}, replace(CONFIG, min_items=ITEMS), seed=1)
    assert not projected.projected_N.any()


def test_attributes_of_one_item_are_left_out_and_rare_ones_count_more():
    attributes_NA = np.array([[1, 2, 0], [1, 2, 0], [1, 3, 0], [1, 0, 0], [0, 0, 0]])
    features = attribute_features(attributes_NA, min_items=2, max_attributes=10).toarray()
    assert features.shape == (5, 2), "attribute 3 is of one item alone"
    assert np.linalg.norm(features, axis=1) == pytest.approx([1, 1, 1, 1, 0], abs=1e-6)
    assert features[0, 1] > features[0, 0], "attribute 2 is rarer than 1"
    assert attribute_features(attributes_NA, min_items=2, max_attributes=1).shape == (5, 1)


def test_the_text_of_an_item_is_all_that_its_catalogue_says_and_no_id():
    items = pa.table(
        {
            "item_id": ["a", "b"],
            "title": ["Road shoe", "b"],
            "category": ["Sports > Shoes", None],
            "brand": pa.array(["Acme", None], pa.string()),
            "price": [1.0, 2.0],
        }
    )
    ids = np.array(["b", "a", "unlisted"], dtype=object)
    assert item_texts(items, ids) == ["", "Road shoe. Sports > Shoes. Acme", ""]


@pytest.mark.parametrize(
    "change",
    [
        {"max_tokens": 0},
        {"validation_share": 1.0},
        {"ridge_alphas": ()},
        {"ridge_alphas": (0.0,)},
        {"max_cold_texts": -1},
        {"decay": 0.0},
        {"neighbours": 0},
    ],
)
def test_an_impossible_setting_is_refused(change):
    with pytest.raises(ValueError, match=r"\w"):
        replace(CONFIG, **change)


def test_counts_of_one_are_possible_and_counts_of_none_are_not():
    counts = ("max_tokens", "max_warm_texts", "min_users", "min_items", "max_attributes", "min_attribute_items")
    bounds: dict[str, Any] = dict.fromkeys(counts, 1) | {"max_cold_texts": 0, "neighbours": 1, "decay": 1.0}
    assert replace(CONFIG, **bounds)
    for name in counts:
        nothing: dict[str, Any] = {name: 0}
        with pytest.raises(ValueError, match="at least 1"):
            replace(CONFIG, **nothing)


def test_a_catalogue_that_says_nothing_projects_nothing(shop):
    _, vectors_ND, users_N, _ = shop
    nothing = attribute_features(np.zeros((ITEMS, 0), dtype=np.int64), min_items=2, max_attributes=10)
    assert nothing.shape == (ITEMS, 0)
    for features in ({}, {"text": np.zeros((ITEMS, 4), dtype=np.float32)}):
        projected = project_cold_items(vectors_ND, users_N, features, CONFIG, seed=1)
        assert not projected.projected_N.any()
        assert projected.report["items without users that nothing is said of"] == COLD
