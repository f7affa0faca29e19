"""Fit what every protocol compares: the views of a history that are added up, and the baselines beside them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from accelerate import Accelerator
from numpy.typing import NDArray

from models.evaluation.ranking import ndcg_at
from models.progress import Progress, ReportProgress
from models.recommender.als import fit_als
from models.recommender.baselines import plain_popularity
from models.recommender.config import RecommenderConfig
from models.recommender.dataset import Case, Interactions
from models.recommender.ease import fit_ease
from models.recommender.ensemble import TrainedEnsemble, fit_ensemble
from models.recommender.evaluate import Ranked, ranks_of_targets
from models.recommender.gru4rec import fit_gru4rec
from models.recommender.item_knn import cooccurrence, fit_item_knn
from models.recommender.scoring import Scorer
from models.recommender.sequence_scorer import SequenceScorer

VIEWS = ("transformer", "ease", "item_knn", "popularity")
"""Independent views of a history, whose standardised scores are added; the first has weight 1."""
BASELINES = (*VIEWS, "last_viewed", "als")
"""Stand beside the candidate alone: the views, co-visitation with the last item, and implicit ALS."""
GRU4REC = "gru4rec"
"""Stands beside them where the order of a history is asked about: leave-one-out and sessions."""
_STOPPING_CASES = 1_500
"""Cases that GRU4Rec's early stopping reads after each epoch, evenly spaced."""
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """What one seed found; ``ranked`` holds every baseline, the ``candidate`` and the candidate without each view."""

    ranked: Mapping[str, Ranked]
    report: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """What every fit of one seed shares."""

    config: RecommenderConfig
    seed: int
    accelerator: Accelerator
    say: Say

    def tell(self, who: str = "") -> ReportProgress:
        """Return a reporter of epochs that says whose they are."""

        def told(progress: Progress) -> None:
            figures = ", ".join(f"{name} {value:.4f}" for name, value in progress.metrics.items())
            self.say(f"{who}{progress.message}: {figures}")

        return told


def fit_views(
    train: Interactions,
    attributes_NA: NDArray[np.int64],
    fitting: Fitting,
    *,
    stop_on: Sequence[Case],
    epochs: int | Sequence[int],
) -> tuple[dict[str, Scorer], TrainedEnsemble]:
    """Return all views by name, and the transformers; they stop early on the cases ``stop_on`` where there are any."""
    config, say = fitting.config, fitting.say
    say("fitting popularity, item-kNN and EASE")
    similarity = cooccurrence(train, config.item_knn)
    views: dict[str, Scorer] = {
        "popularity": plain_popularity(train),
        "item_knn": fit_item_knn(similarity, config.item_knn),
        "ease": fit_ease(train, config.ease, device="cpu"),
    }
    trained = fit_ensemble(
        train,
        attributes_NA,
        similarity,
        config=config.transformer,
        epochs=epochs,
        validate=(lambda scorer: _ndcg(scorer, stop_on)) if stop_on else None,
        seed=fitting.seed,
        accelerator=fitting.accelerator,
        checkpoint=None,
        fingerprint="",
        report=fitting.tell(),
    )
    views["transformer"] = trained.scorer
    return {name: views[name] for name in VIEWS}, trained


def fit_baselines(train: Interactions, fitting: Fitting) -> dict[str, Scorer]:
    """Return the baselines that are no views."""
    config = fitting.config
    plain = replace(config.item_knn, shrinkage=0.0, backward=1.0, distance_power=0.0)
    neighbours = fit_item_knn(cooccurrence(train, plain), plain)
    return {
        # Nothing but the newest item counts: the one before it is worth less than any rounding.
        "last_viewed": replace(neighbours, decay=1e-9),
        "als": fit_als(train, config.als, seed=fitting.seed),
    }


def fit_gru(
    train: Interactions, fitting: Fitting, *, stop_on: Sequence[Case], epochs: int
) -> tuple[SequenceScorer, dict[str, Any]]:
    """Return GRU4Rec and how it was trained; it stops early on the cases ``stop_on`` where there are any."""
    cpu = time.process_time()
    some = stop_on[:: -(-len(stop_on) // _STOPPING_CASES)] if stop_on else []
    trained = fit_gru4rec(
        train,
        cooccurrence(train, fitting.config.item_knn),
        fitting.config,
        epochs=epochs,
        validate=(lambda scorer: _ndcg(scorer, some)) if some else None,
        seed=fitting.seed,
        accelerator=fitting.accelerator,
        report=fitting.tell("GRU4Rec, "),
    )
    report = {
        "epochs": trained.epochs,
        "validation_by_epoch": [round(value, 5) for value in trained.validation],
        "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
        "train_cpu_seconds": round(time.process_time() - cpu, 1),
    }
    return SequenceScorer.of(trained.model, length=fitting.config.transformer.length), report


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


def training_report(trained: TrainedEnsemble) -> dict[str, Any]:
    """Return how the transformers were trained."""
    return {
        "epochs": list(trained.epochs),
        "validation_by_epoch": [round(value, 5) for value in trained.validation],
        "losses": [round(loss, 4) for loss in trained.losses],
        "parameters": trained.parameters,
    }


def _ndcg(scorer: SequenceScorer, cases: Sequence[Case]) -> float:
    ranks: list[int] = []
    for start in range(0, len(cases), 512):
        batch = cases[start : start + 512]
        ranks += ranks_of_targets(scorer.scores([case.history for case in batch]), batch)
    return float(ndcg_at(np.array(ranks), 10).mean())
