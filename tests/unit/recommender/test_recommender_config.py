"""Settings that cannot work are refused where they are written."""

from dataclasses import replace
from typing import get_args

import pytest

from models.recommender.baselines import PopularityConfig
from models.recommender.config import for_size
from models.recommender.evaluate import EvaluationConfig
from models.recommender.history import HistoryConfig
from models.recommender.linear.ease import EaseConfig
from models.recommender.linear.item_knn import ItemKnnConfig
from models.recommender.linear.pairs import PairsConfig
from models.recommender.transformer.model import TransformerConfig
from shopsight.settings import Size


@pytest.mark.parametrize(
    ("config", "change"),
    [
        (HistoryConfig(), {"decay": 0.0}),
        (HistoryConfig(), {"behaviour_weights": (1.0, 2.0)}),
        (PopularityConfig(), {"half_life_days": 0.0}),
        (ItemKnnConfig(), {"window": 0}),
        (ItemKnnConfig(), {"shrinkage": -1.0}),
        (EaseConfig(), {"regularisation": 0.0}),
        (EaseConfig(), {"max_items": 0}),
        (TransformerConfig(), {"hidden_size": 65}),
        (TransformerConfig(), {"dropout": 1.0}),
        (TransformerConfig(), {"epochs": 0}),
        (TransformerConfig(), {"members": 0}),
        (TransformerConfig(), {"random_starts": 2}),
        (TransformerConfig(), {"interaction_dropout": 1.0}),
        (TransformerConfig(), {"ema_decay": 1.0}),
        (TransformerConfig(), {"learning_rate": 0.0}),
        (TransformerConfig(), {"stopping_cases": 0}),
        (ItemKnnConfig(), {"neighbours": 0}),
        (ItemKnnConfig(), {"backward": -0.1}),
        (EaseConfig(), {"neighbours": 0}),
        (PairsConfig(within_seconds=1.0), {"window": 0}),
        (PairsConfig(within_seconds=1.0), {"neighbours": 0}),
        (PairsConfig(within_seconds=1.0), {"min_count": -1.0}),
        (TransformerConfig(), {"dropout": -0.1}),
        (TransformerConfig(), {"weight_decay": -0.1}),
        (TransformerConfig(), {"max_gradient_norm": 0.0}),
        (TransformerConfig(), {"patience": 0}),
        (EvaluationConfig(), {"validation_quantile": 0.95}),
        (EvaluationConfig(), {"min_users": 0}),
    ],
)
def test_an_impossible_setting_is_refused(config, change):
    with pytest.raises(ValueError, match=r"\w"):
        replace(config, **change)


@pytest.mark.parametrize(
    ("config", "change"),
    [
        (HistoryConfig(), {"decay": 1.0, "behaviour_weights": (0.0, 0.0, 0.0, 0.0, 0.0)}),
        (ItemKnnConfig(), {"window": 1, "neighbours": 1, "shrinkage": 0.0, "backward": 0.0, "distance_power": 0.0}),
        (EaseConfig(), {"max_items": 1, "neighbours": 1}),
        (PairsConfig(within_seconds=0.0), {"window": 1, "neighbours": 1, "shrinkage": 0.0, "min_count": 0.0}),
        (TransformerConfig(), {"dropout": 0.0, "interaction_dropout": 0.0, "ema_decay": 0.0}),
        (TransformerConfig(), {"members": 1, "random_starts": 1, "epochs": 1, "patience": 1, "stopping_cases": 1}),
        (TransformerConfig(), {"weight_decay": 0.0, "warmup_steps": 0}),
        (EvaluationConfig(), {"min_users": 1}),
    ],
)
def test_settings_at_their_bounds_are_possible(config, change):
    assert replace(config, **change)


def test_every_size_has_a_preset_and_a_bigger_one_never_trains_less():
    epochs = [for_size(size).transformer.epochs for size in get_args(Size)]
    items = [for_size(size).ease.max_items for size in get_args(Size)]
    assert epochs == sorted(epochs)
    assert items == sorted(items)


def test_an_unknown_size_is_named():
    with pytest.raises(ValueError, match="gigantic"):
        for_size("gigantic")  # type: ignore[arg-type]
