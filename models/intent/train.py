"""Train the intent classifier: read the texts with the frozen encoder, fit one layer, calibrate, judge once."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.evaluation.calibration import softmax
from models.evaluation.classification import fit_temperature, label_negative_log_likelihood, macro_f1
from models.evaluation.results import Evaluation
from models.intent.config import IntentConfig
from models.intent.corpus import Utterance, read_corpus
from models.intent.dataset import Splits, labels_of, read_shop_utterances, split_by_group, thin
from models.intent.evaluate import PROTOCOL, evaluate
from models.intent.fitting import Fitted, fit_head, unseen_logits
from models.intent.languages import is_latin, read_untaught
from models.intent.predict import SCRIPTS_APART, IntentClassifier, script_of, write_config
from models.intent.rejection import reject_threshold, taught_scripts
from models.intent.sentinels import check_run
from models.intent.tone_training import train_tone
from models.progress import Progress, ReportProgress
from models.text.normalise import normalise
from models.text.sentences import SentenceEncoder, load_sentence_encoder
from models.training import impossible, write_results
from shopsight.contracts import INTENTS
from shopsight.whole_files import write_json

MIN_CASES_PER_TEMPERATURE: Final = 40
FOREIGN_LOSS: Final = 0.005
"""Share of the validation texts in Latin letters that may be taken for another language."""


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
    report: ReportProgress,
    reviews: pa.Table | None = None,
    labels: pa.Table | None = None,
) -> Evaluation:
    """Train on the shipped corpus and the shop's labelled texts; write the artefact and its evidence into ``out_dir``.

    Args:
        utterances: the shop's texts, columns ``text``, ``label``, ``label_source`` and, for the card,
            ``event_timestamp``; may have no rows.
        config: settings of the run.
        out_dir: receives head.safetensors, config.json, evaluation.json, card.json and confusion.json.
        seed: of the split and the bootstrap.
        report: is told after every stage.
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
    encoder = load_sentence_encoder(config.encoder, threads=2)
    report(Progress(message=f"reading and fitting {len(splits.train):,} texts", fraction=0.05))
    untaught = [text for texts in read_untaught().values() for text in texts]
    fitted = fit_head(splits.train, untaught, encoder, config=config)
    fitted.head.save(out_dir)
    of_validation, of_test = (encoder.encode([u.text for u in texts]) for texts in (splits.validation, splits.test))
    shuffled_labels = check_run(
        fitted.vectors_ND, labels_of(splits.train), of_validation, labels_of(splits.validation), seed=seed
    )
    report(Progress(message="asking about styles that it was not taught", fraction=0.6))
    calibration, served = _calibrate(fitted, splits, encoder, config=config, out_dir=out_dir)
    tone = _tone(reviews, config=config, seed=seed, out_dir=out_dir, report=report)
    report(Progress(message="judging on the test split", fraction=0.95))
    evaluation, figures = evaluate(
        IntentClassifier.load(out_dir),
        splits,
        candidate="sentence_vectors_and_ngrams",
        training_texts=splits.train,
        vectors=fitted.vectors_ND,
        vectors_of_test=of_test,
        seed=seed,
    )
    write_json(out_dir / "confusion.json", figures.pop("confusion"), sort_keys=True)
    card = {
        "seed": seed,
        "config": asdict(config),
        "data_window": _window(utterances),
        "rows": {name: _count(getattr(splits, name)) for name in ("train", "validation", "test")},
        "calibration": calibration,
        "sentinels": {shuffled_labels.sentinel: shuffled_labels.value},
        "served": served,
        "tone": tone,
        "train_seconds": round(time.perf_counter() - started, 1),
        **figures,
    }
    write_results(out_dir, evaluation, card)
    report(Progress(message="trained", fraction=1.0, metrics={k: e.value for k, e in evaluation.metrics.items()}))
    return evaluation


def _calibrate(
    fitted: Fitted,
    splits: Splits,
    encoder: SentenceEncoder,
    *,
    config: IntentConfig,
    out_dir: Path,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Choose the temperatures on styles left out and the thresholds on validation; return evidence and config.json."""
    rows, unseen = unseen_logits(fitted)
    truth, texts = labels_of(splits.train)[rows], [splits.train[row].text for row in rows]
    scripts = np.array([script_of(text) for text in texts])
    temperatures = {
        script: fit_temperature(truth[member], unseen[member]) if len(rows) else 1.0
        for script in SCRIPTS_APART
        for member in [scripts == script if (scripts == script).sum() >= MIN_CASES_PER_TEMPERATURE else scripts != ""]
    }
    clean = [normalise(u.text) for u in splits.validation]
    divisors = np.array([[temperatures[script_of(text)]] for text in clean])
    outputs = fitted.head.read(clean, encoder)
    logits, language = outputs[:, :-1], outputs[[is_latin(text) for text in clean], -1]
    probabilities, right = softmax(logits / divisors), logits.argmax(axis=1) == labels_of(splits.validation)
    served = write_config(
        out_dir,
        encoder=encoder,
        labels=INTENTS,
        temperatures=temperatures,
        reject_below=reject_threshold(
            probabilities.max(axis=1), right, precision=config.answer_precision, min_coverage=config.min_coverage
        ),
        foreign_above=float(np.quantile(language, 1 - FOREIGN_LOSS)) if len(language) else 0.0,
        scripts=taught_scripts(u.text for u in splits.train),
    )
    evidence = {
        "unseen_style_texts": len(rows),
        "unseen_style_macro_f1": macro_f1(truth, unseen.argmax(axis=1), labels=len(INTENTS)),
        "validation_macro_f1": macro_f1(labels_of(splits.validation), logits.argmax(axis=1), labels=len(INTENTS)),
        "validation_nll": label_negative_log_likelihood(labels_of(splits.validation), probabilities),
    }
    return evidence, served


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
