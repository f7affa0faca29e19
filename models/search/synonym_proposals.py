"""Synonyms that the shop's own searches propose: who found nothing under one name, and clicked under another.

A proposal is what a person decides on, so each comes with how many sessions say so.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import Final

import pyarrow as pa

from models.search.synonyms import Synonyms
from models.search.words import plain_words

SOON: Final = timedelta(minutes=5)
"""A later search is about something else."""
MAX_WORDS: Final = 3
"""Of a phrase; longer ones are wishes, no names."""
SAME_WORD_FROM: Final = 0.75
"""Likeness of letters from which two phrases are one word and its misspelling or plural."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Two phrases that seem to mean the same."""

    phrase: str
    """What was searched for without a click."""
    instead: str
    """What the same shoppers clicked on after they had searched for it."""
    sessions: int
    """Sessions that went from one to the other."""
    share: float
    """These as a share of the sessions that replaced the phrase by anything and then clicked."""
    example: tuple[str, str]
    """Two whole queries, one after the other."""


def propose_synonyms(
    searches: pa.Table, synonyms: Synonyms, *, min_sessions: int = 3, min_share: float = 0.3
) -> list[Proposal]:
    """Return what the log proposes and the shop's file does not say yet, best supported first.

    Args:
        searches: the mart ``search_clicks``.
        synonyms: the shop's.
        min_sessions: fewer may be one shopper's whim.
        min_share: what replaces a phrase now and then is another wish.
    """
    sessions: dict[tuple[str, str], set[str]] = defaultdict(set)
    examples: dict[tuple[str, str], tuple[str, str]] = {}
    for session, before, after in _replaced(searches):
        pair = _difference(before, after)
        if pair is not None:
            sessions[pair].add(session)
            examples.setdefault(pair, (before, after))
    replaced: Counter[str] = Counter()
    for (phrase, _), of_pair in sessions.items():
        replaced[phrase] += len(of_pair)
    proposals = [
        Proposal(
            phrase=phrase,
            instead=instead,
            sessions=len(of_pair),
            share=round(len(of_pair) / replaced[phrase], 4),
            example=examples[phrase, instead],
        )
        for (phrase, instead), of_pair in sessions.items()
        if len(of_pair) >= min_sessions
        and len(of_pair) >= min_share * replaced[phrase]
        and instead not in synonyms.variants(phrase)
    ]
    return sorted(proposals, key=lambda one: (-one.sessions, one.phrase, one.instead))


def _replaced(searches: pa.Table) -> Iterator[tuple[str, str, str]]:
    """Yield session and queries where a search that led to nothing was soon followed by one that was clicked."""
    ordered = searches.sort_by([("session_id", "ascending"), ("event_timestamp", "ascending")])
    columns = (ordered[name].to_pylist() for name in ("session_id", "event_timestamp", "query", "clicked_item_id"))
    before: tuple[str, datetime, str] | None = None
    for session, at, query, clicked in zip(*columns, strict=True):
        if clicked is not None and before is not None and before[0] == session and at - before[1] <= SOON:
            yield session, before[2], query
        before = (session, at, query) if clicked is None else None


def _difference(before: str, after: str) -> tuple[str, str] | None:
    """Return the phrase that was replaced, and by which; None where the queries differ in more, or in letters only.

    >>> _difference("red trainers", "red running shoes")
    ('trainers', 'running shoes')
    """
    first, second = plain_words(before), plain_words(after)
    while first and second and first[0] == second[0]:
        first, second = first[1:], second[1:]
    while first and second and first[-1] == second[-1]:
        first, second = first[:-1], second[:-1]
    if not (0 < len(first) <= MAX_WORDS and 0 < len(second) <= MAX_WORDS) or set(first) & set(second):
        return None
    return None if _is_one_word(first, second) else (" ".join(first), " ".join(second))


def _is_one_word(first: Sequence[str], second: Sequence[str]) -> bool:
    return SequenceMatcher(None, "".join(first), "".join(second)).ratio() >= SAME_WORD_FROM
