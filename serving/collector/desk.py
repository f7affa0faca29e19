"""Answers senders of events. Knows neither BentoML nor FastAPI."""

from collections.abc import Sequence

from serving.collector.schemas import Collected, EventError
from serving.http.problems import ProblemError
from shopsight.ingestion.collecting.door import Refusal, column_of, meaning_of
from shopsight.ingestion.collecting.gathering import GroupError
from shopsight.ingestion.collecting.group_commit import Outcome
from shopsight.ingestion.collecting.translation import UnreadableWebhookError


def collected(outcome: Outcome, *, origins: Sequence[int] | None = None) -> Collected:
    """Return what a sender hears of events that are kept.

    Args:
        outcome: of the request.
        origins: the element of the request that each event is from, where that is not the event itself.
    """
    return {
        "accepted": outcome.accepted + outcome.items,
        "duplicates": outcome.duplicates,
        "rejected": len(outcome.refusals),
        "errors": [
            error
            for refusal in outcome.refusals
            for error in _errors(refusal, refusal.index if origins is None else origins[refusal.index])
        ],
    }


def unreadable(error: UnreadableWebhookError) -> ProblemError:
    """Return what a shop system hears of a webhook that is none."""
    return ProblemError(422, f"{error.what}: {error.why}; {error.fix}.", code="unreadable_webhook")


def not_kept(error: GroupError) -> ProblemError:
    """Return what a sender hears of events that could not be written."""
    return ProblemError(
        503, f"The events could not be written: {error}. Send them again.", code="not_written", retry_after=5
    )


def _errors(refusal: Refusal, index: int) -> Sequence[EventError]:
    return [
        {
            "index": index,
            "loc": ["events", index, *([column] if (column := column_of(reason)) else [])],
            "msg": meaning_of(reason),
            "type": reason,
        }
        for reason in refusal.reasons
    ]
