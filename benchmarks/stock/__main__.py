"""What does ordering by forecasts save? Simulated orders on planted demand and lead times, beside rules without any.

    python -m benchmarks.stock --json -             60 items of the sample shop, seeds 101 to 103
    python -m benchmarks.stock --seeds 5 --items 100

Every other week for sixteen weeks a rule orders; what it cannot sell is lost, what lies in stock costs. Both have a
price: the margin, and a quarter of an item's cost a year. The product orders by its own functions and defaults. Of
rules without a forecast (see ``benchmarks/stock/rules.py``) ``fixed_levels`` sets its levels once, as a minimum and
maximum in a shop system are; ``weeks_of_cover`` and ``safety_stock`` are reckoned anew at every order. The window of
each is chosen on other seeds (1 to 3), where the product's own constants were chosen, too; on the reported seeds each
is given the dial at which it sells the share of the units wanted that the product sells there, so that costs are
compared at equal service.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from scipy.stats import t

from benchmarks.demand.__main__ import rounded
from benchmarks.output import add_json_option, write_figures
from benchmarks.stock.planted import COUNTED_DAYS, WARM_UP_DAYS, planted_world
from benchmarks.stock.rules import FIXED, WINDOWS, Rule, all_rules, by_forecast, by_rules
from benchmarks.stock.simulate import Floats, Outcome, simulate

TUNING_SEEDS: Final = (1, 2, 3)
FIRST_SEED: Final = 101
SERVICES: Final = (0.98, 0.99, 0.995)
"""Shares of the units wanted at which a window is chosen."""
WANTED: Final = 0.15
"""Part of the best fixed rule's cost that should be saved."""


def measure(*, seeds: int, items: int) -> dict[str, Any]:
    """Return what the product and each kind of rule cost on each reported seed."""
    rules = all_rules()
    worlds = [planted_world(items, seed=seed) for seed in TUNING_SEEDS]
    tuned = [simulate(world, by_rules(world, rules), rules=len(rules)) for world in worlds]
    windows = {kind: _best_window(kind, rules, tuned) for kind in WINDOWS}
    rows: list[dict[str, Any]] = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        ours, theirs = _outcomes(seed, items, rules)
        fill = float(ours.fill_rate_R[0])
        costs = {kind: _cost_at(kind, window, rules, theirs, fill) for kind, window in windows.items()}
        rows.append(
            {
                "seed": seed,
                "fill_rate": fill,
                "cost": float(ours.cost_R[0]),
                "lost_margin": float(ours.lost_margin_R[0]),
                "holding": float(ours.holding_R[0]),
                "cost_at_equal_service": costs,
            }
        )
    below = {
        kind: _interval([1.0 - row["cost"] / row["cost_at_equal_service"][kind] for row in rows]) for kind in windows
    }
    return {
        "items": items,
        "days": COUNTED_DAYS,
        "warm_up_days": WARM_UP_DAYS,
        "seeds": seeds,
        "windows_chosen_on_other_seeds": windows,
        "cost_below_fixed_levels": below[FIXED],
        "wanted": WANTED,
        "cost_below": below,
        "fill_rate": float(np.mean([row["fill_rate"] for row in rows])),
        "by_seed": rows,
    }


def _outcomes(seed: int, items: int, rules: Sequence[Rule]) -> tuple[Outcome, Outcome]:
    """Return what came of the product and of every rule in one world."""
    print(f"seed {seed}", file=sys.stderr)
    world = planted_world(items, seed=seed)
    ours = simulate(world, by_forecast(world, seed=seed), rules=1)
    return ours, simulate(world, by_rules(world, rules), rules=len(rules))


def _best_window(kind: str, rules: Sequence[Rule], tuned: Sequence[Outcome]) -> int:
    """Return the window that costs least at some levels of service, on average."""

    def cost(window: int) -> float:
        return float(np.mean([_cost_at(kind, window, rules, one, fill) for one in tuned for fill in SERVICES]))

    return min(WINDOWS[kind], key=cost)


def _cost_at(kind: str, window: int, rules: Sequence[Rule], outcome: Outcome, fill_rate: float) -> float:
    """Return what a kind of rule costs at the dial that reaches a fill rate; the nearest where none does."""
    rows = _rows(kind, window, rules)
    fill, cost = outcome.fill_rate_R[rows], outcome.cost_R[rows]
    order = np.argsort(fill)
    return float(np.interp(fill_rate, fill[order], cost[order]))


def _rows(kind: str, window: int, rules: Sequence[Rule]) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    return np.flatnonzero([rule.kind == kind and rule.window == window for rule in rules])


def _interval(values: Sequence[float]) -> list[float]:
    """Return the mean over seeds with its 95% interval by Student's t."""
    numbers: Floats = np.array(values)
    mean = float(numbers.mean())
    if len(numbers) < 2:
        return [mean, float("nan"), float("nan")]
    half = float(t.ppf(0.975, len(numbers) - 1) * numbers.std(ddof=1) / np.sqrt(len(numbers)))
    return [mean, mean - half, mean + half]


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="worlds that are reported")
    parser.add_argument("--items", type=int, default=60, help="items of each world")
    add_json_option(parser)
    arguments = parser.parse_args()
    report = measure(seeds=arguments.seeds, items=arguments.items)
    write_figures({"benchmark": "stock", **rounded(report)}, arguments.json)


if __name__ == "__main__":
    main()
