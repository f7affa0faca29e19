"""What the collector takes in and gives out; the rules of every column are in docs/events.md."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from serving.schemas import Request, closed

MAX_EVENTS: Final = 1_000
"""Events in one request."""


class EventsRequest(Request):
    """Events of the shop, as canonical JSON Lines have them, one object each."""

    events: list[Any] = Field(min_length=1, max_length=MAX_EVENTS)


class ItemsRequest(Request):
    """Items of the shop, as canonical JSON Lines have them, one object each."""

    items: list[Any] = Field(min_length=1, max_length=MAX_EVENTS)


class AvailabilityRequest(Request):
    """Whether an item can be bought."""

    availability: Literal[
        "in_stock", "limited_availability", "preorder", "backorder", "out_of_stock", "sold_out", "unavailable"
    ]
    """The last three: no, not now."""


class SegmentBatch(BaseModel):
    """Calls of Segment's HTTP API; what stands beside them says nothing of an event."""

    model_config = ConfigDict(extra="allow")
    batch: list[Any] = Field(min_length=1, max_length=MAX_EVENTS)


@closed
class EventError(TypedDict):
    """One rule that one event, or one item, breaks."""

    index: int
    """Place of the event or of the item in the request, from 0."""
    loc: list[str | int]
    msg: str
    type: str
    """The reason under which the quarantine holds the event."""


@closed
class Collected(TypedDict):
    """What became of the events of a request: accepted + duplicates + rejected is how many there were."""

    accepted: int
    """Events, and rows of the catalogue, that are on disk and will be in the event log."""
    duplicates: int
    """Events that repeat in every column what the collector had accepted."""
    rejected: int
    """Events that will be in the quarantine of the event log, each with the reasons under ``errors``."""
    errors: list[EventError]


@closed
class CollectedItems(TypedDict):
    """What became of the items of a request: accepted + rejected is how many there were."""

    accepted: int
    """Items that are on disk and hold from the next request on."""
    rejected: int
    """Items that will be in the quarantine of the event log, each with the reasons under ``errors``."""
    errors: list[EventError]
