"""What the services give out, as pydantic models: for the interface's description only.

Answers are written straight from dictionaries (an answer of 500 items takes 0.2 ms so, and 3 ms through pydantic); a
test holds them against these models.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Base of every answer: fields are as listed, no more."""

    model_config = ConfigDict(extra="forbid")


class ModelName(Answer):
    """Which model answered."""

    name: str
    version: str


class ErrorEntry(Answer):
    """One thing that is wrong with a request."""

    loc: list[str | int]
    msg: str
    type: str


class ProblemDocument(Answer):
    """An error, after RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None
    errors: list[ErrorEntry]


class ElementError(Answer):
    """What is wrong with one element of a batch; the others are answered."""

    code: str
    detail: str
    errors: list[ErrorEntry]


class ReasonEntry(Answer):
    """Why an item is shown."""

    code: str
    item_ids: list[str]
    weight: float


class RecommendedItem(Answer):
    """An item to show."""

    item_id: str
    rank: int
    score: float
    source: str
    reasons: list[ReasonEntry]


class Recommendations(Answer):
    """Items to show, best first."""

    recommendation_id: str
    placement: str
    user_known: bool | None
    fallback: Literal["session_events", "similar_items", "trending_in_segment", "trending", "best_sellers"] | None
    model: ModelName
    items: list[RecommendedItem]
    missing_item_ids: list[str]
    exhausted: bool
    took_ms: float
    features_as_of: str | None


class BatchEntry(Answer):
    """What one request of a batch got, or what is wrong with it."""

    index: int
    answer: Recommendations | None
    error: ElementError | None


class RecommendationAnswers(Answer):
    """Answers in the order of the requests."""

    results: list[BatchEntry]


class PriceRange(Answer):
    """Prices a text asks for."""

    gte: float | None
    lte: float | None


class Attributes(Answer):
    """What a text names."""

    category: str | None
    brand: str | None
    colour: str | None
    material: str | None
    size: str | None
    price: PriceRange | None
    excluded: list[str]


class AspectEntry(Answer):
    """A clause of a review that speaks of quality, price, delivery, service or fit."""

    aspect: str
    sentiment: Literal["positive", "neutral", "negative"]
    clause: str


class WordContribution(Answer):
    """What one word, or a few neighbours of a long text, add to the logit of the label."""

    text: str
    contribution: float


class IntentExplanation(Answer):
    """Why a text got its label: ``empty_logit`` and the contributions sum to ``logit``."""

    logit: float
    empty_logit: float
    contributions: list[WordContribution]
    exact: bool


class IntentEntry(Answer):
    """What one text wants, or what is wrong with it."""

    index: int
    label: str | None
    probabilities: dict[str, float] | None
    rejected: bool | None
    language: str | None
    attributes: Attributes | None
    sentiment: Literal["positive", "neutral", "negative"] | None
    praise_probability: float | None
    aspects: list[AspectEntry]
    strategy: str | None
    needs: dict[str, Any]
    """What the strategy takes of the text."""
    explanation: IntentExplanation | None
    error: ElementError | None


class Intents(Answer):
    """What texts want, in their order."""

    prediction_id: str
    model: ModelName
    intents: list[IntentEntry]
    took_ms: float


class FeatureReason(Answer):
    """How far one feature moved the log odds of a purchase."""

    feature: str
    value: float | str | None
    log_odds: float
    words: str
    """The feature and what it does, for people."""


class PredictionEntry(Answer):
    """How likely one session ends in a purchase, or what is wrong with the instance."""

    index: int
    probability: float | None
    act: bool | None
    """Whether reaching out now earns more than it costs: ``probability`` is at least ``act_from``."""
    user_known: bool | None
    fallback: Literal["session_alone"] | None
    reasons: list[FeatureReason]
    features_as_of: str | None
    error: ElementError | None


class Predictions(Answer):
    """Calibrated probabilities, in the order of the instances."""

    prediction_id: str
    task: str
    horizon: str
    model: ModelName
    act_from: float
    """Cost over benefit of reaching out, by the shop's settings."""
    predictions: list[PredictionEntry]
    took_ms: float


class ModelDescription(Answer):
    """A served model: where it comes from, how good it is, and who said yes to it."""

    name: str
    version: str
    trained_at: str | None
    data_window: Any
    metrics: dict[str, Any]
    approval: dict[str, Any]
    feature_service: str


class Models(Answer):
    """The models that this service serves."""

    models: list[ModelDescription]
