"""A version that is worse is found out within a few answers, and one that is as good is left alone at every look."""

import random

import pytest

from models.evaluation.release.judgement import Limits, Tally, compare, doubts, worse
from models.evaluation.release.shares import bounds

LIMITS = Limits()


def tally(answers: int, failed: int) -> Tally:
    return Tally(answers=answers, failed=failed)


def test_before_the_first_answer_every_share_is_possible() -> None:
    assert bounds(0, 0, alpha=0.01) == (0.0, 1.0)


def test_bounds_hold_the_share_that_was_seen_and_narrow_with_answers() -> None:
    few, many = bounds(2, 10, alpha=0.01), bounds(200, 1_000, alpha=0.01)
    assert few[0] < many[0] < 0.2 < many[1] < few[1]


def test_without_a_hit_nothing_is_the_lowest_share_and_with_nothing_else_all_is_the_highest() -> None:
    assert bounds(0, 50, alpha=0.01)[0] == 0.0
    assert bounds(50, 50, alpha=0.01)[1] == 1.0


@pytest.mark.parametrize(("hits", "answers", "alpha"), [(3, 2, 0.01), (-1, 2, 0.01), (1, 2, 0.0), (1, 2, 1.0)])
def test_impossible_counts_and_chances_are_refused(hits: int, answers: int, alpha: float) -> None:
    with pytest.raises(ValueError, match="of"):
        bounds(hits, answers, alpha=alpha)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5])
def test_the_truth_lies_outside_at_any_of_many_looks_as_seldom_as_was_said(share: float) -> None:
    rng, missed = random.Random(7), 0
    for _ in range(100):
        hits = 0
        for answers in range(1, 301):
            hits += rng.random() < share
            low, high = bounds(hits, answers, alpha=0.1)
            if not low <= share <= high:
                missed += 1
                break
    assert missed <= 10


def test_ten_failures_in_a_row_are_enough_beside_a_champion_that_does_not_fail() -> None:
    assert worse(tally(10, 10), tally(40, 0), LIMITS).startswith("10 of 10 answers failed, and 0 of 40")


def test_four_failures_may_be_one_hiccup_and_prove_nothing() -> None:
    assert worse(tally(4, 4), tally(10_000, 0), LIMITS) == ""
    assert worse(tally(5, 5), tally(10_000, 0), LIMITS) != ""


def test_a_champion_that_fails_as_often_excuses_the_version() -> None:
    assert worse(tally(100, 50), tally(400, 200), LIMITS) == ""


def test_nothing_is_said_without_an_answer_of_the_champion() -> None:
    assert worse(tally(100, 100), Tally(), LIMITS) == ""


def test_what_is_within_the_limit_is_put_up_with_however_many_answers_prove_it() -> None:
    assert worse(tally(100_000, 900), tally(100_000, 0), LIMITS) == ""
    assert worse(tally(100_000, 1_500), tally(100_000, 0), LIMITS) != ""


@pytest.mark.parametrize("what", ["failed", "slow", "empty", "fallback"])
def test_each_share_is_compared_with_the_champions(what: str) -> None:
    totals = {"answers": 50, "timed": 50, "whole": 50}
    reason = worse(Tally(**totals, **{what: 50}), Tally(**totals), LIMITS)
    assert reason.count("50 of 50 answers") == 1


def test_a_version_as_good_as_the_champion_is_hardly_ever_stopped_at_any_look() -> None:
    rng, stopped = random.Random(3), 0
    for _ in range(100):
        ours, theirs = Tally(), Tally()
        for _ in range(300):
            theirs = theirs.plus(answers=2, failed=(rng.random() < 0.05) + (rng.random() < 0.05))
            has_failed = rng.random() < 0.05
            ours = ours.plus(answers=1, failed=int(has_failed))
            if has_failed and worse(ours, theirs, LIMITS):
                stopped += 1
                break
    assert stopped <= 1


def test_a_step_is_not_over_while_the_version_may_fail_far_more_often_than_is_allowed() -> None:
    whole = {"timed": 0, "whole": 0}
    assert "failed" in doubts(Tally(answers=60, failed=6, **whole), tally(240, 0), LIMITS, doubt=0.05)
    assert "failed" in doubts(tally(60, 0), tally(240, 0), LIMITS, doubt=0.05), "sixty answers rule nothing out"
    assert "failed" not in doubts(tally(200, 0), tally(800, 0), LIMITS, doubt=0.05)


def test_an_alarm_says_both_sides_and_what_is_allowed() -> None:
    failed = compare(tally(20, 10), tally(80, 0), LIMITS)[0]
    assert failed.is_worse
    assert "10 of 20 answers failed, and 0 of 80 of the champion's" in failed.sentence()
    assert "1% more are allowed" in failed.sentence()


@pytest.mark.parametrize("limits", [{"more_failed": 1.5}, {"more_slow": -0.1}, {"false_alarms": 0.0}])
def test_limits_that_are_no_shares_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Limits(**limits)
