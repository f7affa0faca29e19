"""What the search service takes in and gives out."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints
from typing_extensions import TypedDict

from serving.items.schemas import ItemFilter
from serving.schemas import WHOLE, Identifier, ModelName, Request, StrictBool, closed

MAX_RESULTS = 100
MAX_QUERY = 500
"""Characters of a query."""
QueryText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUERY, strip_whitespace=True)]


class AttributeFilter(Request):
    """Values to keep of one attribute; case does not count."""

    any_of: list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] = Field(min_length=1, max_length=100)


class SearchFilter(ItemFilter):
    """What every result must be."""

    attributes: dict[Annotated[str, StringConstraints(min_length=1, max_length=100)], AttributeFilter] | None = Field(
        default=None, max_length=20
    )
    """By the name of the attribute, as the facets have it."""


class SearchRequest(Request):
    """Ask for the items that a query means."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"query": "waterproof running shoes under 120 euro", "num_results": 5}},
    )

    query: QueryText
    user_id: Identifier | None = None
    session_id: Identifier | None = None
    filter: SearchFilter | None = None
    num_results: Annotated[int, Field(ge=1, le=MAX_RESULTS, strict=True), WHOLE] = 10
    explain: StrictBool = False
    personalised: StrictBool = True


class SuggestionRequest(Request):
    """Ask how a query that is being typed may go on."""

    q: Annotated[str, StringConstraints(max_length=MAX_QUERY)] = ""
    num_results: Annotated[int, Field(ge=1, le=20)] = 8


@closed
class Understood(TypedDict):
    """What was read off the query; what it says of brand and price, and what it says no to, holds for every result."""

    text: str
    """What was searched for."""
    language: Literal["en", "zh", "other"]
    corrected: str | None
    """The text with misspelt words put right; null where none was."""
    synonyms: list[str]
    """What was searched for as well."""
    brands: list[str]
    lowest_price: float | None
    highest_price: float | None
    attributes: dict[str, list[str]]
    """Values that the query names, by attribute: what has them, and meets the rest of the query, comes first."""
    unwanted: dict[str, list[str]]
    """Values that it says no to."""


@closed
class SearchReason(TypedDict):
    """Why an item is among the results."""

    code: Literal["all_words", "some_words", "meaning", "attributes", "clicked", "brand", "price", "taste", "pinned"]
    words: str


@closed
class SearchResult(TypedDict):
    """An item that was found."""

    item_id: str
    rank: int
    score: float
    title: str | None
    category: str | None
    brand: str | None
    price: float | None
    is_available: bool
    reasons: list[SearchReason]


@closed
class FacetValue(TypedDict):
    """How many of the items found have a value."""

    value: str
    count: int


@closed
class PriceRange(TypedDict):
    """How many of the items found cost so much; bounds included."""

    gte: float
    lte: float
    count: int


@closed
class Facets(TypedDict):
    """The items found, counted: by category, brand and further attributes, most frequent first, and by price."""

    category: list[FacetValue]
    brand: list[FacetValue]
    price: list[PriceRange]
    attributes: dict[str, list[FacetValue]]
    """By the name of the attribute; of the most frequent ones."""


@closed
class SearchAnswer(TypedDict):
    """The items that a query means, best first."""

    search_id: str
    query: str
    understood: Understood
    results: list[SearchResult]
    total: int
    """Items that were found and looked at; at most some hundred."""
    facets: Facets
    relaxed: list[Literal["attributes", "brand", "price", "filter"]]
    """What no item meets and was given up, so that there are results."""
    fallback: Literal["relaxed", "best_sellers"] | None
    """Where nothing was found: what the results are instead."""
    user_known: bool | None
    model: ModelName
    took_ms: float
    notes: list[str]


@closed
class Suggestion(TypedDict):
    """How a query may go on."""

    text: str
    kind: Literal["query", "category", "brand", "item"]
    item_id: str | None


@closed
class Suggestions(TypedDict):
    """How a query may go on, the likeliest first."""

    suggestions: list[Suggestion]
