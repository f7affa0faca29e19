"""The two stages of training: a probe on the frozen encoder, then fine-tuning with a checkpoint per epoch."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from models.device import Checkpoint, restore_training, training_checkpoint
from models.evaluation.calibration import softmax
from models.evaluation.classification import fit_temperature, label_negative_log_likelihood, macro_f1
from models.intent.config import IntentConfig
from models.intent.corpus import Utterance
from models.intent.dataset import labels_of
from models.intent.grammar import roughen
from models.intent.inputs import Reader, read_logits
from models.intent.model import IntentModel
from models.intent.ngrams import ngram_batch
from models.progress import Progress, ReportProgress
from models.text.normalise import normalise
from shopsight.contracts import INTENTS

PROBE_BATCH: Final = 256
ROUGH_SHARE: Final = 0.3
"""Share of the texts of an epoch that are misspelt or stripped of punctuation on the fly."""


@dataclass(kw_only=True)
class TrainingLog:
    """Validation figures of every epoch, and the weights of the best one."""

    validation: tuple[Utterance, ...]
    reader: Reader
    rows: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)

    @property
    def latest(self) -> dict[str, float]:
        """Return the figures of the latest epoch."""
        return {name: value for name, value in self.rows[-1].items() if name != "epoch"}

    def add(self, model: IntentModel, *, epoch: int, loss: float | None) -> None:
        """Judge ``model`` on validation and keep its weights if they are the best so far."""
        logits = read_logits(model, self.reader, self.validation)
        truth = labels_of(self.validation)
        figures = {
            "epoch": float(epoch),
            "validation_macro_f1": macro_f1(truth, logits.argmax(axis=1), labels=len(INTENTS)),
            "validation_nll": label_negative_log_likelihood(truth, softmax(logits / fit_temperature(truth, logits))),
        }
        self.rows.append(figures if loss is None else figures | {"training_loss": loss})
        if self.chosen() == len(self.rows) - 1:
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}

    def chosen(self) -> int:
        """Return the row with the best macro-F1, to the nearest thousandth; surprise decides between equals."""
        keys = [(round(row["validation_macro_f1"], 3), -row["validation_nll"]) for row in self.rows]
        return keys.index(max(keys))

    def restore_best(self, model: IntentModel) -> int:
        """Put the best weights into ``model``; return their epoch."""
        model.load_state_dict(self.best)
        return self.chosen()


def fit_probe(
    model: IntentModel, texts: Sequence[Utterance], encoded: Tensor, *, config: IntentConfig, seed: int
) -> None:
    """Fit the head and the n-gram table on encoder outputs ``(texts, width)`` that stay as they are."""
    device = model.head.weight.device
    torch.manual_seed(seed)
    model.dropout.train()
    clean = [normalise(u.text) for u in texts]
    ngrams = torch.from_numpy(ngram_batch(clean, buckets=config.ngram_buckets)).to(device)
    labels, weights = _targets(texts, device)
    encoded = encoded.to(device)
    peaks = (5 * config.head_learning_rate, 2 * config.ngram_learning_rate)
    parts = (model.head, model.ngrams)
    optimizer = torch.optim.AdamW(
        [{"params": part.parameters(), "lr": peak} for part, peak in zip(parts, peaks, strict=True)], weight_decay=0.1
    )
    rng = np.random.default_rng(seed)
    for step in range(config.probe_steps):
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * (1 - step / config.probe_steps)
        rows = torch.from_numpy(rng.integers(0, len(texts), min(PROBE_BATCH, len(texts)))).to(device)
        loss = _loss(model.classify(encoded[rows], ngrams[rows]), labels[rows], weights[rows], config)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def fine_tune(
    model: IntentModel,
    reader: Reader,
    texts_of_epoch: Callable[[int], list[Utterance]],
    log: TrainingLog,
    *,
    accelerator: Any,
    config: IntentConfig,
    seed: int,
    run: str,
    folder: Path,
    report: ReportProgress,
) -> None:
    """Train ``model`` for the configured epochs, one checkpoint each; ``log`` keeps the best weights."""
    if config.epochs == 0:
        return
    model.freeze_lower(config.frozen_layers)
    body = [p for p in model.encoder.parameters() if p.requires_grad]
    peaks = (config.learning_rate, config.head_learning_rate, config.ngram_learning_rate)
    parts = (body, list(model.head.parameters()), list(model.ngrams.parameters()))
    optimizer = torch.optim.AdamW(
        [{"params": part, "lr": peak} for part, peak in zip(parts, peaks, strict=True)],
        weight_decay=config.weight_decay,
    )
    prepared, optimizer = accelerator.prepare(model, optimizer)
    begin = _resume(folder, run, model, optimizer, log)
    for epoch in range(begin, config.epochs + 1):
        texts = texts_of_epoch(epoch)
        rng = np.random.default_rng([seed, epoch])
        torch.manual_seed(seed * 1000 + epoch)
        typed = [roughen(u.text, rng) if rng.random() < ROUGH_SHARE else u.text for u in texts]
        labels, weights = _targets(texts, accelerator.device)
        batches = _batches([reader.length(text) for text in typed], config.batch_size, rng)
        batches = batches[: len(batches) // accelerator.num_processes * accelerator.num_processes]
        mine = batches[accelerator.process_index :: accelerator.num_processes]
        prepared.train()
        total, last_report = 0.0, time.perf_counter()
        for index, rows in enumerate(mine):
            done = (epoch - 1 + index / len(mine)) / config.epochs
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * min(1.0, (done + 1e-3) / max(config.warmup_share, 1e-3)) * (1 - done)
            with accelerator.autocast():
                logits = prepared(*reader.batch([typed[i] for i in rows], accelerator.device))
            loss = _loss(logits.float(), labels[rows], weights[rows], config)
            optimizer.zero_grad()  # before, not after: the probe leaves its last gradient behind
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += float(loss.detach())
            if time.perf_counter() - last_report > 5:
                last_report = time.perf_counter()
                step = f"epoch {epoch} of {config.epochs}, step {index + 1} of {len(mine)}"
                report(Progress(message=step, fraction=0.15 + 0.75 * done))
        log.add(model, epoch=epoch, loss=total / len(mine))
        if accelerator.is_main_process:
            _write_checkpoint(folder, run, model, optimizer, log, epoch)
        report(
            Progress(
                message=f"epoch {epoch} of {config.epochs}",
                fraction=0.15 + 0.75 * epoch / config.epochs,
                metrics=log.latest,
            )
        )
    # Accelerate put autocast around the model's own forward, where the ONNX exporter would trace bf16 into the graph.
    accelerator.unwrap_model(prepared, keep_fp32_wrapper=False)


def _write_checkpoint(
    folder: Path, run: str, model: IntentModel, optimizer: torch.optim.Optimizer, log: TrainingLog, epoch: int
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Checkpoint(tensors=log.best, state={"run": run}).write(folder / "best.safetensors")
    state = {"run": run, "epoch": epoch, "rows": log.rows}
    training_checkpoint(model, optimizer, state).write(folder / "last.safetensors")


def _resume(folder: Path, run: str, model: IntentModel, optimizer: torch.optim.Optimizer, log: TrainingLog) -> int:
    """Return the epoch to start at; a checkpoint of other texts, settings or seed is of no use and is left unread."""
    last, best = folder / "last.safetensors", folder / "best.safetensors"
    if not (last.exists() and best.exists()):
        return 1
    checkpoint = Checkpoint.read(last)
    if checkpoint.state["run"] != run:
        return 1
    restore_training(checkpoint, model, optimizer)
    log.rows = list(checkpoint.state["rows"])
    log.best = dict(Checkpoint.read(best).tensors)
    return int(checkpoint.state["epoch"]) + 1


def _loss(logits_BL: Tensor, labels_B: Tensor, weights_B: Tensor, config: IntentConfig) -> Tensor:
    each = nn.functional.cross_entropy(logits_BL, labels_B, reduction="none", label_smoothing=config.label_smoothing)
    return (each * weights_B).sum() / weights_B.sum().clamp(min=1e-6)


def _targets(texts: Sequence[Utterance], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return labels and weights, ``(texts,)``: every label weighs alike in sum, with a mean weight of 1."""
    labels = labels_of(texts)
    weights = np.array([u.weight for u in texts])
    sums = np.bincount(labels, weights=weights, minlength=len(INTENTS))
    weights = weights * (weights.sum() / len(INTENTS) / np.maximum(sums, 1e-9))[labels]
    weights /= weights.mean()
    return torch.from_numpy(labels).to(device), torch.from_numpy(weights).float().to(device)


def _batches(lengths: Sequence[int], size: int, rng: np.random.Generator) -> list[list[int]]:
    """Return shuffled batches of texts of like length, which halves the padding."""
    order = rng.permutation(len(lengths))
    pools = [sorted(order[i : i + size * 20], key=lambda j: lengths[j]) for i in range(0, len(order), size * 20)]
    batches = [[int(j) for j in pool[i : i + size]] for pool in pools for i in range(0, len(pool), size)]
    return [batches[i] for i in rng.permutation(len(batches))]
