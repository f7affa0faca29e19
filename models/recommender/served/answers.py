"""What a recommender is asked with and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from models.recommender.served.reasons import Reason

Together = Literal["viewed_together", "bought_together"]
"""What the lists of items that go with others are made of, and the code of their reasons."""


@dataclass(frozen=True, kw_only=True)
class HistoryEvent:
    """One interaction of the shopper; the order of a history is its sequence, the time is not read."""

    item_id: str
    event_name: str
    event_timestamp: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ScoredItem:
    """A recommended item; scores are comparable within one answer only."""

    item_id: str
    score: float
    source: str
    reasons: tuple[Reason, ...] = ()
