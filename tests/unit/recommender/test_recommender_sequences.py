"""Training histories, batches and item attributes."""

import numpy as np
import pyarrow as pa
import pytest

from models.recommender.dataset import Interactions, item_attributes
from models.recommender.transformer.sequences import batches, training_histories


@pytest.fixture
def histories_of(interactions_mart):
    def cut(names, *, length=50):
        rows = [("ada", name, "view_item", 1 + place) for place, name in enumerate(names)]
        return training_histories(Interactions.from_tables(interactions_mart(rows)), length=length)

    return cut


def test_the_target_is_the_next_item_that_is_new(histories_of):
    (history,) = histories_of("abbac")
    assert history.rows.tolist() == [1, 2, 2, 1, 3]
    assert history.targets.tolist() == [2, 3, 3, 3, 0]


def test_a_shopper_with_one_item_teaches_nothing(histories_of):
    assert histories_of("aaa") == []


def test_every_target_of_a_long_history_is_learnt_exactly_once(histories_of):
    names = [f"i{place:03d}" for place in range(137)]
    stretches = histories_of(names, length=20)
    learnt = np.concatenate([one.targets[one.targets > 0] for one in stretches])
    assert sorted(learnt.tolist()) == list(range(2, 138))
    assert max(len(one.rows) for one in stretches) == 20


def test_targets_after_the_first_stretch_are_learnt_with_some_past(histories_of):
    later = histories_of([f"i{place:03d}" for place in range(100)], length=20)[1:]
    assert all(np.flatnonzero(one.targets)[0] >= 5 for one in later)


def _epoch(histories, **change):
    settings = {"batch_size": 4, "items": 50, "negatives": 7, "seed": 1, "epoch": 0} | change
    return list(batches(histories, **settings))


def test_an_epoch_contains_every_history_once_in_an_order_of_its_own(interactions_mart):
    rows = [(f"u{n}", f"i{(n + step) % 50:02d}", "view_item", 1 + step) for n in range(30) for step in range(2 + n % 5)]
    histories = training_histories(Interactions.from_tables(interactions_mart(rows)), length=50)
    first, again, second = _epoch(histories), _epoch(histories), _epoch(histories, epoch=1)
    assert sum(len(batch.rows_BL) for batch in first) == len(histories) == 30
    assert all(np.array_equal(a.rows_BL, b.rows_BL) for a, b in zip(first, again, strict=True))
    assert [b.rows_BL.tolist() for b in first] != [b.rows_BL.tolist() for b in second]


def test_negatives_are_distinct_and_absent_for_the_full_softmax(histories_of):
    histories = histories_of("abcdef")
    (batch,) = _epoch(histories)
    assert len(set(batch.negatives_K.tolist())) == 7
    assert batch.negatives_K.min() >= 1
    (full,) = _epoch(histories, negatives=0)
    assert len(full.negatives_K) == 0


def test_every_level_of_a_category_and_the_brand_are_attributes(items_mart):
    items = items_mart(["a-1", "a-2", "b-1"]).set_column(3, "brand", pa.array(["Acme", None, "Acme"]))
    ids = np.array(["a-1", "a-2", "b-1", "unlisted"], dtype=object)
    attributes = [set(row[row > 0].tolist()) for row in item_attributes(items, ids)]
    assert len(attributes[0]) == 3
    assert len(attributes[0] & attributes[1]) == 2
    assert len(attributes[0] & attributes[2]) == 2
    assert attributes[3] == set()


def test_interactions_that_are_left_out_change_with_the_epoch_and_keep_their_targets(histories_of):
    histories = histories_of([f"i{place:02d}" for place in range(40)])
    whole = dict(zip(histories[0].rows.tolist(), histories[0].targets.tolist(), strict=True))
    first, again, second = (_epoch(histories, interaction_dropout=0.5, epoch=epoch)[0] for epoch in (0, 0, 1))
    assert np.array_equal(first.rows_BL, again.rows_BL)
    assert first.rows_BL.tolist() != second.rows_BL.tolist()
    assert 5 < first.rows_BL.shape[1] < 35
    for row, target in zip(first.rows_BL[0], first.targets_BL[0], strict=True):
        assert whole[int(row)] == int(target)


def test_a_history_is_never_left_without_anything_to_learn(histories_of):
    (batch,) = _epoch(histories_of("ab"), interaction_dropout=0.99)
    assert batch.targets_BL.tolist() == [[2]]


def test_a_step_takes_more_of_short_histories_and_no_fewer_of_long_ones(histories_of):
    short = histories_of("ab")
    histories = short * 100 + histories_of([f"i{place:03d}" for place in range(40)]) * 16
    epoch = list(batches(histories, batch_size=8, batch_places=100, items=50, negatives=0, seed=1, epoch=0))
    sizes = {(batch.rows_BL.shape[1], len(batch.rows_BL)) for batch in epoch}
    assert sizes == {(2, 50), (40, 8)}
    assert sum(len(batch.rows_BL) for batch in epoch) == len(histories)
    plain = list(batches(histories, batch_size=8, items=50, negatives=0, seed=1, epoch=0))
    assert max(len(batch.rows_BL) for batch in plain) == 8
