"""Answers senders of events. Knows neither BentoML nor FastAPI."""

from collections.abc import Sequence

from serving.collector.schemas import Collected, EventError
from serving.http.problems import ProblemError
from shopsight.ingestion.collecting.door import Refusal, column_of, meaning_of
from shopsight.ingestion.collecting.group_commit import NotKeptError, Outcome


def collected(outcome: Outcome) -> Collected:
    """Return what a sender hears of events that are kept."""
    return {
        "accepted": outcome.accepted,
        "duplicates": outcome.duplicates,
        "rejected": len(outcome.refusals),
        "errors": [error for refusal in outcome.refusals for error in _errors(refusal)],
    }


def not_kept(error: NotKeptError) -> ProblemError:
    """Return what a sender hears of events that could not be written."""
    return ProblemError(
        503, f"The events could not be written: {error}. Send them again.", code="not_written", retry_after=5
    )


def _errors(refusal: Refusal) -> Sequence[EventError]:
    return [
        {
            "index": refusal.index,
            "loc": ["events", refusal.index, *([column] if (column := column_of(reason)) else [])],
            "msg": meaning_of(reason),
            "type": reason,
        }
        for reason in refusal.reasons
    ]
