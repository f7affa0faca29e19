"""Does the loop close: is a change of taste noticed, learnt and served again while nobody looks?

    python -m benchmarks.loop --json -

A sample shop, whose shoppers want other goods from a day on, is played day by day on the real chain: its lists are
shown, its events land, the warehouse, features, drift and feedback are made anew, and what the sensor asks for is
trained, judged, approved by the policy and packaged. Each day's lists are judged by what shoppers looked at next.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.loop.curve import curve_svg
from benchmarks.loop.play import Plan, play
from benchmarks.loop.recovery import summary
from benchmarks.output import add_json_option, write_figures
from shopsight.sample_shop import SampleShopConfig
from shopsight.whole_files import replaced

SHOP: Final = SampleShopConfig(
    users=900, items=200, events=60_000, days=48, passer_by_sessions=1.0, taste_changes_on=28
)
PLAN: Final = Plan(shop=SHOP, first_day=24, last_day=42, cooldown_hours=72.0)


def measure(plan: Plan, seeds: list[int]) -> dict[str, Any]:
    """Return the figures of each seed, and the mean of the shares that came back."""
    assert plan.shop.taste_changes_on is not None
    runs = {}
    for seed in seeds:
        days = play(plan, seed=seed, say=_say)
        runs[str(seed)] = summary(days, change=plan.shop.taste_changes_on, seed=seed)
    shares = [run["recovered"]["value"] for run in runs.values()]
    return {
        "shop": {"shoppers": plan.shop.users, "events": plan.shop.events, "days": plan.last_day - plan.first_day + 1},
        "cool-down hours": plan.cooldown_hours,
        "recovered": float(np.mean(shares)),
        "seeds": runs,
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="7", help="seeds of the shops, with commas between them")
    parser.add_argument("--picture", type=Path, help="where the curve of the first seed is drawn, as SVG")
    add_json_option(parser)
    arguments = parser.parse_args()
    figures = measure(PLAN, [int(seed) for seed in arguments.seeds.split(",")])
    if arguments.picture is not None:
        with replaced(arguments.picture) as staging:
            staging.write_text(curve_svg(next(iter(figures["seeds"].values()))))
    write_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
