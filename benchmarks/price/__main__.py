"""How does demand answer a price? Each item's elasticity, and sales out of time beside a plain log-log regression.

    python -m benchmarks.price --json -               planted elasticities on the sample shop's items and prices
    python -m benchmarks.price --sales FILE --json -  item_id, date, units, price and, if given, promotion, category,
    store

Days are added up to weeks. Elasticities are of all periods; the errors are of the last fifth of them, predicted by
what was fitted on
the others, from the prices and promotions of that time. ``rmse_log`` is of the logarithm of units, over rows with
sales;
``wape`` is the sum of absolute errors over the sum of units, over all rows. ``naive_log_log`` has a slope for each
item and a level for
each series; ``no_price`` is each series' mean.
"""

import argparse
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.demand.__main__ import rounded
from benchmarks.demand.sales import read_sales
from benchmarks.output import add_json_option, write_figures
from benchmarks.price.planted import planted_sales
from models.demand.elasticity import Elasticities, elasticities, prepared
from models.demand.panel import Floats
from models.demand.prices import weekly
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

TEST_SHARE: Final = 0.2
MAX_ITEMS_PRINTED: Final = 200


def measure(rows: pd.DataFrame, *, seed: int, truth: pd.Series | None = None) -> dict[str, Any]:
    """Return every figure of the sales.

    Args:
        rows: as :func:`models.demand.elasticity.prepared` takes them.
        seed: of the trees.
        truth: each item's planted elasticity, if any.

    Raises:
        ShopsightError: there is no price, or the history is too short.
    """
    if "price" not in rows or not (rows["price"] > 0).any():
        raise ShopsightError("the sales have no prices", why="an elasticity needs them", fix="add a column price")
    table = prepared(weekly(rows))
    answers = elasticities(table, seed=seed)
    trusted = answers.distrust == ""
    usual = table.groupby("item_id")["units"].sum().reindex(answers.item_ids)
    order = np.argsort(-usual.to_numpy(), kind="stable")[:MAX_ITEMS_PRINTED]
    weekly_items = table.groupby("item_id")["units"].agg(lambda units: float((units > 0).mean()))
    sells_weekly = (weekly_items.reindex(answers.item_ids) >= 0.5).to_numpy()
    report: dict[str, Any] = {
        "rows": len(table),
        "items": len(answers.item_ids),
        "items_that_sell_weekly": int(sells_weekly.sum()),
        "trusted": int(trusted.sum()),
        "trusted_share_of_items_that_sell_weekly": float(trusted[sells_weekly].mean()) if sells_weekly.any() else None,
        "mean_elasticity": float(np.nanmean(answers.own)),
        "mean_elasticity_of_trusted": float(answers.own[trusted].mean()) if trusted.any() else None,
        "negative_share": float((answers.own[np.isfinite(answers.own)] < 0).mean()),
        "out_of_time": out_of_time(table, seed=seed),
        "per_item": [
            {
                "item_id": str(answers.item_ids[item]),
                "elasticity": float(answers.own[item]),
                "interval": [float(answers.low[item]), float(answers.high[item])],
                "cross_elasticity": float(answers.cross[item]),
                "trust": bool(trusted[item]),
                "why_not": str(answers.distrust[item]) or None,
            }
            for item in order
        ],
    }
    return report | ({} if truth is None else {"planted": _beside_truth(answers, truth, sells_weekly, table)})


