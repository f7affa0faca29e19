"""Fit every contender on the same data: what one training run repeats for each of its windows."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from accelerate import Accelerator
from numpy.typing import NDArray

from models.progress import Progress, ReportProgress
from models.recommender.baselines import ages, best_sellers, plain_popularity, recent_popularity, trending
from models.recommender.cold_choice import choose_cold
from models.recommender.cold_items import ColdChoice, ColdItems, attribute_features, project_cold_items
from models.recommender.config import RecommenderConfig
from models.recommender.dataset import Case, Interactions, Window
from models.recommender.ease import fit_ease
from models.recommender.ensemble import TrainedEnsemble, fit_ensemble
from models.recommender.evaluate import mean_ndcg, rank_cases
from models.recommender.item_knn import Similarity, cooccurrence, fit_item_knn
from models.recommender.item_texts import encode_texts, item_texts
from models.recommender.pairs import fit_together
from models.recommender.scoring import Constant, Neighbours
from models.recommender.sequence_scorer import SequenceScorer
from models.recommender.sequences import item_attributes

_STOPPING_CASES = 1_500
"""Cases that early stopping reads after each epoch: an evenly spaced part, as all would take as long as the epoch."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What every fit of one training run shares."""

    items: pa.Table
    """The ``items`` mart."""
    config: RecommenderConfig
    seed: int
    accelerator: Accelerator
    checkpoints: Path
    """Folder of one checkpoint per phase."""

    @property
    def dense_device(self) -> str:
        """Where EASE inverts its matrix: CUDA where training has it, else the CPU (MPS has no Cholesky inverse)."""
        return "cuda" if self.accelerator.device.type == "cuda" else "cpu"


def fit_constants(data: Interactions, run: Run) -> dict[str, Constant]:
    """Return popularity, plain and recent."""
    half_life = run.config.popularity.half_life_days
    return {
        "popularity": plain_popularity(data),
        "popularity_recent": recent_popularity(data, half_life_days=half_life),
    }


def fit_lists(data: Interactions, run: Run) -> dict[str, Constant]:
    """Return the lists that are served to nobody in particular, and how old each item is."""
    return {
        "best_sellers": best_sellers(data),
        "trending": trending(data, half_life_days=run.config.popularity.trending_half_life_days),
        "age_days": ages(data),
    }


def fit_neighbours(
    data: Interactions, similarity: Similarity, run: Run, *, names: Sequence[str]
) -> dict[str, Neighbours]:
    """Return item-kNN and EASE, as far as they are asked for."""
    fitted: dict[str, Neighbours] = {}
    if "item_knn" in names:
        fitted["item_knn"] = fit_item_knn(similarity, run.config.item_knn)
    if "ease" in names:
        fitted["ease"] = fit_ease(data, run.config.ease, device=run.dense_device)
    return fitted


def fit_pairs(data: Interactions, run: Run) -> dict[str, Neighbours]:
    """Return what is viewed and what is bought together: lists of their own, no contenders."""
    return {
        "viewed_together": fit_together(data, "view_item", run.config.viewed_together),
        "bought_together": fit_together(data, "purchase", run.config.bought_together),
    }


