"""How stable behaviour groups are, and whether the sample shop's planted segments are found.

    python -m benchmarks.groups --json -
    python -m benchmarks.groups --home FOLDER --json -

Adjusted Rand indices: between models of two halves of the shoppers, between this week's and last week's model (both on
today's shoppers), and between the groups and the segments that the generator drew for known users. Beside the last
stands what a classifier that was taught the segments reaches on shoppers it has not seen: no grouping can find what
the traits do not hold. Times are of reading the traits and of fitting, on as many shoppers as the home has.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.output import add_json_option, write_figures
from benchmarks.sample_home import measured_home
from shopsight.settings import Settings


def measure(settings: Settings, *, seed: int, shop_seed: int | None) -> dict[str, Any]:
    """Return every figure of a home with marts.

    Args:
        settings: says where the marts are.
        seed: of the draws.
        shop_seed: of the small sample shop that the home holds; None where it holds another shop.
    """
    from models.asking.rows import log_span
    from models.grouping.report import groups_of_day
    from models.grouping.traits import MARTS, read_traits
    from shopsight.refusals import open_personal_marts

    with open_personal_marts(settings, MARTS) as connection:
        today = log_span(connection)[1]
        began = time.perf_counter()
        traits = read_traits(connection, today)
        read = time.perf_counter() - began
        began = time.perf_counter()
        day = groups_of_day(connection, today, seed=seed)
        made = time.perf_counter() - began
    figures = {
        "shoppers": len(traits.users),
        "groups": len(day.grouping.ids),
        "between_halves": day.document["between_halves"],
        "between_weeks": day.document["between_weeks"],
        "tried": day.document["tried"],
        "names": {str(group["id"]): [group["name"], group["name_zh"]] for group in day.document["groups"]},
        "seconds": {"read_traits": round(read, 2), "groups_of_day": round(made, 2)},
        "seed": seed,
    }
    if shop_seed is not None:
        figures |= _planted(settings, traits, day.grouping.assign(traits.traits), shop_seed, seed)
    return figures


def _planted(settings: Settings, traits: Any, places: Any, shop_seed: int, seed: int) -> dict[str, Any]:
    from models.grouping.groups import adjusted_rand_index
    from shopsight.privacy import Pseudonymiser
    from shopsight.sample_shop import generate

    truth = generate("small", seed=shop_seed).truth.users.select(["user_id", "segment"]).to_pylist()
    pseudonyms = Pseudonymiser.from_settings(settings)
    segment_of = {pseudonyms.user(row["user_id"]): row["segment"] for row in truth if row["user_id"]}
    known_rows = np.array([user in segment_of for user in traits.users])
    segments = np.unique([segment_of[user] for user in traits.users[known_rows]], return_inverse=True)[1]
    return {
        "planted_segments": {
            "shoppers": int(known_rows.sum()),
            "adjusted_rand_index": round(adjusted_rand_index(places[known_rows], segments), 4),
            "taught": _taught(traits.traits[known_rows], segments, seed=seed),
        }
    }


def _taught(traits: Any, labels: Any, *, seed: int) -> dict[str, float]:
    """Return what trees that are taught the labels reach on shoppers they have not seen."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict

    from models.grouping.groups import adjusted_rand_index

    predicted = cross_val_predict(HistGradientBoostingClassifier(max_iter=60, random_state=seed), traits, labels, cv=4)
    return {
        "adjusted_rand_index": round(adjusted_rand_index(predicted, labels), 4),
        "accuracy": round(float((predicted == labels).mean()), 4),
        "commonest": round(float(np.bincount(labels).max() / len(labels)), 4),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with marts; without it a small sample shop is made")
    parser.add_argument("--shop-seed", type=int, help="seed of the small sample shop that --home holds")
    parser.add_argument("--seed", type=int, default=7)
    add_json_option(parser)
    options = parser.parse_args()
    shop_seed = options.seed if options.home is None else options.shop_seed
    with measured_home(options.home, seed=options.seed) as settings:
        figures = measure(settings, seed=options.seed, shop_seed=shop_seed)
    write_figures(figures, options.json)


if __name__ == "__main__":
    main()
