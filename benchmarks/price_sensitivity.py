"""Does the feeling for prices that the log tells rank shoppers as the sample shop planted it?

    python -m benchmarks.price_sensitivity --json -

It reads the marts of ``SHOPSIGHT_HOME`` (after ``make demo`` with the sample shop) and what the generator planted with
the same seed and size. ``best_possible`` is told what no log tells: which looks were afresh, each item's true
popularity, the law by which shoppers choose, and how sensitivities are spread. Intervals resample shoppers.
"""

import argparse
import copy
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.output import add_json_option, write_figures
from models.evaluation.bootstrap import bootstrap_clusters
from models.price_sensitivity import price_sensitivities
from shopsight.errors import ShopsightError
from shopsight.first_looks import read_first_looks
from shopsight.marts import export_path, mart_exists, open_marts
from shopsight.privacy import Pseudonymiser
from shopsight.sample_shop import SampleShop, generate
from shopsight.settings import Settings

Floats = NDArray[np.float64]

MEAN_PRICE: Final = """
    with priced as (select i.*, category, items.price as listed from interactions i join items using (item_id)),
    shelves as (
        select category, avg(listed) as mean, stddev(listed) as spread
        from priced where event_name = 'view_item' group by category
    )
    select user_id, avg((mean - listed) / nullif(spread, 0)) as mean_price, count(*) as choices
    from priced join shelves using (category)
    where event_name in ('add_to_cart', 'purchase') group by user_id
"""
"""The baseline: how far below the shelf's mean viewed price, in its spread, lie the prices of carts and purchases."""
MIN_CHOICES: Final = 5
"""Carts and purchases from which the baseline is told at its best."""
SENSITIVITIES: Final = np.linspace(0.0, 1.0, 51)


def measure(settings: Settings, *, seed: int, resamples: int) -> dict[str, Any]:
    """Return every figure.

    Raises:
        ShopsightError: the marts are not there, or are of another shop.
    """
    if not mart_exists(export_path(settings, "interactions")):
        raise ShopsightError(
            f"{settings.home} has no marts", why="the mart interactions is missing", fix="run make demo first"
        )
    with open_marts(settings, ("interactions", "items")) as connection:
        estimates = price_sensitivities(read_first_looks(connection)).to_pandas().set_index("user_id")
        baseline = connection.sql(MEAN_PRICE).df().set_index("user_id")
    shop = generate(settings.sample_size, seed=settings.seed)
    planted = shop.truth.users.to_pandas().assign(best_possible=best_possible(shop))
    planted.index = planted["user_id"].map(Pseudonymiser.from_settings(settings).user)
    both = estimates.join(planted[~planted["is_bot"]], how="inner").join(baseline)
    if len(both) < 100:
        raise ShopsightError("the shoppers are not of this shop", why="size or seed differ", fix="run make demo first")
    bought = both[both["choices"] >= MIN_CHOICES]
    return {
        "all_who_looked": _correlations(both.fillna({"mean_price": 0.0}), seed, resamples),
        f"with_{MIN_CHOICES}_carts_or_purchases": _correlations(bought, seed, resamples),
    }


def _correlations(shoppers: pd.DataFrame, seed: int, resamples: int) -> dict[str, Any]:
    """Return each estimate's Spearman correlation with the planted sensitivity, and the gain over the baseline."""
    columns = ("price_sensitivity", "mean_price", "best_possible")
    truth = rankdata(shoppers["sensitivity"])
    ranks = {name: rankdata(shoppers[name]) for name in columns}

    def figures(weights: Floats) -> dict[str, float]:
        values = {name: _correlation(truth, rank, weights) for name, rank in ranks.items()}
        return values | {"gain over mean_price": values["price_sensitivity"] - values["mean_price"]}

    count = len(shoppers)
    estimates = bootstrap_clusters(
        figures, weights=np.ones(count), clusters=np.arange(count), seed=seed, resamples=resamples
    )
    return {"shoppers": count} | {
        name: [round(value, 3) for value in (one.value, one.low, one.high)] for name, one in estimates.items()
    }


def _correlation(one: Floats, other: Floats, weights: Floats) -> float:
    centred = [part - np.average(part, weights=weights) for part in (one, other)]
    spread = np.sqrt(np.prod([np.average(part**2, weights=weights) for part in centred]))
    return float(np.average(centred[0] * centred[1], weights=weights) / spread)


def best_possible(shop: SampleShop) -> Floats:
    """Return the posterior mean of each shopper's sensitivity given every look that was afresh, shape (users,).

    A sensitive shopper takes the cheapest of three items drawn by popularity, the others the first of them.
    """
    from shopsight.sample_shop.block import draw_block_sessions
    from shopsight.sample_shop.journeys import FRESH, draw_kinds, draw_views
    from shopsight.sample_shop.sessions import session_scale

    catalogue, people, config = shop.catalogue, shop.people, shop.config
    cheapest_I = np.zeros(config.items)
    for start, end in zip(catalogue.leaf_start_L[:-1], catalogue.leaf_start_L[1:], strict=True):
        order = start + np.argsort(catalogue.price_I[start:end], kind="stable")
        as_dear = np.append(np.cumsum(catalogue.weight_I[order][::-1])[::-1], 0.0)
        cheapest_I[order] = as_dear[:-1] ** 3 - as_dear[1:] ** 3
    logs_UG = np.zeros((config.users, len(SENSITIVITIES)))
    scale = session_scale(config, people)
    for number in range(shop.num_batches):
        # As the generator draws a block, from the same stream.
        rng = np.random.default_rng([shop.seed, 2, number])
        theirs, sessions = draw_block_sessions(config, catalogue, people, scale, number, rng)
        again = copy.deepcopy(rng)
        views = draw_views(catalogue, theirs, sessions, rng)
        kinds = draw_kinds(theirs, sessions, views.session_V, views.position_V, again)
        fresh = np.flatnonzero((kinds == FRESH) & ~sessions.passer_by_S[views.session_V])
        item = views.item_V[fresh]
        chance = (1 - SENSITIVITIES) * catalogue.weight_I[item][:, None] + SENSITIVITIES * cheapest_I[item][:, None]
        user = number * config.block_users + sessions.user_S[views.session_V[fresh]]
        np.add.at(logs_UG, user, np.log(chance))
    step = SENSITIVITIES[1]
    prior = np.histogram(people.sensitivity_U, bins=np.append(SENSITIVITIES, 1 + step) - step / 2)[0] + 1e-3
    logs_UG += np.log(prior)
    shares = np.exp(logs_UG - logs_UG.max(axis=1, keepdims=True))
    return np.asarray((shares @ SENSITIVITIES) / shares.sum(axis=1), dtype=np.float64)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap")
    parser.add_argument("--resamples", type=int, default=1_000, help="bootstrap resamples behind each interval")
    add_json_option(parser)
    arguments = parser.parse_args()
    try:
        report = measure(Settings(), seed=arguments.seed, resamples=arguments.resamples)
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    write_figures({"benchmark": "price_sensitivity", "figure": "Spearman correlation", **report}, arguments.json)


if __name__ == "__main__":
    main()
