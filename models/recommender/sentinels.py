"""The checks of every recommender training run; none reads the test window.

Shapes: C cases, E interactions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ranking import mean_per_user, ndcg_at
from models.evaluation.sentinels import SentinelReading, SentinelTrippedError, check_features_not_newer
from models.recommender.baselines import plain_popularity
from models.recommender.dataset import Case, Interactions, Window
from models.recommender.evaluate import Ranked, Weights, rank_cases
from models.recommender.history import History
from models.recommender.scoring import Scorer
from shopsight.contracts import HISTORY_LENGTH

MAX_CASES = 1_000
"""Cases of the window, evenly spaced, that are ranked with another shopper's history."""
STANDARD_ERRORS = 4.0
"""How far chance may lift one ranking above another: 1 run in 30,000."""


def check_run(
    validation: Window, scorers: Mapping[str, Scorer], weights: Weights, *, cutoff: float, seed: int
) -> list[SentinelReading]:
    """Run every sentinel.

    Args:
        validation: the window that the blend was chosen on, and what precedes it.
        scorers: the views, fitted on what precedes the window; ``popularity_recent`` among them.
        weights: the chosen blend.
        cutoff: when the window starts, in seconds since 1970 UTC.
        seed: of the shuffled histories.

    Raises:
        SentinelTrippedError: the data or the split gives the answer away.
    """
    times_E = _moments(validation.train.times_E)
    return [
        check_features_not_newer(times_E, np.full_like(times_E, _moments(np.array(cutoff))), name="interactions"),
        check_targets_are_new(validation.cases),
        check_shuffled_histories(validation, scorers, weights, seed=seed),
    ]


def check_targets_are_new(cases: Sequence[Case]) -> SentinelReading:
    """Check that no target is in its own history, nor among the items that its ranking leaves out.

    Raises:
        SentinelTrippedError: a target is.
    """
    repeated = [case for case in cases if case.target in case.history.items or case.target in case.seen]
    if repeated:
        raise SentinelTrippedError(
            f"training stopped: {len(repeated)} of {len(cases)} targets are in their own history",
            why=f"the first is item number {repeated[0].target}; a target is a shopper's first contact with an item",
            fix="cut each history at interactions strictly earlier than its target",
        )
    return SentinelReading(sentinel="targets_are_new", value=0.0, limit=0.0)


def check_shuffled_histories(
    validation: Window, scorers: Mapping[str, Scorer], weights: Weights, *, seed: int
) -> SentinelReading:
    """Check that with another shopper's history the blend ranks no better than popularity.

    Nothing but the history may tell who is asking. The other histories end at the cutoff: those of the window would
    tell what became popular in it.

    Raises:
        SentinelTrippedError: it ranks better than chance explains.
    """
    cases = validation.cases[:: -(-len(validation.cases) // MAX_CASES)]
    users_C = np.array([case.user for case in cases])
    histories = _drawn(validation.train, len(cases), seed)
    shuffled = [replace(case, history=history) for case, history in zip(cases, histories, strict=True)]
    popularity = {"popularity": plain_popularity(validation.train), "popularity_recent": scorers["popularity_recent"]}
    by_popularity = rank_cases(popularity, {name: {name: 1.0} for name in popularity}, cases, lists=False)
    blended = rank_cases(scorers, {"blend": weights}, shuffled, lists=False)["blend"]
    ndcg = float(_ndcg_by_user(blended, users_C).mean())
    gains = {name: _ndcg_by_user(blended, users_C) - _ndcg_by_user(one, users_C) for name, one in by_popularity.items()}
    gain = min(gains.values(), key=lambda values: float(values.mean()))
    limit = ndcg - float(gain.mean()) + STANDARD_ERRORS * float(gain.std()) / len(gain) ** 0.5
    if ndcg > limit:
        raise SentinelTrippedError(
            f"training stopped: with the histories of other shoppers the blend has an NDCG@10 of {ndcg:.4f}",
            why=f"popularity explains {limit:.4f} at most; a view knows the targets without reading the history",
            fix="look for interactions of the window in what the views are fitted on",
        )
    return SentinelReading(sentinel="shuffled_histories", value=ndcg, limit=limit)


def _drawn(train: Interactions, count: int, seed: int) -> list[History]:
    """Return the histories of shoppers who are drawn from ``train``, with replacement."""
    slices = train.user_slices()
    drawn = (slices[place] for place in np.random.default_rng(seed).integers(len(slices), size=count))
    return [History(train.items_E[rows], train.behaviours_E[rows]).last(HISTORY_LENGTH) for rows in drawn]


def _ndcg_by_user(ranked: Ranked, users_C: NDArray[np.int64]) -> NDArray[np.float64]:
    return mean_per_user(ndcg_at(ranked.ranks_C, 10), users_C)[1]


def _moments(seconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    return np.round(seconds * 1e6).astype("datetime64[us]")
