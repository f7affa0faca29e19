"""Boosted trees, extremely randomised trees and a small neural network, whose mean log odds is the answer.

They err on different sessions, so that their mean ranks better than any of them. Members are made as those of
:mod:`models.tabular.committee`: each holds a fold out, which tells how true its log odds are and where to say "yes".
Nothing is weighted by success: each kind counts the same.

Sources: G. Ke et al., "LightGBM" (2017); P. Geurts, D. Ernst, L. Wehenkel, "Extremely randomized trees" (2006);
G. Hinton, "Products of experts" (1999), whose product of probabilities is a sum of log odds.

Shapes: R rows, F features.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.purchase_intent.rates import CategoryRates, fit_rates, rates_of_other_folds
from models.evaluation.calibration import LogitScaling, fit_logit_scaling

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

KINDS = ("boosted_trees", "randomised_trees", "network")
MIXTURE = "mixture"
"""The mean of all kinds."""


@dataclass(frozen=True, kw_only=True)
class MixtureConfig:
    """How the members are made; the defaults suit some ten thousand sessions."""

    members: int = 5
    """Folds, and so members of each kind."""
    rounds: int = 200
    """Boosted trees of a run."""
    boosted_runs: int = 2
    """Runs of boosting in a member, each with a seed of its own."""
    randomised: int = 120
    """Randomised trees of a member."""
    networks: int = 2
    """Networks of a member, each from weights of its own."""
    hidden: tuple[int, ...] = (64, 32)
    """Units of the network's layers."""
    decay: float = 0.1
    """L2 penalty on the network's weights."""
    passes: int = 20
    """Passes of the network over the rows."""

    def __post_init__(self) -> None:
        """Refuse settings that no run can have."""
        counts = (self.rounds, self.boosted_runs, self.randomised, self.networks, self.passes, *self.hidden)
        if min(counts) < 1 or self.members < 2 or self.decay < 0:
            raise ValueError("members must be at least 2, every other count at least 1, and decay not negative")


@dataclass(frozen=True, kw_only=True)
class _Member:
    rates: CategoryRates
    boosters: tuple[lgb.Booster, ...]
    forest: ExtraTreesClassifier
    networks: tuple[Pipeline, ...]

    def log_odds(self, features_RF: Floats) -> dict[str, Floats]:
        with_rates_RF = np.column_stack([features_RF, self.rates.columns(features_RF)])
        return {
            "boosted_trees": np.mean(
                [booster.predict(with_rates_RF, raw_score=True) for booster in self.boosters], axis=0
            ),
            "randomised_trees": _log_odds(self.forest.predict_proba(with_rates_RF)[:, 1]),
            "network": np.mean([_log_odds(one.predict_proba(features_RF)[:, 1]) for one in self.networks], axis=0),
        }


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Members of all kinds, and the scaling of each kind's log odds and of their mean."""

    members: tuple[_Member, ...]
    scalings: dict[str, LogitScaling]
    held_out: dict[str, Floats]
    """Calibrated probability of each training row by members that did not see it, for each kind and the mixture."""

    def probabilities(self, features_RF: Floats) -> dict[str, Floats]:
        """Return calibrated probabilities, shape (R,), of each kind and of the mixture."""
        raw = _with_mean(_mean([member.log_odds(features_RF) for member in self.members]))
        return {name: self.scalings[name].probabilities(column) for name, column in raw.items()}


