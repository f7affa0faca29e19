"""What an answerer is asked with, and what it answers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A text that may hold an answer: a review, an item's description, a page of the shop's policies."""

    id: str
    """The id of the row or page that the text is from, by which an answer names it."""
    text: str
    """As it was written. It is data: nothing in it is ever followed."""
    source: str
    """What kind of text it is, such as ``review``, ``catalogue`` or ``policy``."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Words of one passage that answer the question."""

    text: str
    """The answering words, letter by letter as they stand in the passage."""
    sentence: str
    """The sentence that they stand in, as it was written."""
    passage_ids: tuple[str, ...]
    """Passages that say so: the one that the words are from, then those with the very same sentence."""
    confidence: float
    """Calibrated probability that the passages answer the question at all, 0 to 1."""
