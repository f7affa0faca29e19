"""How well the shipped intent model reads texts it has never seen the like of: a CSV with text, label, source, lang.

    python -m benchmarks.intent --test ../shared/data/intent_text/utterances.csv --json -

The model is trained on the shipped corpus alone (no shop, nothing of the test file), one run per seed, or loaded from
``--model``. Nothing is chosen on the test file. Figures: macro-F1, accuracy and ECE, by language and by source.
"""

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.evaluation.bootstrap import bootstrap_statistic
from models.evaluation.classification import (
    confusion,
    confusion_table,
    expected_calibration_error,
    macro_f1,
)
from models.intent.predict import IntentClassifier
from shopsight.contracts import INTENTS
from shopsight.settings import SIZES, Settings, prepare_environment


def measure(classifier: IntentClassifier, rows: Sequence[dict[str, str]], *, seed: int) -> dict[str, Any]:
    """Return figures of ``classifier`` over ``rows``, by language and source."""
    started = time.perf_counter()
    predictions = classifier.predict([row["text"] for row in rows])
    seconds = time.perf_counter() - started
    probabilities = np.array([list(p.probabilities.values()) for p in predictions])
    truth = np.array([INTENTS.index(row["label"]) for row in rows], dtype=np.int64)
    by_language = {
        language: _figures(truth, probabilities, np.array([row["lang"] == language for row in rows]), seed=seed)
        for language in sorted({row["lang"] for row in rows})
    }
    by_source = {}
    for source in sorted({row["source"] for row in rows}):
        member = np.array([row["source"] == source for row in rows])
        guesses = np.bincount(probabilities[member].argmax(axis=1), minlength=len(INTENTS))
        by_source[source] = {
            "cases": int(member.sum()),
            "accuracy": round(float((probabilities[member].argmax(axis=1) == truth[member]).mean()), 4),
            "predicted": {label: int(count) for label, count in zip(INTENTS, guesses, strict=True)},
        }
    everything = np.ones(len(rows), dtype=bool)
    return {
        "all": _figures(truth, probabilities, everything, seed=seed),
        "by_language": by_language,
        "by_source": by_source,
        "confusion": confusion_table(confusion(truth, probabilities.argmax(axis=1), labels=len(INTENTS)), INTENTS),
        "texts_per_second": round(len(rows) / seconds, 1),
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--test", type=Path, required=True, help="CSV with the columns text, label, source, lang")
    parser.add_argument("--json", default="-", help="where the figures go; - is standard output")
    parser.add_argument("--model", type=Path, help="a trained artefact; without it one is trained per seed")
    parser.add_argument("--size", choices=SIZES, default="small", help="training budget")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--limit", type=int, default=0, help="texts per source, the first ones; 0 takes all")
    arguments = parser.parse_args()
    rows = _read(arguments.test, arguments.limit)
    if arguments.model:
        runs = {"loaded": measure(IntentClassifier.load(arguments.model), rows, seed=1)}
    else:
        runs = {str(seed): _train_and_measure(rows, size=arguments.size, seed=seed) for seed in arguments.seeds}
    result = {
        "benchmark": "intent",
        "protocol": "trained on the shipped corpus only; every source of the test file is unseen",
        "cases": len(rows),
        "macro_f1_mean": round(float(np.mean([run["all"]["macro_f1"] for run in runs.values()])), 4),
        "runs": runs,
    }
    text = json.dumps(result, indent=2, ensure_ascii=False)
    if arguments.json == "-":
        sys.stdout.write(text + "\n")
    else:
        Path(arguments.json).write_text(text + "\n")


def _train_and_measure(rows: Sequence[dict[str, str]], *, size: Any, seed: int) -> dict[str, Any]:
    settings = Settings()
    prepare_environment(settings)
    from models.intent.config import for_size
    from models.intent.train import train

    none = pa.table({name: pa.array([], pa.string()) for name in ("text", "label", "label_source")})
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        evaluation = train(
            none,
            config=for_size(size, encoder=settings.encoder),
            out_dir=Path(folder),
            seed=seed,
            device=settings.device,
            precision=settings.precision,
            report=lambda progress: print(f"seed {seed}: {progress.message}", file=sys.stderr),
        )
        seconds = time.perf_counter() - started
        figures = measure(IntentClassifier.load(Path(folder)), rows, seed=seed)
    own = {name: round(estimate.value, 4) for name, estimate in evaluation.metrics.items()}
    return figures | {"train_seconds": round(seconds, 1), "candidate": evaluation.candidate, "own_test_split": own}


def _figures(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], member: NDArray[np.bool_], *, seed: int
) -> dict[str, Any]:
    labels, chances = truth[member], probabilities[member]
    predicted = chances.argmax(axis=1)
    estimate = bootstrap_statistic(lambda t, p: macro_f1(t, p, labels=len(INTENTS)), labels, predicted, seed=seed)
    return {
        "cases": int(member.sum()),
        "macro_f1": round(estimate.value, 4),
        "macro_f1_interval": [round(estimate.low, 4), round(estimate.high, 4)],
        "accuracy": round(float((predicted == labels).mean()), 4),
        "ece": round(expected_calibration_error(labels, chances), 4),
    }


def _read(path: Path, limit: int) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not limit:
        return rows
    seen: dict[str, int] = {}
    kept = []
    for row in rows:
        seen[row["source"]] = seen.get(row["source"], 0) + 1
        if seen[row["source"]] <= limit:
            kept.append(row)
    return kept


if __name__ == "__main__":
    main()