def fit_mixture(
    features_RF: Floats,
    outcomes: Bools,
    *,
    categorical: Sequence[int],
    keys: Sequence[tuple[int, ...]],
    config: MixtureConfig,
    seed: int,
) -> Mixture:
    """Make a mixture.

    Args:
        features_RF: numbers, none missing.
        outcomes: what happened, shape (R,).
        categorical: columns that hold category numbers, which the network reads one by one.
        keys: columns of each key whose rates the trees read.
        config: settings.
        seed: of the folds and the members.

    Raises:
        ValueError: an outcome has fewer rows than there are members.
    """
    if min(outcomes.sum(), (~outcomes).sum()) < config.members:
        raise ValueError(f"a mixture of {config.members} members needs as many rows of each outcome")
    raw = {name: np.empty(len(outcomes)) for name in KINDS}
    members = []
    splitter = StratifiedKFold(config.members, shuffle=True, random_state=seed)
    with threadpool_limits(1):  # layers of 64 units: two threads would wait for each other
        for number, (inside, outside) in enumerate(splitter.split(features_RF, outcomes)):
            member = _make(features_RF[inside], outcomes[inside], categorical, keys, config, seed + 10 * number)
            for name, column in member.log_odds(features_RF[outside]).items():
                raw[name][outside] = column
            members.append(member)
    columns = _with_mean(raw)
    scalings = {name: fit_logit_scaling(column, outcomes, np.ones(len(outcomes))) for name, column in columns.items()}
    held_out = {name: scalings[name].probabilities(column) for name, column in columns.items()}
    return Mixture(members=tuple(members), scalings=scalings, held_out=held_out)


def _make(
    features_RF: Floats,
    outcomes: Bools,
    categorical: Sequence[int],
    keys: Sequence[tuple[int, ...]],
    config: MixtureConfig,
    seed: int,
) -> _Member:
    with_rates_RF = np.column_stack([features_RF, rates_of_other_folds(features_RF, outcomes, keys=keys, seed=seed)])
    boosters = [_boost(with_rates_RF, outcomes, config.rounds, seed + run) for run in range(config.boosted_runs)]
    forest = ExtraTreesClassifier(config.randomised, min_samples_leaf=5, max_features=0.5, random_state=seed)
    networks = []
    for run in range(config.networks):
        network = _network(features_RF.shape[1], categorical, config, seed + run)
        with warnings.catch_warnings():
            # A fixed number of passes keeps the network from learning rows by heart; it is not to converge.
            warnings.simplefilter("ignore", ConvergenceWarning)
            networks.append(network.fit(features_RF, outcomes))
    return _Member(
        rates=fit_rates(features_RF, outcomes, keys=keys),
        boosters=tuple(boosters),
        forest=forest.fit(with_rates_RF, outcomes),
        networks=tuple(networks),
    )


def _boost(features_RF: Floats, outcomes: Bools, rounds: int, seed: int) -> lgb.Booster:
    settings: dict[str, Any] = {
        "objective": "binary",
        "learning_rate": 0.03,
        "num_leaves": 12,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    return lgb.train(settings, lgb.Dataset(features_RF, outcomes), num_boost_round=rounds)


def _network(features: int, categorical: Sequence[int], config: MixtureConfig, seed: int) -> Pipeline:
    numeric = [column for column in range(features) if column not in set(categorical)]
    # Seconds and counts have tails of three orders of magnitude: their ranks, shaped as a bell, do not.
    ranks = QuantileTransformer(n_quantiles=200, output_distribution="normal", random_state=seed)
    codes = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20, sparse_output=False)
    return make_pipeline(
        ColumnTransformer(
            [("numbers", make_pipeline(ranks, StandardScaler()), numeric), ("codes", codes, list(categorical))]
        ),
        MLPClassifier(config.hidden, alpha=config.decay, max_iter=config.passes, batch_size=128, random_state=seed),
    )


def _with_mean(raw: dict[str, Floats]) -> dict[str, Floats]:
    return {MIXTURE: np.mean([raw[name] for name in KINDS], axis=0), **raw}


def _mean(answers: Sequence[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.mean([answer[name] for answer in answers], axis=0) for name in KINDS}


def _log_odds(probabilities: Floats) -> Floats:
    return np.asarray(logit(np.clip(probabilities, 1e-5, 1 - 1e-5)), dtype=np.float64)
