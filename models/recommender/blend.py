"""How much each view counts, chosen on validation cases alone.

Ranking 12,000 items for 22,000 users takes seconds, and a search asks hundreds of times. An item outside every view's
best hundred is next to never in a blend's best ten, so each case keeps those of its views and the target: a blend is
then judged in milliseconds, by NDCG@10 averaged per user first, as everything else is.

Shapes: C cases, B cases of a batch, N items, S places of a shortlist, V views.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ranking import ndcg_at
from models.recommender.dataset import Case
from models.recommender.scoring import Scorer, standardise

GRID = (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""Weights beside the 1 of the leading view. EASE's scores have heavy tails: standardised, its best item stands 40
deviations out, the transformer's 6, so useful weights are small."""
QUARTERS = 4
"""Mixtures of so many equal parts are compared before the search, which then starts from the best of them too."""
_ROUNDS = 3
_BATCH = 256
_PER_VIEW = 100


@dataclass(frozen=True, kw_only=True)
class ChosenBlend:
    """What validation chose."""

    weights: Mapping[str, float]
    """By view, in the order of the views; the largest is 1, and views without a weight are left out."""
    ndcg: float
    """Its NDCG@10 on the validation cases."""
    alone: Mapping[str, float]
    """NDCG@10 of each view alone on the same cases."""

    @property
    def name(self) -> str:
        """Return what the blend is called: its views, joined."""
        return "+".join(self.weights)


def choose_blend(scorers: Mapping[str, Scorer], cases: Sequence[Case]) -> ChosenBlend:
    """Return the weights with the best NDCG@10 that the search finds; of equals, those of the fewest views.

    The search climbs one weight at a time, from each view alone and from the best mixture of quarters. A climb never
    ends below its start: the choice is at least as good on the cases as any single view, as any mixture of quarters,
    and as the best that is reached beside one leading view, whichever leads.

    Args:
        scorers: the views by name, each fitted without ``cases``.
        cases: of the validation window; one at least.
    """
    judge = Shortlists.of(scorers, cases)
    alone = [{view: 1.0} for view in judge.views]
    ends = [_climb(judge, start) for start in (*alone, max(_mixtures(judge.views), key=judge.ndcg))]
    # Rounded: the same blend, reached from two starts, differs in the last digits of its sums.
    weights = min(ends, key=lambda end: (-round(judge.ndcg(end), 9), len(end)))
    return ChosenBlend(
        weights=weights, ndcg=judge.ndcg(weights), alone={view: judge.ndcg({view: 1.0}) for view in judge.views}
    )


@dataclass(frozen=True, kw_only=True)
class Shortlists:
    """How far the few items that can matter are ahead of the target, in every view's standardised scores."""

    ahead_VCS: NDArray[np.float32]
    views: tuple[str, ...]
    shares_C: NDArray[np.float64]
    """What each case counts: one part of its user's, who all count the same."""

    @classmethod
    def of(cls, scorers: Mapping[str, Scorer], cases: Sequence[Case]) -> "Shortlists":
        """Score the cases with every view and keep what can come into a list of ten."""
        batches = [_shortlisted(scorers, cases[start : start + _BATCH]) for start in range(0, len(cases), _BATCH)]
        _, users_C, counts = np.unique([case.user for case in cases], return_inverse=True, return_counts=True)
        shares_C = 1.0 / (counts[users_C] * len(counts))
        return cls(ahead_VCS=np.concatenate(batches, axis=1), views=tuple(scorers), shares_C=shares_C)

    def ndcg(self, weights: Mapping[str, float]) -> float:
        """Return the NDCG@10 of a blend; a tie counts against the target, so that a flat blend is worth nothing."""
        return self._ndcg_of(self._ahead(weights))

    def ndcg_by_weight(self, weights: Mapping[str, float], view: str, tried: Sequence[float]) -> dict[float, float]:
        """Return the NDCG@10 of the blend by what one view's weight is set to, the others staying as they are."""
        others_CS, view_CS = self._ahead({**weights, view: 0.0}), self.ahead_VCS[self.views.index(view)]
        # Nothing times minus infinity is no number: without a weight the view is left out.
        return {
            weight: self._ndcg_of(others_CS + np.float32(weight) * view_CS if weight else others_CS) for weight in tried
        }

    def _ahead(self, weights: Mapping[str, float]) -> NDArray[np.float32]:
        total_CS = np.zeros(self.ahead_VCS.shape[1:], dtype=np.float32)
        for view, ahead_CS in zip(self.views, self.ahead_VCS, strict=True):
            if weights.get(view, 0.0):
                total_CS += np.float32(weights[view]) * ahead_CS
        return total_CS

    def _ndcg_of(self, ahead_CS: NDArray[np.float32]) -> float:
        ranks_C = np.count_nonzero(ahead_CS >= 0, axis=1) + 1
        return float(self.shares_C @ ndcg_at(ranks_C, 10))


