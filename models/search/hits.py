"""What a query says, and the items that it found.

Shapes: C candidates, F features.
"""

from dataclasses import dataclass, field

from models.search.attribute_wishes import Mask, NamedAttributes
from models.search.documents import Floats, Ints
from models.search.wishes import Wishes


@dataclass(frozen=True, kw_only=True)
class Understood:
    """What was read off a query."""

    text: str
    """What was searched for: the query without its wishes, its words put right."""
    corrected: str | None
    """The same, where a word was put right; None where none was."""
    synonyms: tuple[str, ...]
    """Other wordings of the text that were searched for as well."""
    language: str
    """``en``, ``zh`` or ``other``, by script."""
    wishes: Wishes
    named: NamedAttributes = field(default_factory=NamedAttributes)
    """Values of attributes that the query names."""
    rests: tuple[str, ...] = ()
    """Wordings of the query without these."""


@dataclass(frozen=True, kw_only=True)
class Hits:
    """The items that a query found."""

    understood: Understood
    places: Ints
    """Of the items, best first, shape (C,)."""
    scores: Floats
    """Of each, shape (C,); in an order and without a unit."""
    features: Floats
    """What the ranker read of each, shape (C, F); the columns are :data:`models.search.predict.FEATURES`."""
    shared_words: Ints
    """Words of the query that each item has, shape (C,)."""
    leads: Mask
    """Whether each has the attributes that the query names and meets the rest of it; such come first. Shape (C,)."""
    relaxed: tuple[str, ...] = ()
    """Wishes that no item meets together, and that were given up: ``attributes``, ``brand``, ``price``, ``filter``."""
