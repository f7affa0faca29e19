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
        (EvaluationConfig(), {"validation_quantile": 0.95}),
        (EvaluationConfig(), {"min_users": 0}),
    ],
)
def test_an_impossible_setting_is_refused(config, change):
    with pytest.raises(ValueError, match=r"\w"):
        replace(config, **change)


def test_every_size_has_a_preset_and_a_bigger_one_never_trains_less():
    epochs = [for_size(size).transformer.epochs for size in get_args(Size)]
    items = [for_size(size).ease.max_items for size in get_args(Size)]
    assert epochs == sorted(epochs)
    assert items == sorted(items)


def test_an_unknown_size_is_named():
    with pytest.raises(ValueError, match="gigantic"):
        for_size("gigantic")  # type: ignore[arg-type]
