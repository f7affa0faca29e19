"""What the intent service takes in and gives out."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from models.intent.word_list import Sentiment
from serving.schemas import MAX_BATCH, ElementError, ModelName, Request, StrictBool, closed

MAX_EXPLAINED: Final = 10
"""Texts that one request may have explained: the model reads up to 64 parts of each."""


class IntentRequest(Request):
    """Ask what texts want. A text that is no string, empty or too long gets its own error; the others are answered."""

    texts: list[Any] = Field(min_length=1, max_length=MAX_BATCH)
    explain: StrictBool = False

    conditions: ClassVar[Mapping[str, Any]] = {
        "if": {"properties": {"explain": {"const": True}}, "required": ["explain"]},
        "then": {"properties": {"texts": {"maxItems": MAX_EXPLAINED}}},
    }

    @model_validator(mode="after")
    def _few_to_explain(self) -> "IntentRequest":
        if self.explain and len(self.texts) > MAX_EXPLAINED:
            raise ValueError(f"with explain, at most {MAX_EXPLAINED} texts are taken")
        return self

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"texts": ["red running shoes under 80", "does it fit a size 46?"]}},
    )


@closed
class PriceRange(TypedDict):
    """Prices a text asks for."""

    gte: float | None
    lte: float | None


@closed
class Attributes(TypedDict):
    """What a text names."""

    category: str | None
    brand: str | None
    colour: str | None
    material: str | None
    size: str | None
    price: PriceRange | None
    excluded: list[str]


@closed
class AspectEntry(TypedDict):
    """A clause of a review that speaks of quality, price, delivery, service or fit."""

    aspect: str
    sentiment: Sentiment
    clause: str


@closed
class WordContribution(TypedDict):
    """What one word, or a few neighbours of a long text, add to the logit of the label."""

    text: str
    contribution: float


@closed
class IntentExplanation(TypedDict):
    """Why a text got its label: ``empty_logit`` and the contributions sum to ``logit``."""

    logit: float
    empty_logit: float
    contributions: list[WordContribution]
    exact: bool


@closed
class IntentEntry(TypedDict):
    """What one text wants, or what is wrong with it."""

    index: int
    label: str | None
    probabilities: dict[str, float] | None
    rejected: bool | None
    language: str | None
    attributes: Attributes | None
    sentiment: Sentiment | None
    praise_probability: float | None
    aspects: list[AspectEntry]
    strategy: str | None
    needs: dict[str, Any]
    """What the strategy takes of the text."""
    explanation: IntentExplanation | None
    error: ElementError | None


@closed
class Intents(TypedDict):
    """What texts want, in their order."""

    prediction_id: str
    model: ModelName
    intents: list[IntentEntry]
    took_ms: float
