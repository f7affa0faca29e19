"""One seed of the cold start: train on what is left, rank the cold items, ask for the cold shoppers.

Shapes: C cases, N items, K cold items.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from accelerate import Accelerator
from numpy.typing import NDArray

from benchmarks.cold_start.contenders import Content, Newer, RandomOrder, SameAttributes
from benchmarks.cold_start.sources import Shop
from benchmarks.cold_start.split import ColdSplit, cold_split
from models.progress import ignore_progress
from models.recommender.baselines import plain_popularity
from models.recommender.blend import choose_blend
from models.recommender.cold.choice import choose_cold
from models.recommender.cold.items import attribute_features, project_cold_items
from models.recommender.cold.texts import encode_texts
from models.recommender.config import RecommenderConfig
from models.recommender.dataset import Case
from models.recommender.evaluate import rank_cases, ranks_of_targets
from models.recommender.history import History
from models.recommender.scoring import Neighbours, Scorer, Scores, cold_scores
from models.recommender.transformer.scorer import SequenceScorer
from models.recommender.views import Run, fit_views

SERVED = "projected and alike"
"""As served: vectors projected from what ranks held-out items best, and similarity to the history with its weight."""
BLEND = "session events"
"""What a new shopper is served: the views of the session's events, with weights chosen on other shoppers."""
BEST_OF_ATTRIBUTES = "best sellers of the last item's attributes"
NEWER = "newer than the model: as the items its words are like"
"""As served of an item that came after the training."""
_TOGETHER = 256
Ranks = dict[str, NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True)
class SeedFigures:
    """Ranks of the targets by contender, and the user of each case."""

    item_ranks: Ranks
    item_users: NDArray[np.int64]
    user_ranks: Mapping[int, Ranks]
    """By how many different items the shopper had touched."""
    user_users: Mapping[int, NDArray[np.int64]]
    report: dict[str, Any]


def run_seed(
    shop: Shop, config: RecommenderConfig, *, seed: int, accelerator: Accelerator, say: Callable[[str], None]
) -> SeedFigures:
    """Hold items and shoppers out, train without them, and rank the held-out targets once."""
    split, cpu = cold_split(shop.data, seed=seed), time.process_time()
    say(f"training on {len(split.train)} interactions")
    views = fit_views(
        split.train,
        shop.attributes_NA,
        Run(config=config, seed=seed, accelerator=accelerator, checkpoints=None),
        phase="cold_start",
        epochs=config.transformer.epochs,
        stop_on=split.validation,
        report=ignore_progress,
    )
    assert views.transformer is not None, "all views were asked for"
    sequence = views.transformer.scorer
    train_seconds = time.process_time() - cpu
    features: dict[str, Any] = {}
    cold, cpu = config.cold_items, time.process_time()
    if any(shop.texts):
        say("encoding texts")
        features["text"] = encode_texts(
            shop.texts, encoder=cold.encoder, max_tokens=cold.max_tokens, accelerator=accelerator
        )
    features["attributes"] = attribute_features(
        shop.attributes_NA, min_items=cold.min_attribute_items, max_attributes=cold.max_attributes
    )
    encoding_seconds = time.process_time() - cpu
    contenders: dict[str, Scorer] = {
        "random order": RandomOrder(items=shop.data.items, seed=seed),
        BEST_OF_ATTRIBUTES: SameAttributes.of(split.train, shop.attributes_NA),
        **{f"{name} alone": Content(features_NF=matrix) for name, matrix in features.items()},
        "network's attribute vectors": sequence,
    }
    cpu = time.process_time()
    users_N, vectors_ND = split.train.distinct_users_per_item(), sequence.vectors.vectors_ND
    choice = choose_cold(sequence, users_N, features, split.validation, cold, seed=seed)
    served = project_cold_items(vectors_ND, users_N, features, cold, seed=seed, choice=choice)
    projecting_seconds = time.process_time() - cpu
    contenders[SERVED] = _ColdItems(
        sequence=_with_vectors(sequence, served.vectors_ND),
        similarity=served.similarity,
        cold_K=np.flatnonzero(split.cold_N),
    )
    for name, matrix in features.items():
        one = project_cold_items(vectors_ND, users_N, {name: matrix}, cold, seed=seed)
        contenders[f"projected from {name} alone"] = _with_vectors(sequence, one.vectors_ND)
    weights = choose_blend(views.scorers, split.validation).weights
    if shop.catalogue is not None:
        contenders[NEWER] = Newer.of(shop.catalogue, split.cold_N, views.scorers, weights)
    say(f"validation chose {weights} for sessions; ranking")
    of_users = {name: {name: 1.0} for name in ("transformer", "item_knn", BEST_OF_ATTRIBUTES, "best sellers")}
    scorers = {
        **views.scorers,
        BEST_OF_ATTRIBUTES: contenders[BEST_OF_ATTRIBUTES],
        "best sellers": plain_popularity(split.train),
    }
    user_ranked = {
        after: rank_cases(scorers, {BLEND: weights, **of_users}, _among_warm(split, cases), lists=False)
        for after, cases in split.user_cases.items()
    }
    return SeedFigures(
        item_ranks={name: _ranks_among_cold(scorer, split) for name, scorer in contenders.items()},
        item_users=_users(split.item_cases),
        user_ranks={
            after: {name: one.ranks_C for name, one in ranked.items()} for after, ranked in user_ranked.items()
        },
        user_users={after: _users(cases) for after, cases in split.user_cases.items()},
        report={
            "interactions": len(split.train),
            "items": shop.data.items,
            "cold items": int(split.cold_N.sum()),
            "cold item cases": len(split.item_cases),
            "cold user cases": {str(after): len(cases) for after, cases in split.user_cases.items()},
            "projection": dict(served.report),
            "session weights": dict(weights),
            "train_cpu_seconds": round(train_seconds, 1),
            "encoding_cpu_seconds": round(encoding_seconds, 1),
            "projecting_cpu_seconds": round(projecting_seconds, 1),
        },
    )


