"""How long the intent of a short text takes on one core.

    python -m benchmarks.intent_speed --json -

From a string to probabilities, as the service asks it: cleaning, the sentence vector and the n-grams count. Beside the
wall clock stands the processor time, which other jobs on the machine move less.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.output import add_json_option, write_figures
from models.intent.predict import IntentClassifier
from shopsight.settings import Settings, prepare_environment

TEXTS = (
    "red running shoes under 80",
    "does it fit a size 46?",
    "which is better, the aero 3 or the nova 2?",
    "arrived broken, very disappointed",
    "where is my order",
    "waterproof hiking jacket women",
    "is the battery replaceable",
    "compare the sonora and the echoic headphones",
    "love it, fits perfectly and looks great",
    "can you tell me a joke",
    "espresso machine with grinder",
    "how long does delivery take to france",
    "usb c charger 65w",
    "difference between the small and the large one",
    "five stars, would buy again",
    "i forgot my password",
)
Ask = Callable[[Sequence[str]], object]


def measure(ask: Ask, batches: Sequence[Sequence[str]], *, repeats: int) -> dict[str, float]:
    """Return milliseconds of one call, on the wall clock and of the processor."""
    wall, processor = [], []
    for texts in batches:
        ask(texts)  # the first call allocates
    for _ in range(repeats):
        for texts in batches:
            before = time.perf_counter(), time.process_time()
            ask(texts)
            wall.append(time.perf_counter() - before[0])
            processor.append(time.process_time() - before[1])
    return {
        "p50_ms": round(float(np.median(wall)) * 1000, 3),
        "p90_ms": round(float(np.quantile(wall, 0.9)) * 1000, 3),
        "p50_processor_ms": round(float(np.median(processor)) * 1000, 3),
        "p99_processor_ms": round(float(np.quantile(processor, 0.99)) * 1000, 3),
    }


def prepared(folder: Path) -> IntentClassifier:
    """Return a classifier on one thread, trained on a part of the corpus; speed hangs on shapes alone."""
    from models.intent.config import for_size
    from models.intent.train import train
    from models.progress import ignore_progress

    columns = ("text", "label", "label_source")
    no_texts = pa.table({name: pa.array([], pa.string()) for name in columns})
    config = replace(for_size("small"), corpus_share=0.2)
    train(no_texts, config=config, out_dir=folder, seed=7, report=ignore_progress)
    return IntentClassifier.load(folder, threads=1)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_json_option(parser)
    parser.add_argument("--repeats", type=int, default=100, help="times that each text is asked")
    arguments = parser.parse_args()
    prepare_environment(Settings())
    with tempfile.TemporaryDirectory() as folder:
        classifier = prepared(Path(folder))
        megabytes = sum(path.stat().st_size for path in Path(folder).glob("*.safetensors")) / 1e6
    batch = measure(classifier.predict, [TEXTS], repeats=arguments.repeats)
    result: dict[str, Any] = {
        "benchmark": "intent_speed",
        "protocol": f"one thread, string to probabilities, {arguments.repeats} rounds",
        "one_text": measure(classifier.predict, [[text] for text in TEXTS], repeats=arguments.repeats),
        "batch_of_16": batch | {"texts_per_second": round(len(TEXTS) / batch["p50_ms"] * 1000)},
        "megabytes": round(megabytes, 1),
    }
    write_figures(result, arguments.json)


if __name__ == "__main__":
    main()