def _climb(judge: Shortlists, start: Mapping[str, float]) -> dict[str, float]:
    """Return the weights that end the climb from ``start``, whose largest weight stays and is 1.

    One weight at a time, for as many rounds as change anything; a weight goes down, to 0 at best, where that costs
    nothing.
    """
    leader = max(start, key=lambda view: start[view])
    weights = {view: start.get(view, 0.0) / start[leader] for view in judge.views}
    for _ in range(_ROUNDS):
        before = dict(weights)
        for view in judge.views:
            if view != leader:
                ndcg = judge.ndcg_by_weight(weights, view, sorted({*GRID, weights[view]}))
                weights[view] = max(ndcg, key=lambda weight: ndcg[weight])
        if weights == before:
            break
    return {view: weight for view, weight in weights.items() if weight}


def _mixtures(views: Sequence[str]) -> list[dict[str, float]]:
    """Return every mixture of the views in quarters.

    >>> len(_mixtures(["a", "b"]))
    5
    """
    return [
        {view: parts / QUARTERS for view, parts in zip(views, shares, strict=True)}
        for shares in product(range(QUARTERS + 1), repeat=len(views))
        if sum(shares) == QUARTERS
    ]


def _shortlisted(scorers: Mapping[str, Scorer], batch: Sequence[Case]) -> NDArray[np.float32]:
    """Return how far the best items of every view are ahead of the target, shape (V, B, S)."""
    histories = [case.history for case in batch]
    scores_VBN = [standardise(scorer.scores(histories)) for scorer in scorers.values()]
    per_view = min(_PER_VIEW, scores_VBN[0].shape[1])
    barred_BN = np.zeros(scores_VBN[0].shape, dtype=np.bool_)
    for row, case in enumerate(batch):
        barred_BN[row, case.seen] = True
        barred_BN[row, case.target] = True
    best = [
        np.argpartition(-np.where(barred_BN, -np.inf, scores_BN), per_view - 1, axis=1)[:, :per_view]
        for scores_BN in scores_VBN
    ]
    items_BS = np.concatenate([np.array([[case.target] for case in batch]), *best], axis=1)
    listed_VBS = np.stack([np.take_along_axis(scores_BN, items_BS, axis=1) for scores_BN in scores_VBN])
    ahead_VBS = listed_VBS[:, :, 1:] - listed_VBS[:, :, :1]
    # Several views may shortlist one item: its further places, and barred items of short catalogues, rank last.
    ahead_VBS[:, (np.take_along_axis(barred_BN, items_BS, axis=1) | _repeated(items_BS))[:, 1:]] = -np.inf
    return ahead_VBS


def _repeated(items_BS: NDArray[np.int64]) -> NDArray[np.bool_]:
    order_BS = np.argsort(items_BS, axis=1, kind="stable")
    sorted_BS = np.take_along_axis(items_BS, order_BS, axis=1)
    again_BS = np.zeros(items_BS.shape, dtype=np.bool_)
    np.put_along_axis(again_BS, order_BS[:, 1:], sorted_BS[:, 1:] == sorted_BS[:, :-1], axis=1)
    return again_BS
