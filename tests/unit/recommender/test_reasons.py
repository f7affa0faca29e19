"""The weight of a reason is its share of what the score owes to the history and to popularity."""

import numpy as np
import pytest

from models.recommender.history import History
from models.recommender.scoring import Constant, Neighbours, Scorer, standardise
from models.recommender.served.reasons import Reason, explain

ITEMS = ("lamp", "bulb", "rug", "mug")
NEIGHBOURS = Neighbours(
    items_NK=np.array([[1], [0], [3], [2]], dtype=np.int32),
    weights_NK=np.array([[0.8], [0.8], [0.4], [0.4]], dtype=np.float32),
    decay=1.0,
    behaviour_weights=np.array([0.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
)
POPULARITY = Constant(scores_N=np.array([1.0, 4.0, 2.0, 1.0], dtype=np.float32))
VIEWED, BOUGHT = 1, 4


def reasons(history: History, item: int, *, popularity: float) -> tuple[Reason, ...]:
    scorers: dict[str, Scorer] = {"item_knn": NEIGHBOURS, "popularity": POPULARITY}
    standard = {name: standardise(scorer.scores([history])) for name, scorer in scorers.items()}
    weights = {"item_knn": 1.0, "popularity": popularity}
    (of_item,) = explain(history, np.array([item]), scorers=scorers, weights=weights, standard=standard, item_ids=ITEMS)
    return of_item


def test_an_item_of_the_history_and_popularity_share_the_score() -> None:
    history = History(np.array([0]), np.array([BOUGHT]))
    first, second = reasons(history, 1, popularity=0.5)
    # The lamp gives the bulb .8, in units of the spread of all scores; popularity half of its standardised score.
    from_lamp = 0.8 / np.std([0, 0.8, 0, 0])
    from_popularity = 0.5 * (4 - 2) / np.std([1, 4, 2, 1])
    share = from_lamp / (from_lamp + from_popularity)
    assert (first.code, first.item_ids, first.weight) == ("because_you_bought", ("lamp",), pytest.approx(share))
    assert (second.code, second.item_ids, second.weight) == ("popular", (), pytest.approx(1 - share))


def test_what_speaks_against_an_item_is_no_reason_for_it() -> None:
    # Both are below the mean of popularity, which alone would say nothing for them.
    history = History(np.array([2]), np.array([VIEWED]))
    (only,) = reasons(history, 3, popularity=0.5)
    assert (only.code, only.item_ids, only.weight) == ("because_you_viewed", ("rug",), pytest.approx(1))
    assert reasons(history, 0, popularity=0.5) == ()
