"""Which phrases the log proposes as synonyms, and which it does not."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from models.search.synonym_proposals import propose_synonyms
from models.search.synonyms import NO_SYNONYMS, Synonyms

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def log(*pairs: tuple[str, str], seconds: int = 30, clicked: str | None = "i1") -> pa.Table:
    """Return searches: each pair is a session that searched for the first in vain, and then for the second."""
    rows = []
    for number, (before, after) in enumerate(pairs):
        session = {"session_id": f"s{number}", "event_timestamp": NOON + timedelta(hours=number)}
        later = session["event_timestamp"] + timedelta(seconds=seconds)
        rows.append({**session, "query": before, "clicked_item_id": None})
        rows.append({**session, "event_timestamp": later, "query": after, "clicked_item_id": clicked})
    return pa.Table.from_pylist(rows[::-1])


def test_what_several_sessions_replaced_by_the_same_words_is_proposed_with_its_evidence() -> None:
    searches = log(
        ("red trainers", "red running shoes"), *[("trainers", "running shoes")] * 3, ("trainers", "coffee mug")
    )
    (proposal,) = propose_synonyms(searches, NO_SYNONYMS)
    assert (proposal.phrase, proposal.instead) == ("trainers", "running shoes")
    assert (proposal.sessions, proposal.share) == (4, 0.8)


def test_the_shops_own_synonyms_are_not_proposed_again() -> None:
    searches = log(*[("trainers", "running shoes")] * 5)
    assert propose_synonyms(searches, Synonyms(groups=[["running shoes", "trainers"]])) == []


def test_misspellings_later_searches_and_such_without_a_click_propose_nothing() -> None:
    assert propose_synonyms(log(*[("hedphones", "headphones")] * 5), NO_SYNONYMS) == []
    assert propose_synonyms(log(*[("trainers", "running shoes")] * 5, seconds=600), NO_SYNONYMS) == []
    assert propose_synonyms(log(*[("trainers", "running shoes")] * 5, clicked=None), NO_SYNONYMS) == []


def test_a_phrase_that_is_replaced_by_something_else_each_time_is_no_synonym_of_any() -> None:
    others = ["mug", "lamp", "tent", "jacket", "puzzle"]
    assert propose_synonyms(log(*[("gift", other) for other in others * 3]), NO_SYNONYMS) == []


def test_chinese_phrases_are_proposed_as_they_are_written() -> None:
    (proposal,) = propose_synonyms(log(*[("跑鞋", "运动鞋")] * 3), NO_SYNONYMS, min_share=0.5)
    assert (proposal.phrase, proposal.instead) == ("跑鞋", "运动鞋")
