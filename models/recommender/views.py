"""The views of a shopper's history whose scores are added up, fitted on one data set.

Everything that is trained, judged, served or printed by a benchmark is fitted here and blended by
:func:`models.recommender.blend.choose_blend`: what is measured is what is served.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from accelerate import Accelerator
from numpy.typing import NDArray

from models.progress import ReportProgress
from models.recommender.baselines import recent_popularity
from models.recommender.config import RecommenderConfig
from models.recommender.dataset import Case, Interactions, attribute_names
from models.recommender.evaluate import mean_ndcg, rank_cases
from models.recommender.linear.ease import fit_ease
from models.recommender.linear.item_knn import Similarity, cooccurrence, fit_item_knn
from models.recommender.scoring import Neighbours, Scorer
from models.recommender.transformer.beginning import Beginning
from models.recommender.transformer.ensemble import TrainedEnsemble, fit_ensemble
from models.recommender.transformer.model import SequenceModel
from models.recommender.transformer.scorer import SequenceScorer

VIEWS = ("transformer", "ease", "item_knn", "popularity_recent")
"""Independent views of a history, in the order in which their scores are added."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What every fit of one training run shares."""

    config: RecommenderConfig
    seed: int
    accelerator: Accelerator
    checkpoints: Path | None
    """Folder of one checkpoint per phase; None keeps none."""

    @property
    def dense_device(self) -> str:
        """Where EASE inverts its matrix: CUDA where training has it, else the CPU (MPS has no Cholesky inverse)."""
        return "cuda" if self.accelerator.device.type == "cuda" else "cpu"


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a transformer begins with, and how its attributes are called now."""

    beginning: Beginning
    version: str
    """Of the champion whose weights they are."""
    items: pa.Table
    """The ``items`` mart."""

    @property
    def fingerprint(self) -> str:
        """Identify it, for checkpoints."""
        return f" from {self.version} until {self.beginning.until}"

    def put_into(self, model: SequenceModel, *, member: int, data: Interactions) -> None:
        """Give an untrained model of ``data`` these weights."""
        self.beginning.put_into(
            model, member=member, item_ids=data.item_ids.tolist(), attributes=attribute_names(self.items, data.item_ids)
        )


@dataclass(frozen=True, kw_only=True)
class Views:
    """What was fitted on one data set."""

    similarity: Similarity
    """The co-occurrences that item-kNN and the transformer's first vectors are made of."""
    scorers: Mapping[str, Scorer]
    """By name, in the order of :data:`VIEWS`."""
    transformer: TrainedEnsemble | None
    """None where it was not asked for."""

    @property
    def neighbours(self) -> dict[str, Neighbours]:
        """Return the linear views by name, as far as they were fitted."""
        return {name: scorer for name, scorer in self.scorers.items() if isinstance(scorer, Neighbours)}


def fit_views(
    data: Interactions,
    attributes_NA: NDArray[np.int64],
    run: Run,
    *,
    phase: str,
    epochs: int | Sequence[int],
    stop_on: Sequence[Case] = (),
    names: Sequence[str] = VIEWS,
    report: ReportProgress,
    start: Start | None = None,
) -> Views:
    """Fit the views; the transformer from the checkpoints of this phase, where a killed run left some.

    Args:
        data: what may be learnt from.
        attributes_NA: attribute codes of each item of ``data``, padded with 0.
        run: settings and processes.
        phase: names the checkpoint.
        epochs: at most this many passes of the transformer, or as many as stand here for each member.
        stop_on: the transformer stops early on these; without any, all epochs run.
        names: which of :data:`VIEWS` are fitted.
        report: told of every epoch.
        start: what the transformer begins with; None: with what item-kNN knows.
    """
    config = run.config
    similarity = cooccurrence(data, config.item_knn)
    scorers: dict[str, Scorer] = {}
    transformer = None
    if "transformer" in names:
        transformer = fit_sequence(
            data,
            attributes_NA,
            similarity,
            run,
            phase=phase,
            epochs=epochs,
            stop_on=stop_on,
            report=report,
            start=start,
        )
        scorers["transformer"] = transformer.scorer
    if "ease" in names:
        scorers["ease"] = fit_ease(data, config.ease, device=run.dense_device)
    if "item_knn" in names:
        scorers["item_knn"] = fit_item_knn(similarity, config.item_knn)
    if "popularity_recent" in names:
        scorers["popularity_recent"] = recent_popularity(data, half_life_days=config.popularity.half_life_days)
    return Views(similarity=similarity, scorers=scorers, transformer=transformer)


def fit_sequence(
    data: Interactions,
    attributes_NA: NDArray[np.int64],
    similarity: Similarity,
    run: Run,
    *,
    phase: str,
    epochs: int | Sequence[int],
    stop_on: Sequence[Case] = (),
    report: ReportProgress,
    start: Start | None = None,
) -> TrainedEnsemble:
    """Fit the transformers alone; arguments are those of :func:`fit_views`, ``similarity`` is of the same data."""
    settings = run.config.transformer
    cases = stop_on[:: -(-len(stop_on) // settings.stopping_cases)] if stop_on else []
    users_C = np.array([case.user for case in cases], dtype=np.int64)

    def validate(scorer: SequenceScorer) -> float:
        ranked = rank_cases({"transformer": scorer}, {"transformer": {"transformer": 1.0}}, cases, lists=False)
        return mean_ndcg(ranked["transformer"], users_C)

    return fit_ensemble(
        data,
        attributes_NA,
        similarity,
        config=settings,
        epochs=epochs,
        validate=validate if cases else None,
        seed=run.seed,
        accelerator=run.accelerator,
        checkpoint=run.checkpoints / f"{phase}.safetensors" if run.checkpoints else None,
        fingerprint=_fingerprint(data, attributes_NA, cases, run) + (start.fingerprint if start else ""),
        report=report,
        begin=None if start is None else partial(start.put_into, data=data),
    )


def _fingerprint(data: Interactions, attributes_NA: NDArray[np.int64], cases: Sequence[Case], run: Run) -> str:
    """Identify all that the weights in a checkpoint depend on: settings of another view leave it as it is."""
    settings = (run.config.transformer, run.config.item_knn, run.seed, data.item_ids.tolist())
    digest = hashlib.sha256(repr(settings).encode())
    asked = np.array([(case.user, case.target) for case in cases], dtype=np.int64)
    for array in (data.users_E, data.items_E, data.behaviours_E, data.times_E, attributes_NA, asked):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
