"""The order of the candidates: trees that are grown to put first what was clicked, or judged to be wanted.

Sources: C. Burges, "From RankNet to LambdaRank to LambdaMART: an overview" (2010); clicks weighted by inverse
propensity as in T. Joachims, A. Swaminathan, T. Schnabel, "Unbiased learning-to-rank with biased feedback", WSDM 2017.

Shapes: R rows (a query's candidates, query after query), F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.search.config import SearchConfig
from models.search.documents import Floats, Ints

MODEL_FILE: Final = "ranker.txt"
RISING: Final = ("_covered", "_bm25", "similarity", "letters", "clicked_for_query", "category_of_words")
"""Ends of the features of which more never makes an item less wanted, whatever few searches say."""
FALLING: Final = ("_missing",)
"""Ends of those of which less never does."""
GRADES: Final = 10
"""Steps of relevance that a judged pair may have."""


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Rows of several queries."""

    features_RF: Floats
    gains_R: Floats
    """0 for what was not wanted; above it, the more the better."""
    sizes: Ints
    """How many rows each query has."""
    weights_R: Floats | None = None
    """Of rows; None: all alike."""

    @property
    def worth(self) -> NDArray[np.bool_]:
        """Which rows are of a query that prefers some of its rows, shape (R,): nothing is learnt from the others."""
        starts = np.cumsum(self.sizes) - self.sizes
        preferred = [
            len(set(self.gains_R[start : start + size].tolist())) > 1
            for start, size in zip(starts, self.sizes, strict=True)
        ]
        return np.repeat(np.array(preferred, dtype=np.bool_), self.sizes)


@dataclass(frozen=True, kw_only=True)
class Ranker:
    """The trees, and the columns that they read."""

    booster: lgb.Booster
    names: tuple[str, ...]

    def scores(self, features_RF: Floats) -> Floats:
        """Return a score of each row, shape (R,); they put rows in an order and have no unit."""
        if not len(features_RF):
            return np.zeros(0)
        return np.asarray(self.booster.predict(features_RF, num_threads=1), dtype=np.float64)

    def contributions(self, features_RF: Floats) -> Floats:
        """Return what each column adds to the score of each row, shape (R, F)."""
        shares = self.booster.predict(features_RF, pred_contrib=True, num_threads=1)
        return np.asarray(shares, dtype=np.float64)[:, :-1]

    def save(self, folder: Path) -> None:
        """Write the trees."""
        self.booster.save_model(str(folder / MODEL_FILE))

    @classmethod
    def load(cls, folder: Path) -> "Ranker":
        """Read what :meth:`save` wrote."""
        booster = lgb.Booster(model_file=str(folder / MODEL_FILE))
        return cls(booster=booster, names=tuple(booster.feature_name()))


def fit_ranker(
    train: Groups, validation: Groups, *, names: Sequence[str], config: SearchConfig, seed: int, threads: int = 2
) -> Ranker:
    """Grow a LambdaMART ranker; the validation queries say when to stop.

    Args:
        train: queries to learn from.
        validation: others.
        names: of the features.
        config: how the trees grow.
        seed: of the sampled rows and columns.
        threads: to grow with.
    """
    top = max(float(train.gains_R.max()), 1e-9)
    parameters = _parameters(config, seed, threads) | {
        "monotone_constraints": [_direction(name) for name in names],
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "label_gain": np.linspace(0.0, 2.0**GRADES - 1.0, GRADES + 1).tolist(),
        "lambdarank_truncation_level": 20,
    }
    sets = []
    for part in (train, validation):
        labels = np.clip(np.round(part.gains_R / top * GRADES), 0, GRADES).astype(np.int64)
        sets.append(_dataset(part, labels, names, grouped=True))
    return _grow(parameters, sets, names, config)


def fit_relevance(
    train: Groups, validation: Groups, *, names: Sequence[str], config: SearchConfig, seed: int, threads: int = 2
) -> Ranker:
    """Grow trees that tell the relevance itself, in its own unit, by least squares; for judged pairs."""
    parameters = _parameters(config, seed, threads) | {"objective": "regression", "metric": "l2"}
    sets = [_dataset(part, part.gains_R, names, grouped=False) for part in (train, validation)]
    return _grow(parameters, sets, names, config)


def _parameters(config: SearchConfig, seed: int, threads: int) -> dict[str, Any]:
    return {
        "learning_rate": config.learning_rate,
        "num_leaves": config.num_leaves,
        "min_data_in_leaf": config.min_rows_in_leaf,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "num_threads": threads,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }


def _direction(name: str) -> int:
    """Return 1 where a feature may only raise a score, -1 where it may only lower it, 0 where it may do both."""
    return int(name.endswith(RISING)) - int(name.endswith(FALLING))


def _dataset(part: Groups, labels: NDArray[Any], names: Sequence[str], *, grouped: bool) -> lgb.Dataset:
    rows = part.worth if grouped else np.ones(len(labels), dtype=np.bool_)
    starts = np.cumsum(part.sizes) - part.sizes
    sizes = [size for start, size in zip(starts, part.sizes, strict=True) if size and rows[start]]
    return lgb.Dataset(
        part.features_RF[rows],
        label=labels[rows],
        group=sizes if grouped else None,
        weight=None if part.weights_R is None else part.weights_R[rows],
        feature_name=list(names),
    )


def _grow(
    parameters: dict[str, Any], sets: Sequence[lgb.Dataset], names: Sequence[str], config: SearchConfig
) -> Ranker:
    booster = lgb.train(
        parameters,
        sets[0],
        num_boost_round=config.rounds,
        valid_sets=[sets[1]],
        callbacks=[lgb.early_stopping(config.stop_after, verbose=False)],
    )
    # What is kept is what is served: without the trees after the best one.
    served = lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))
    return Ranker(booster=served, names=tuple(names))
