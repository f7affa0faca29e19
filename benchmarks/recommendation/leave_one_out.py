"""One seed of the leave-one-out protocol: fit on the training part, choose on validation, rank the test once."""

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from accelerate import Accelerator
from numpy.typing import NDArray

from models.progress import Progress
from models.recommender.als import fit_als
from models.recommender.baselines import plain_popularity
from models.recommender.blend_search import search_weights, shortlists
from models.recommender.config import RecommenderConfig
from models.recommender.dataset import Interactions
from models.recommender.ease import fit_ease
from models.recommender.ensemble import TrainedEnsemble, fit_ensemble
from models.recommender.evaluate import Ranked, rank_cases, ranks_of_targets
from models.recommender.item_knn import cooccurrence, fit_item_knn
from models.recommender.leave_one_out import LeaveOneOut
from models.recommender.scoring import Scorer
from models.recommender.sequence_scorer import SequenceScorer

VIEWS = ("transformer", "ease", "item_knn", "popularity")
"""Independent views of a history, whose standardised scores are added; the first has weight 1."""
BASELINES = (*VIEWS, "last_viewed", "als")
"""Stand beside the candidate alone: the views, co-visitation with the last item, and implicit ALS."""
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """What one seed found; ``ranked`` holds every view alone, the ``candidate`` and the candidate without each view."""

    ranked: Mapping[str, Ranked]
    report: dict[str, Any]


def run_seed(
    split: LeaveOneOut,
    attributes_NA: NDArray[np.int64],
    *,
    config: RecommenderConfig,
    seed: int,
    accelerator: Accelerator,
    say: Say,
) -> SeedResult:
    """Train, choose, measure; the test cases are ranked after everything has been chosen, and once."""
    wall, cpu = time.perf_counter(), time.process_time()
    scorers, trained = _fit(split, attributes_NA, config=config, seed=seed, accelerator=accelerator, say=say)
    say("choosing weights on validation")
    weights, on_validation = search_weights(shortlists(scorers, split.validation))
    say(f"validation chose {weights}: NDCG@10 {on_validation:.4f}")
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    say("fitting the other baselines")
    scorers["last_viewed"] = last_viewed(split.train, config)
    scorers["als"] = fit_als(split.train, config.als, seed=seed)
    contenders = {name: {name: 1.0} for name in BASELINES} | ablated(weights) | {"candidate": weights}
    if len(trained.scorer.members) > 1:
        first = SequenceScorer.of(trained.scorer.members[0], length=trained.scorer.length)
        scorers["one transformer"] = first
        alone = {"one transformer" if view == "transformer" else view: weight for view, weight in weights.items()}
        contenders |= {"one transformer": {"one transformer": 1.0}, "with one transformer": alone}
    started = time.perf_counter()
    ranked = rank_cases(scorers, contenders, split.test, lists=True)
    report = {
        "weights": weights,
        "validation_ndcg@10": round(on_validation, 5),
        "epochs": trained.epochs,
        "validation_by_epoch": [round(value, 5) for value in trained.validation],
        "losses": [round(loss, 4) for loss in trained.losses],
        "parameters": trained.parameters,
        "train_seconds": round(seconds, 1),
        "train_cpu_seconds": round(cpu_seconds, 1),
        "test_seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    return SeedResult(ranked=ranked, report=report)


def last_viewed(train: Interactions, config: RecommenderConfig) -> Scorer:
    """Return co-visitation with the newest item of the history alone; direction and distance are ignored."""
    plain = replace(config.item_knn, shrinkage=0.0, backward=1.0, distance_power=0.0)
    neighbours = fit_item_knn(cooccurrence(train, plain), plain)
    # Nothing but the newest item counts: the next one is worth less than any rounding.
    return replace(neighbours, decay=1e-9)


def ablated(weights: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return the blend without each of its views in turn, the other weights as they are.

    >>> ablated({"transformer": 1.0, "ease": 0.1})
    {'without transformer': {'ease': 0.1}, 'without ease': {'transformer': 1.0}}
    """
    if len(weights) == 1:
        return {}
    return {
        f"without {left_out}": {view: weight for view, weight in weights.items() if view != left_out}
        for left_out in weights
    }


def _fit(
    split: LeaveOneOut,
    attributes_NA: NDArray[np.int64],
    *,
    config: RecommenderConfig,
    seed: int,
    accelerator: Accelerator,
    say: Say,
) -> tuple[dict[str, Scorer], TrainedEnsemble]:
    train = split.train
    say("fitting popularity, item-kNN and EASE")
    similarity = cooccurrence(train, config.item_knn)
    views: dict[str, Scorer] = {
        "popularity": plain_popularity(train),
        "item_knn": fit_item_knn(similarity, config.item_knn),
        "ease": fit_ease(train, config.ease, device="cpu"),
    }

    def tell(progress: Progress) -> None:
        say(f"{progress.message} { ({name: round(value, 4) for name, value in progress.metrics.items()}) }")

    trained = fit_ensemble(
        train,
        attributes_NA,
        similarity,
        config=config.transformer,
        epochs=config.transformer.epochs,
        validate=lambda scorer: _ndcg(scorer, split),
        seed=seed,
        accelerator=accelerator,
        checkpoint=None,
        fingerprint="",
        report=tell,
    )
    views["transformer"] = trained.scorer
    return {name: views[name] for name in VIEWS}, trained


def _ndcg(scorer: SequenceScorer, split: LeaveOneOut) -> float:
    """Return the NDCG@10 of one scorer on all validation cases, by matrix products of 512 users."""
    ranks: list[int] = []
    for start in range(0, len(split.validation), 512):
        batch = split.validation[start : start + 512]
        ranks += ranks_of_targets(scorer.scores([case.history for case in batch]), batch)
    ranks_C = np.array(ranks)
    return float(np.where(ranks_C <= 10, 1 / np.log2(ranks_C + 1.0), 0.0).mean())