def out_of_time(table: pd.DataFrame, *, seed: int) -> dict[str, Any]:
    """Return the errors of the last fifth of the periods, by model."""
    dates = np.unique(table["date"].to_numpy())
    start = dates[int(len(dates) * (1.0 - TEST_SHARE))]
    train, test = table[table["date"] < start], table[table["date"] >= start]
    test = test[test["series"].isin(set(train["series"]))]
    model = elasticities(train, seed=seed).model
    predictions = {
        "proposed": model.predict(test),
        "naive_log_log": log_log(train, test),
        "no_price": train.groupby("series")["units"].mean().reindex(test["series"]).to_numpy(),
    }
    units = test["units"].to_numpy()
    sold = units > 0
    logs = {name: np.log(np.maximum(one, 1e-6)) for name, one in predictions.items()}
    logs["proposed"] = model.predict_log(test)
    return {
        "from": str(pd.Timestamp(start).date()),
        "rows": len(test),
        **{
            name: {
                "rmse_log": float(np.sqrt(np.mean((logs[name][sold] - np.log(units[sold])) ** 2))),
                "wape": float(np.abs(one - units).sum() / units.sum()),
            }
            for name, one in predictions.items()
        },
    }


def log_log(train: pd.DataFrame, test: pd.DataFrame) -> Floats:
    """Return what a regression of log units on log price says: a slope for each item, a level for each series."""
    sold = train[train["units"] > 0]
    usual = sold.assign(log_units=np.log(sold["units"])).groupby("series")[["log_units", "log_price"]].mean()
    means = usual.reindex(sold["series"].to_numpy())
    price = sold["log_price"].to_numpy() - means["log_price"].to_numpy()
    units = np.log(sold["units"].to_numpy()) - means["log_units"].to_numpy()
    sums = pd.DataFrame({"item_id": sold["item_id"].to_numpy(), "cross": price * units, "square": price**2})
    by_item = sums.groupby("item_id")[["cross", "square"]].sum()
    slopes = (by_item["cross"] / by_item["square"].where(by_item["square"] > 1e-9)).fillna(0.0)
    there = usual.reindex(test["series"].to_numpy())
    slope = slopes.reindex(test["item_id"].to_numpy()).fillna(0.0).to_numpy()
    step = slope * (test["log_price"].to_numpy() - there["log_price"].to_numpy())
    return np.asarray(np.exp(np.nan_to_num(there["log_units"].to_numpy(), nan=-3.0) + np.nan_to_num(step)))


def _beside_truth(
    answers: Elasticities, truth: pd.Series, sells_weekly: "np.ndarray[Any, np.dtype[np.bool_]]", table: pd.DataFrame
) -> dict[str, Any]:
    planted = truth.reindex(answers.item_ids).to_numpy()
    trusted = answers.distrust == ""
    inside = (planted >= answers.low) & (planted <= answers.high)
    naive = _naive_slopes(table).reindex(answers.item_ids).to_numpy()
    return {
        "mean_absolute_error_of_trusted": float(np.abs(answers.own - planted)[trusted].mean()),
        "naive_error_of_the_same": float(np.nanmean(np.abs(naive - planted)[trusted])),
        "interval_holds": float(inside[trusted].mean()),
        "mean_absolute_error_of_those_that_sell_weekly": float(np.nanmean(np.abs(answers.own - planted)[sells_weekly])),
    }


def _naive_slopes(table: pd.DataFrame) -> pd.Series:
    sold = table[table["units"] > 0]
    own = sold["log_price"] - sold.groupby("series")["log_price"].transform("mean")
    units = np.log(sold["units"])
    units = units - units.groupby(sold["series"]).transform("mean")
    square = (own**2).groupby(sold["item_id"]).sum()
    return pd.Series((own * units).groupby(sold["item_id"]).sum() / square.where(square > 1e-9))


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sales", help="file; left out: planted elasticities on the sample shop's items")
    parser.add_argument("--seed", type=int, default=1, help="of the trees, and of what is planted")
    add_json_option(parser)
    arguments = parser.parse_args()
    try:
        if arguments.sales is None:
            rows, truth = planted_sales(Settings(), seed=arguments.seed)
            report = measure(rows, seed=arguments.seed, truth=truth)
        else:
            sales = read_sales(arguments.sales, Settings())
            report = {"sales": sales.name, "rows_left_out": dict(sales.left_out)}
            report |= measure(sales.rows, seed=arguments.seed)
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    write_figures({"benchmark": "price", **rounded(report)}, arguments.json)


if __name__ == "__main__":
    main()
