"""Several transformers of two kinds, scores added: what one mistakes by chance or by its start, others do not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from accelerate import Accelerator
from numpy.typing import NDArray

from models.progress import Progress, ReportProgress
from models.recommender.dataset import Interactions
from models.recommender.linear.item_knn import Similarity, item_factors
from models.recommender.transformer.fit import Trained, fit_transformer
from models.recommender.transformer.model import TransformerConfig
from models.recommender.transformer.scorer import SequenceScorer


@dataclass(frozen=True, kw_only=True)
class TrainedEnsemble:
    """The members' common scorer and how they got there."""

    scorer: SequenceScorer
    epochs: tuple[int, ...]
    """Epochs behind the weights of each member: its best on validation, or all that were asked for."""
    losses: list[float]
    """Of the first member: mean cross-entropy per target of every epoch that ran."""
    validation: list[float]
    """Of the first member: validation NDCG@10 after every epoch, where there was a validation."""

    @property
    def parameters(self) -> int:
        """Number of trained parameters of all members."""
        return sum(parameter.numel() for member in self.scorer.members for parameter in member.parameters())


def fit_ensemble(
    train: Interactions,
    attributes_NA: NDArray[np.int64],
    similarity: Similarity,
    *,
    config: TransformerConfig,
    epochs: int | Sequence[int],
    validate: Callable[[SequenceScorer], float] | None,
    seed: int,
    accelerator: Accelerator,
    checkpoint: Path | None,
    fingerprint: str,
    report: ReportProgress,
    begin: Callable[..., None] | None = None,
) -> TrainedEnsemble:
    """Train ``config.members`` transformers, one after the other; each stops where its own validation is best.

    Args:
        train: what may be learnt from.
        attributes_NA: attribute codes of each item of ``train``, padded with 0.
        similarity: of the same data; the item vectors start as its factors. Untrained, the model then ranks like
            item-kNN; from random vectors, RetailRocket takes more than eight epochs to beat popularity. The last
            ``config.random_starts`` members start at random all the same, to make other mistakes.
        config: sizes and rates.
        epochs: at most this many passes per member, or as many as stand here for each.
        validate: scores one member on held-out cases; without it, all epochs run.
        seed: of everything random; members have seeds of their own, made from it.
        accelerator: device, precision and processes.
        checkpoint: file of the first member's checkpoints; the others' are numbered.
        fingerprint: identifies data and settings; a checkpoint with another one is not resumed from.
        report: called after every epoch.
        begin: gives an untrained model, and of which member it is, other weights to begin with.
    """
    fitted: list[Trained] = []
    max_epochs = [epochs] * config.members if isinstance(epochs, int) else list(epochs)
    for member in range(config.members):
        # The first member has the seed itself: an ensemble of one is the plain model.
        own = seed if member == 0 else int(np.random.SeedSequence([seed, member]).generate_state(1)[0])
        at_random = member >= config.members - config.random_starts
        factors_ND = item_factors(similarity, width=config.hidden_size, seed=own)
        trained = fit_transformer(
            train,
            attributes_NA,
            np.zeros_like(factors_ND) if at_random else factors_ND,
            config=config,
            epochs=max_epochs[member],
            validate=validate,
            seed=own,
            accelerator=accelerator,
            checkpoint=_numbered(checkpoint, member),
            fingerprint=fingerprint,
            report=_as_part(report, member, config.members),
            begin=None if begin is None else partial(begin, member=member),
        )
        fitted.append(trained)
    first = fitted[0]
    return TrainedEnsemble(
        scorer=SequenceScorer.of(*(one.model for one in fitted), length=config.max_length),
        epochs=tuple(one.epochs for one in fitted),
        losses=first.losses,
        validation=first.validation,
    )


def _numbered(checkpoint: Path | None, member: int) -> Path | None:
    if checkpoint is None or member == 0:
        return checkpoint
    return checkpoint.with_stem(f"{checkpoint.stem}-{member + 1}")


def _as_part(report: ReportProgress, member: int, members: int) -> ReportProgress:
    if members == 1:
        return report

    def scaled(progress: Progress) -> None:
        message = f"member {member + 1} of {members}, {progress.message}"
        report(Progress(message=message, fraction=(member + progress.fraction) / members, metrics=progress.metrics))

    return scaled
