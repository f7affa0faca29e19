"""What next best actions are worth on a sample shop whose shoppers answer a message as planted.

    python -m benchmarks.next_best_action --json -
    python -m benchmarks.next_best_action --home FOLDER --lots 5 --json -

Half of the shoppers with an account are on the lists of one campaign after the other, of each of which half are held
out by lot; the model learns from what they did. The other half are then decided about, and what the decisions add is
counted by the planted effects: ``share_of_best`` is over what could be added if each shopper's effect were known.
``intervals_with_the_truth`` are parts whose interval holds the mean planted effect of the shoppers in it. Everything is
drawn and answered anew ``--lots`` times; what is served is the model where it passes its gate, else the baseline.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.output import add_json_option, write_figures
from benchmarks.sample_home import measured_home
from models.evaluation.approval import gate
from models.next_best_action.config import for_size
from models.next_best_action.dataset import AGE, FEATURES, NOTHING, action_rows
from models.next_best_action.predict import NextBestAction
from models.next_best_action.train import train
from models.progress import ignore_progress
from models.training import BASELINE_FOLDER
from shopsight.privacy import Pseudonymiser
from shopsight.sample_shop import generate
from shopsight.sample_shop.responses import ORDER_VALUE, Responses, answer, draw_responses
from shopsight.settings import Settings, Size

Floats = NDArray[np.float64]

CAMPAIGNS = (1, 16)
"""Campaigns that are learnt from; a shop that runs one a week has the last after a season."""
MARGIN = 0.3 * ORDER_VALUE
MESSAGE = 0.05
STATES = """
    select user_id, arg_max(rows, feature_timestamp) as state from user_features_daily as rows
    where user_id like 'u_%' group by user_id order by user_id
"""


def measure(settings: Settings, *, size: Size, lots: int, seed: int) -> dict[str, Any]:
    """Return every figure of a home with the marts of the sample shop."""
    shop = generate(size, seed=seed)
    states, place_U = _states(settings, [str(user) for user in shop.people.user_ids])
    responses = draw_responses(shop.people, seed=shop.seed)
    effect_U, expected_U = responses.effect_U[place_U], responses.without_U[place_U]
    after = {}
    for campaigns in CAMPAIGNS:
        runs = [_run(states, place_U, responses, effect_U, campaigns, seed=seed + lot) for lot in range(lots)]
        after[f"after_{campaigns}"] = _summary(runs)
    return {
        "shoppers": len(place_U),
        "orders_without": round(float(expected_U.mean()), 4),
        "effect_of_everybody": round(float(effect_U.mean()), 4),
        "lots": lots,
        **after,
        "seed": seed,
    }


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    parts = [hit for run in runs for hit in run["hits"]]
    return {
        "served": {name: sum(run["served"] == name for run in runs) for name in ("model", "everybody", "nothing")},
        **{
            name: round(float(np.mean([run[name] for run in runs])), 4)
            for name in ("money_a_shopper", "best", "everybody", "share_of_best", "acted_on")
        },
        "intervals_judged": len(parts),
        "intervals_with_the_truth": round(float(np.mean(parts)), 4) if parts else None,
    }


def _states(settings: Settings, users: list[str]) -> tuple[pa.Table, NDArray[np.intp]]:
    """Return what is known of each shopper with an account on the log's last day, and their places in the shop."""
    from models.asking.rows import log_span
    from shopsight.refusals import open_personal_marts

    pseudonym = Pseudonymiser.from_settings(settings)
    place = {pseudonym.user(user): number for number, user in enumerate(users)}
    with open_personal_marts(settings, ("user_features_daily",)) as connection:
        end = log_span(connection)[1]
        rows = [row for row in connection.execute(STATES).fetchall() if row[0] in place]
    columns: dict[str, Any] = {name: [state[name] for _, state in rows] for name in FEATURES}
    ages = [end - state["feature_timestamp"].timestamp() / 86_400 for _, state in rows]
    table = pa.table({"user_id": [user for user, _ in rows], AGE: ages, **columns})
    return table, np.array([place[user] for user, _ in rows], dtype=np.intp)


def _run(
    states: pa.Table,
    place_U: NDArray[np.intp],
    responses: Responses,
    effect_U: Floats,
    campaigns: int,
    *,
    seed: int,
) -> dict[str, Any]:
    rng = np.random.default_rng([seed, 41])
    listed_U = rng.random(len(place_U)) < 0.5
    tables = []
    for _ in range(campaigns):
        sent_U = rng.random(len(place_U)) < 0.5
        sent = np.zeros(len(responses.kind_U), dtype=np.bool_)
        sent[place_U[sent_U]] = True
        tables.append(_labelled(states, sent_U, answer(responses, sent, rng=rng)[place_U]))
    with TemporaryDirectory() as folder:
        evaluation = train(
            pa.concat_tables([table.filter(pa.array(listed_U)) for table in tables]),
            config=for_size("small"),
            out_dir=Path(folder),
            seed=seed,
            device="cpu",
            precision="fp32",
            report=ignore_progress,
        )
        passed = gate(evaluation).eligible
        model = NextBestAction.load(Path(folder) if passed else Path(folder) / BASELINE_FOLDER)
    rows = action_rows(tables[0].filter(pa.array(~listed_U)))
    decided = model.decide(rows.features_RF)
    acts = np.array([one.action != NOTHING for one in decided])
    gain = effect_U[~listed_U] * MARGIN - MESSAGE
    best = float(np.maximum(gain, 0.0).mean())
    value = float((gain * acts).mean())
    return {
        "served": "model" if passed else "everybody" if acts.any() else "nothing",
        "money_a_shopper": value,
        "best": best,
        "everybody": float(gain.mean()),
        "share_of_best": value / best,
        "acted_on": float(acts.mean()),
        "hits": _hits(model, rows.features_RF, effect_U[~listed_U]),
    }


def _labelled(states: pa.Table, sent_U: NDArray[np.bool_], spent_U: Floats) -> pa.Table:
    count = states.num_rows
    outcomes = {
        "campaign": ["first"] * count,
        "action": ["reminder"] * count,
        "is_sent": sent_U,
        "chance_sent": np.full(count, 0.5),
        "ordered": spent_U > 0,
        "order_margin": np.full(count, MARGIN),
        "message_cost": np.full(count, MESSAGE),
        "discount": np.zeros(count),
    }
    return pa.table({**{name: states[name] for name in states.column_names}, **outcomes})


def _hits(model: NextBestAction, features_RF: Floats, effect_R: Floats) -> list[bool]:
    """Return of each part whether its interval holds the mean planted effect of the unseen shoppers in it."""
    hits = []
    for action in model.actions.values():
        places = action.places(features_RF)
        for place, part in enumerate(action.parts):
            inside = effect_R[places == place]
            if len(inside):
                hits.append(bool(part.orders.low <= inside.mean() <= part.orders.high))
    return hits


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with marts of the sample shop; else a small one is made")
    parser.add_argument("--lots", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    add_json_option(parser)
    options = parser.parse_args()
    with measured_home(options.home, seed=options.seed) as settings:
        figures = measure(settings, size=settings.sample_size, lots=options.lots, seed=options.seed)
    write_figures(figures, options.json)


if __name__ == "__main__":
    main()
