"""The weights of a blend, found on validation cases alone.

Ranking 12,000 items for 22,000 users takes seconds, and a search asks hundreds of times. An item outside every view's
best hundred is next to never in a blend's best ten, so each case keeps those of its views and the target: a blend is
then judged in milliseconds. Shapes: C cases, B cases of a batch, N items, S places of a shortlist, V views.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ranking import ndcg_at
from models.recommender.dataset import Case
from models.recommender.scoring import Scorer, standardise

GRID = (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""Weights beside the 1 of the first view. EASE's scores have heavy tails: standardised, its best item stands 40
deviations out, the transformer's 6, so useful weights are small."""
_BATCH = 256
_KEPT = 100


@dataclass(frozen=True, kw_only=True)
class Shortlists:
    """Standardised scores of every view on the few items that can matter; place 0 is the target's."""

    scores_VCS: NDArray[np.float32]
    views: tuple[str, ...]

    def ndcg(self, weights: Mapping[str, float]) -> float:
        """Return the NDCG@10 of a blend; a tie counts against the target, so that a flat blend is worth nothing."""
        total_CS = np.zeros(self.scores_VCS.shape[1:], dtype=np.float32)
        for view, scores_CS in zip(self.views, self.scores_VCS, strict=True):
            if weights.get(view, 0.0):
                total_CS += np.float32(weights[view]) * scores_CS
        ranks_C = (total_CS[:, 1:] >= total_CS[:, :1]).sum(axis=1) + 1
        return float(ndcg_at(ranks_C, 10).mean())


def shortlists(scorers: Mapping[str, Scorer], cases: Sequence[Case]) -> Shortlists:
    """Score the cases with every view and keep what can come into a list of ten."""
    kept: list[NDArray[np.float32]] = []
    for start in range(0, len(cases), _BATCH):
        batch = cases[start : start + _BATCH]
        histories = [case.history for case in batch]
        scores_VBN = [standardise(scorer.scores(histories)) for scorer in scorers.values()]
        keep = min(_KEPT, scores_VBN[0].shape[1])
        barred_BN = np.zeros(scores_VBN[0].shape, dtype=np.bool_)
        for row, case in enumerate(batch):
            barred_BN[row, case.seen] = True
            barred_BN[row, case.target] = True
        best = [np.argpartition(-np.where(barred_BN, -np.inf, one), keep - 1, axis=1)[:, :keep] for one in scores_VBN]
        items_BS = np.concatenate([np.array([[case.target] for case in batch]), *best], axis=1)
        places_VBS = np.stack([np.take_along_axis(one, items_BS, axis=1) for one in scores_VBN])
        # Several views may shortlist one item: its further places, and barred items of short catalogues, rank last.
        shut_BS = np.take_along_axis(barred_BN, items_BS, axis=1) | _repeated(items_BS)
        shut_BS[:, 0] = False
        places_VBS[:, shut_BS] = -np.inf
        kept.append(places_VBS)
    return Shortlists(scores_VCS=np.concatenate(kept, axis=1), views=tuple(scorers))


def search_weights(found: Shortlists, *, rounds: int = 3) -> tuple[dict[str, float], float]:
    """Return the weights with the best NDCG@10 and that figure: the first view has weight 1, others one of ``GRID``.

    One weight at a time, for as many ``rounds`` as change anything.
    """
    weights = {view: 1.0 if place == 0 else 0.0 for place, view in enumerate(found.views)}
    best = found.ndcg(weights)
    for _ in range(rounds):
        before = dict(weights)
        for view in found.views[1:]:
            tried = {weight: found.ndcg({**weights, view: weight}) for weight in GRID}
            weights[view] = max(tried, key=lambda weight: tried[weight])
            best = tried[weights[view]]
        if weights == before:
            break
    return {view: weight for view, weight in weights.items() if weight}, best


def _repeated(items_BS: NDArray[np.int64]) -> NDArray[np.bool_]:
    order_BS = np.argsort(items_BS, axis=1, kind="stable")
    sorted_BS = np.take_along_axis(items_BS, order_BS, axis=1)
    again_BS = np.zeros(items_BS.shape, dtype=np.bool_)
    np.put_along_axis(again_BS, order_BS[:, 1:], sorted_BS[:, 1:] == sorted_BS[:, :-1], axis=1)
    return again_BS
