"""The settings of a training run, and the presets per training budget; each part's settings lie beside its code."""

from dataclasses import dataclass, field, replace
from typing import get_args

from models.recommender.baselines import PopularityConfig
from models.recommender.cold.items import ColdItemsConfig
from models.recommender.evaluate import EvaluationConfig
from models.recommender.linear.ease import EaseConfig
from models.recommender.linear.item_knn import ItemKnnConfig
from models.recommender.linear.pairs import PairsConfig
from models.recommender.transformer.model import TransformerConfig
from shopsight.settings import Size


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
    # The average of the weights goes on improving for ten epochs where the weights themselves are best after six.
    small = RecommenderConfig(
        cold_items=ColdItemsConfig(encoder=encoder),
        transformer=TransformerConfig(batch_places=512, ema_decay=0.99, epochs=10),
    )
    if size == "tiny":
        return replace(
            small,
            transformer=TransformerConfig(hidden_size=16, num_layers=1, num_heads=1, batch_size=32, epochs=2),
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
                hidden_size=128,
                num_layers=2,
                dropout=0.6,
                batch_size=256,
                learning_rate=4e-3,
                weight_decay=0.0,
                max_gradient_norm=5.0,
                ema_decay=0.995,
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
                hidden_size=128,
                num_layers=2,
                batch_size=512,
                ema_decay=0.0,
                epochs=200,
                patience=10,
                full_softmax_items=100_000,
                negatives=4_000,
            ),
            evaluation=replace(small.evaluation, max_users=20_000, max_targets=200_000),
        )
    return small
