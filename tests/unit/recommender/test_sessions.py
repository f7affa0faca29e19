"""Sessions: where they end, what is asked of them, and who their neighbours are."""

import numpy as np
import pytest

from benchmarks.recommendation.contenders.session_knn import SessionKnnConfig, fit_session_knn
from benchmarks.recommendation.sessions import as_sessions, split_sessions
from models.recommender.dataset import Interactions
from models.recommender.history import History

MINUTE = 1 / 1_440


@pytest.fixture
def log(interactions_mart):
    return lambda *rows: Interactions.from_tables(
        interactions_mart([(user, item, "view_item", minute * MINUTE) for user, item, minute in rows])
    )


def _items(data, rows):
    return "".join(data.item_ids[data.items_E[rows]])


def test_a_session_ends_after_half_an_hour_and_repeats_in_a_row_count_once(log):
    data = as_sessions(log(("ada", "a", 0), ("ada", "a", 1), ("ada", "b", 2), ("ada", "c", 40), ("ada", "a", 69)))
    assert [_items(data, rows) for rows in data.user_slices()] == ["ab", "ca"]


def test_a_session_of_one_item_is_none(log):
    data = as_sessions(log(("ada", "a", 0), ("ada", "a", 1), ("bob", "b", 0), ("bob", "c", 1)))
    assert [_items(data, rows) for rows in data.user_slices()] == ["bc"]


def test_every_next_item_of_a_later_session_is_asked_for_unless_it_is_cold(log):
    data = as_sessions(
        log(
            *(("ada", item, place) for place, item in enumerate("abc")),
            *(("bob", item, 100 + place) for place, item in enumerate("abxca")),
        )
    )
    middle = float(data.times_E.min()) + 50 * 60
    split = split_sessions(data, start=middle, end=np.inf)
    names = split.train.item_ids
    assert [(str(names[case.target]), "".join(names[case.history.items])) for case in split.cases] == [
        ("b", "a"),
        ("c", "ab"),
        ("a", "abc"),
    ]
    assert split.cold_targets == 1
    assert len(split.train) == 3


@pytest.fixture
def knn(log):
    rows = [
        (f"u{n}", item, place)
        for n, basket in enumerate(["abc", "abd", "ed", "ed"])
        for place, item in enumerate(basket)
    ]
    return lambda **change: fit_session_knn(log(*rows), SessionKnnConfig(**change))


def _history(*items):
    return History(np.array(items, dtype=np.int64), np.ones(len(items), dtype=np.int64))


def test_sessions_vote_by_how_much_they_share_with_the_newest_items(knn):
    scores = knn().scores([_history(4, 0)])[0]  # e, then a
    assert scores[1] == pytest.approx(2 * (1 / 3))  # b: both sessions with a, similarity and vote 1/√3 each
    assert scores[3] == pytest.approx(1 / 3 + 2 * 0.5 * 0.5)  # d: one session with a, two with the older e


def test_only_the_nearest_sessions_vote_and_only_the_newest_items_are_compared(knn):
    assert knn(neighbours=1).scores([_history(4)])[0].max() == pytest.approx(0.5)
    newest_only = knn(max_items=1)
    assert np.allclose(newest_only.scores([_history(4, 0)]), newest_only.scores([_history(0)]))


def test_session_knn_without_neighbours_is_refused():
    with pytest.raises(ValueError, match="neighbours"):
        SessionKnnConfig(neighbours=0)


def test_a_history_that_nobody_shares_gets_no_votes(knn):
    assert not knn().scores([_history(), _history()]).any()
