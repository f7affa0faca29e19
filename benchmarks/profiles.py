"""How long it takes to forecast and group every shopper of a large shop, and to read one profile.

    python -m benchmarks.profiles --shoppers 100000 --json -
    python -m benchmarks.profiles --home FOLDER --shoppers 100000 --json -

The shoppers are those of a small sample shop, copied under further ids until there are as many as asked: the marts then
have as many rows as a shop of that size. ``per_million_seconds`` is the sum of the steps that are made of everybody,
times a million over the shoppers. ``last_month`` is how far the forecasts of last month were off on the shop itself.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ask import sample_home
from benchmarks.output import add_json_option, write_figures
from shopsight.settings import Settings

PROFILES = 200
"""Profiles that are read one after the other."""
COPIED = ("user_features_daily", "user_taste_features_daily", "user_order_history_daily")


def measure(settings: Settings, *, shoppers: int, seed: int) -> dict[str, Any]:
    """Return every figure of a home with marts."""
    from models.asking.rows import log_span
    from models.grouping.groups import fit_groups
    from models.grouping.traits import read_traits
    from models.profiling.forecasts import forecast_customers
    from models.profiling.profile import MARTS, profile
    from shopsight.refusals import open_personal_marts

    with open_personal_marts(settings, MARTS) as connection:
        today = log_span(connection)[1]
        own = forecast_customers(connection, today, seed=seed)
        users = connection.execute("select distinct user_id from user_features_daily order by 1").fetchall()
        waits = []
        for (user,) in users[:: max(len(users) // PROFILES, 1)]:
            began = time.perf_counter()
            profile(connection, user, forecasts=own, has_scores=False)
            waits.append((time.perf_counter() - began) * 1000)
        copies = max(round(shoppers / len(users)), 1)
        for mart in COPIED:
            connection.execute(f"""
                create temp table copied as
                select * replace (user_id || '-' || copy as user_id)
                from {mart} cross join (select unnest(range({copies})) as copy)
            """)
            connection.execute(f"drop view {mart}")
            connection.execute(f"alter table copied rename to {mart}")
        seconds = {}
        began = time.perf_counter()
        forecasts = forecast_customers(connection, today, seed=seed)
        seconds["forecasts"] = time.perf_counter() - began
        began = time.perf_counter()
        traits = read_traits(connection, today)
        seconds["traits"] = time.perf_counter() - began
        began = time.perf_counter()
        fit_groups(traits.traits, seed=seed).assign(traits.traits)
        seconds["groups"] = time.perf_counter() - began
    total = len(users) * copies
    return {
        "shoppers": total,
        "customers": 0 if forecasts is None else len(forecasts.users),
        "grouped": len(traits.users),
        "seconds": {name: round(one, 2) for name, one in seconds.items()},
        "per_million_seconds": round(sum(seconds.values()) * 1e6 / total),
        "profile": {
            "p50_ms": round(float(np.quantile(waits, 0.5)), 1),
            "p99_ms": round(float(np.quantile(waits, 0.99)), 1),
        },
        "last_month": {} if own is None else own.last_month,
        "seed": seed,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with marts; without it a small sample shop is made")
    parser.add_argument("--shoppers", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    add_json_option(parser)
    options = parser.parse_args()
    if options.home is not None:
        figures = measure(Settings(home=options.home), shoppers=options.shoppers, seed=options.seed)
    else:
        with sample_home(options.seed) as settings:
            figures = measure(settings, shoppers=options.shoppers, seed=options.seed)
    write_figures(figures, options.json)


if __name__ == "__main__":
    main()
