"""How long it takes to profile and group every shopper of a large shop, and to look one profile up.

    python -m benchmarks.profiles --shoppers 100000 --json -
    python -m benchmarks.profiles --home FOLDER --shoppers 100000 --json -
    python -m benchmarks.profiles --home FOLDER --url http://127.0.0.1:3011 --json -

The shoppers are those of a small sample shop, copied under further ids until there are as many as asked: the marts then
have as many rows as a shop of that size. ``per_million_seconds`` is the sum of the steps that are made of everybody,
times a million over the shoppers. ``profile`` is how long it takes to look one up in the file of all, shoppers drawn
at random, and ``made_now`` to make one from the marts. ``last_month`` is how far the forecasts of last month were off
on the shop itself. With ``--url``, ``over_http`` is how long the service of next best actions, which has to run on this
home of the sample shop (``shopsight up --only next_best_action``), takes to tell a profile to one client.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.output import add_json_option, write_figures
from benchmarks.sample_home import measured_home
from shopsight.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from models.profiling.forecasts import Forecasts

MADE = 50
"""Profiles that are made one after the other."""
LOOKED_UP = 2_000
"""Profiles that are looked up one after the other."""


def measure(settings: Settings, *, shoppers: int, seed: int) -> dict[str, Any]:
    """Return every figure of a home with marts."""
    from models.asking.rows import log_span
    from models.grouping.groups import fit_groups
    from models.grouping.traits import read_traits
    from models.profiling.forecasts import forecast_customers
    from models.profiling.profile import profile
    from models.profiling.sources import MARTS
    from shopsight.refusals import open_personal_marts

    with open_personal_marts(settings, MARTS) as connection:
        today = log_span(connection)[1]
        own = forecast_customers(connection, today, seed=seed)
        users = [row[0] for row in connection.execute("select user_id from users order by 1").fetchall()]
        made = []
        for user in users[:: max(len(users) // MADE, 1)]:
            began = time.perf_counter()
            profile(connection, user, forecasts=own, has_scores=False)
            made.append(time.perf_counter() - began)
        copies = max(round(shoppers / len(users)), 1)
        for mart in MARTS:
            connection.execute(f"""
                create temp table copied as
                select * replace (user_id || '-' || copy as user_id)
                from {mart} cross join (select unnest(range({copies})) as copy) where user_id is not null
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
        with TemporaryDirectory() as folder:
            seconds["profiles"], stored, looked_up = _stored(connection, forecasts, Path(folder), seed=seed)
    total = len(users) * copies
    return {
        "shoppers": total,
        "customers": 0 if forecasts is None else len(forecasts.users),
        "grouped": len(traits.users),
        "stored": stored,
        "seconds": {name: round(one, 2) for name, one in seconds.items()},
        "per_million_seconds": round(sum(seconds.values()) * 1e6 / total),
        "profile": _milliseconds(looked_up),
        "made_now": _milliseconds(made),
        "last_month": {} if own is None else own.last_month,
        "seed": seed,
    }


def _stored(
    connection: "duckdb.DuckDBPyConnection", forecasts: "Forecasts | None", folder: Path, *, seed: int
) -> tuple[float, dict[str, float], list[float]]:
    """Write the file of all profiles; return how long that took, what is in it, and how long each look-up took."""
    from models.profiling.lines import look_up
    from models.profiling.profile import profiles
    from shopsight.profile_store import ProfileStore, write_profiles

    home = Settings(home=folder)
    began = time.perf_counter()
    documents = profiles(connection, forecasts=forecasts, has_scores=False)
    rows = write_profiles(
        home,
        (one for one in documents if one["consent"] == "granted"),
        (),
        about={"made_at": "", "last_month": forecasts.last_month if forecasts else {}},
        refused=frozenset,
    )
    wrote = time.perf_counter() - began
    query = "select user_id from users where consent = 'granted' order by user_id"
    keys = [row[0] for row in connection.execute(query).fetchall()]
    store, waits = ProfileStore.of(home), []
    for place in np.random.default_rng(seed).integers(len(keys), size=LOOKED_UP):
        began = time.perf_counter()
        if look_up(store, [keys[place]]) is None:
            raise LookupError(f"{keys[place]} has no profile")
        waits.append(time.perf_counter() - began)
    return wrote, {"profiles": rows, "megabytes": round(home.profiles_path.stat().st_size / 1e6, 1)}, waits


def measure_service(settings: Settings, url: str) -> dict[str, Any]:
    """Return how long a running service takes to tell profiles, over one connection, and how many it has."""
    import httpx

    from shopsight.sample_shop import generate

    shop = generate(settings.sample_size, seed=settings.seed)
    ids = [str(user) for user in shop.people.user_ids]
    waits, sizes, unknown = [], [], 0
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        for user in (ids * (LOOKED_UP // len(ids) + 1))[:LOOKED_UP]:
            began = time.perf_counter()
            answer = client.get(f"/v1/users/{user}/profile")
            waits.append(time.perf_counter() - began)
            sizes.append(len(answer.content))
            if answer.status_code not in (200, 404):
                raise LookupError(f"the service answered {answer.status_code}: {answer.text[:200]}")
            unknown += answer.status_code == 404
    over_http = _milliseconds(waits) | {"requests": len(waits), "unknown": unknown}
    return {"over_http": over_http | {"mean_bytes": round(float(np.mean(sizes)))}}


def _milliseconds(waits: list[float]) -> dict[str, float]:
    return {f"p{part}_ms": round(float(np.quantile(waits, part / 100)) * 1000, 3) for part in (50, 99)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with marts; without it a small sample shop is made")
    parser.add_argument("--shoppers", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    add_json_option(parser)
    parser.add_argument("--url", help="of a service that runs on the home")
    options = parser.parse_args()
    with measured_home(options.home, seed=options.seed) as settings:
        figures = measure(settings, shoppers=options.shoppers, seed=options.seed)
    if options.url is not None:
        figures |= measure_service(Settings() if options.home is None else Settings(home=options.home), options.url)
    write_figures(figures, options.json)


if __name__ == "__main__":
    main()
