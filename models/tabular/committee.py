"""A committee of gradient boosted trees whose members stop on, and are calibrated by, rows they never saw.

Every row is held out by one member: it stops that member's growth and shows how true its log odds are. No row is
spent on a validation split of its own, which matters in tables of some thousand rows.

Source: B. Parmanto, P. Munro, H. Doyle, "Improving committee diagnosis with resampling techniques", NIPS 8 (1996).

Shapes: R rows, F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from models.evaluation.calibration import LogitScaling, fit_logit_scaling
from models.evaluation.sentinels import check_apart
from models.tabular.trees import grow_trees, tree_parameters

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MANY_PEOPLE: Final = 5_000
"""From here on people are dealt to folds by sorting: scikit-learn takes a millisecond for each."""


@dataclass(frozen=True, kw_only=True)
class CommitteeConfig:
    """How the members grow; the defaults are those of tables with some thousand rows."""

    members: int = 5
    """Folds, and so members of one round of the committee."""
    repeats: int = 2
    """Rounds, each with folds of its own."""
    learning_rate: float = 0.02
    """Shrinkage of each tree."""
    rounds: int = 2_000
    """Maximum number of trees of a member; its held-out fold stops it earlier."""
    early_stopping_rounds: int = 100
    """Trees without a lower held-out log loss before growing stops."""
    num_leaves: int = 12
    """Leaves of a tree."""
    min_rows_in_leaf: int = 40
    """Minimum number of rows in a leaf."""
    feature_fraction: float = 0.5
    """Share of the columns that each tree may use."""
    bagging_fraction: float = 0.7
    """Share of the rows that each tree sees."""
    l2: float = 10.0
    """L2 penalty on leaf values."""
    threads: int = 2
    """Threads that the trees grow with."""

    def __post_init__(self) -> None:
        """Refuse settings that no run can have."""
        if min(self.members - 1, self.repeats, self.rounds, self.num_leaves - 1, self.min_rows_in_leaf) < 1:
            raise ValueError("members and num_leaves must be at least 2; repeats, rounds and leaf rows at least 1")
        if not all(0 < share <= 1 for share in (self.learning_rate, self.feature_fraction, self.bagging_fraction)):
            raise ValueError("learning_rate, feature_fraction and bagging_fraction must lie in (0, 1]")


@dataclass(frozen=True, kw_only=True)
class Committee:
    """Grown members, and the scaling of their mean log odds."""

    boosters: tuple[lgb.Booster, ...]
    scaling: LogitScaling
    held_out: Floats
    """Calibrated probability of each training row by members that did not see it: what thresholds are chosen on."""

    def probabilities(self, features_RF: Floats, offsets: Floats | None = None) -> Floats:
        """Return calibrated probabilities, shape (R,); ``offsets`` where the committee was grown with them."""
        return self.scaling.probabilities(self.raw_log_odds(features_RF, offsets))

    def contributions(self, features_RF: Floats) -> Floats:
        """Return each feature's part of the log odds and, last, the part of none, shape (R, F + 1).

        A row sums to the log odds of :meth:`probabilities`, exactly (TreeSHAP). Where the committee was grown with
        offsets, the offset's own part, ``scaling.slope * offset``, comes on top.
        """
        shares = [np.asarray(booster.predict(features_RF, pred_contrib=True)) for booster in self.boosters]
        scaled = np.mean(shares, axis=0) * self.scaling.slope
        scaled[:, -1] += self.scaling.intercept
        return np.asarray(scaled, dtype=np.float64)

    def raw_log_odds(self, features_RF: Floats, offsets: Floats | None = None) -> Floats:
        """Return the members' mean log odds before any scaling, shape (R,)."""
        raw = [np.asarray(booster.predict(features_RF, raw_score=True)) for booster in self.boosters]
        return np.asarray(np.mean(raw, axis=0) + (0.0 if offsets is None else offsets), dtype=np.float64)


