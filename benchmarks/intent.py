"""How well the intent model reads texts it has never seen the like of: a CSV with text, label, source, lang.

    python -m benchmarks.intent --test ../shared/data/intent_text/utterances.csv --json -
    python -m benchmarks.intent --train seen.csv --test unseen.csv --json -

Without ``--train`` the model learns from the shipped corpus alone; with it, from the texts of that file too, as if a
shop had labelled them, those of the test file left out. The same file for both is judged by held-out sources: a label
that comes from one source is learnt as the source's style, so each source is answered by a model that saw none of it.
One run per seed; nothing is chosen on the test file. Figures are means over the seeds, with an interval over the texts.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.output import add_json_option, write_figures
from models.evaluation.bootstrap import bootstrap_statistic
from models.evaluation.classification import (
    confusion,
    confusion_table,
    label_calibration_error,
    macro_f1,
    per_label_scores,
)
from models.evaluation.probability import roc_auc
from models.intent.predict import IntentClassifier
from models.text.normalise import detect_language, skeleton
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError
from shopsight.settings import SIZES, Settings, prepare_environment

Row = dict[str, str]
"""Text, label, source and lang."""
PER_SEED = ("macro_f1", "accuracy", "ece", "oos_auroc")
UNKNOWN = "unknown"
"""The source of a text whose file names none."""


def answers(classifier: IntentClassifier, rows: Sequence[Row]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the probability of each label for each row, (rows, labels), and whether it was rejected, (rows,)."""
    predictions = classifier.predict([row["text"] for row in rows])
    probabilities = np.array([list(prediction.probabilities.values()) for prediction in predictions])
    return probabilities, np.array([prediction.rejected for prediction in predictions])


def measure(
    probabilities: NDArray[np.float64], rejected: NDArray[np.bool_], rows: Sequence[Row], *, seed: int
) -> dict[str, Any]:
    """Return figures of the answers to ``rows``, by label, language and source."""
    truth = np.array([INTENTS.index(row["label"]) for row in rows], dtype=np.int64)
    scores = per_label_scores(truth, probabilities.argmax(axis=1), labels=len(INTENTS))
    everything = np.ones(len(rows), dtype=bool)
    figures = _figures(truth, probabilities, everything, seed=seed)
    out_of_scope = _out_of_scope(truth, probabilities, rows, seed=seed)
    figures["intervals"] |= out_of_scope.pop("intervals")
    right = probabilities.argmax(axis=1) == truth
    return figures | {
        **out_of_scope,
        "coverage": round(float((~rejected).mean()), 4),
        "answer_precision": None if rejected.all() else round(float(right[~rejected].mean()), 4),
        "per_label": {
            label: {name: round(float(values[place]), 4) for name, values in scores.items()}
            for place, label in enumerate(INTENTS)
        },
        "per_language": {
            language: _figures(truth, probabilities, _where(rows, "lang", language), seed=seed)
            for language in sorted({row["lang"] for row in rows})
        },
        "per_source": {
            source: _of_source(truth, probabilities, _where(rows, "source", source))
            for source in sorted({row["source"] for row in rows})
        },
        "confusion": confusion_table(confusion(truth, probabilities.argmax(axis=1), labels=len(INTENTS)), INTENTS),
    }


