"""Leave-one-out: which item is asked for, and what the models may see."""

from benchmarks.recommendation.split import leave_one_out


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