def fit_committee(
    features_RF: Floats,
    outcomes: Bools,
    *,
    config: CommitteeConfig,
    seed: int,
    categorical: Sequence[int] = (),
    groups: NDArray[np.intp] | None = None,
    offsets: Floats | None = None,
) -> Committee:
    """Grow a committee.

    Args:
        features_RF: numbers, ``nan`` where missing.
        outcomes: what happened, shape (R,).
        config: settings.
        seed: of the folds and the trees.
        categorical: columns that hold category numbers.
        groups: number of the person behind each row, who is then never on both sides of a fold.
        offsets: log odds of another model, shape (R,): the trees grow on what it leaves unexplained.

    Raises:
        ValueError: an outcome has fewer rows than there are members.
        SentinelTrippedError: somebody is on both sides of a fold.
    """
    if min(outcomes.sum(), (~outcomes).sum()) < config.members:
        raise ValueError(f"a committee of {config.members} needs as many rows of each outcome")
    boosters: list[lgb.Booster] = []
    start = np.zeros(len(outcomes)) if offsets is None else offsets
    raw = start.copy()
    for repeat in range(config.repeats):
        for inside, outside in _folds(outcomes, groups, config.members, seed=seed + repeat):
            if groups is not None:
                check_apart({"the rows grown on": groups[inside], "the rows held out": groups[outside]}, what="people")
            booster = _grow(features_RF, outcomes, start, inside, outside, config, seed + len(boosters), categorical)
            raw[outside] += np.asarray(booster.predict(features_RF[outside], raw_score=True)) / config.repeats
            boosters.append(booster)
    scaling = fit_logit_scaling(raw, outcomes, np.ones(len(outcomes)))
    return Committee(boosters=tuple(boosters), scaling=scaling, held_out=scaling.probabilities(raw))


def _folds(
    outcomes: Bools, groups: NDArray[np.intp] | None, members: int, *, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    # Imported here: a service loads a grown committee without scikit-learn.
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    rows = np.zeros(len(outcomes))
    if groups is not None and len(np.unique(groups)) > MANY_PEOPLE:
        return deal_people(outcomes, groups, members, seed=seed)
    if groups is None:
        return list(StratifiedKFold(members, shuffle=True, random_state=seed).split(rows, outcomes))
    return list(StratifiedGroupKFold(members, shuffle=True, random_state=seed).split(rows, outcomes, groups))


def deal_people(
    outcomes: Bools, groups: NDArray[np.intp], members: int, *, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the places inside and outside of each fold: people are dealt like cards, those with most positives first.

    Args:
        outcomes: what happened, shape (R,).
        groups: number of the person behind each row.
        members: folds.
        seed: of the order among equals.
    """
    numbers = np.unique(groups, return_inverse=True)[1]
    positives, rows = np.bincount(numbers, weights=outcomes), np.bincount(numbers)
    luck = np.random.default_rng(seed).random(len(rows))
    fold_of_person = np.empty(len(rows), dtype=np.intp)
    fold_of_person[np.lexsort((luck, -rows, -positives))] = np.arange(len(rows)) % members
    folds = fold_of_person[numbers]
    return [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(members)]


def _grow(
    features_RF: Floats,
    outcomes: Bools,
    start: Floats,
    inside: NDArray[np.intp],
    outside: NDArray[np.intp],
    config: CommitteeConfig,
    seed: int,
    categorical: Sequence[int],
) -> lgb.Booster:
    parameters = tree_parameters(
        {"objective": "binary"},
        learning_rate=config.learning_rate,
        num_leaves=config.num_leaves,
        min_rows_in_leaf=config.min_rows_in_leaf,
        l2=config.l2,
        feature_fraction=config.feature_fraction,
        bagging_fraction=config.bagging_fraction,
        threads=config.threads,
        seed=seed,
    )
    # Without offsets LightGBM starts from the base rate by itself, which an initial score of zeros would switch off.
    begin, watch = (start[inside], start[outside]) if start.any() else (None, None)
    grown = lgb.Dataset(features_RF[inside], outcomes[inside], init_score=begin, categorical_feature=list(categorical))
    stopper = lgb.Dataset(features_RF[outside], outcomes[outside], init_score=watch, reference=grown)
    return grow_trees(
        parameters,
        grown,
        max_rounds=config.rounds,
        validation=stopper,
        early_stopping_rounds=config.early_stopping_rounds,
    )