def mean_of(runs: Sequence[Any]) -> Any:
    """Return the means of every number in documents of one shape; counts of a table come out as means, too.

    >>> mean_of([{"macro_f1": 0.5, "cases": 2}, {"macro_f1": 0.7, "cases": 2}])
    {'macro_f1': 0.6, 'cases': 2}
    """
    first = runs[0]
    if isinstance(first, dict):
        return {name: mean_of([run[name] for run in runs]) for name in first}
    if isinstance(first, list):
        return [mean_of(values) for values in zip(*runs, strict=True)]
    if isinstance(first, int | float) and len(set(runs)) > 1:
        return round(float(np.mean(runs)), 4)
    return first


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test", type=Path, required=True, help="CSV with text, label and, where known, source, lang")
    parser.add_argument("--train", type=Path, help="CSV of the same columns to learn from, beside the shipped corpus")
    add_json_option(parser)
    parser.add_argument("--model", type=Path, help="a trained artefact; without it one is trained per seed")
    parser.add_argument("--size", choices=SIZES, default="small", help="training budget")
    parser.add_argument("--seeds", default="1,2,3", help="one training per seed, comma-separated")
    parser.add_argument("--limit", type=int, default=0, help="test texts per source, the first ones; 0 takes all")
    arguments = parser.parse_args()
    try:
        rows = read_texts(arguments.test, limit=arguments.limit)
        learnt = read_texts(arguments.train) if arguments.train else []
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    if arguments.model:
        runs = {"loaded": measure(*answers(IntentClassifier.load(arguments.model), rows), rows, seed=1)}
    else:
        same = arguments.train is not None and arguments.train.resolve() == arguments.test.resolve()
        folds = folds_of_sources(rows) if same else [np.ones(len(rows), dtype=np.bool_)]
        runs = {
            seed: _one_seed(rows, learnt, folds, size=arguments.size, seed=int(seed))
            for seed in arguments.seeds.split(",")
        }
    result = {
        "benchmark": "intent",
        "protocol": (
            "trained on the shipped corpus and on the texts of other sources"
            if arguments.train
            else "trained on the shipped corpus only; every source of the test file is unseen"
        ),
        "texts": len(rows),
        **mean_of(list(runs.values())),
        "per_seed": {seed: {name: run[name] for name in PER_SEED} for seed, run in runs.items()},
    }
    write_figures(result, arguments.json)


def folds_of_sources(rows: Sequence[Row]) -> list[NDArray[np.bool_]]:
    """Return folds of whole sources, so that each fold holds out at most one source of every label.

    >>> rows = [{"label": "other", "source": source} for source in "aab"]
    >>> [fold.tolist() for fold in folds_of_sources(rows)]
    [[True, True, False], [False, False, True]]
    """
    fold_of_source: dict[str, int] = {}
    for label in INTENTS:
        of_label = sorted({row["source"] for row in rows if row["label"] == label} - set(fold_of_source))
        fold_of_source |= {source: place for place, source in enumerate(of_label)}
    number = np.array([fold_of_source[row["source"]] for row in rows])
    return [number == fold for fold in sorted(set(fold_of_source.values()))]


def _one_seed(
    rows: Sequence[Row], learnt: Sequence[Row], folds: Sequence[NDArray[np.bool_]], *, size: Any, seed: int
) -> dict[str, Any]:
    """Train once per fold on what is not in it, and measure all answers together."""
    probabilities, rejected = np.empty((len(rows), len(INTENTS))), np.empty(len(rows), dtype=np.bool_)
    started = time.perf_counter()
    for fold in folds:
        asked = [row for row, member in zip(rows, fold, strict=True) if member]
        sources, texts = {row["source"] for row in asked} - {UNKNOWN}, {skeleton(row["text"]) for row in asked}
        extra = [
            row
            for row in learnt
            if skeleton(row["text"]) not in texts and (len(folds) == 1 or row["source"] not in sources)
        ]
        probabilities[fold], rejected[fold] = _train_and_answer(asked, extra, size=size, seed=seed)
    return measure(probabilities, rejected, rows, seed=seed) | {
        "train_seconds": round(time.perf_counter() - started, 1)
    }


