"""Baselines, item-kNN, EASE and the blend, on shops small enough to calculate by hand."""

from dataclasses import replace

import numpy as np
import pytest

from models.recommender.baselines import (
    PopularityConfig,
    best_sellers,
    fit_lists,
    plain_popularity,
    recent_popularity,
    trending,
)
from models.recommender.dataset import Case, Interactions
from models.recommender.evaluate import slices
from models.recommender.history import History, HistoryConfig
from models.recommender.linear.ease import EaseConfig, fit_ease
from models.recommender.linear.item_knn import ItemKnnConfig, cooccurrence, fit_item_knn, item_factors
from models.recommender.scoring import Constant, ItemVectors, Neighbours, standardise, weighted_sum
from models.recommender.served.new_items import NewItems


def _history(*items, behaviour=1):
    return History(np.array(items, dtype=np.int64), np.full(len(items), behaviour, dtype=np.int64))


@pytest.fixture
def data_of(interactions_mart):
    return lambda *rows: Interactions.from_tables(interactions_mart(list(rows)))


def test_popularity_counts_people_and_not_their_clicks(data_of):
    data = data_of(
        ("ada", "a", "view_item", 1), ("ada", "a", "view_item", 2), ("bob", "b", "view_item", 3),
        ("cem", "b", "view_item", 4),
    )  # fmt: skip
    assert plain_popularity(data).scores_N.tolist() == [1, 2]


def test_recent_popularity_halves_with_every_half_life(data_of):
    data = data_of(("ada", "a", "view_item", 0), ("bob", "b", "view_item", 7), ("cem", "c", "view_item", 14))
    assert recent_popularity(data, half_life_days=7).scores_N.tolist() == [0.25, 0.5, 1.0]


def test_the_lists_halve_in_a_week_and_what_is_trending_in_two_days(data_of):
    data = data_of(("ada", "a", "view_item", 0), ("bob", "b", "view_item", 2), ("cem", "c", "view_item", 7))
    lists = fit_lists(data, PopularityConfig())
    assert lists["popularity_recent"].scores_N.tolist() == pytest.approx([0.5, 0.5 ** (5 / 7), 1])
    assert lists["trending"].scores_N.tolist() == pytest.approx([0.5**3.5, 0.5**2.5, 1])
    assert lists["age_days"].scores_N.tolist() == [7, 5, 0]


def test_trending_counts_repeated_attention(data_of):
    data = data_of(("ada", "a", "view_item", 1), ("ada", "a", "view_item", 1), ("bob", "b", "view_item", 1))
    assert trending(data, half_life_days=2).scores_N.tolist() == [2, 1]


def test_best_sellers_follow_purchases_and_then_people(data_of):
    data = data_of(
        ("ada", "seen", "view_item", 1), ("bob", "seen", "view_item", 1), ("cem", "seen", "view_item", 1),
        ("ada", "bought", "purchase", 2), ("ada", "viewed", "view_item", 2),
    )  # fmt: skip
    scores = dict(zip(data.item_ids, best_sellers(data).scores_N, strict=True))
    assert scores["bought"] > scores["seen"] > scores["viewed"]


def test_item_knn_prefers_the_item_that_was_touched_right_after(data_of):
    data = data_of(*((user, item, "view_item", day) for user in "xyz" for day, item in enumerate("abcd")))
    knn = fit_item_knn(cooccurrence(data, ItemKnnConfig(shrinkage=0)), ItemKnnConfig())
    scores_N = knn.scores([_history(0)])[0]
    assert scores_N[1] > scores_N[2] > scores_N[3] > scores_N[0] == 0


def test_item_knn_does_not_link_items_of_different_shoppers(data_of):
    data = data_of(("ada", "a", "view_item", 1), ("bob", "b", "view_item", 2))
    assert cooccurrence(data, ItemKnnConfig()).nnz == 0


def test_item_knn_is_the_cosine_by_hand(data_of):
    data = data_of(
        ("ada", "a", "view_item", 1),
        ("ada", "b", "view_item", 2),
        ("bob", "b", "view_item", 1),
        ("bob", "c", "view_item", 2),
    )
    similarity = cooccurrence(data, ItemKnnConfig(shrinkage=0)).toarray()
    assert similarity[0] == pytest.approx([0, 1 / np.sqrt(1 * 2), 0])


@pytest.mark.parametrize(
    "change",
    [
        {"window": 1},
        {"distance_power": 0.1},
        {"shrinkage": 3.0},
        {"backward": 0.1},
        {"neighbours": 1},
        {"history": HistoryConfig(decay=0.1)},
    ],
)
def test_every_setting_of_item_knn_has_an_effect(change, data_of):
    data = data_of(*((user, item, "view_item", day) for user in "xy" for day, item in enumerate("abcdef")))
    scores = [
        fit_item_knn(cooccurrence(data, config), config).scores([_history(0, 3)])
        for config in (ItemKnnConfig(), replace(ItemKnnConfig(), **change))
    ]
    assert not np.allclose(scores[0], scores[1])


