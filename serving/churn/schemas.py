"""What the churn service takes in and gives out."""

from typing import Literal

from pydantic import ConfigDict
from typing_extensions import TypedDict

from serving.schemas import ElementError, Identifier, InstancesRequest, ModelName, Moment, Request, closed


class ChurnRequest(InstancesRequest):
    """Ask which customers will not order again. A bad instance gets its own error; the others are answered."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"instances": [{"user_id": "maya"}], "explain": True}}
    )


class ChurnInstance(Request):
    """One customer, at a moment; at the end of the data where none is given."""

    user_id: Identifier
    as_of: Moment | None = None


@closed
class ExpectedRevenue(TypedDict):
    """What the customer will bring within the horizon, in the shop's currency."""

    mean: float
    median: float
    low: float
    high: float


@closed
class NextOrderDays(TypedDict):
    """In how many days the next order comes; ``null`` where that is more than a year away, or never."""

    median: float | None
    low: float | None
    high: float | None


@closed
class ChurnReason(TypedDict):
    """How far one feature moved the log odds of churn, and the same in words."""

    feature: str
    value: float | None
    log_odds: float
    words: str


@closed
class ChurnEntry(TypedDict):
    """How likely one customer orders no more within the horizon, or what is wrong with the instance."""

    index: int
    probability: float | None
    expected_revenue: ExpectedRevenue | None
    next_order_days: NextOrderDays | None
    order_within: dict[str, float] | None
    user_known: bool | None
    fallback: Literal["base_rate"] | None
    reasons: list[ChurnReason]
    features_as_of: str | None
    error: ElementError | None


@closed
class ChurnPredictions(TypedDict):
    """Calibrated probabilities, in the order of the instances."""

    prediction_id: str
    task: str
    horizon: str
    model: ModelName
    data_end: str | None
    """The last moment that the online features describe, where that is noted: what came after it is not known."""
    predictions: list[ChurnEntry]
    took_ms: float
    notes: list[str]
    """What is amiss with the features that were read; nothing where none were."""
