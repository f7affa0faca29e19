"""The canonical event as a pydantic model: one event in code, and the JSON Schema for whoever sends events.

The Arrow schema in :mod:`shopsight.events` says how accepted events are stored; a test keeps the two the same, and
another that this model and the vectorised rules of ingestion judge alike.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from shopsight.events import EVENT_NAMES
from shopsight.ingestion.validation.rules import ITEM_EVENTS, MAX_ID_BYTES, MAX_QUERY_BYTES, MAX_TEXT_BYTES

SCHEMA_VERSION: Final = "1.0"

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_BYTES)]
Whole = Annotated[int, Field(ge=0, le=2**31 - 1)]
Price = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]


class Event(BaseModel):
    """One event of one item, as it is stored; ids of people are pseudonyms by then."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Canonical event")

    event_id: Id = Field(description="With source, line_number, event_name, item_id and order_id it names an event.")
    line_number: Whole = Field(0, description="Position in an exploded list of products.")
    event_name: str = Field(description="What happened.", json_schema_extra={"enum": list(EVENT_NAMES)})
    event_timestamp: AwareDatetime = Field(description="When it happened.")
    created_timestamp: AwareDatetime = Field(description="When it was received.")
    user_id: Id | None = Field(None, description="Pseudonym of a known shopper.")
    anonymous_id: Id | None = Field(None, description="Pseudonym of a device or visitor.")
    session_id: Id | None = Field(None, description="The shop's own session; else 30 minutes of silence end one.")
    item_id: Id | None = Field(
        None, description="Required for events of an item; a refund without one is of the order."
    )
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(None, description="Pieces.")
    price: Price | None = Field(None, description="Unit price at that time.")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = Field(None, description="ISO 4217.")
    value: Annotated[float, Field(allow_inf_nan=False)] | None = Field(None, description="Rating 1 to 5, or revenue.")
    order_id: Id | None = Field(None, description="Required for purchase and refund.")
    list_id: Id | None = Field(None, description="List in which the item was shown.")
    list_position: Whole | None = Field(None, description="Place in that list, from 0.")
    placement: Id | None = Field(None, description="Where on the page.")
    recommendation_id: Id | None = Field(None, description="The recommendation that led here.")
    query: Annotated[str, Field(max_length=MAX_QUERY_BYTES)] | None = Field(None, description="Search text, redacted.")
    text: Annotated[str, Field(max_length=MAX_TEXT_BYTES)] | None = Field(
        None, description="Review or question, redacted."
    )
    campaign_id: Id | None = Field(None, description="Campaign that brought the visit.")
    channel: Id | None = Field(None, description="For example web, app, store.")
    device: Id | None = Field(None, description="For example mobile, desktop.")
    country: Id | None = Field(None, description="ISO 3166.")
    platform: Id | None = Field(None, description="Keeps behaviour on several platforms apart.")
    category: Annotated[str, Field(max_length=MAX_TEXT_BYTES)] | None = Field(None, description="Path joined by ' > '.")
    brand: Id | None = Field(None, description="Brand at that time.")
    consent: Literal["granted", "analytics_only", "none"] = Field(
        "granted", description="What the data may be used for."
    )
    source: Id = Field(description="Shop or data set.")
    properties: str | None = Field(None, description="The rest: a JSON object as text.")

    @model_validator(mode="after")
    def _is_whole(self) -> "Event":
        """Check what one column says of another, in the same words as ingestion's quarantine."""
        is_a = self.event_name
        problems = {
            "event_name_unknown": is_a not in EVENT_NAMES,
            "event_timestamp_out_of_range": self.event_timestamp < datetime(1995, 1, 1, tzinfo=UTC),
            "actor_missing": self.user_id is None and self.anonymous_id is None,
            "item_id_missing": is_a in ITEM_EVENTS and is_a != "refund" and self.item_id is None,
            "order_id_missing": is_a in ("purchase", "refund") and self.order_id is None,
            "query_missing": is_a == "search" and self.query is None,
            "text_missing": is_a == "ask_question" and self.text is None,
            "value_negative": is_a == "purchase" and self.value is not None and self.value < 0,
            "rating_missing": is_a == "rate_item" and self.value is None and self.text is None,
            "rating_out_of_range": is_a == "rate_item" and self.value is not None and not 1 <= self.value <= 5,
            "properties_invalid": self.properties is not None and not _is_object(self.properties),
        }
        broken = [reason for reason, is_broken in problems.items() if is_broken]
        if broken:
            raise ValueError(", ".join(broken))
        return self


def event_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of :class:`Event`."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "version": SCHEMA_VERSION}
    return schema | Event.model_json_schema()


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except json.JSONDecodeError:
        return False
