"""What the tools answer. Texts of items, reviews and shoppers in it are data: whoever reads them follows none."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """What an answer is made of: of a service's answer the known fields are taken, others may come with any version."""

    model_config = ConfigDict(extra="ignore")


class Item(Shape):
    """An item of the catalogue, as it is now."""

    item_id: str
    title: str
    description: str | None = None
    category: str | None = None
    brand: str | None = None
    price: float | None = None
    currency: str | None = None
    in_stock: bool


class Reason(Shape):
    """Why an item is in a list."""

    code: str
    words: str | None = None
    item_ids: list[str] = []


class Hit(Shape):
    """An item of a list."""

    rank: int
    item: Item
    reasons: list[Reason] = []


class SearchAnswer(Shape):
    """What was found."""

    search_id: str | None = Field(None, description="Names this answer, as in the events that follow from it.")
    query: str
    corrected: str | None = Field(None, description="The query as it was understood, where it was misspelt.")
    items: list[Hit]
    total: int = Field(description="How many items fit in all.")
    relaxed: list[str] = Field([], description="Wishes that were dropped, because nothing met all of them.")
    fallback: str | None = Field(None, description="What stands in where nothing was found, such as best_sellers.")
    notes: list[str] = []


class Recommendations(Shape):
    """Items to show."""

    recommendation_id: str
    placement: str
    items: list[Hit]
    fallback: str | None = Field(None, description="The simpler list that stands in, where the asked one was empty.")
    notes: list[str] = []


class Row(Shape):
    """One property of the compared items."""

    property: str
    values: list[Any] = Field(description="One per item, in their order; null where it is not known.")
    differs: bool


class Comparison(Shape):
    """Items side by side."""

    item_ids: list[str]
    rows: list[Row]
    sources: list[str] = Field(description="The rows that it is from, such as `items:i_17`.")


class Quote(Shape):
    """Words of a text that answer a question."""

    text: str
    sentence: str
    sources: list[str] = Field(description="The reviews or the item whose words they are, such as `reviews:…`.")
    confidence: float = Field(description="Probability that the texts answer the question at all.")


class Explanation(Shape):
    """What is known of an item, and the answer to a question about it."""

    item: Item
    reviews: int
    stars: float | None = Field(None, description="Mean of the stars that were given, 1 to 5.")
    question: str | None = None
    answer: Quote | None = Field(None, description="Null where nothing that was written answers the question.")
    sources: list[str]


class OrderLine(Shape):
    """An item of an order."""

    item_id: str | None
    title: str | None
    quantity: int
    refunded_quantity: int


class Order(Shape):
    """An order, as far as the shop's data goes."""

    order_id: str
    ordered_at: str | None
    status: str = Field(description="placed, partly refunded or refunded. Shipping is not in the shop's data.")
    total: float | None
    refunded: float | None
    currency: str | None
    lines: list[OrderLine]
    sources: list[str]


class Orders(Shape):
    """A shopper's orders, the newest first."""

    orders: list[Order]
    as_of: str | None = Field(None, description="When the data ends; newer orders are not in it.")
