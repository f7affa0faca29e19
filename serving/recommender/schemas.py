"""What the recommendation service takes in and gives out."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints
from typing_extensions import TypedDict

from serving.items.schemas import ItemFilter, Placement
from serving.schemas import (
    MAX_BATCH,
    WHOLE,
    ElementError,
    EventName,
    Identifier,
    ModelName,
    Moment,
    Request,
    StrictBool,
    closed,
)

Fallback = Literal["session_events", "similar_items", "trending_in_segment", "trending", "best_sellers"]
"""Rungs of the ladder below the first; one is named where it gave the list."""
NEEDS_ITEMS: Final = ("similar_items", "also_viewed", "bought_together", "looks_like_this")
"""Placements that are about items, and ask for ``item_ids``."""

MAX_RESULTS: Final = 500
MAX_WHOLE: Final = 2**53 - 1
"""Largest whole number that every JSON library reads as itself; one above 64 bits could not be logged."""


class RecentEvent(BaseModel):
    """An event of the running session, newer than the features; extra fields of a canonical event are welcome."""

    model_config = ConfigDict(extra="ignore")

    event_name: EventName
    item_id: Identifier | None = None
    category: Annotated[str, StringConstraints(max_length=500)] | None = None
    event_timestamp: Moment | None = None


class RecommendationRequest(Request):
    """Ask for items to show in one place of the shop."""

    placement: Placement = "recommended_for_you"
    user_id: Identifier | None = None
    session_id: Identifier | None = None
    item_ids: list[Identifier] = Field(default=[], max_length=100)
    recent_events: list[RecentEvent] = Field(default=[], max_length=500)
    num_results: Annotated[int, Field(ge=1, le=MAX_RESULTS, strict=True), WHOLE] = 10
    filter: ItemFilter | None = None
    exclude_item_ids: list[Identifier] = Field(default=[], max_length=1000)
    exclude_purchased: StrictBool = False
    diversity: Annotated[FiniteFloat, Field(ge=0, le=1, strict=True)] = 0.0
    max_per_category: Annotated[int, Field(ge=1, le=MAX_WHOLE, strict=True), WHOLE] | None = None
    max_per_brand: Annotated[int, Field(ge=1, le=MAX_WHOLE, strict=True), WHOLE] | None = None
    explain: StrictBool = False
    personalised: StrictBool = True

    conditions: ClassVar[Mapping[str, Any]] = {
        "if": {"properties": {"placement": {"enum": list(NEEDS_ITEMS)}}, "required": ["placement"]},
        "then": {"properties": {"item_ids": {"minItems": 1}}, "required": ["item_ids"]},
    }
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "placement": "recommended_for_you",
                "user_id": "maya",
                "num_results": 5,
                "filter": {"price": {"lte": 100}, "in_stock": True},
                "exclude_purchased": True,
                "explain": True,
            },
        },
    )


class RankingRequest(Request):
    """Ask for given items, such as the results of a search, in the order of what a shopper wants."""

    item_ids: list[Identifier] = Field(min_length=1, max_length=MAX_RESULTS)
    user_id: Identifier | None = None
    session_id: Identifier | None = None
    recent_events: list[RecentEvent] = Field(default=[], max_length=500)
    explain: StrictBool = False
    personalised: StrictBool = True

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"user_id": "maya", "item_ids": ["i_17", "i_18", "i_88"]}}
    )


class ListOptions(Request):
    """What the address of a list may say after its question mark."""

    num_results: Annotated[int, Field(ge=1, le=MAX_RESULTS)] = 10
    explain: bool = True


class RecommendationBatch(Request):
    """Ask several times at once. A request that is not valid gets its own error; the others are answered."""

    requests: list[Any] = Field(min_length=1, max_length=MAX_BATCH)

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"requests": [{"placement": "trending"}, {"user_id": "maya"}]}},
    )


@closed
class ReasonEntry(TypedDict):
    """Why an item is shown."""

    code: str
    item_ids: list[str]
    weight: float


@closed
class RecommendedItem(TypedDict):
    """An item to show."""

    item_id: str
    rank: int
    score: float
    source: str
    reasons: list[ReasonEntry]
    propensity: NotRequired[float]
    """With what chance the item stands at this place; only where the shop's rules let the list explore."""


@closed
class Recommendations(TypedDict):
    """Items to show, best first."""

    recommendation_id: str
    placement: str
    user_known: bool | None
    fallback: Fallback | None
    model: ModelName
    items: list[RecommendedItem]
    missing_item_ids: list[str]
    exhausted: bool
    took_ms: float
    notes: list[str]
    """What is amiss with the features that were read; nothing where none were."""
    features_as_of: str | None
    experiment: str | None
    """The experiment that this list takes part in; None where it is in none, or nobody was named."""
    arm: str | None
    """The arm of it that the shopper is in, and got this list by."""


@closed
class BatchEntry(TypedDict):
    """What one request of a batch got, or what is wrong with it."""

    index: int
    answer: Recommendations | None
    error: ElementError | None


@closed
class RecommendationAnswers(TypedDict):
    """Answers in the order of the requests."""

    results: list[BatchEntry]
