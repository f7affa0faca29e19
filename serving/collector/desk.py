"""Answers senders of events. Knows neither BentoML nor FastAPI."""

from collections.abc import Sequence
from typing import Literal

from serving.collector.schemas import Collected, CollectedItems, EventError
from serving.http.problems import ProblemError
from shopsight.ingestion.collecting.door import Refusal, column_of, meaning_of
from shopsight.ingestion.collecting.gathering import GroupError
from shopsight.ingestion.collecting.group_commit import Outcome
from shopsight.ingestion.collecting.items import UNKNOWN
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
        "rejected": len(outcome.refusals) + len(outcome.item_refusals),
        "errors": [
            error
            for refusal in outcome.refusals
            for error in _errors("events", refusal, refusal.index if origins is None else origins[refusal.index])
        ]
        + _errors_of_items(outcome),
    }


def collected_items(outcome: Outcome) -> CollectedItems:
    """Return what a sender hears of items that are kept.

    Raises:
        ProblemError: it was about an item that nobody has described (404).
    """
    if any(UNKNOWN in refusal.reasons for refusal in outcome.item_refusals):
        raise ProblemError(404, "The catalogue has no such item; PUT /v1/items describes one.", code="unknown_item")
    return {
        "accepted": outcome.items,
        "rejected": len(outcome.item_refusals),
        "errors": _errors_of_items(outcome),
    }


def unreadable(error: UnreadableWebhookError) -> ProblemError:
    """Return what a shop system hears of a webhook that is none."""
    return ProblemError(422, f"{error.what}: {error.why}; {error.fix}.", code="unreadable_webhook")


def not_kept(error: GroupError) -> ProblemError:
    """Return what a sender hears of events that could not be written."""
    return ProblemError(
        503, f"The events could not be written: {error}. Send them again.", code="not_written", retry_after=5
    )


def _errors_of_items(outcome: Outcome) -> list[EventError]:
    return [error for refusal in outcome.item_refusals for error in _errors("items", refusal, refusal.index)]


def _errors(kind: Literal["events", "items"], refusal: Refusal, index: int) -> list[EventError]:
    return [
        {
            "index": index,
            "loc": [kind, index, *([column] if (column := column_of(reason, kind)) else [])],
            "msg": meaning_of(reason, kind),
            "type": reason,
        }
        for reason in refusal.reasons
    ]
