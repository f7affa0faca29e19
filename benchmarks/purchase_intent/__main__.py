"""How well a purchase in a session is foreseen, on public files.

    python -m benchmarks.purchase_intent --sessions online_shoppers_intention.csv --json -
    python -m benchmarks.purchase_intent --events events.csv --json -

``--sessions``: the UCI table, one row per session; ``online_shoppers.py`` states the protocol. ``--events``: a log in
RetailRocket's columns, cut into visits and judged after each event; ``visits.py`` states the protocol.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from benchmarks.output import add_json_option, write_figures


def main() -> None:
    """Run the benchmark from the command line."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads: idle threads must not spin
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--sessions", type=Path, help="the UCI file online_shoppers_intention.csv")
    source.add_argument("--events", type=Path, help="a log in RetailRocket's columns")
    parser.add_argument("--seeds", help="comma-separated; 1,2,3,4,5 for sessions, 1,2,3 for events")
    parser.add_argument("--folds", type=int, default=5, help="folds of each cross-validation of --sessions")
    parser.add_argument("--resamples", type=int, default=1_000, help="bootstrap resamples behind each interval")
    add_json_option(parser)
    arguments = parser.parse_args()
    seeds = [int(seed) for seed in (arguments.seeds or ("1,2,3,4,5" if arguments.sessions else "1,2,3")).split(",")]

    from shopsight.errors import ShopsightError

    try:
        report = _sessions(arguments, seeds) if arguments.sessions else _events(arguments, seeds)
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    write_figures({"benchmark": "purchase_intent", **report}, arguments.json)


def _sessions(arguments: argparse.Namespace, seeds: list[int]) -> dict[str, Any]:
    from benchmarks.purchase_intent.online_shoppers import measure_file

    return measure_file(arguments.sessions, seeds=seeds, folds=arguments.folds, resamples=arguments.resamples)


def _events(arguments: argparse.Namespace, seeds: list[int]) -> dict[str, Any]:
    from benchmarks.purchase_intent.event_log import read_events
    from benchmarks.purchase_intent.visits import measure

    return {
        "protocol": "30-minute visits; after each event before its first purchase, a purchase later in the visit; days "
        f"split in order 55/15/10/20%; a row weighs one over its visit's rows; mean over seeds {seeds}; intervals "
        "resample shoppers",
        **measure(read_events(arguments.events), seeds=seeds, resamples=arguments.resamples),
    }


if __name__ == "__main__":
    main()
