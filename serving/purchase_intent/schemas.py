"""What the propensity service takes in and gives out."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator
from typing_extensions import TypedDict

from serving.schemas import (
    ElementError,
    EventName,
    Identifier,
    InstancesRequest,
    ModelName,
    Moment,
    Request,
    closed,
)


class PredictionRequest(InstancesRequest):
    """Ask how likely sessions are to end in a purchase. A bad instance gets its own error; the others are answered."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "instances": [
                    {
                        "user_id": "maya",
                        "events": [
                            {
                                "event_name": "view_item",
                                "item_id": "i_17",
                                "price": 20.0,
                                "event_timestamp": "2026-01-05T10:00:00Z",
                            },
                            {
                                "event_name": "add_to_cart",
                                "item_id": "i_17",
                                "price": 20.0,
                                "event_timestamp": "2026-01-05T10:01:30Z",
                            },
                        ],
                    }
                ]
            }
        },
    )


class InstanceEvent(BaseModel):
    """One event of a session, as far as the features read it."""

    model_config = ConfigDict(extra="ignore")

    event_name: EventName
    event_timestamp: Moment
    item_id: Identifier | None = None
    category: Annotated[str, StringConstraints(max_length=500)] | None = None
    price: Annotated[FiniteFloat, Field(ge=0, strict=True)] | None = None


class PurchaseInstance(Request):
    """One session: by its events, or by its id where its features are online; the user adds what they did before."""

    session_id: Identifier | None = None
    user_id: Identifier | None = None
    events: list[InstanceEvent] = Field(default=[], max_length=1000)

    @model_validator(mode="after")
    def _about_a_session(self) -> "PurchaseInstance":
        if not self.events and self.session_id is None:
            raise ValueError("give the session's events, or a session_id whose features are online")
        return self


@closed
class FeatureReason(TypedDict):
    """How far one feature moved the log odds of a purchase."""

    feature: str
    value: float | str | None
    log_odds: float
    words: str
    """The feature and what it does, for people."""


@closed
class PredictionEntry(TypedDict):
    """How likely one session ends in a purchase, or what is wrong with the instance."""

    index: int
    probability: float | None
    act: bool | None
    """Whether reaching out now earns more than it costs: ``probability`` is at least ``act_from``."""
    user_known: bool | None
    fallback: Literal["session_alone"] | None
    reasons: list[FeatureReason]
    features_as_of: str | None
    error: ElementError | None


@closed
class Predictions(TypedDict):
    """Calibrated probabilities, in the order of the instances."""

    prediction_id: str
    task: str
    horizon: str
    model: ModelName
    act_from: float
    """Cost over benefit of reaching out, by the shop's settings."""
    predictions: list[PredictionEntry]
    took_ms: float
    notes: list[str]
    """What is amiss with the features that were read; nothing where none were."""
