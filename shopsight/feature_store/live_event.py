"""An event as it moves features, ahead of the warehouse that will count it too."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shopsight.feature_store.online_rows import microseconds


@dataclass(frozen=True, kw_only=True)
class LiveEvent:
    """An event of a request, in the names of the event log; ids are the stored (pseudonymous) ones."""

    event_id: str
    event_name: str
    event_timestamp: datetime
    """When it happened, with a time zone."""
    user_id: str | None = None
    session_id: str | None = None
    """The session's own id; without one only the shopper's history moves."""
    item_id: str | None = None
    category: str | None = None
    """The event's own category, else the catalogue's."""
    price: Decimal | None = None
    """In the reporting currency."""
    amount: Decimal = Decimal(0)
    """What a line of a purchase adds to revenue, in the reporting currency; 0 where it has no rate."""
    list_position: int | None = None
    line_number: int = 0
    source: str = "shop"
    again: bool = False
    """Whether it may have been pushed before."""

    def __post_init__(self) -> None:
        """Refuse a time that could be hours off."""
        if self.event_timestamp.tzinfo is None:
            raise ValueError("event_timestamp needs a time zone")

    @property
    def at_us(self) -> int:
        """When it happened, in microseconds since 1970 UTC."""
        return microseconds(self.event_timestamp)

    @property
    def order(self) -> tuple[int, str, int, str, str, bool, str]:
        """What the warehouse sorts by: the macro ``event_order``, where an event without an item comes last."""
        names = (self.event_name, self.item_id is None, self.item_id or "")
        return (self.at_us, self.event_id, self.line_number, self.source, *names)

    @property
    def key(self) -> str:
        """What makes it the same event."""
        return f"{self.event_id}|{self.line_number}|{self.source}|{self.event_name}|{self.item_id or ''}"
