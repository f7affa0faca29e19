"""Leave-one-out: which item is asked for, what the models may see, and how the weights of a blend are found."""

import numpy as np
import pytest

from models.evaluation.ranking import ndcg_at, rank_of_target
from models.recommender.blend_search import search_weights, shortlists
from models.recommender.evaluate import rank_cases, ranks_of_targets
from models.recommender.leave_one_out import leave_one_out


def _ids(split, codes):
    return [str(split.train.item_ids[code]) for code in codes]


def test_the_last_item_is_tested_and_the_one_before_it_validated():
    split = leave_one_out([["d", "b", "a", "c"]])
    (validation,), (test,) = split.validation, split.test
    assert _ids(split, split.train.items_E) == ["d", "b"]
    assert (_ids(split, [validation.target]), _ids(split, validation.history.items)) == (["a"], ["d", "b"])
    assert (_ids(split, [test.target]), _ids(split, test.history.items)) == (["c"], ["d", "b", "a"])
    assert sorted(_ids(split, test.seen)) == ["a", "b", "d"]


def test_a_user_with_two_items_teaches_and_is_not_asked():
    split = leave_one_out([["a", "b"], ["a", "b", "c"]])
    assert (len(split.test), split.too_short) == (1, 1)
    assert _ids(split, split.train.items_E) == ["a", "b", "a"]


def test_an_item_that_comes_again_may_be_found_although_it_was_seen():
    (case,) = leave_one_out([["a", "b", "c", "a"]]).test
    assert case.target not in case.seen


def test_items_that_only_a_test_target_knows_are_ranked_and_not_learnt():
    split = leave_one_out([["a", "b", "c"], ["a", "b", "z"]])
    assert split.train.items == 4
    assert split.train.distinct_users_per_item().tolist() == [2, 0, 0, 0]


class _Table:
    """A scorer with the scores of each case written down, found by the case's first item."""

    def __init__(self, scores):
        self.rows = scores

    def scores(self, histories):
        return np.stack([self.rows[int(history.items[0])] for history in histories])


@pytest.fixture
def random_views():
    rng = np.random.default_rng(4)
    sequences = [
        [f"{user:02d}", *(f"{item:02d}" for item in rng.permutation(np.arange(40, 60))[:5])] for user in range(40)
    ]
    split = leave_one_out([*sequences, [f"{item:02d}" for item in range(60)]])
    cases = split.test[:-1]
    hint = np.zeros((60, 60))
    for case in cases:
        hint[case.history.items[0], case.target] = 1.5
    scores = {name: _Table((rng.normal(size=(60, 60)) + hint).astype(np.float32)) for name in ("one", "two", "three")}
    return scores, cases


def test_ranks_of_a_batch_are_those_of_one_case_after_the_other(random_views):
    scorers, cases = random_views
    scores = np.round(scorers["one"].scores([case.history for case in cases]))  # ties on purpose
    expected = [rank_of_target(row, case.target, case.seen) for row, case in zip(scores, cases, strict=True)]
    assert ranks_of_targets(scores, cases) == expected


def test_a_blend_judged_on_shortlists_is_the_blend_ranked_in_full(random_views):
    scorers, cases = random_views
    weights = {"one": 1.0, "two": 0.5, "three": 0.2}
    ranked = rank_cases(scorers, {"blend": weights}, cases, lists=False)["blend"]
    assert shortlists(scorers, cases).ndcg(weights) == pytest.approx(float(ndcg_at(ranked.ranks_C, 10).mean()))


def test_the_search_never_ends_below_the_first_view_alone(random_views):
    scorers, cases = random_views
    found = shortlists(scorers, cases)
    weights, value = search_weights(found)
    assert value == pytest.approx(found.ndcg(weights))
    assert value > found.ndcg({"one": 1.0})


def test_views_without_a_say_get_no_weight(random_views):
    scorers, cases = random_views
    flat = _Table(np.zeros((60, 60), dtype=np.float32))
    weights, _ = search_weights(shortlists({"one": scorers["one"], "flat": flat}, cases))
    assert weights == {"one": 1.0}
