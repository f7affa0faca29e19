"""What new items are ranked by: chosen on items that are held out as though nobody had touched them."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from models.recommender.cold.choice import choose_cold
from models.recommender.cold.items import ColdChoice, ColdItemsConfig, project_cold_items, similarity_to
from models.recommender.dataset import Case
from models.recommender.history import History
from models.recommender.scoring import ItemVectors

CONFIG = ColdItemsConfig(min_items=20)
SHELVES, SHELF, WIDTH = 12, 20, 6
ITEMS = SHELVES * SHELF
USERS_N = np.full(ITEMS, 20)


@dataclass(frozen=True, kw_only=True)
class MeanOfHistory:
    """A sequence model whose state is the mean of the history's vectors."""

    vectors: ItemVectors

    def hidden(self, histories):
        return np.stack([self.vectors.vectors_ND[one.items].mean(axis=0) for one in histories])


@pytest.fixture
def shop():
    """Shelves of items, whose vectors follow from the shelf, and shoppers who go on within it."""
    rng = np.random.default_rng(6)
    shelf_N = np.repeat(np.arange(SHELVES), SHELF)
    of_shelf = np.eye(SHELVES, dtype=np.float32)[shelf_N]
    vectors_ND = (of_shelf @ rng.standard_normal((SHELVES, WIDTH)) + 0.2 * rng.standard_normal((ITEMS, WIDTH))).astype(
        np.float32
    )
    cases = []
    for user in range(400):
        items = rng.permutation(np.flatnonzero(shelf_N == user % SHELVES))[:4]
        cases.append(Case(user, int(items[3]), History(items[:3], np.ones(3, dtype=np.int64)), items[:3]))
    noise = rng.standard_normal((ITEMS, 8)).astype(np.float32)
    return of_shelf, noise, _model(vectors_ND), cases


def _model(vectors_ND):
    return MeanOfHistory(vectors=ItemVectors(vectors_ND=vectors_ND, usable_N=np.ones(ITEMS, dtype=np.bool_)))


def test_the_choice_is_by_rank_and_the_vectors_are_projected_from_it(shop):
    of_shelf, noise, sequence, cases = shop
    features = {"noise": noise, "shelf": of_shelf}
    choice = choose_cold(sequence, USERS_N, features, cases, CONFIG, seed=1)
    assert choice is not None
    assert choice.report["shelf"] > choice.report["noise"] + 0.2
    assert choice.report["chosen"] >= max(choice.report.values())
    users_N = np.where(np.arange(ITEMS) % 9 == 0, 0, USERS_N)
    for kind in features:
        projected = project_cold_items(
            sequence.vectors.vectors_ND, users_N, features, CONFIG, seed=1, choice=replace(choice, kind=kind)
        )
        assert set(projected.report["projected items"]) == {kind}


def test_likeness_counts_where_vectors_say_nothing(shop):
    of_shelf, _, _, cases = shop
    silent = _model(np.random.default_rng(3).standard_normal((ITEMS, WIDTH)).astype(np.float32))
    choice = choose_cold(silent, USERS_N, {"shelf": of_shelf}, cases, CONFIG, seed=1)
    assert choice.similarity["shelf"] > 0
    assert choice.report["chosen"] > choice.report["shelf"] + 0.1


def test_what_a_held_out_item_learnt_from_its_shoppers_is_not_read(shop):
    _, noise, sequence, cases = shop
    choice = choose_cold(sequence, USERS_N, {"noise": noise}, cases, CONFIG, seed=1)
    chance = 1 / (ITEMS / 5)
    assert choice.report["noise"] < 10 * chance


def test_without_a_question_nothing_is_chosen(shop):
    of_shelf, _, sequence, cases = shop
    assert choose_cold(sequence, USERS_N, {"shelf": of_shelf}, [], CONFIG, seed=1) is None
    assert choose_cold(sequence, USERS_N, {}, cases, CONFIG, seed=1) is None


def test_every_item_speaks_for_the_cold_ones_most_like_it():
    features = {"text": np.array([[1, 0], [0, 1], [1, 0.1], [0.1, 2], [1, 1]], dtype=np.float32)}
    near = similarity_to(features, {"text": 2.0}, np.array([2, 3, 4]), np.arange(5), replace(CONFIG, neighbours=2))
    scores = near.scores([History(np.array([0, 1]), np.array([1, 4]))])[0]
    assert scores.argmax() == 3, "the last item counts most, whatever was done with it"
    assert near.scores([History(np.array([0]), np.array([1]))])[0].argmax() == 2
    assert scores[:2].tolist() == [0, 0], "nothing is said of items that are not cold"
    assert near.items_NK.shape == (5, 2)
    double = similarity_to(features, {"text": 4.0}, np.array([2, 3, 4]), np.arange(5), replace(CONFIG, neighbours=2))
    assert double.weights_NK == pytest.approx(2 * near.weights_NK)


def test_without_likeness_nothing_is_served_beside_the_vectors(shop):
    of_shelf, _, sequence, _ = shop
    users_N = np.where(np.arange(ITEMS) % 9 == 0, 0, USERS_N)
    for choice in (None, ColdChoice(kind="shelf")):
        projected = project_cold_items(
            sequence.vectors.vectors_ND, users_N, {"shelf": of_shelf}, CONFIG, seed=1, choice=choice
        )
        assert projected.similarity is None


def test_likeness_is_left_out_where_there_are_too_many_pairs(shop):
    of_shelf, _, sequence, _ = shop
    users_N = np.where(np.arange(ITEMS) % 9 == 0, 0, USERS_N)
    choice = ColdChoice(kind="shelf", similarity={"shelf": 0.5})
    given = sequence.vectors.vectors_ND, users_N, {"shelf": of_shelf}
    assert project_cold_items(*given, CONFIG, seed=1, choice=choice).similarity is not None
    few = project_cold_items(*given, replace(CONFIG, max_cosines=1_000), seed=1, choice=choice)
    assert few.similarity is None
    assert few.report["weight of likeness"] == {}
