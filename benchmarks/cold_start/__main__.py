"""How well items that nobody touched, and shoppers of whom nothing is known, are served.

    python -m benchmarks.cold_start --json -
    python -m benchmarks.cold_start --interactions Beauty.txt --attributes Beauty_item2attributes.json --json -

Without files, the sample shop is generated, once per seed, into a home that is deleted afterwards; the files are in the
S3-Rec text format. A seeded tenth of the items and a tenth of the shoppers are left out of the training altogether.
Of the other shoppers those are asked about whose last new item is a left-out one: it is ranked among the left-out items
from what went before. Left-out shoppers are asked about their next new item after one item, and after three.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.output import add_json_option, write_figures
from shopsight.errors import ShopsightError
from shopsight.settings import SIZES, Settings, prepare_environment

if TYPE_CHECKING:  # torch comes with it, and --help can do without
    from benchmarks.cold_start.measuring import SeedFigures

PROTOCOL = (
    "a tenth of the items and of the shoppers held out by seed; every shopper's last new item is asked for, and all "
    "from then on left out of the training; cold items are ranked among the cold items not touched before, a cold "
    "shopper's next item among all others, their own masked; nothing is chosen on these targets; means and 1,000 "
    "bootstrap resamples over shoppers, of all seeds together"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cold_start",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--interactions", type=Path, help="text file: user item item …, oldest first")
    parser.add_argument("--attributes", type=Path, help="JSON object: item -> list of attribute ids")
    parser.add_argument("--seeds", type=_seeds, default=[1, 2, 3], help="comma-separated; default 1,2,3")
    parser.add_argument("--size", choices=SIZES, default="small", help="training budget, and size of the sample shop")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    add_json_option(parser)
    options = parser.parse_args(arguments)
    if (options.interactions is None) != (options.attributes is None):
        parser.error("--interactions and --attributes go together: without attributes nothing is known of a cold item")
    prepare_environment(Settings())
    try:
        document = measure(options)
    except ShopsightError as error:
        raise SystemExit(str(error)) from error
    write_figures(document, options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return every figure as one document."""
    from benchmarks.cold_start.measuring import BLEND, SERVED, run_seed
    from benchmarks.cold_start.sources import from_files, sample_shop
    from models.device import new_accelerator
    from models.recommender.config import for_size

    started = time.perf_counter()
    accelerator = new_accelerator(options.device, options.precision)
    seeds: dict[int, SeedFigures] = {}
    for seed in options.seeds:

        def say(message: str, seed: int = seed) -> None:
            print(f"[{time.perf_counter() - started:7.1f} s] seed {seed}: {message}", file=sys.stderr, flush=True)

        with tempfile.TemporaryDirectory() as folder:
            if options.interactions:
                shop = from_files(options.interactions, options.attributes)
            else:
                shop = sample_shop(Path(folder), options.size, seed=seed, say=say)
            seeds[seed] = run_seed(shop, for_size(options.size), seed=seed, accelerator=accelerator, say=say)
    # The shoppers of a file are the same ones under every seed, those of a generated shop are others each time.
    apart = 0 if options.interactions else 10_000_000
    users = {seed: place * apart for place, seed in enumerate(seeds)}
    return {
        "benchmark": "cold_start",
        "source": options.interactions.name if options.interactions else f"sample shop, {options.size}",
        "size": options.size,
        "seeds": options.seeds,
        "precision": accelerator.mixed_precision,
        "protocol": PROTOCOL,
        "cold_items": _figures(
            {seed: (one.item_ranks, one.item_users + users[seed]) for seed, one in seeds.items()}, SERVED
        ),
        "cold_users": {
            f"after {after} item{'s' * (after > 1)}": _figures(
                {seed: (one.user_ranks[after], one.user_users[after] + users[seed]) for seed, one in seeds.items()},
                BLEND,
            )
            for after in next(iter(seeds.values())).user_ranks
        },
        "per_seed": {str(seed): one.report for seed, one in seeds.items()},
        "seconds": round(time.perf_counter() - started, 1),
    }


def _figures(
    seeds: Mapping[int, tuple[Mapping[str, NDArray[np.int64]], NDArray[np.int64]]], served: str
) -> dict[str, Any]:
    """Return NDCG@10 and Recall@10 of every contender over the cases of all seeds, and what ``served`` gains."""
    from models.evaluation.bootstrap import bootstrap_mean
    from models.evaluation.ranking import mean_per_user, ndcg_at, recall_at

    users_C = np.concatenate([users for _, users in seeds.values()])
    names = list(next(iter(seeds.values()))[0])
    ranks = {name: np.concatenate([of[name] for of, _ in seeds.values()]) for name in names}
    metrics = {"ndcg@10": ndcg_at, "recall@10": recall_at}
    document: dict[str, Any] = {"cases": len(users_C), "shoppers": len(np.unique(users_C)), "served": served}
    per_user = {
        name: {metric: mean_per_user(of(ranks_C, 10), users_C)[1] for metric, of in metrics.items()}
        for name, ranks_C in ranks.items()
    }
    document["contenders"] = {
        name: {metric: _estimate(bootstrap_mean(values, seed=0)) for metric, values in of.items()}
        for name, of in per_user.items()
    }
    document["gains"] = {
        name: _estimate(bootstrap_mean(per_user[served]["ndcg@10"] - of["ndcg@10"], seed=0))
        for name, of in per_user.items()
        if name != served
    }
    return document


def _estimate(estimate: Any) -> dict[str, float]:
    return {name: round(float(getattr(estimate, name)), 5) for name in ("value", "low", "high")}


def _seeds(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


if __name__ == "__main__":
    main()
