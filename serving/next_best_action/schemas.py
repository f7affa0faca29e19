"""What the service of next best actions and profiles takes in and gives out."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from serving.schemas import MAX_BATCH, Identifier, ModelName, Request, StrictBool, closed


class ActionsRequest(Request):
    """Ask what to do next for shoppers."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"user_ids": ["maya"], "explain": True}})
    user_ids: Annotated[list[Identifier], Field(min_length=1, max_length=MAX_BATCH)]
    explain: StrictBool = False


class ActionOptions(Request):
    """What may stand after the ``?`` of a shopper's address."""

    explain: bool = True


class NoOptions(Request):
    """Nothing may stand after the ``?`` of a profile's address."""


@closed
class Between(TypedDict):
    """A mean with the interval that holds it in 95 of 100 trials."""

    value: float
    low: float
    high: float


@closed
class Increment(TypedDict):
    """What an action added for shoppers of about the same expected effect."""

    orders: Between
    """Orders a shopper, within the horizon."""
    money: Between
    """Margin of these orders less messages and discounts, in the shop's currency."""
    sent: int
    held_out: int


@closed
class ConsideredAction(TypedDict):
    """One action, and whether it surely pays for this shopper."""

    action: str
    pays: bool
    increment: Increment | None
    """Null where nothing is known of the action."""
    reason: str


@closed
class ActionEntry(TypedDict):
    """What to do next for one shopper."""

    action: Literal["nothing", "reminder", "offer", "replenishment", "new_category", "help"]
    increment: Increment | None
    """Null of nothing."""
    reason: str
    considered: list[ConsideredAction]
    """Every action but nothing, where the request asks to explain."""
    horizon: str
    user_known: bool | None
    fallback: Literal["unknown_user", "no_features"] | None
    """Why the model was not asked."""
    features_as_of: str | None


@closed
class NextBestActions(TypedDict):
    """What to do next, in the order of the shoppers."""

    prediction_id: str
    model: ModelName
    results: list[ActionEntry]
    took_ms: float
    notes: list[str]
    """What is amiss with the features that were read."""


@closed
class Evidence(TypedDict):
    """Where a line comes from."""

    mart: str
    rows: list[str]


@closed
class ProfileLine(TypedDict):
    """One thing that is known of a shopper."""

    field: str
    value: Any
    as_of: str | None
    evidence: Evidence
    interval: list[float | str | None] | None
    confidence: str
    consent: str
    last_month_error: NotRequired[float]


@closed
class Profile(TypedDict):
    """What the shop knows of a shopper, as ``shopsight profile`` says it."""

    user_id: str
    """The pseudonym."""
    consent: str
    lines: list[ProfileLine]
    not_known: dict[str, str]
    last_month: dict[str, float]
    made_at: str