def test_ease_weights_are_those_of_the_closed_form(data_of):
    rows = [
        (f"u{n}", item, "view_item", 1 + place)
        for n, basket in enumerate(("ab", "abc", "bc", "ac", "ab"))
        for place, item in enumerate(basket)
    ]
    data = data_of(*rows)
    fitted = fit_ease(data, EaseConfig(regularisation=2.0, history=HistoryConfig(decay=1.0)), device="cpu")
    matrix = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=float)
    inverse = np.linalg.inv(matrix.T @ matrix + 2.0 * np.eye(3))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    fitted_weights = np.vstack([fitted.scores([_history(item)])[0] for item in range(3)])
    assert fitted_weights == pytest.approx(expected, abs=1e-5)


def test_ease_takes_only_the_most_touched_items(data_of):
    rows = [
        (f"u{n}", item, "view_item", 1)
        for item, times in (("a", 6), ("b", 5), ("c", 2), ("d", 1))
        for n in range(times)
    ]
    data = data_of(*rows)
    fitted = fit_ease(data, EaseConfig(max_items=2), device="cpu")
    assert fitted.scores([_history(0)])[0][1] > 0
    assert not fitted.scores([_history(2, 3)]).any()


def test_an_item_of_two_shoppers_has_ease_weights_and_one_of_a_single_shopper_has_none(data_of):
    rows = [(user, item, "view_item", day) for user in ("ada", "bob") for day, item in enumerate("ab")]
    data = data_of(*rows, ("ada", "c", "view_item", 3))
    fitted = fit_ease(data, EaseConfig(), device="cpu")
    assert fitted.scores([_history(0)])[0][1] > 0
    assert fitted.scores([_history(0)])[0][2] == 0


def test_ease_of_a_shop_without_shared_items_scores_nothing(data_of):
    fitted = fit_ease(data_of(("ada", "a", "view_item", 1)), EaseConfig(), device="cpu")
    assert fitted.scores([_history(0)]).tolist() == [[0.0]]


def test_contributions_add_up_to_the_score():
    rng = np.random.default_rng(0)
    matrix = Neighbours.from_rows(
        rng.normal(size=(20, 20)).astype(np.float32), keep=8, decay=0.7, behaviour_weights=(1, 1, 2, 3, 1)
    )
    history = History(np.array([3, 5, 3, 9]), np.array([1, 3, 4, 1]))
    scores_N = matrix.scores([history])[0]
    for item in range(20):
        assert matrix.contributions(history, item)[1].sum() == pytest.approx(scores_N[item], abs=1e-5)


def test_factors_rebuild_the_similarities_of_a_shop_smaller_than_their_width(data_of):
    data = data_of(*((user, item, "view_item", day) for user in "xy" for day, item in enumerate("abcdef")))
    factors = item_factors(cooccurrence(data, ItemKnnConfig()), width=16, seed=0)
    assert factors.shape == (6, 16)
    assert np.linalg.norm(factors, axis=1).mean() == pytest.approx(1.0, abs=1e-5)


def test_standardising_keeps_the_order_and_silences_a_flat_row():
    scores = np.array([[1.0, 3.0, 2.0], [5.0, 5.0, 5.0]], dtype=np.float32)
    standard = standardise(scores)
    assert np.argsort(standard[0]).tolist() == [0, 2, 1]
    assert standard[1].tolist() == [0, 0, 0]


def test_a_blend_of_one_is_that_scorer_standardised():
    standard = standardise(Constant(scores_N=np.array([1, 4, 2], dtype=np.float32)).scores([_history(0)]))
    assert np.array_equal(weighted_sum({"only": standard}, {"only": 1.0}), standard)


def test_items_nothing_is_known_of_rank_last():
    vectors = ItemVectors(
        vectors_ND=np.array([[-1.0], [0.0], [1.0]], dtype=np.float32), usable_N=np.array([True, False, True])
    )
    assert vectors.scores(np.array([[1.0]], dtype=np.float32)).tolist() == [[-1.0, -1.0, 1.0]]


def test_every_case_is_in_one_slice_by_the_length_of_its_history_and_no_slice_is_empty():
    def cases(*lengths):
        nothing = np.zeros(0, dtype=np.int64)
        return [Case(user=0, target=0, history=_history(*range(length)), seen=nothing) for length in lengths]

    parts = slices(cases(1, 4, 5, 19, 20, 50))
    assert {name: members.tolist() for name, members in parts.items()} == {
        "history of 1 to 4": [True, True, False, False, False, False],
        "history of 5 to 19": [False, False, True, True, False, False],
        "history of 20 or more": [False, False, False, False, True, True],
    }
    assert list(slices(cases(3, 21))) == ["history of 1 to 4", "history of 20 or more"]


def test_cosines_of_a_new_item_lie_between_minus_one_and_one():
    vectors = np.array([[3.0, 4.0], [6.0, 8.0], [-3.0, -4.0], [4.0, -3.0], [0.0, 0.0]], dtype=np.float32)
    new = NewItems.of(None, np.ones(5, dtype=bool), vectors, None)  # type: ignore[arg-type]  # not asked for names
    assert new.cosines(0).tolist() == pytest.approx([1, 1, -1, 0, 0], abs=1e-6)
    assert new.cosines(1, np.array([2])).tolist() == pytest.approx([-1], abs=1e-6)
