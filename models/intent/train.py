"""Train the intent classifier: fit the head on the frozen encoder, then fine-tune, then judge once.

The linear probe comes first because fine-tuning from a random head distorts features that were good, which costs most
on texts unlike the training ones. Source: Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform
Out-of-Distribution" (2022). The probe is epoch 0 of the choice that validation makes.
"""

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import torch

from models.device import new_accelerator
from models.evaluation.results import Evaluation
from models.intent.compression import export_served
from models.intent.config import IntentConfig
from models.intent.corpus import Utterance, read_corpus
from models.intent.dataset import labels_of, read_shop_utterances, split_by_group, thin
from models.intent.evaluate import PROTOCOL, evaluate
from models.intent.fitting import TrainingLog, fine_tune, fit_probe
from models.intent.grammar import generate
from models.intent.inputs import Reader, encode
from models.intent.model import build_model
from models.intent.predict import IntentClassifier
from models.intent.rejection import taught_scripts
from models.intent.sentinels import check_run
from models.intent.tone_training import train_tone
from models.progress import Progress, ReportProgress
from models.text.normalise import skeleton
from models.training import impossible, write_results
from shopsight.whole_files import write_json

DISTILLED_CHINESE: Final = 1500
"""Chinese texts of the probe that the static form is taught on, too."""


def without_texts(*, config: IntentConfig, out_dir: Path, seed: int) -> Evaluation:
    """Write and return the evaluation of a shop without a text: the corpus alone is no model of its shoppers.

    Args:
        config: settings that a run would have had.
        out_dir: receives evaluation.json and card.json, and no model.
        seed: that a run would have had.
    """
    return impossible(
        out_dir,
        family="intent",
        primary_metric="macro_f1",
        protocol=PROTOCOL,
        reason="the shop has no text yet (a search, question, review or labelled text)",
        card={"seed": seed, "config": asdict(config)},
    )


