"""What the search model's card says of its limits, and of what it refuses; each by an id that translations go by."""

from collections.abc import Mapping
from typing import Final

LIMITS: Final[Mapping[str, str]] = {
    "clicks_are_not_wishes": "It learns from what shoppers clicked: what was never found had no chance to be clicked.",
    "two_languages": "It is measured on queries in English and Chinese; the encoder reads fourteen further languages, "
    "of which nothing is said.",
    "texts_alone": "It knows of an item what its title, category, brand and description say.",
}
REFUSES: Final[Mapping[str, str]] = {
    "nothing_near": "An item that shares no word with the query, was never clicked for it and is not near in meaning "
    "is no result, even where nothing else is.",
    "unavailable": "An item that is out of stock is found only where the request asks for such items, and a deleted "
    "one never.",
    "no_probability": "A score puts items in an order and has no unit: it is no probability that somebody buys.",
}
