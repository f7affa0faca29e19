"""How well questions in words are answered: twenty that can be, ten that give their answer away.

    python -m benchmarks.ask --json -
    python -m benchmarks.ask --home FOLDER --json -

Without ``--home`` a small sample shop is generated and its marts built. The churn and purchase intent families' own
training stands beside the two questions that they answer, on the same rows: the difference of ROC AUC is
``hand_built``. Every question is answered as ``shopsight ask`` answers it, and timed.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.output import add_json_option, write_figures
from benchmarks.sample_home import measured_home
from shopsight.settings import Settings

if TYPE_CHECKING:
    import duckdb

QUESTIONS: Final = (
    "customers who do not order within 28 days",
    "customers who will order within 28 days",
    "will buy again in the next 30 days",
    "sessions that end in a purchase",
    "shoppers who return an item within 14 days",
    "customers who return an item within 28 days",
    "customers who have ordered twice and who spend more than 50 in 30 days",
    "customers who order at least twice within 28 days",
    "customers who spend at least 100 in the next 28 days",
    "shoppers who have never ordered and who place their first order within 14 days",
    "shoppers who view an item from brand {brand} within 14 days",
    "shoppers who buy in category {category} within 28 days",
    "shoppers who viewed {category} items in the last 14 days and who buy in category {category} within 14 days",
    "shoppers who add an item to the cart in the next week",
    "shoppers who add something to their wish list within 14 days",
    "shoppers who write a review within 28 days",
    "shoppers who search in the next 7 days",
    "shoppers who ask a question within 2 weeks",
    "customers who have not visited in the last 14 days and who come back within 14 days",
    "shoppers who put an item into the cart and do not order within 7 days",
)
"""What can be asked; a log that lacks an event refuses its question."""
LEAKY: Final = (
    "customers who have ordered in the last 28 days",
    "customers who ordered in the next 28 days and who order within 28 days",
    "among shoppers who will buy within 28 days, who will buy within 28 days?",
    "shoppers who will have ordered at least once within 28 days",
    "customers who do not order within 28 days using days_to_next_order",
    "customers who order within 28 days given that they buy next week",
    "loyal customers who order within 28 days",
    "customers with a high churn score who churn within 28 days",
    "customers who will order in the last 7 days",
    "customers who have never ordered and who order within 28 days",
)
"""What gives its answer away, or asks for what is known at the cut-off."""
CHURN_QUESTION, VISITS_QUESTION = QUESTIONS[0], QUESTIONS[3]


def measure(settings: Settings, *, seed: int) -> dict[str, Any]:
    """Return the figures of every question on a home with marts."""
    from models.asking.answer import MARTS, answer
    from shopsight.refusals import open_personal_marts

    with open_personal_marts(settings, (*MARTS, "churn_labels")) as connection:
        names = _names(connection)
        asked = {}
        for template in QUESTIONS:
            began = time.perf_counter()
            document = answer(connection, template.format(**names), seed=seed).document
            asked[document["question"]] = _row(document) | {"seconds": round(time.perf_counter() - began, 1)}
            print(f"{document['question']}: {document['verdict']} {document['roc_auc']}", file=sys.stderr)
        refused = {text: answer(connection, text, seed=seed).document for text in LEAKY}
        churn = hand_built_churn(connection, settings, seed=seed)
    judged = {text: row for text, row in asked.items() if row["verdict"] != "refused"}
    question = asked[CHURN_QUESTION]["roc_auc"]
    return {
        "asked": len(asked),
        "judged": len(judged),
        "eligible": sum(row["verdict"] == "eligible" for row in asked.values()),
        "max_seconds": max(row["seconds"] for row in asked.values()),
        "leaky": len(refused),
        "leaky_refused": sum(document["verdict"] == "refused" for document in refused.values()),
        "hand_built": {
            "churn": {
                "asked": question,
                "hand_built": churn,
                "gain": None if question is None or churn is None else round(question - churn, 4),
            },
        },
        "questions": asked,
        "refusals": {text: document["reason"] for text, document in refused.items()},
        "seed": seed,
    }


def hand_built_churn(connection: "duckdb.DuckDBPyConnection", settings: Settings, *, seed: int) -> float | None:
    """Return the ROC AUC of the churn family's own training on the same marts; None where it judges nothing."""
    from models.asking.rows import visible_rows
    from models.churn.config import for_size
    from models.churn.train import train
    from shopsight.contracts import USER_ORDER_HISTORY
    from shopsight.families import CHURN_USER_FEATURES

    orders = visible_rows(connection, "user_order_history_daily", USER_ORDER_HISTORY)
    state = visible_rows(connection, "user_features_daily", CHURN_USER_FEATURES)
    table = connection.sql(f"""
        with histories as (
            select labels.*, {", ".join(f"orders.{name}" for name in USER_ORDER_HISTORY)}
            from churn_labels as labels asof left join {orders} as orders
                on labels.user_id = orders.user_id and labels.event_timestamp >= orders.visible
        )
        select histories.*, {", ".join(f"state.{name}" for name in CHURN_USER_FEATURES)}, users.age_band, users.gender
        from histories asof left join {state} as state
            on histories.user_id = state.user_id and histories.event_timestamp >= state.visible
        left join users on histories.user_id = users.user_id
        order by histories.event_timestamp, histories.user_id
    """).to_arrow_table()
    with tempfile.TemporaryDirectory() as folder:
        evaluation = train(
            table,
            config=for_size(settings.training_size),
            out_dir=Path(folder),
            seed=seed,
            device="cpu",
            precision="float32",
            report=lambda _: None,
        )
    return None if evaluation.not_evaluable else round(evaluation.metrics["roc_auc"].value, 4)


def _row(document: dict[str, Any]) -> dict[str, Any]:
    names = ("verdict", "roc_auc", "interval", "baselines", "population", "positives", "reason")
    return {name: document[name] for name in names}


def _names(connection: "duckdb.DuckDBPyConnection") -> dict[str, str]:
    """Return the brand and the uppermost category with the most orders."""
    sold = "from order_items where {0} is not null group by 1 order by count(*) desc, 1 limit 1"
    brand = connection.execute(f"select brand {sold.format('brand')}").fetchone()
    level = "trim(split_part(category, '>', 1))"
    category = connection.execute(f"select {level} {sold.format('category')}").fetchone()
    return {"brand": f'"{brand[0]}"' if brand else "", "category": f'"{category[0]}"' if category else ""}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with marts; without it a small sample shop is made")
    parser.add_argument("--seed", type=int, default=7)
    add_json_option(parser)
    options = parser.parse_args()
    with measured_home(options.home, seed=options.seed) as settings:
        figures = measure(settings, seed=options.seed)
    write_figures(figures, options.json)


if __name__ == "__main__":
    main()
