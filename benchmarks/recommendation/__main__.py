"""How well the recommender ranks the next item, on a public file: train, choose on validation, measure once.

    python -m benchmarks.recommendation --interactions Beauty.txt --attributes Beauty_item2attributes.json --json -

The interactions are in the S3-Rec text format (one user per line, oldest first). Leave-one-out, full ranking of the
whole catalogue, history masked, the order of the file. Progress goes to standard error.

    python -m benchmarks.recommendation --protocol held_out --interactions events.csv --held-out heldout_purchases.csv

ranks held-out purchases from a log of views, carts and purchases in RetailRocket's columns; ``--protocol time`` and
``--protocol session`` read the same log.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.output import add_json_option, write_figures
from benchmarks.recommendation.reader import read_attributes, read_sequences
from shopsight.errors import ShopsightError
from shopsight.settings import SIZES, Settings, prepare_environment

if TYPE_CHECKING:  # torch comes with it, and --help can do without
    from models.recommender.views import Run

LEAVE_ONE_OUT = (
    "leave-one-out in the order of the file: last item test, the one before validation (part of the history at test "
    "time, not of the training); all items of the file ranked, the user's history masked; weights and epochs chosen "
    "on validation, the test split ranked once; 1,000 bootstrap resamples over users"
)
HELD_OUT = (
    "held-out purchases: one per shopper, in no row of the log and without a time; weights and epochs chosen on drawn "
    "purchases whose rows are taken out of the log, models then fitted on the whole log; all items ranked, what the "
    "shopper touched masked, targets that the log does not know are misses; 1,000 bootstrap resamples over shoppers"
)

SESSION = (
    "next item of a session, half an hour apart, repeats in a row counted once; the last tenth of the log's time is "
    "the test, the tenth before it validation, whole sessions; nothing masked, cold targets left out and counted; "
    "averaged per session; 1,000 bootstrap resamples over sessions"
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
    parser.add_argument("--protocol", choices=["leave_one_out", "time", "session", "held_out"], default="leave_one_out")
    parser.add_argument("--held-out", type=Path, help="CSV of visitorid,itemid for --protocol held_out")
    parser.add_argument("--size", choices=SIZES, default="medium", help="training budget; default medium")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    parser.add_argument("--speed", action="store_true", help="measure training speed beside its floor, train nothing")
    add_json_option(parser)
    options = parser.parse_args(arguments)
    prepare_environment(Settings())
    try:
        document = measure(options)
    except ShopsightError as error:
        raise SystemExit(str(error)) from error
    write_figures(document, options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return every figure of the chosen protocol, see :func:`benchmarks.recommendation.document.document`."""
    from models.device import new_accelerator
    from models.recommender.config import for_size
    from models.recommender.views import Run

    config, accelerator = for_size(options.size), new_accelerator(options.device, options.precision)
    runs = {seed: Run(config=config, seed=seed, accelerator=accelerator, checkpoints=None) for seed in options.seeds}
    head = {
        "benchmark": "recommendation",
        "size": options.size,
        "seeds": options.seeds,
        "precision": accelerator.mixed_precision,
    }
    protocol = {"leave_one_out": _leave_one_out, "time": _time, "session": _session, "held_out": _held_out}
    return head | protocol[options.protocol](options, runs)


def _say_of(seed: int) -> Callable[[str], None]:
    """Return what prints the progress of a seed, with the seconds since now."""
    started = time.perf_counter()

    def say(message: str) -> None:
        print(f"[{time.perf_counter() - started:7.1f} s] seed {seed}: {message}", file=sys.stderr, flush=True)

    return say


