"""How well the recommender ranks the next item, on a public file: train, choose on validation, measure once.

    python -m benchmarks.recommendation --interactions Beauty.txt --attributes Beauty_item2attributes.json --json -

The interactions are in the S3-Rec text format (one user per line, oldest first). Leave-one-out, full ranking of the
whole catalogue, history masked, the order of the file. Progress goes to standard error.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.recommendation.reader import read_attributes, read_sequences
from shopsight.errors import ShopsightError
from shopsight.settings import SIZES, Settings, prepare_environment

PROTOCOL = (
    "leave-one-out in the order of the file: last item test, the one before validation (part of the history at test "
    "time, not of the training); all items of the file ranked, the user's history masked; weights and epochs chosen "
    "on validation, the test split ranked once; 1,000 bootstrap resamples over users"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recommendation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--interactions", type=Path, required=True, help="text file: user item item …, oldest first")
    parser.add_argument("--attributes", type=Path, help="JSON object: item -> list of attribute ids")
    parser.add_argument("--seeds", type=_seeds, default=[1, 2, 3], help="comma-separated; default 1,2,3")
    parser.add_argument("--protocol", choices=["leave_one_out"], default="leave_one_out")
    parser.add_argument("--size", choices=SIZES, default="medium", help="training budget; default medium")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    parser.add_argument("--speed", action="store_true", help="measure training speed beside its floor, train nothing")
    parser.add_argument("--json", default="-", help="where the figures go; - is standard output")
    options = parser.parse_args(arguments)
    prepare_environment(Settings())
    try:
        document = measure(options)
    except ShopsightError as error:
        raise SystemExit(str(error)) from error
    text = json.dumps(document, indent=2)
    if options.json == "-":
        sys.stdout.write(text + "\n")
    else:
        Path(options.json).write_text(text + "\n")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return every figure: means over seeds at the top level, then intervals, baselines, the ablation and seeds."""
    from benchmarks.recommendation.figures import group_figures, intervals, list_figures, means, per_user
    from benchmarks.recommendation.leave_one_out import BASELINES, run_seed
    from models.device import new_accelerator
    from models.recommender.config import for_size
    from models.recommender.leave_one_out import leave_one_out

    sequences = read_sequences(options.interactions)
    split = leave_one_out(sequences.items)
    attributes_NA = np.zeros((split.train.items, 0), dtype=np.int64)
    if options.attributes:
        attributes_NA = read_attributes(options.attributes, split.train.item_ids)
    config = for_size(options.size)
    accelerator = new_accelerator(options.device, options.precision)
    if options.speed:
        from benchmarks.recommendation.speed import measure_speed

        return {"benchmark": "recommendation speed", "size": options.size} | measure_speed(
            split.train, attributes_NA, config=config.transformer, accelerator=accelerator, threads=(1, 2)
        )
    started = time.perf_counter()

    results = {}
    for seed in options.seeds:

        def say(message: str, seed: int = seed) -> None:
            print(f"[{time.perf_counter() - started:7.1f} s] seed {seed}: {message}", file=sys.stderr, flush=True)

        results[seed] = run_seed(split, attributes_NA, config=config, seed=seed, accelerator=accelerator, say=say)
        say(f"test {means(per_user(results[seed].ranked['candidate']))}")
    known_N = split.train.distinct_users_per_item()
    values = {
        name: {
            metric: np.mean([per_user(result.ranked[name])[metric] for result in results.values()], axis=0)
            for metric in per_user(results[options.seeds[0]].ranked[name])
        }
        # Seeds may choose different views: only what every seed has ranked has a mean over seeds.
        for name in results[options.seeds[0]].ranked
        if all(name in result.ranked for result in results.values())
    }
    ablation = [name for name in values if name not in ("candidate", *BASELINES)]
    reports = [result.report for result in results.values()]
    return {
        "benchmark": "recommendation",
        "protocol": PROTOCOL,
        "order": "the order of the file",
        "users": len(sequences.users),
        "items": split.train.items,
        "interactions": sequences.interactions,
        "cases": len(split.test),
        "users_too_short_to_ask": split.too_short,
        "items_with_attributes": int((attributes_NA > 0).any(axis=1).sum()) if attributes_NA.shape[1] else 0,
        "size": options.size,
        "seeds": options.seeds,
        "precision": accelerator.mixed_precision,
        **means(values["candidate"]),
        **_mean_of([list_figures(result.ranked["candidate"], known_N) for result in results.values()]),
        "train_seconds": round(float(np.mean([report["train_seconds"] for report in reports])), 1),
        "train_cpu_seconds": round(float(np.mean([report["train_cpu_seconds"] for report in reports])), 1),
        "parameters": reports[0]["parameters"],
        "peak_memory_mb": max(report["peak_memory_mb"] for report in reports),
        "intervals": intervals(values["candidate"], seed=options.seeds[0]),
        "gains": {
            name: _gain(values["candidate"]["ndcg@10"], values[name]["ndcg@10"], seed=options.seeds[0])
            for name in BASELINES
        },
        "baselines": {
            name: means(values[name])
            | {"intervals": intervals(values[name], seed=options.seeds[0])}
            | _mean_of([list_figures(result.ranked[name], known_N) for result in results.values()])
            for name in BASELINES
        },
        "ablation": {
            name: {metric: means(values[name])[metric] for metric in ("ndcg@10", "recall@10")}
            | {"candidate_gains": _gain(values["candidate"]["ndcg@10"], values[name]["ndcg@10"], seed=options.seeds[0])}
            for name in ablation
        },
        "groups": group_figures(results[options.seeds[0]].ranked["candidate"], split.test, known_N),
        "per_seed": {
            str(seed): means(per_user(result.ranked["candidate"])) | result.report for seed, result in results.items()
        },
    }


def _gain(candidate: Any, baseline: Any, *, seed: int) -> dict[str, float]:
    from models.evaluation.bootstrap import bootstrap_mean

    found = bootstrap_mean(candidate - baseline, seed=seed)
    return {"value": round(found.value, 5), "low": round(found.low, 5), "high": round(found.high, 5)}


def _mean_of(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([one[name] for one in figures])), 5) for name in figures[0]}


def _seeds(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


if __name__ == "__main__":
    main()
