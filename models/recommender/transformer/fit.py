"""The training loop of the transformer: any device, several processes, a checkpoint after every epoch.

All randomness is a function of (seed, epoch, process): a run that is killed and resumed has the losses of an unbroken
one, and two processes with half a batch each have those of one process with the whole (dropout aside, whose masks are
drawn per process).
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from models.device import Checkpoint, restore_training, training_checkpoint
from models.progress import Progress, ReportProgress
from models.recommender.dataset import Interactions
from models.recommender.transformer.item_table import ItemTable
from models.recommender.transformer.model import Encoder, SequenceModel, TransformerConfig
from models.recommender.transformer.scorer import SequenceScorer
from models.recommender.transformer.sequences import Batch, TrainingHistory, batches, training_histories

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained sequence model and how it got there."""

    model: SequenceModel
    epochs: int
    """Epochs behind the weights: the best one on validation, or all that were asked for."""
    losses: list[float]
    """Mean cross-entropy per target of every epoch that ran."""
    validation: list[float]
    """Validation NDCG@10 after every epoch, where there was a validation."""


def fit_transformer(
    train: Interactions,
    attributes_NA: Ints,
    start_ND: NDArray[np.float32],
    *,
    config: TransformerConfig,
    epochs: int,
    validate: Callable[[SequenceScorer], float] | None,
    seed: int,
    accelerator: Accelerator,
    checkpoint: Path | None,
    fingerprint: str,
    report: ReportProgress,
    begin: Callable[[SequenceModel], None] | None = None,
) -> Trained:
    """Train for ``epochs``, or until ``validate`` (higher is better) has not improved for ``config.patience`` epochs.

    Args:
        train: what may be learnt from.
        attributes_NA: attribute codes of each item of ``train``, padded with 0.
        start_ND: item vectors to start from, such as factors of the co-occurrences.
        config: sizes and rates.
        epochs: at most this many passes.
        validate: scores a model on held-out cases; without it, the last epoch's weights are averaged.
        seed: of the weights, the order, the negatives and the dropout.
        accelerator: device, precision and processes.
        checkpoint: file to write after every epoch and to resume from.
        fingerprint: identifies data and settings; a checkpoint with another one is not resumed from.
        report: called after every epoch.
        begin: gives the untrained model other weights to begin with.
    """
    torch.manual_seed(seed)
    # The table first: a seed's random numbers are drawn in this order.
    table = ItemTable.of(train, attributes_NA, start_ND, min_users=config.min_item_users)
    model = SequenceModel(table, Encoder(config))
    if begin is not None:
        begin(model)
    return train_model(
        model,
        train,
        config=config,
        epochs=epochs,
        validate=validate,
        seed=seed,
        accelerator=accelerator,
        checkpoint=checkpoint,
        fingerprint=fingerprint,
        report=report,
    )


def train_model(
    bare: SequenceModel,
    train: Interactions,
    *,
    config: TransformerConfig,
    epochs: int,
    validate: Callable[[SequenceScorer], float] | None,
    seed: int,
    accelerator: Accelerator,
    checkpoint: Path | None,
    fingerprint: str,
    report: ReportProgress,
) -> Trained:
    """Train a sequence model, whatever its encoder; arguments are those of :func:`fit_transformer`."""
    bare.to(accelerator.device)
    fused = accelerator.device.type != "mps"
    optimizer = torch.optim.AdamW(
        bare.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=fused
    )
    losses: list[float] = []
    validation: list[float] = []
    # What is judged and returned: the weights themselves, or their moving average beside them.
    averaged = copy.deepcopy(bare) if config.ema_decay else bare
    best = _weights(averaged)
    if checkpoint is not None and checkpoint.exists():
        saved = Checkpoint.read(checkpoint)
        if saved.state["fingerprint"] == fingerprint:
            losses, validation = list(saved.state["losses"]), list(saved.state["validation"])
            best = {name: saved.tensors[f"best.{name}"].to(accelerator.device) for name in best}
            restore_training(saved, bare, optimizer)
            averaged.load_state_dict({name: saved.tensors[f"ema.{name}"] for name in best})
    model, optimizer = accelerator.prepare(bare, optimizer)
    histories = training_histories(train, length=config.max_length)
    for epoch in range(len(losses), epochs):
        if _out_of_patience(validation, config.patience):
            break
        losses.append(train_epoch(model, averaged, optimizer, histories, train.items, config, seed, epoch, accelerator))
        if validate is not None:
            validation.append(validate(SequenceScorer.of(averaged, length=config.max_length)))
        if validate is None or validation[-1] == max(validation):
            best = _weights(averaged)
        if checkpoint is not None and accelerator.is_main_process:
            state = {"fingerprint": fingerprint, "losses": losses, "validation": validation}
            tensors = dict(training_checkpoint(bare, optimizer, state).tensors)
            tensors |= {f"ema.{name}": tensor for name, tensor in averaged.state_dict().items()}
            tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
            Checkpoint(tensors=tensors, state=state).write(checkpoint)
        accelerator.wait_for_everyone()
        figures = {"loss": losses[-1]} | ({"validation ndcg@10": validation[-1]} if validation else {})
        report(Progress(message=f"epoch {epoch + 1} of {epochs}", fraction=(epoch + 1) / epochs, metrics=figures))
    averaged.load_state_dict(best)
    averaged.eval()
    used = int(np.argmax(validation)) + 1 if validation else len(losses)
    return Trained(model=averaged, epochs=used, losses=losses, validation=validation)


