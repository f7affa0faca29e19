"""Settings of the intent family: what is trained, and on how much text."""

from dataclasses import dataclass
from typing import Any

from models.text.sentences import DEFAULT
from shopsight.settings import Size


@dataclass(frozen=True, kw_only=True)
class IntentConfig:
    """Settings of one training run."""

    encoder: str = DEFAULT
    """``use``, ``e5``, ``minilm``, a local folder, or a Hugging Face id that is already cached."""
    ngram_buckets: int = 65_536
    """Columns of the hashed table of character n-grams."""
    ngram_scale: float = 1.0
    """Length of a text's row of n-grams beside its sentence vector of length 1."""
    inverse_penalty: float = 1.0
    """What fitting the training texts is worth beside small weights."""
    corpus_share: float = 1.0
    """Share of the shipped corpus that is used; below 1 only for tests."""
    shop_limit: int = 800
    """Maximum number of texts that the shop itself labelled that are used, drawn by hash."""
    channel_limit: int = 300
    """Maximum number of texts labelled by their channel (search or question box, review form) in the training split."""
    channel_weight: float = 0.3
    """Weight of a text labelled by its channel; a person's label weighs 1."""
    validation_share: float = 0.15
    """Share of the groups that the reject threshold is chosen on."""
    test_share: float = 0.2
    """Share of the groups that nothing is chosen on."""
    answer_precision: float = 0.95
    """Share of the texts that are not rejected whose label is right, on validation."""
    min_coverage: float = 0.8
    """Share of the texts that are not rejected, even where that precision is out of reach."""
    tone_resamples: int = 300
    """Bootstrap resamples behind the figures of tone."""

    def __post_init__(self) -> None:
        if min(self.shop_limit, self.channel_limit) < 0:
            raise ValueError("shop_limit and channel_limit cannot be negative")
        if min(self.ngram_buckets, self.tone_resamples) < 1:
            raise ValueError("ngram_buckets and tone_resamples must be at least 1")
        if self.inverse_penalty <= 0 or self.ngram_scale < 0:
            raise ValueError("inverse_penalty must be above 0, ngram_scale at least 0")
        self._check_shares()

    def _check_shares(self) -> None:
        if not 0 <= self.channel_weight <= 1:
            raise ValueError(f"channel_weight must be in [0, 1], not {self.channel_weight}")
        if not 0 < self.corpus_share <= 1:
            raise ValueError(f"corpus_share must be in (0, 1], not {self.corpus_share}")
        if not (0 < self.answer_precision <= 1 and 0 < self.min_coverage <= 1):
            raise ValueError("answer_precision and min_coverage must be in (0, 1]")
        if min(self.validation_share, self.test_share) <= 0 or self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share must be above 0 and leave something to train on")


def for_size(size: Size, *, encoder: str = DEFAULT, answer_precision: float = 0.95) -> IntentConfig:
    """Return the settings for a training budget: how many of the shop's own texts are read.

    ``tiny`` reads a fifth of the corpus, too. Each takes seconds, but for ``large``.
    """
    given: dict[str, Any] = {"encoder": encoder, "answer_precision": answer_precision}
    if size == "tiny":
        return IntentConfig(**given, ngram_buckets=16_384, corpus_share=0.2, shop_limit=150)
    limits = {"small": 800, "medium": 3_000, "large": 20_000}
    return IntentConfig(**given, shop_limit=limits[size])
