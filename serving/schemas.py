"""What every service takes in and gives out; the rules of every field are in docs/api.md.

Requests are pydantic models. Unknown fields are refused, so that a misspelt one is not silently without effect; only
events may carry more, as a shop sends its canonical events as they are.

Answers are typed dictionaries: mypy holds the dictionaries that a desk writes against them, the interface's description
is made from them, and orjson writes them as they are.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict

from shopsight.events import EVENT_NAMES

MAX_BATCH: Final = 100
"""Texts, instances or requests in one request."""


def _known_event(name: str) -> str:
    if name not in EVENT_NAMES:
        raise ValueError(f"unknown event name; one of {', '.join(EVENT_NAMES)}")
    return name


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone could be wrong by hours; end it with Z or an offset such as +02:00")
    try:
        in_utc = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("this moment does not exist in UTC") from None
    if not 1970 <= in_utc.year <= 2200:
        raise ValueError("a moment between 1970 and 2200 is expected")
    return in_utc


Identifier = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""An id as the event log keeps it: without blanks around it."""
EventName = Annotated[str, AfterValidator(_known_event)]
StrictBool = Annotated[bool, Field(strict=True)]
Moment = Annotated[
    datetime,
    AfterValidator(_in_utc),
    Field(description="RFC 3339 with a zone, or seconds since 1970; a text without a zone is refused."),
]


class Request(BaseModel):
    """Base of every request: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class InstancesRequest(Request):
    """Base of what the services of predictions are asked: a bad instance gets its own error."""

    instances: list[Any] = Field(min_length=1, max_length=MAX_BATCH)
    explain: StrictBool = False


closed = with_config(ConfigDict(extra="forbid"))
"""Of an answer: its fields are as listed, no more."""


@closed
class ModelName(TypedDict):
    """Which model answered."""

    name: str
    version: str


@closed
class ErrorEntry(TypedDict):
    """One thing that is wrong with a request."""

    loc: list[str | int]
    msg: str
    type: str


@closed
class ProblemDocument(TypedDict):
    """An error, after RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None
    errors: list[ErrorEntry]


@closed
class ElementError(TypedDict):
    """What is wrong with one element of a batch; the others are answered."""

    code: str
    detail: str
    errors: list[ErrorEntry]


@closed
class ModelDescription(TypedDict):
    """A served model: where it comes from, how good it is, and who said yes to it."""

    name: str
    version: str
    trained_at: str | None
    data_window: Any
    metrics: dict[str, Any]
    approval: dict[str, Any]
    feature_service: str


@closed
class Models(TypedDict):
    """The models that this service serves."""

    models: list[ModelDescription]