def fit_sequence(
    data: Interactions,
    similarity: Similarity,
    run: Run,
    *,
    phase: str,
    epochs: int | Sequence[int],
    cases: Sequence[Case],
    report: ReportProgress,
) -> TrainedEnsemble:
    """Fit the transformers, from the checkpoints of this phase where a killed run left some.

    Args:
        data: what may be learnt from.
        similarity: of the same data; the item vectors start as its factors.
        run: settings and processes.
        phase: names the checkpoint.
        epochs: at most this many, or as many as stand here for each member.
        cases: stop early on these; without any, all epochs run.
        report: told of every epoch.
    """
    settings = run.config.transformer
    attributes_NA = item_attributes(run.items, data.item_ids)
    stopping = cases[:: -(-len(cases) // _STOPPING_CASES)] if cases else []
    users_C = np.array([case.user for case in stopping], dtype=np.int64)

    def validate(scorer: SequenceScorer) -> float:
        ranked = rank_cases({"transformer": scorer}, {"transformer": {"transformer": 1.0}}, stopping, lists=False)
        return mean_ndcg(ranked["transformer"], users_C)

    return fit_ensemble(
        data,
        attributes_NA,
        similarity,
        config=settings,
        epochs=epochs,
        validate=validate if stopping else None,
        seed=run.seed,
        accelerator=run.accelerator,
        checkpoint=run.checkpoints / f"{phase}.safetensors",
        fingerprint=_fingerprint(data, attributes_NA, run),
        report=report,
    )


def cold_features(data: Interactions, run: Run) -> dict[str, Any] | None:
    """Return what the catalogue says of the items, by kind; None where there is no item that nobody has touched.

    Texts are read where they are few enough to take seconds: those of all cold items, and of the most touched others.
    """
    config, users_N = run.config.cold_items, data.distinct_users_per_item()
    cold_N = users_N == 0
    if not cold_N.any():
        return None
    attributes_NA = item_attributes(run.items, data.item_ids)
    features: dict[str, Any] = {}
    if cold_N.sum() <= config.cold_texts:
        read_N = cold_N.copy()
        read_N[np.argsort(-users_N, kind="stable")[: config.warm_texts]] = True
        texts = item_texts(run.items, data.item_ids)
        wanted = [text if read else "" for text, read in zip(texts, read_N, strict=True)]
        if any(text for text, cold in zip(wanted, cold_N, strict=True) if cold):
            features["text"] = encode_texts(
                wanted, encoder=config.encoder, tokens=config.tokens, accelerator=run.accelerator
            )
    attributes = attribute_features(attributes_NA, fewest=config.fewest_attribute_items, most=config.most_attributes)
    if attributes.shape[1]:
        features["attributes"] = attributes
    return features


def choose_cold_items(
    data: Interactions, features: Mapping[str, Any], validation: Window, sequence: SequenceScorer, run: Run
) -> ColdChoice | None:
    """Return what ranks held-out items best in the validation window.

    Args:
        data: everything, whose items the ``features`` are of.
        features: from :func:`cold_features`.
        validation: the window, and what precedes it.
        sequence: the transformer that was fitted on what precedes it.
        run: settings.
    """
    places = {item_id: place for place, item_id in enumerate(data.item_ids)}
    rows = np.array([places[item_id] for item_id in validation.train.item_ids], dtype=np.int64)
    known = {name: matrix[rows] for name, matrix in features.items()}
    users_N = validation.train.distinct_users_per_item()
    return choose_cold(sequence, users_N, known, validation.cases, run.config.cold_items, seed=run.seed)


def fit_cold_items(
    data: Interactions,
    features: Mapping[str, Any],
    sequence: SequenceScorer,
    run: Run,
    *,
    choice: ColdChoice | None = None,
) -> ColdItems:
    """Return the item vectors with those of items that nobody has touched, and what ranks these beside the vectors."""
    users_N = data.distinct_users_per_item()
    vectors_ND = sequence.vectors.vectors_ND
    return project_cold_items(vectors_ND, users_N, features, run.config.cold_items, seed=run.seed, choice=choice)


def similarity_of(data: Interactions, run: Run) -> Similarity:
    """Return the co-occurrences that item-kNN and the transformer's first vectors are made of."""
    return cooccurrence(data, run.config.item_knn)


def in_phase(report: ReportProgress, phase: str, start: float, end: float) -> ReportProgress:
    """Return a reporter for a part of the run that goes from ``start`` to ``end`` of the whole."""

    def scaled(progress: Progress) -> None:
        report(
            Progress(
                message=f"{phase}: {progress.message}",
                fraction=start + (end - start) * progress.fraction,
                metrics=progress.metrics,
            )
        )

    return scaled


def _fingerprint(data: Interactions, attributes_NA: NDArray[np.int64], run: Run) -> str:
    digest = hashlib.sha256(repr((run.config, run.seed, data.item_ids.tolist())).encode())
    for array in (data.users_E, data.items_E, data.behaviours_E, data.times_E, attributes_NA):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
