"""What new items are ranked by, chosen on items that are held out as though they had no shoppers.

What explains most of an item's vector is not always what ranks best. So the known items are held out, a part at a
time; their vectors are projected from those of the others, and for shoppers of the validation window whose next item is
one of the part, it is ranked among the part. Nothing of the test window, and no item that is really cold, takes part.

Shapes: B histories, N items, H held-out items, D width of the item vectors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ranking import mean_per_user, ndcg_at
from models.recommender.cold.items import ColdChoice, ColdItemsConfig, project_cold_items, similarity_to, together
from models.recommender.dataset import Case
from models.recommender.evaluate import ranks_of_targets
from models.recommender.history import History
from models.recommender.scoring import standardise
from models.recommender.transformer.scorer import SequenceScorer

GRID = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
"""Weights of similarity that are tried, beside 1 for the transformer."""
_ROUNDS = 2
_PARTS = 5
_MAX_HELD_OUT = 3_000
"""Items of one part: of a larger catalogue some are never held out."""
_MAX_CASES = 8_000


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The questions of one part of the held-out items, and what each view answers."""

    cases: Sequence[Case]
    """Codes are places among the part."""
    scores: Mapping[str, NDArray[np.float32]]
    """By kind of features, shape (B, H): ``projected from …`` standardised, ``alike in …`` with weight 1."""


def choose_cold(
    sequence: SequenceScorer,
    users_N: NDArray[np.int64],
    features: Mapping[str, Any],
    cases: Sequence[Case],
    config: ColdItemsConfig,
    *,
    seed: int,
) -> ColdChoice | None:
    """Return what ranks held-out items best; None where no case asks for one.

    Args:
        sequence: the transformer, trained without ``cases``.
        users_N: distinct users of each item in its training.
        features: see :func:`project_cold_items`.
        cases: shoppers' next items that training did not see.
        config: of the projection and of similarity.
        seed: of the parts.
    """
    warm = np.random.default_rng(seed).permutation(np.flatnonzero(users_N > 0))[: _PARTS * _MAX_HELD_OUT]
    cases = cases[:: -(-len(cases) // _MAX_CASES)] if cases else []
    kinds = list(together(features))
    parts = [
        _ask(sequence, users_N, features, kinds, cases, np.sort(held_H), config, seed=seed)
        for held_H in np.array_split(warm, _PARTS)
    ]
    parts = [part for part in parts if len(part.cases)]
    kinds = [kind for kind in kinds if parts and all(f"projected from {kind}" in part.scores for part in parts)]
    if not kinds:
        return None
    report: dict[str, float] = {}
    best, chosen = -1.0, ColdChoice(kind=kinds[0])
    for kind in kinds:
        weights = {f"projected from {kind}": 1.0}
        value = report[kind] = _ndcg(parts, weights)
        for _ in range(_ROUNDS):
            for name in (f"alike in {one}" for one in features):
                tried = {weight: _ndcg(parts, weights | {name: weight}) for weight in GRID}
                weights[name] = max(tried, key=lambda weight: tried[weight])
                value = tried[weights[name]]
        if value > best:
            similarity = {one: weights[f"alike in {one}"] for one in features if weights[f"alike in {one}"]}
            best, chosen = value, ColdChoice(kind=kind, similarity=similarity)
    return replace(chosen, report=report | {"chosen": best})


def _ask(
    sequence: SequenceScorer,
    users_N: NDArray[np.int64],
    features: Mapping[str, Any],
    kinds: Sequence[str],
    cases: Sequence[Case],
    held_H: NDArray[np.int64],
    config: ColdItemsConfig,
    *,
    seed: int,
) -> _Part:
    place_N = np.full(len(users_N), -1, dtype=np.int64)
    place_N[held_H] = np.arange(len(held_H))
    asked, histories = [], []
    for case in cases:
        is_warm = place_N[case.history.items] < 0
        if place_N[case.target] >= 0 and is_warm.any():
            seen = place_N[case.seen]
            asked.append(replace(case, target=int(place_N[case.target]), seen=seen[seen >= 0]))
            histories.append(History(case.history.items[is_warm], case.history.behaviours[is_warm]))
    if not asked:
        return _Part(cases=[], scores={})
    left_N = np.where(place_N < 0, users_N, 0)
    hidden_BD, vectors_ND = sequence.hidden(histories), sequence.vectors.vectors_ND.copy()
    vectors_ND[held_H] = 0.0
    scores: dict[str, NDArray[np.float32]] = {}
    for kind in kinds:
        matrix = {kind: together(features)[kind]}
        projected = project_cold_items(vectors_ND, left_N, matrix, config, seed=seed)
        if projected.projected_N[held_H].any():
            scores[f"projected from {kind}"] = standardise(hidden_BD @ projected.vectors_ND[held_H].T)
    past = np.unique(np.concatenate([history.items for history in histories]))
    for kind in features:
        near = similarity_to(features, {kind: 1.0}, held_H, past, config)
        rows = [near.scores([history])[0, held_H] for history in histories]
        scores[f"alike in {kind}"] = np.stack(rows)
    return _Part(cases=asked, scores=scores)


def _ndcg(parts: Sequence[_Part], weights: Mapping[str, float]) -> float:
    values, users = [], []
    for part in parts:
        total = sum(np.float32(weight) * part.scores[name] for name, weight in weights.items() if weight)
        values.append(ndcg_at(np.array(ranks_of_targets(np.asarray(total), part.cases)), 10))
        users += [case.user for case in part.cases]
    return float(mean_per_user(np.concatenate(values), np.array(users))[1].mean())