@dataclass(frozen=True, kw_only=True)
class _ColdItems:
    """The order of cold items among themselves as it is served; other items have no score."""

    sequence: SequenceScorer
    similarity: Neighbours | None
    cold_K: NDArray[np.int64]

    def scores(self, histories: Sequence[History]) -> Scores:
        """Return the scores, shape (B, N)."""
        sequence_BN = self.sequence.scores(histories)
        similarity_BK = self.similarity.scores(histories)[:, self.cold_K] if self.similarity else None
        scores_BN: Scores = np.zeros_like(sequence_BN)
        scores_BN[:, self.cold_K] = cold_scores(sequence_BN[:, self.cold_K], similarity_BK)
        return scores_BN


def _with_vectors(sequence: SequenceScorer, vectors_ND: NDArray[np.float32]) -> SequenceScorer:
    usable_N = np.ones(len(vectors_ND), dtype=np.bool_)
    return replace(sequence, vectors=replace(sequence.vectors, vectors_ND=vectors_ND, usable_N=usable_N))


def _ranks_among_cold(scorer: Scorer, split: ColdSplit) -> NDArray[np.int64]:
    """Return where each target stands among the cold items that its shopper had not touched."""
    cold_K = np.flatnonzero(split.cold_N)
    place_N = np.full(len(split.cold_N), -1, dtype=np.int64)
    place_N[cold_K] = np.arange(len(cold_K))
    cases = [replace(case, target=int(place_N[case.target]), seen=place_N[case.seen]) for case in split.item_cases]
    return _ranks(scorer, cases, cold_K)


def _ranks(scorer: Scorer, cases: Sequence[Case], cold_K: NDArray[np.int64]) -> NDArray[np.int64]:
    ranks: list[int] = []
    for start in range(0, len(cases), _TOGETHER):
        batch = cases[start : start + _TOGETHER]
        ranks += ranks_of_targets(scorer.scores([case.history for case in batch])[:, cold_K], batch)
    return np.array(ranks, dtype=np.int64)


def _among_warm(split: ColdSplit, cases: Sequence[Case]) -> list[Case]:
    """Return the cases with the cold items left out of the ranking."""
    cold_K = np.flatnonzero(split.cold_N)
    return [replace(case, seen=np.union1d(case.seen, cold_K)) for case in cases]


def _users(cases: Sequence[Case]) -> NDArray[np.int64]:
    return np.array([case.user for case in cases], dtype=np.int64)
