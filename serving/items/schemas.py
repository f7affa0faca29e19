"""What requests and rules say of items: where they are shown, and what they must be."""

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, StringConstraints

from serving.schemas import Request, StrictBool

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
    "looks_like_this",
]
"""Places of the shop that the recommender fills with a list."""


class CategoryFilter(Request):
    """Categories to keep: each name keeps its whole branch of the tree."""

    any_of: list[Annotated[str, StringConstraints(min_length=1, max_length=500)]] = Field(min_length=1, max_length=100)


class BrandFilter(Request):
    """Brands to keep."""

    any_of: list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] = Field(min_length=1, max_length=100)


class PriceFilter(Request):
    """Prices to keep, bounds included; an item without a price is left out. Where gte is above lte, no item is left."""

    gte: Annotated[FiniteFloat, Field(ge=0, strict=True)] | None = None
    lte: Annotated[FiniteFloat, Field(ge=0, strict=True)] | None = None


class ItemFilter(Request):
    """What every returned item must be."""

    category: CategoryFilter | None = None
    brand: BrandFilter | None = None
    price: PriceFilter | None = None
    in_stock: StrictBool | None = None