def train(
    utterances: pa.Table,
    *,
    config: IntentConfig,
    out_dir: Path,
    seed: int,
    device: str,
    precision: str,
    report: ReportProgress,
    reviews: pa.Table | None = None,
    labels: pa.Table | None = None,
) -> Evaluation:
    """Train on the shipped corpus and the shop's labelled texts; write the artefact and its evidence into ``out_dir``.

    A run that was killed goes on from its last epoch when it is started again with the same texts, settings and seed.

    Args:
        utterances: the shop's texts, columns ``text``, ``label``, ``label_source`` and, for the card,
            ``event_timestamp``; may have no rows.
        config: settings of the run.
        out_dir: receives the graph, tokenizer.json, config.json, evaluation.json, card.json and confusion.json.
        seed: of the split, the grammar, the weights and the order of the texts.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``fp32`` or ``bf16``.
        report: is told after every stage and epoch.
        reviews: the mart of that name, for tone; without it none is learnt.
        labels: further texts that the shop's people labelled, columns ``text`` and ``label``.

    Returns:
        The figures on the test split, which nothing was chosen on.

    Raises:
        ShopsightError: the encoder is not on this machine, or the shop's texts cannot be read.
    """
    started = time.perf_counter()
    out_dir.mkdir(parents=True, exist_ok=True)
    shop = read_shop_utterances(_with_labels(utterances, labels), config=config)
    splits = split_by_group([*thin(read_corpus(), share=config.corpus_share), *shop], config=config, seed=seed)
    torch.manual_seed(seed)
    model, tokenizer_file = build_model(config)
    reader = Reader(tokenizer_file, config)
    accelerator = new_accelerator(device, precision)
    held_out = {skeleton(u.text) for u in (*splits.validation, *splits.test)}

    def texts_of_epoch(epoch: int) -> list[Utterance]:
        drawn = generate(config.grammar_texts, seed=seed * 1000 + epoch)
        if epoch == 0:
            # The probe reads n-grams of Chinese texts and nothing else of them, so thousands cost a second.
            drawn += generate(config.chinese_probe_texts, seed=seed * 1000 + 999, chinese_share=1.0)
        return [*splits.train, *(u for u in drawn if skeleton(u.text) not in held_out)]

    report(Progress(message="reading the texts with the frozen encoder", fraction=0.02))
    model.to(accelerator.device)
    first = texts_of_epoch(0)
    encoded = encode(model, reader, first, autocast=accelerator.autocast)
    encoded_validation = encode(model, reader, splits.validation, autocast=accelerator.autocast)
    encoded_test = encode(model, reader, splits.test, autocast=accelerator.autocast)
    shuffled_labels = check_run(
        encoded[: len(splits.train)].numpy(),
        labels_of(splits.train),
        encoded_validation.numpy(),
        labels_of(splits.validation),
        seed=seed,
    )
    fit_probe(model, first, encoded, config=config, seed=seed)
    log = TrainingLog(validation=splits.validation, reader=reader)
    log.add(model, epoch=0, loss=None)
    report(Progress(message="linear probe on the frozen encoder", fraction=0.15, metrics=log.latest))

    run = hashlib.sha256(repr((config, seed, splits, first)).encode("utf-8", "surrogatepass")).hexdigest()
    fine_tune(
        model, reader, texts_of_epoch, log, accelerator=accelerator, config=config, seed=seed, run=run,
        folder=out_dir / "checkpoints", report=report,
    )  # fmt: skip
    best = log.restore_best(model)

    report(Progress(message="exporting to ONNX", fraction=0.9))
    served = export_served(
        model,
        splits.validation,
        lambda: [*texts_of_epoch(1), *first[::-1][:DISTILLED_CHINESE]],
        config=config,
        tokenizer_file=tokenizer_file,
        out_dir=out_dir,
        seed=seed,
        scripts=taught_scripts(u.text for u in splits.train),
    )
    shutil.rmtree(out_dir / "checkpoints", ignore_errors=True)
    tone = _tone(reviews, config=config, seed=seed, out_dir=out_dir, report=report)
    report(Progress(message="judging on the test split", fraction=0.95))
    evaluation, figures = evaluate(
        IntentClassifier.load(out_dir),
        splits,
        candidate=f"fine_tuned_epoch_{best}" if best else "linear_probe",
        training_texts=[u for e in range(best + 1) for u in texts_of_epoch(e)[(len(splits.train) if e else 0) :]],
        first_texts=first,
        encoded=encoded.numpy(),
        encoded_test=encoded_test.numpy(),
        seed=seed,
    )
    write_json(out_dir / "confusion.json", figures.pop("confusion"), sort_keys=True)
    card = {
        "seed": seed,
        "config": asdict(config),
        "device": str(accelerator.device),
        "precision": accelerator.mixed_precision,
        "data_window": _window(utterances),
        "rows": {name: _count(getattr(splits, name)) for name in ("train", "validation", "test")}
        | {"grammar_in_probe": len(first) - len(splits.train)},
        "epochs": log.rows,
        "chosen_epoch": best,
        "sentinels": {shuffled_labels.sentinel: shuffled_labels.value},
        "served": served,
        "tone": tone,
        "train_seconds": round(time.perf_counter() - started, 1),
        **figures,
    }
    write_results(out_dir, evaluation, card)
    report(Progress(message="trained", fraction=1.0, metrics={k: e.value for k, e in evaluation.metrics.items()}))
    return evaluation


def _with_labels(utterances: pa.Table, labels: pa.Table | None) -> pa.Table:
    """Return the shop's texts and, as the shop's own word, those that its people labelled outside the event log."""
    texts = utterances.select(["text", "label", "label_source"])
    if labels is None or labels.num_rows == 0:
        return texts
    own = labels.select(["text", "label"]).append_column("label_source", pa.array(["shop"] * labels.num_rows))
    return pa.concat_tables([texts.cast(own.schema), own])


def _tone(
    reviews: pa.Table | None, *, config: IntentConfig, seed: int, out_dir: Path, report: ReportProgress
) -> dict[str, Any]:
    """Learn tone from the reviews, write it where it beats the word list, and return the evidence."""
    if reviews is None:
        return {"reviews": 0, "shipped": False, "reason": "no reviews were given"}
    report(Progress(message=f"learning tone from {reviews.num_rows:,} reviews", fraction=0.92))
    stars = reviews.select(["text", "user_id"]).append_column("value", reviews["stars"])
    model, evidence = train_tone(stars, seed=seed, resamples=config.tone_resamples)
    if model is not None:
        model.save(out_dir)
    return evidence


def _count(texts: Sequence[Utterance]) -> dict[str, int]:
    return dict(Counter(utterance.source for utterance in texts))


def _window(utterances: pa.Table) -> list[str | None]:
    """Return the first and last time of the shop's texts, where the table has their times."""
    if "event_timestamp" not in utterances.column_names or utterances.num_rows == 0:
        return [None, None]
    times = pc.min_max(utterances.column("event_timestamp")).as_py()
    return [str(times["min"]), str(times["max"])]
