"""How the weights of a blend are chosen: on validation cases, per user, never below what is simpler."""

import numpy as np
import pytest

from models.evaluation.ranking import rank_of_target
from models.recommender.blend import Shortlists, _mixtures, choose_blend
from models.recommender.dataset import Case
from models.recommender.evaluate import mean_ndcg, rank_cases, ranks_of_targets
from models.recommender.history import History

ITEMS = 60


class _Table:
    """A scorer with the scores of each case written down, found by the first item of its history."""

    def __init__(self, scores):
        self.rows = np.asarray(scores, dtype=np.float32)

    def scores(self, histories):
        return self.rows[[int(history.items[0]) for history in histories]]


def _case(row, target, *, user=None, seen=()):
    history = History(np.array([row, *seen]), np.ones(1 + len(seen), dtype=np.int64))
    return Case(row if user is None else user, target, history, np.array(sorted({*seen, row} - {target})))


@pytest.fixture
def random_views():
    """Three views that each know a little of the targets of forty cases, of twenty users."""
    rng = np.random.default_rng(4)
    cases = [
        _case(row, int(rng.integers(40, ITEMS)), user=row % 20, seen=rng.integers(20, 40, size=4)) for row in range(40)
    ]
    hint = np.zeros((ITEMS, ITEMS))
    for case in cases:
        hint[case.history.items[0], case.target] = 1.5
    views = {name: _Table(rng.normal(size=(ITEMS, ITEMS)) + hint) for name in ("one", "two", "three")}
    return views, cases


def test_ranks_of_a_batch_are_those_of_one_case_after_the_other(random_views):
    scorers, cases = random_views
    scores = np.round(scorers["one"].scores([case.history for case in cases]))  # ties on purpose
    expected = [rank_of_target(row, case.target, case.seen) for row, case in zip(scores, cases, strict=True)]
    assert ranks_of_targets(scores, cases) == expected


def test_a_blend_judged_on_shortlists_is_the_blend_ranked_in_full(random_views):
    scorers, cases = random_views
    weights = {"one": 1.0, "two": 0.5, "three": 0.2}
    ranked = rank_cases(scorers, {"blend": weights}, cases, lists=False)["blend"]
    users = np.array([case.user for case in cases])
    assert Shortlists.of(scorers, cases).ndcg(weights) == pytest.approx(mean_ndcg(ranked, users))


def test_a_user_with_many_cases_counts_as_much_as_one_with_one():
    scores = np.zeros((5, 5))
    scores[0, 4] = 1.0
    first, fourth = 1.0, 1 / np.log2(5)  # of a flat row, the three other items that were not seen come before it
    cases = [_case(0, 4, user=7), *(_case(row, 4, user=8) for row in (1, 2, 3))]
    judge = Shortlists.of({"only": _Table(scores)}, cases)
    assert judge.ndcg({"only": 1.0}) == pytest.approx((first + fourth) / 2)


def test_the_choice_is_no_worse_than_any_view_alone_or_any_mixture_of_quarters(random_views):
    scorers, cases = random_views
    judge = Shortlists.of(scorers, cases)
    chosen = choose_blend(scorers, cases)
    assert chosen.ndcg == pytest.approx(judge.ndcg(chosen.weights))
    assert chosen.ndcg > max(chosen.alone.values())
    assert chosen.ndcg >= max(map(judge.ndcg, _mixtures(list(scorers))))


def test_a_view_that_says_nothing_gets_no_weight(random_views):
    scorers, cases = random_views
    views = {"flat": _Table(np.zeros((ITEMS, ITEMS))), "one": scorers["one"]}
    assert choose_blend(views, cases).weights == {"one": 1.0}


def test_a_first_view_that_misleads_is_left_out(random_views):
    scorers, cases = random_views
    views = {"wrong": _Table(-10 * scorers["two"].rows), "two": scorers["two"]}
    chosen = choose_blend(views, cases)
    assert chosen.name == "two"
    assert chosen.ndcg == chosen.alone["two"] > chosen.alone["wrong"]


def test_of_equals_the_blend_with_fewer_views_is_chosen(random_views):
    scorers, cases = random_views
    views = {"one": scorers["one"], "again": _Table(3 * scorers["one"].rows)}
    assert choose_blend(views, cases).weights == {"one": 1.0}


def test_a_blend_is_named_after_its_views_in_their_order(random_views):
    scorers, cases = random_views
    chosen = choose_blend(scorers, cases)
    assert chosen.name == "one+two+three"
    assert max(chosen.weights.values()) == 1.0