def _leave_one_out(options: argparse.Namespace, runs: Mapping[int, "Run"]) -> dict[str, Any]:
    from benchmarks.recommendation.contenders.gru4rec import for_size
    from benchmarks.recommendation.document import document
    from benchmarks.recommendation.leave_one_out import LEAVE_ONE_OUT_BASELINES, run_seed
    from benchmarks.recommendation.speed import measure_speed
    from benchmarks.recommendation.split import leave_one_out

    sequences = read_sequences(options.interactions)
    split = leave_one_out(sequences.items)
    attributes_NA = np.zeros((split.train.items, 0), dtype=np.int64)
    if options.attributes:
        attributes_NA = read_attributes(options.attributes, split.train.item_ids)
    if options.speed:
        return measure_speed(split.train, attributes_NA, runs[options.seeds[0]], threads=(1, 2))
    gru4rec = for_size(options.size)
    results = {seed: run_seed(split, attributes_NA, run, gru4rec, _say_of(seed)) for seed, run in runs.items()}
    return {
        "protocol": LEAVE_ONE_OUT,
        "order": "the order of the file",
        "users": len(sequences.users),
        "items": split.train.items,
        "interactions": sequences.interactions,
        "cases": len(split.test),
        "users_too_short_to_ask": split.too_short,
        "items_with_attributes": int((attributes_NA > 0).any(axis=1).sum()),
        **document(results, split.test, split.train.distinct_users_per_item(), baselines=LEAVE_ONE_OUT_BASELINES),
    }


def _time(options: argparse.Namespace, runs: Mapping[int, "Run"]) -> dict[str, Any]:
    from benchmarks.recommendation.event_log import read_event_log
    from benchmarks.recommendation.time_split import run_seed

    interactions = read_event_log(options.interactions)
    device = {"device": options.device, "precision": options.precision}
    results = {
        str(seed): run_seed(interactions, run.config, seed=seed, **device, say=_say_of(seed))
        for seed, run in runs.items()
    }
    metrics = [name for name in next(iter(results.values())) if "@" in name]
    return {
        "order": "by time",
        "interactions": len(interactions),
        **{name: round(float(np.mean([result[name] for result in results.values()])), 5) for name in metrics},
        "per_seed": results,
    }


def _session(options: argparse.Namespace, runs: Mapping[int, "Run"]) -> dict[str, Any]:
    from benchmarks.recommendation.contenders.gru4rec import for_size
    from benchmarks.recommendation.document import document
    from benchmarks.recommendation.event_log import read_event_log
    from benchmarks.recommendation.sessions import SESSION_BASELINES, as_sessions, run_seed, split_sessions
    from models.recommender.dataset import Interactions

    data = as_sessions(Interactions.from_tables(read_event_log(options.interactions)))
    first, last = data.times_E.min(), data.times_E.max()
    starts = [first + share * (last - first) for share in (0.8, 0.9)]
    validation = split_sessions(data, start=starts[0], end=starts[1])
    test = split_sessions(data, start=starts[1], end=float("inf"))
    gru4rec = for_size(options.size)
    results = {seed: run_seed(validation, test, run, gru4rec, _say_of(seed)) for seed, run in runs.items()}
    users_per_item_N = test.train.distinct_users_per_item()
    return {
        "protocol": SESSION,
        "order": "by time",
        "items": test.train.items,
        "interactions": len(data),
        "cases": len(test.cases),
        "cold_targets": test.cold_targets,
        **document(results, test.cases, users_per_item_N, baselines=SESSION_BASELINES),
    }


def _held_out(options: argparse.Namespace, runs: Mapping[int, "Run"]) -> dict[str, Any]:
    from benchmarks.recommendation.baselines import BASELINES
    from benchmarks.recommendation.document import document
    from benchmarks.recommendation.held_out import WITHOUT_OTHER_BEHAVIOURS, read_held_out, run_seed, test_cases

    if options.held_out is None:
        raise SystemExit("--protocol held_out needs --held-out FILE, a CSV of visitorid,itemid")
    source = read_held_out(options.interactions, options.held_out)
    results = {seed: run_seed(source, run, _say_of(seed)) for seed, run in runs.items()}
    cases, users_per_item_N = test_cases(source), source.data.distinct_users_per_item()
    baselines = (*BASELINES, WITHOUT_OTHER_BEHAVIOURS)
    return {
        "protocol": HELD_OUT,
        "order": "by time",
        "users": len(source.visitors),
        "items": source.data.items,
        "interactions": len(source.data),
        "cases": len(cases),
        "cold_targets": int(sum(users_per_item_N[case.target] == 0 for case in cases)),
        **document(results, cases, users_per_item_N, baselines=baselines),
    }


def _seeds(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


if __name__ == "__main__":
    main()
