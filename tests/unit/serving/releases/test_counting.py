"""What an answer counts as, and when a version gets no more requests."""

from dataclasses import asdict
from typing import Any

import pytest

from models.evaluation.release.judgement import Tally
from serving.releases.counting import FAILED, Counting, Made, agreement, made_of
from serving.releases.orders import Order, Seen

ORDER = Order(record=7, version="v0002", stage="canary", port=1)


def counting(order: Order = ORDER, *, champion_ms: float = 10.0, answers: int = 40) -> Counting:
    """Return the counts of a step in which the champion has answered some requests."""
    counts = Counting(order, seconds_now=lambda: 1_000.0)
    for _ in range(answers):
        counts.of_champion(Made(seconds=champion_ms / 1000))
    return counts


def test_a_version_that_fails_is_stopped_within_ten_answers_and_the_reason_is_kept() -> None:
    counts = counting()
    while not counts.is_stopped:
        counts.of_candidate(FAILED)
    seen = counts.seen()
    assert seen.candidate.answers <= 10
    assert "answers failed" in seen.worse
    assert (seen.first_bad, seen.stopped) == (1_000.0, 1_000.0)


def test_a_version_is_slow_where_it_takes_twice_as_long_and_fifty_milliseconds_more() -> None:
    counts = counting()
    counts.of_candidate(Made(seconds=0.055))
    assert counts.candidate.slow == 0
    counts.of_candidate(Made(seconds=0.065))
    assert counts.candidate.slow == 1


def test_nothing_is_timed_until_it_is_known_what_is_usual() -> None:
    counts = counting(answers=19)
    counts.of_candidate(Made(seconds=9.0))
    assert (counts.candidate.timed, counts.candidate.slow) == (0, 0)


def test_a_machine_that_is_slow_for_both_blames_nobody() -> None:
    counts = counting()
    for _ in range(100):
        counts.of_champion(Made(seconds=0.3))
        counts.of_candidate(Made(seconds=0.3))
    assert not counts.is_stopped


def test_the_champions_answers_alone_can_prove_the_version_bad() -> None:
    counts = counting(answers=1)
    for _ in range(12):
        counts.of_candidate(FAILED)
    assert not counts.is_stopped
    for _ in range(100):
        counts.of_champion(Made(seconds=0.01))
    counts.judge()
    assert counts.is_stopped


def test_a_process_that_begins_anew_goes_on_with_what_was_counted() -> None:
    counts = counting()
    counts.of_candidate(FAILED)
    counts.of_both(0.5)
    again = Counting(ORDER, seen=Seen.of(asdict(counts.seen())))
    assert again.candidate == Tally(answers=1, failed=1)
    assert (again.seen().agreement, again.seen().compared) == (0.5, 1)


def test_a_champion_is_compared_with_what_served_before() -> None:
    reference = Tally(answers=200, whole=200, timed=200)
    counts = Counting(Order(record=9, version="v0002", stage="champion", reference=reference, reference_ms=10.0))
    for _ in range(20):
        counts.of_candidate(Made(seconds=0.2))
    assert "were slow" in counts.seen().worse


@pytest.mark.parametrize(
    ("document", "made"),
    [
        ({"items": [{"item_id": "a"}], "fallback": None}, (False, False)),
        ({"items": [], "fallback": None}, (True, False)),
        ({"items": [{"item_id": "a"}], "fallback": "trending"}, (False, True)),
        ({"predictions": [{"probability": 0.2, "fallback": "base_rate", "error": None}]}, (False, True)),
        ({"predictions": [{"probability": None, "error": {"code": "x"}}]}, (True, False)),
        ({"results": [{"answer": {"items": [], "fallback": None}, "error": None}]}, (True, False)),
        ({"results": [{"answer": {"items": [{"item_id": "a"}], "fallback": "trending"}}]}, (False, True)),
        ({"models": []}, (False, False)),
    ],
)
def test_an_answer_is_empty_or_a_stand_ins(document: dict[str, Any], made: tuple[bool, bool]) -> None:
    was = made_of(document, 0.1)
    assert (was.empty, was.fallback) == made


def test_two_lists_agree_by_the_items_that_both_have() -> None:
    one, other = ({"items": [{"item_id": name} for name in names]} for names in ("abcd", "abxy"))
    assert agreement(one, other) == 0.5


def test_labels_and_probabilities_are_compared_one_by_one() -> None:
    assert agreement({"intents": [{"label": "buy"}]}, {"intents": [{"label": "ask"}]}) == 0.0
    ours, theirs = ({"predictions": [{"probability": chance}]} for chance in (0.25, 0.5))
    assert agreement(ours, theirs) == 0.75


def test_what_cannot_be_compared_has_no_agreement() -> None:
    assert agreement({"items": []}, {"items": [{"item_id": "a"}]}) is None
    assert agreement({"intents": [{"label": "buy"}]}, {"intents": [{"label": "buy"}, {"label": "buy"}]}) is None
