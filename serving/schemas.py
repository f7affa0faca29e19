"""What the services take in, as pydantic models; the rules of every field are in docs/api.md.

Unknown fields are refused, so that a misspelt one is not silently without effect; only events may carry more, as a
shop sends its canonical events as they are.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from shopsight.events import EVENT_NAMES

Placement = Literal[
    "recommended_for_you",
    "similar_items",
    "also_viewed",
    "bought_together",
    "cart_complement",
    "best_sellers",
    "trending",
    "recently_viewed",
    "win_back",
]
NEEDS_ITEMS: Final = ("similar_items", "also_viewed", "bought_together")
"""Placements that are about items, and ask for ``item_ids``."""

MAX_RESULTS: Final = 500
MAX_BATCH: Final = 100
"""Texts or instances in one request."""
MAX_EXPLAINED: Final = 10
"""Texts that one request may have explained: the model reads up to 64 parts of each."""


def _known_event(name: str) -> str:
    if name not in EVENT_NAMES:
        raise ValueError(f"unknown event name; one of {', '.join(EVENT_NAMES)}")
    return name


def _in_utc(moment: datetime) -> datetime:
    try:
        in_utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("this moment does not exist in UTC") from None
    if not 1970 <= in_utc.year <= 2200:
        raise ValueError("a moment between 1970 and 2200 is expected")
    return in_utc


Identifier = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
EventName = Annotated[str, AfterValidator(_known_event)]
StrictBool = Annotated[bool, Field(strict=True)]
Moment = Annotated[
    datetime,
    AfterValidator(_in_utc),
    Field(description="RFC 3339, or seconds since 1970; without an offset it is UTC."),
]


class Request(BaseModel):
    """Base of every request: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class RecentEvent(BaseModel):
    """An event of the running session, newer than the features; extra fields of a canonical event are welcome."""

    model_config = ConfigDict(extra="ignore")

    event_name: EventName
    item_id: Identifier | None = None
    category: Annotated[str, StringConstraints(max_length=500)] | None = None
    event_timestamp: Moment | None = None


class CategoryFilter(Request):
    """Categories to keep: each name keeps its whole branch of the tree."""

    any_of: list[Annotated[str, StringConstraints(min_length=1, max_length=500)]] = Field(min_length=1, max_length=100)


class BrandFilter(Request):
    """Brands to keep."""

    any_of: list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] = Field(min_length=1, max_length=100)


class PriceFilter(Request):
    """Prices to keep, bounds included; an item without a price is left out."""

    gte: Annotated[FiniteFloat, Field(ge=0, strict=True)] | None = None
    lte: Annotated[FiniteFloat, Field(ge=0, strict=True)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "PriceFilter":
        if self.gte is not None and self.lte is not None and self.gte > self.lte:
            raise ValueError("gte is above lte: no price is left")
        return self


class ItemFilter(Request):
    """What every returned item must be."""

    category: CategoryFilter | None = None
    brand: BrandFilter | None = None
    price: PriceFilter | None = None
    in_stock: StrictBool | None = None


class RecommendationRequest(Request):
    """Ask for items to show in one place of the shop."""

    placement: Placement = "recommended_for_you"
    user_id: Identifier | None = None
    session_id: Identifier | None = None
    item_ids: list[Identifier] = Field(default=[], max_length=100)
    recent_events: list[RecentEvent] = Field(default=[], max_length=500)
    num_results: Annotated[int, Field(ge=1, le=MAX_RESULTS, strict=True)] = 10
    filter: ItemFilter | None = None
    exclude_item_ids: list[Identifier] = Field(default=[], max_length=1000)
    exclude_purchased: StrictBool = False
    diversity: Annotated[FiniteFloat, Field(ge=0, le=1, strict=True)] = 0.0
    max_per_category: Annotated[int, Field(ge=1, strict=True)] | None = None
    max_per_brand: Annotated[int, Field(ge=1, strict=True)] | None = None
    explain: StrictBool = False
    personalised: StrictBool = True

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
            }
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


class RecommendationBatch(Request):
    """Ask several times at once. A request that is not valid gets its own error; the others are answered."""

    requests: list[Any] = Field(min_length=1, max_length=MAX_BATCH)

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"requests": [{"placement": "trending"}, {"user_id": "maya"}]}},
    )


class IntentRequest(Request):
    """Ask what texts want. A text that is no string, empty or too long gets its own error; the others are answered."""

    texts: list[Any] = Field(min_length=1, max_length=MAX_BATCH)
    explain: StrictBool = False

    @model_validator(mode="after")
    def _few_to_explain(self) -> "IntentRequest":
        if self.explain and len(self.texts) > MAX_EXPLAINED:
            raise ValueError(f"with explain, at most {MAX_EXPLAINED} texts are taken")
        return self

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"texts": ["red running shoes under 80", "does it fit a size 46?"]}},
    )


class PredictionRequest(Request):
    """Ask how likely sessions are to end in a purchase. A bad instance gets its own error; the others are answered."""

    instances: list[Any] = Field(min_length=1, max_length=MAX_BATCH)
    explain: StrictBool = False

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
