"""Full ranking of the measured targets, and the figures with their intervals.

Shapes: C cases, B cases of one batch, N items, K length of a list.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Estimate, bootstrap_mean
from models.evaluation.ranking import (
    coverage,
    mean_per_user,
    mrr_at,
    ndcg_at,
    recall_at,
    top_items,
)
from models.recommender.dataset import Case
from models.recommender.scoring import Scorer, standardise, weighted_sum

PRIMARY_METRIC = "ndcg@10"
PER_CASE = {
    f"{name}@{k}": (metric, k)
    for k in (10, 20, 5)
    for name, metric in (("ndcg", ndcg_at), ("recall", recall_at), ("mrr", mrr_at))
}
"""Metrics of a case, by name: a function of the target's rank, and the length of the list."""
_BATCH = 128

Ints = NDArray[np.int64]
Weights = Mapping[str, float]


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
class Ranked:
    """Where one contender put the target of each case."""

    ranks_C: Ints
    lists_CK: Ints
    """The ten best items of each case, padded with -1; no rows where lists were not asked for."""

    def only(self, members_C: NDArray[np.bool_]) -> "Ranked":
        """Return the cases of a slice, without their lists."""
        return Ranked(ranks_C=self.ranks_C[members_C], lists_CK=self.lists_CK[:0])


def rank_cases(
    scorers: Mapping[str, Scorer], contenders: Mapping[str, Weights], cases: Sequence[Case], *, lists: bool
) -> dict[str, Ranked]:
    """Rank every case's target among the whole catalogue, what the user has seen left out, for every contender."""
    ranks: dict[str, list[int]] = {name: [] for name in contenders}
    lists_of: dict[str, list[Ints]] = {name: [] for name in contenders}
    for batch in _batches(cases):
        histories = [case.history for case in batch]
        parts = {name: standardise(scorer.scores(histories)) for name, scorer in scorers.items()}
        for name, weights in contenders.items():
            scores_BN = weighted_sum(parts, weights)
            ranks[name].extend(ranks_of_targets(scores_BN, batch))
            if lists:
                for case, scores_N in zip(batch, scores_BN, strict=True):
                    best = top_items(scores_N, length=10, masked=case.seen)
                    lists_of[name].append(np.pad(best, (0, 10 - len(best)), constant_values=-1))
    return {
        name: Ranked(
            ranks_C=np.array(ranks[name], dtype=np.int64),
            lists_CK=np.array(lists_of[name], dtype=np.int64).reshape(-1, 10),
        )
        for name in contenders
    }


def ranks_of_targets(scores_BN: NDArray[np.float32], cases: Sequence[Case]) -> list[int]:
    """Return the rank (from 1) of each case's target among what it has not seen, ties to the lower item code."""
    targets_B1 = np.array([[case.target] for case in cases])
    scores_B1 = np.take_along_axis(scores_BN, targets_B1, axis=1)
    before_BN = scores_BN > scores_B1
    rows_T, items_T = np.nonzero(scores_BN == scores_B1)
    earlier_T = items_T < targets_B1[rows_T, 0]
    before_BN[rows_T[earlier_T], items_T[earlier_T]] = True
    lengths = [len(case.seen) for case in cases]
    before_BN[np.repeat(np.arange(len(cases)), lengths), np.concatenate([case.seen for case in cases])] = False
    return [int(before) + 1 for before in before_BN.sum(axis=1)]


def _batches(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    for start in range(0, len(cases), _BATCH):
        yield cases[start : start + _BATCH]


def mean_ndcg(ranked: Ranked, users_C: Ints) -> float:
    """Return NDCG@10, averaged per user first: the figure that validation chooses by."""
    return float(mean_per_user(ndcg_at(ranked.ranks_C, 10), users_C)[1].mean())


def estimates(
    ranked: Ranked, users_C: Ints, *, catalogue_size: int | None, seed: int, resamples: int
) -> dict[str, Estimate]:
    """Return all metrics, averaged per user first, with bootstrap intervals over users.

    Coverage counts the items of all lists together, which resampling users could only shrink: it has no interval.
    """
    figures = {
        name: bootstrap_mean(mean_per_user(metric(ranked.ranks_C, k), users_C)[1], seed=seed, resamples=resamples)
        for name, (metric, k) in PER_CASE.items()
    }
    if catalogue_size is not None:
        share = coverage(ranked.lists_CK, catalogue_size)
        figures["coverage@10"] = Estimate(value=share, low=share, high=share)
    return figures


def gain(candidate: Ranked, baseline: Ranked, users_C: Ints, *, seed: int, resamples: int) -> Estimate:
    """Return the paired difference in NDCG@10, candidate minus baseline, with its interval over users."""
    difference = ndcg_at(candidate.ranks_C, 10) - ndcg_at(baseline.ranks_C, 10)
    return bootstrap_mean(mean_per_user(difference, users_C)[1], seed=seed, resamples=resamples)


def slices(cases: Sequence[Case]) -> dict[str, NDArray[np.bool_]]:
    """Return which cases belong to which slice, by the length of the history that the models could see."""
    lengths = np.array([len(case.history.items) for case in cases])
    parts = {
        "history of 1 to 4": lengths <= 4,
        "history of 5 to 19": (lengths >= 5) & (lengths <= 19),
        "history of 20 or more": lengths >= 20,
    }
    return {name: members for name, members in parts.items() if members.any()}
