"""What the assistant takes in and gives out; the rules of every field are in docs/api.md."""

from typing import Annotated, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from serving.schemas import Identifier, Request, closed

MAX_CHARACTERS: Final = 5_000
"""Longest message that is taken; the first 1,000 are read."""


class MessageRequest(Request):
    """A shopper's message."""

    conversation_id: Identifier
    """The shop's own, one for each talk; it and the user name the talk."""
    user_id: Identifier | None = None
    """Who is signed in, as the shop says; None: nobody is."""
    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]


@closed
class SentenceEntry(TypedDict):
    """A sentence of the answer, and what it stands on."""

    text: str
    rows: list[str]
    """Ids of rows: a mart and a key, a sentence of a policy page, or a statement of the assistant about itself."""
    wording: Literal["template", "model"]
    generated: bool
    """Always true: no person wrote it (article 50 of the EU's AI Act)."""


@closed
class ProductEntry(TypedDict):
    """An item that the answer shows."""

    item_id: str
    title: str
    category: str | None
    brand: str | None
    price: float | None
    currency: str | None
    in_stock: bool
    attributes: dict[str, list[str]]


@closed
class ComparisonRow(TypedDict):
    """What each item has of one thing."""

    name: str
    values: list[str]
    rows: list[str]


@closed
class ComparisonTable(TypedDict):
    """Items side by side."""

    item_ids: list[str]
    rows: list[ComparisonRow]


@closed
class QuestionEntry(TypedDict):
    """What the assistant asks back."""

    facet: str
    values: list[str]


@closed
class HandOverEntry(TypedDict):
    """That a person of the shop was asked to go on."""

    hand_over_id: str
    reason: str


@closed
class Disclosure(TypedDict):
    """That a machine answers."""

    machine: bool
    text: str


@closed
class Message(TypedDict):
    """What the assistant answers."""

    message_id: str
    conversation_id: str
    language: Literal["en", "zh"]
    act: str
    """What was done: ``find``, ``impossible``, ``refine``, ``more``, ``recommend``, ``which``, ``item``, ``compare``,
    ``goes_with``, ``similar``, ``policy``, ``no_policy``, ``orders``, ``orders_closed``, ``hand_over``, ``machine``,
    ``greeting``, ``thanks``, ``restart``, ``compare_more`` or ``unknown``."""
    text: str
    """The sentences after each other."""
    sentences: list[SentenceEntry]
    products: list[ProductEntry]
    comparison: ComparisonTable | None
    question: QuestionEntry | None
    relaxed: list[str]
    """Conditions that no item meets and that were let go, in words."""
    hand_over: HandOverEntry | None
    disclosure: Disclosure
    notes: list[str]
    """What the answer goes without."""
    took_ms: float
