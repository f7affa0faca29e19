"""Can a policy's worth be told from what another one showed?

    python -m benchmarks.off_policy --logs FOLDER --json -

``FOLDER`` holds logs as the Open Bandit Dataset lays them: ``<policy>/<campaign>/<campaign>.csv[.gz]`` with the columns
``item_id``, ``position``, ``click`` and ``propensity_score``. Each policy's click rate is told from the log of each
other one and compared with what it had itself. On the sample shop, ten policies are put in order from the log of one.
"""

import argparse
from itertools import permutations
from pathlib import Path
from typing import Any

from benchmarks.off_policy.bandit_log import BanditLog, find_logs, read_log
from benchmarks.off_policy.directions import HEADLINE, told_from
from benchmarks.off_policy.ordering import measure_orders
from benchmarks.output import add_json_option, write_figures
from shopsight.errors import ShopsightError


def measure_logs(folder: Path, *, seed: int) -> dict[str, Any]:
    """Return what each policy earns by the log of each other one, campaign by campaign.

    A log that cannot be read costs its own directions; why stands in their place.

    Raises:
        ShopsightError: there are no logs of two policies.
    """
    files = find_logs(folder)
    campaigns = sorted({campaign for of_policy in files.values() for campaign in of_policy})
    directions: dict[str, dict[str, Any]] = {}
    missing = []
    for campaign in campaigns:
        logs: dict[str, BanditLog] = {}
        for policy, paths in files.items():
            if campaign not in paths:
                missing.append(f"{policy} has no log of the campaign {campaign}")
                continue
            try:
                logs[policy] = read_log(paths[campaign], policy=policy, campaign=campaign)
            except ShopsightError as error:
                missing.append(str(error))
        for logged, target in permutations(logs, 2):
            directions.setdefault(campaign, {})[f"{logged}_to_{target}"] = told_from(
                logs[logged], logs[target], seed=seed
            )
    every = [direction for of_campaign in directions.values() for direction in of_campaign.values()]
    evaluable = [direction for direction in every if direction["not_evaluable"] is None]
    return {
        "directions": len(every),
        "evaluable": len(evaluable),
        "held": {
            name: sum(direction["holds"][name] for direction in evaluable)
            for name in (evaluable[0]["holds"] if evaluable else ())
        },
        "missing": missing,
        "campaigns": directions,
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=Path, help="folder of logs; left out, only the sample shop is measured")
    parser.add_argument("--shops", type=int, default=10, help="sample shops, each of a seed of its own; 0 for none")
    parser.add_argument("--lists", type=int, default=1_000_000, help="lists that are shown in each sample shop")
    parser.add_argument("--seed", type=int, default=1, help="of every draw")
    add_json_option(parser)
    arguments = parser.parse_args()
    report: dict[str, Any] = {"benchmark": "off_policy", "judged": HEADLINE}
    try:
        if arguments.logs is not None:
            report["logs"] = measure_logs(arguments.logs, seed=arguments.seed)
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    if arguments.shops > 0:
        seeds = range(arguments.seed, arguments.seed + arguments.shops)
        report["sample_shop"] = measure_orders("tiny", seeds=seeds, lists=arguments.lists)
    write_figures(report, arguments.json)


if __name__ == "__main__":
    main()
