"""What every service takes in and gives out; the rules of every field are in docs/api.md.

Requests are pydantic models. Unknown fields are refused, so that a misspelt one is not silently without effect; only
events may carry more, as a shop sends its canonical events as they are.

Answers are typed dictionaries: mypy holds the dictionaries that a desk writes against them, the interface's description
is made from them, and orjson writes them as they are.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    with_config,
)
from typing_extensions import TypedDict

from shopsight.events import EVENT_NAMES

MAX_BATCH: Final = 100
"""Texts, instances or requests in one request."""


def _known_event(name: str) -> str:
    if name not in EVENT_NAMES:
        raise ValueError(f"unknown event name; one of {', '.join(EVENT_NAMES)}")
    return name


def _whole(number: object) -> object:
    return int(number) if isinstance(number, float) and number.is_integer() else number


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


RFC_3339: Final = (
    "^((19[7-9][0-9]|2[01][0-9][0-9])-"
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    "|(19(7[26]|8[048]|9[26])|20([02468][048]|[13579][26])|21(0[48]|[2468][048]|[13579][26]))-02-29)"
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""The moments from 1970 to 2199 as they are usually written; the format ``date-time`` has other years, too."""
END_SECOND: Final = 7_289_654_400
"""Of the year 2200, in seconds since 1970."""
FIRST_MILLISECOND: Final = 20_000_000_000
"""A number above it is milliseconds to pydantic, as JavaScript counts them; between both there is no moment."""

Identifier = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=256,
        pattern=r"^[^\x00-\x1f\x7f]*[^\s\u0085\x00-\x1f\x7f][^\x00-\x1f\x7f]*$",  # more than blanks
    ),
]
"""An id as the event log keeps it: without blanks around it."""
EventName = Annotated[str, AfterValidator(_known_event), Field(json_schema_extra={"enum": list(EVENT_NAMES)})]
WHOLE: Final = BeforeValidator(_whole)
"""Beside a strict ``int``: JSON has one kind of number, in which 10.0 is 10; ``"10"`` and ``true`` are none."""
StrictBool = Annotated[bool, Field(strict=True)]
Moment = Annotated[
    datetime,
    AfterValidator(_in_utc),
    WithJsonSchema(
        {
            "description": "RFC 3339 with a zone (a text without one is refused), or (milli)seconds since 1970.",
            "anyOf": [
                {"type": "string", "pattern": RFC_3339},
                {"type": "number", "minimum": 0, "exclusiveMaximum": END_SECOND},
                {"type": "number", "exclusiveMinimum": FIRST_MILLISECOND, "exclusiveMaximum": END_SECOND * 1000},
            ],
        }
    ),
]


class Request(BaseModel):
    """Base of every request: unknown fields are refused."""

    conditions: ClassVar[Mapping[str, Any]] = {}
    """What one field asks of another, as ``if`` and ``then`` of the description; BentoML would read neither."""
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
    baseline: str | None
    """The baseline that stands in where no model passed its gate; null where a model answers."""


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
    baseline: str | None
    trained_at: str | None
    data_window: Any
    metrics: dict[str, Any]
    approval: dict[str, Any]
    feature_service: str


@closed
class Models(TypedDict):
    """The models that this service serves."""

    models: list[ModelDescription]


@closed
class Readiness(TypedDict):
    """That a service answers, and what it goes on without."""

    status: Literal["ready"]
    notes: list[str]