def _weights(model: SequenceModel) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _out_of_patience(validation: list[float], patience: int) -> bool:
    return bool(validation) and len(validation) - 1 - int(np.argmax(validation)) >= patience


def train_epoch(
    model: torch.nn.Module,
    averaged: SequenceModel,
    optimizer: torch.optim.Optimizer,
    histories: Sequence[TrainingHistory],
    items: int,
    config: TransformerConfig,
    seed: int,
    epoch: int,
    accelerator: Accelerator,
) -> float:
    """Pass over all histories once and return the mean cross-entropy per target; ``averaged`` follows ``model``."""
    model.train()
    torch.manual_seed(int(np.random.SeedSequence([seed, epoch, accelerator.process_index]).generate_state(1)[0]))
    negatives = 0 if items <= config.full_softmax_items else min(config.negatives, items)
    # So many at most: where steps of short histories are filled up, warm-up and average run ahead of their steps.
    steps = -(-len(histories) // config.batch_size)
    total, targets = torch.zeros((), device=accelerator.device), 0
    for step, batch in enumerate(
        batches(
            histories,
            batch_size=config.batch_size,
            batch_places=config.batch_places,
            items=items,
            negatives=negatives,
            seed=seed,
            epoch=epoch,
            interaction_dropout=config.interaction_dropout,
        )
    ):
        rate = config.learning_rate * min(1.0, (epoch * steps + step + 1) / max(config.warmup_steps, 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        wanted = int((batch.targets_BL > 0).sum())
        part = _share(batch, accelerator.process_index, accelerator.num_processes)
        summed = model(*(torch.from_numpy(array).to(accelerator.device) for array in part))
        # Processes average their gradients, so each divides by its share of the whole batch's targets.
        accelerator.backward(summed * accelerator.num_processes / wanted)
        accelerator.clip_grad_norm_(model.parameters(), config.max_gradient_norm)
        optimizer.step()
        optimizer.zero_grad()
        if config.ema_decay:
            taken = epoch * steps + step
            # An average of few steps must forget the start quickly.
            _move(
                averaged, accelerator.unwrap_model(model), share=1 - min(config.ema_decay, (1 + taken) / (10 + taken))
            )
        total += summed.detach()
        targets += wanted
    return float(accelerator.reduce(total, reduction="sum")) / targets


@torch.no_grad()
def _move(averaged: SequenceModel, towards: torch.nn.Module, *, share: float) -> None:
    torch._foreach_lerp_(list(averaged.parameters()), list(towards.parameters()), share)


def _share(batch: Batch, process: int, processes: int) -> tuple[Ints, Ints, Ints, Ints]:
    mine = slice(process, None, processes)
    rows_BL, behaviours_BL, targets_BL = batch.rows_BL[mine], batch.behaviours_BL[mine], batch.targets_BL[mine]
    if len(rows_BL) == 0:
        # Every process must join the exchange of gradients: one without rows computes a row that teaches nothing.
        rows_BL, behaviours_BL = batch.rows_BL[:1], batch.behaviours_BL[:1]
        targets_BL = np.zeros_like(batch.targets_BL[:1])
    return rows_BL, behaviours_BL, targets_BL, batch.negatives_K
