"""How long the intent of a short text takes on one core: the eager torch model, ONNX, int8, and the static form.

    python -m benchmarks.intent_speed --json -

Each is asked from a string to probabilities, as the service asks it: cleaning and tokenising count. Speed hangs on
shapes and not on what was learnt, so the encoder is the bundled one under an untrained head. Forms take turns, so that
a busy machine slows all of them alike; beside the wall clock stands the processor time, which other jobs move less.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.output import add_json_option, write_figures
from shopsight.contracts import INTENTS
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
ONE, BATCH = TEXTS[:1], TEXTS
Ask = Callable[[Sequence[str]], object]


def measure(ways: dict[str, Ask], texts: Sequence[str], *, repeats: int) -> dict[str, dict[str, float]]:
    """Return the median milliseconds of each way, on the wall clock and of the processor."""
    wall: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(repeats + 3):
        for name, ask in ways.items():
            before = time.perf_counter(), time.process_time()
            ask(texts)
            after = time.perf_counter(), time.process_time()
            if repeat >= 3:  # the first ones allocate
                wall[name].append(after[0] - before[0])
                processor[name].append(after[1] - before[1])
    return {
        name: {
            "p50_ms": round(float(np.median(wall[name])) * 1000, 3),
            "p90_ms": round(float(np.quantile(wall[name], 0.9)) * 1000, 3),
            "p50_processor_ms": round(float(np.median(processor[name])) * 1000, 3),
        }
        for name in ways
    }


def prepared_ways(folder: Path) -> dict[str, Ask]:
    """Return every form of one classifier, as a function of texts; each runs on one thread."""
    import torch

    from models.evaluation.calibration import softmax
    from models.intent.config import for_size
    from models.intent.distillation import HIDDEN, WIDTH, principal_components
    from models.intent.export import FULL_GRAPH, INT8_GRAPH, export_graph, quantise_graph, write_config
    from models.intent.inputs import Reader
    from models.intent.model import build_model
    from models.intent.ngrams import PATHS
    from models.intent.predict import IntentClassifier
    from models.intent.static_model import STATIC_FILE, StaticModel

    torch.set_num_threads(1)
    config = for_size("small")
    model, tokenizer_file = build_model(config)
    model.eval()
    reader = Reader(tokenizer_file, config)
    pieces = principal_components(model.encoder.get_input_embeddings().weight, width=WIDTH)  # type: ignore[operator]
    export_graph(model, folder / FULL_GRAPH)
    quantise_graph(folder / FULL_GRAPH, folder / INT8_GRAPH)
    rng = np.random.default_rng(7)
    StaticModel(
        pieces_VD=pieces.numpy().astype(np.float16),
        hidden_HD=rng.normal(size=(HIDDEN, WIDTH)).astype(np.float32),
        hidden_bias_H=np.zeros(HIDDEN, dtype=np.float32),
        head_LH=rng.normal(size=(len(INTENTS), HIDDEN)).astype(np.float32),
        head_bias_L=np.zeros(len(INTENTS), dtype=np.float32),
        grams_GL=np.zeros((config.ngram_buckets + 1, len(INTENTS)), dtype=np.float32),
    ).save(folder / STATIC_FILE)

    def eager(texts: Sequence[str]) -> object:
        with torch.inference_mode():
            return softmax(model(*reader.batch(texts, torch.device("cpu"))).numpy())

    ways: dict[str, Ask] = {"torch": eager}
    for name, file in (("onnx", FULL_GRAPH), ("int8", INT8_GRAPH), ("static", STATIC_FILE)):
        temperatures = dict.fromkeys(PATHS, 1.0)
        write_config(folder, config=config, tokenizer_file=tokenizer_file, graph=file, temperatures=temperatures)
        ways[name] = IntentClassifier.load(folder, threads=1).predict
    return ways


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_json_option(parser)
    parser.add_argument("--repeats", type=int, default=100, help="times that each form is asked")
    arguments = parser.parse_args()
    prepare_environment(Settings())
    with tempfile.TemporaryDirectory() as folder:
        ways = prepared_ways(Path(folder))
        megabytes = {path.name: round(path.stat().st_size / 1e6, 1) for path in sorted(Path(folder).glob("model.*"))}
    one = measure(ways, ONE, repeats=arguments.repeats)
    batch = measure(ways, BATCH, repeats=max(3, arguments.repeats // 2))
    result: dict[str, Any] = {
        "benchmark": "intent_speed",
        "protocol": f"one thread, string to probabilities, medians of {arguments.repeats} rounds in turn",
        "one_text": one,
        "batch_of_16": {
            name: figures | {"texts_per_second": round(len(BATCH) / figures["p50_ms"] * 1000)}
            for name, figures in batch.items()
        },
        "int8_p50_ms": one["int8"]["p50_ms"],
        "int8_rate_over_torch": round(batch["torch"]["p50_ms"] / batch["int8"]["p50_ms"], 2),
        "int8_rate_over_torch_by_processor": round(
            batch["torch"]["p50_processor_ms"] / batch["int8"]["p50_processor_ms"], 2
        ),
        "static_rate_over_int8_by_processor": round(
            batch["int8"]["p50_processor_ms"] / batch["static"]["p50_processor_ms"], 1
        ),
        "megabytes": megabytes,
    }
    write_figures(result, arguments.json)


if __name__ == "__main__":
    main()