def _train_and_answer(
    asked: Sequence[Row], extra: Sequence[Row], *, size: Any, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    settings = Settings()
    prepare_environment(settings)
    from models.intent.config import for_size
    from models.intent.train import train

    labelled = pa.table(
        {
            "text": pa.array([row["text"] for row in extra], pa.string()),
            "label": pa.array([row["label"] for row in extra], pa.string()),
            "label_source": pa.array(["shop"] * len(extra), pa.string()),
        }
    )
    config = for_size(size, encoder=settings.sentence_encoder)
    with tempfile.TemporaryDirectory() as folder:
        train(
            labelled,
            config=replace(config, shop_limit=max(config.shop_limit, len(extra))),
            out_dir=Path(folder),
            seed=seed,
            report=lambda progress: print(f"seed {seed}: {progress.message}", file=sys.stderr),
        )
        return answers(IntentClassifier.load(Path(folder)), asked)


def _figures(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], member: NDArray[np.bool_], *, seed: int
) -> dict[str, Any]:
    labels, chances = truth[member], probabilities[member]
    predicted = chances.argmax(axis=1)
    estimate = bootstrap_statistic(lambda t, p: macro_f1(t, p, labels=len(INTENTS)), labels, predicted, seed=seed)
    return {
        "cases": int(member.sum()),
        "macro_f1": round(estimate.value, 4),
        "intervals": {"macro_f1": [round(estimate.low, 4), round(estimate.high, 4)]},
        "accuracy": round(float((predicted == labels).mean()), 4),
        "ece": round(label_calibration_error(labels, chances), 4),
    }


def _out_of_scope(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], rows: Sequence[Row], *, seed: int
) -> dict[str, Any]:
    """Return how well the probability of `other` tells texts that have nothing to do with a shop from the rest.

    The model was taught that label, so its probability is the score. The maximum over the labels, which is what there
    is to go by without such a label, would say nothing here: the model is as sure of what it knows to be talk.
    """
    other = INTENTS.index("other")
    outside, score = truth == other, probabilities[:, other]
    if outside.all() or not outside.any():
        return {"oos_auroc": None, "oos_auroc_per_source": {}, "intervals": {}}
    estimate = bootstrap_statistic(roc_auc, outside, score, seed=seed)
    sources = sorted({row["source"] for row, member in zip(rows, outside, strict=True) if member})
    return {
        "oos_auroc": round(estimate.value, 4),
        "oos_auroc_per_source": {
            source: round(roc_auc(outside[asked], score[asked]), 4)
            for source in sources
            for asked in [~outside | _where(rows, "source", source)]
        },
        "intervals": {"oos_auroc": [round(estimate.low, 4), round(estimate.high, 4)]},
    }


def _of_source(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], member: NDArray[np.bool_]
) -> dict[str, Any]:
    predicted = probabilities[member].argmax(axis=1)
    guesses = np.bincount(predicted, minlength=len(INTENTS))
    return {
        "cases": int(member.sum()),
        "accuracy": round(float((predicted == truth[member]).mean()), 4),
        "predicted": {label: int(count) for label, count in zip(INTENTS, guesses, strict=True)},
    }


def _where(rows: Sequence[Row], column: str, value: str) -> NDArray[np.bool_]:
    return np.array([row[column] == value for row in rows])


def read_texts(path: Path, *, limit: int = 0) -> list[Row]:
    """Return the rows of a CSV file, the first ``limit`` of each source where it is not 0.

    Raises:
        ShopsightError: the file cannot be read, lacks a column, or holds a label that is none of the five.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names, rows = reader.fieldnames or (), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ShopsightError(f"cannot read {path}", why=str(error), fix="give a CSV file in UTF-8") from error
    if missing := {"text", "label"} - set(names):
        raise ShopsightError(
            f"{path} lacks the column {', '.join(sorted(missing))}",
            why=f"it has: {', '.join(names) or 'none'}",
            fix="give the columns text and label, and source and lang where they are known",
        )
    if wrong := {row["label"] for row in rows} - set(INTENTS):
        raise ShopsightError(
            f"{path} holds the label {sorted(wrong)[0]!r}", why=f"the labels are {', '.join(INTENTS)}", fix="map it"
        )
    texts_read: list[Row] = []
    seen: Counter[str] = Counter()
    for row in rows:
        source = row.get("source") or UNKNOWN
        seen[source] += 1
        if not limit or seen[source] <= limit:
            language = row.get("lang") or detect_language(row["text"])
            texts_read.append({"text": row["text"], "label": row["label"], "source": source, "lang": language})
    return texts_read


if __name__ == "__main__":
    main()
