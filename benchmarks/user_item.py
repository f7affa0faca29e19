"""Will this shopper buy this item within a week? Measured on the sample shop's marts, beside "viewed of late".

    python -m benchmarks.user_item --json -

It reads the marts of ``SHOPSIGHT_HOME`` (after ``make demo`` with the sample shop) and what the generator planted with
the same seed and size. As-of dates lie a week apart; a pair is a shopper of the last 28 days and an item that they
touched in them, or one of the twenty most viewed of their two favourite categories, or one of ten that most often
followed the item they touched last. Purchases of other items are out of reach and counted. Trees learn from the oldest
dates, stop and are calibrated on the next two, and are judged once on the last three; every date's week is over before
the next begins. Intervals resample shoppers. Beside it, what ranking would gain: each shopper's pairs in the order of
these probabilities, and in that of a recommender trained on what came before the first test date.
"""

import argparse
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.output import add_json_option, write_figures
from models.evaluation.bootstrap import bootstrap_clusters
from models.evaluation.calibration import fit_logit_scaling
from models.evaluation.probability import RankedScores, calibration_error, equal_mass_bins
from models.tabular.trees import grow_trees, tree_parameters
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, mart_exists, open_marts
from shopsight.settings import Settings

HORIZON_DAYS: Final = 7
DATES: Final = 13
VALIDATION_DATES: Final = 2
TEST_DATES: Final = 3
KEYS: Final = ("as_of", "user_id", "item_id", "bought", "planted")
TREES: Final = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.6,
    "lambda_l2": 5.0,
    "num_threads": 2,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}

PAIRS: Final = """
with dates as (select unnest($dates::timestamptz[]) as as_of),
touched as (
    select as_of, user_id, item_id,
        count(*) filter (event_name = 'view_item') as views,
        count(*) filter (event_name = 'view_item' and event_timestamp >= as_of - interval 7 days) as views_7d,
        count(*) filter (event_name = 'add_to_cart') as carts,
        count(*) filter (event_name = 'add_to_wishlist') as wishes,
        count(*) filter (event_name = 'purchase') as purchases,
        epoch(as_of - max(event_timestamp)) / 86400 as days_since_touched,
        epoch(as_of - max(event_timestamp) filter (event_name = 'add_to_cart')) / 86400 as days_since_cart
    from dates join events on event_timestamp < as_of and event_timestamp >= as_of - interval 28 days
    group by as_of, user_id, item_id
),
shoppers as (
    select as_of, user_id, sum(views) as user_views, sum(carts) as user_carts, sum(purchases) as user_purchases,
        min(days_since_touched) as user_days_since_seen, arg_min(item_id, days_since_touched) as last_item
    from touched group by as_of, user_id
),
followers as (  -- what shoppers touched next, after each item, up to the date
    select as_of, before as last_item, item_id, count(*) as followed
    from dates join (
        select event_timestamp, item_id, lag(item_id) over (partition by user_id order by event_timestamp) as before
        from events
    ) on event_timestamp < as_of and before != item_id
    group by as_of, before, item_id
),
popular as (
    select as_of, category, item_id from touched join items using (item_id)
    group by as_of, category, item_id
    qualify row_number() over (partition by as_of, category order by sum(views) desc, item_id) <= 20
),
favourites as (
    select as_of, user_id, category from touched join items using (item_id)
    group by as_of, user_id, category
    qualify row_number() over (partition by as_of, user_id order by sum(views) desc, category) <= 2
),
pool as (
    select as_of, user_id, item_id from touched
    union select as_of, user_id, item_id from favourites join popular using (as_of, category)
    union select as_of, user_id, item_id from shoppers join (
        select * from followers
        qualify row_number() over (partition by as_of, last_item order by followed desc, item_id) <= 10
    ) using (as_of, last_item)
)
select pool.*, touched.* exclude (as_of, user_id, item_id),
    shoppers.* exclude (as_of, user_id, last_item), last_item, coalesce(followed, 0) as followed_last_item,
    taste.* exclude (user_id, category, feature_timestamp, created_timestamp),
    item.* exclude (item_id, feature_timestamp, created_timestamp),
    quality.return_rate, quality.view_momentum, quality.days_since_last_purchase,
    items.price, items.price / nullif(prices.category_price_mean_28d, 0) as price_to_category,
    exists (
        select 1 from events where event_name = 'purchase' and events.user_id = pool.user_id
        and events.item_id = pool.item_id and event_timestamp >= pool.as_of
        and event_timestamp < pool.as_of + interval 7 days
    ) as bought
from pool join items using (item_id) join shoppers using (as_of, user_id)
left join touched using (as_of, user_id, item_id)
left join followers using (as_of, last_item, item_id)
asof left join user_category_features_daily taste
    on taste.user_id = pool.user_id and taste.category = items.category and taste.feature_timestamp <= pool.as_of
asof left join item_features_daily item on item.item_id = pool.item_id and item.feature_timestamp <= pool.as_of
asof left join item_quality_features_daily quality
    on quality.item_id = pool.item_id and quality.feature_timestamp <= pool.as_of
asof left join category_price_features_daily prices
    on prices.category = items.category and prices.feature_timestamp <= pool.as_of
order by pool.as_of, pool.user_id, pool.item_id
"""
MARTS: Final = (
    "items",
    "user_category_features_daily",
    "item_features_daily",
    "item_quality_features_daily",
    "category_price_features_daily",
)


def read_pairs(settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame, list[pd.Timestamp]]:
    """Return the pairs with features and label, the events, and the as-of dates.

    Raises:
        ShopsightError: the marts are not there, or cover too short a time.
    """
    if not mart_exists(export_path(settings, "interactions")):
        raise ShopsightError(
            f"{settings.home} has no marts", why="the mart interactions is missing", fix="run make demo first"
        )
    connection = open_marts(settings, (*MARTS, "interactions"))
    connection.execute("create table events as from interactions where event_name != 'rate_item'")
    first, last = connection.execute("select min(event_timestamp), max(event_timestamp) from events").fetchall()[0]
    end = pd.Timestamp(last).floor("D")
    dates = [end - pd.Timedelta(days=HORIZON_DAYS * (number + 1)) for number in range(DATES)][::-1]
    if dates[0] < pd.Timestamp(first) + pd.Timedelta(days=14):
        raise ShopsightError("the log is too short", why=f"{DATES} weeks are needed", fix="use the size small")
    pairs = connection.execute(PAIRS, {"dates": [str(date) for date in dates]}).fetch_df()
    events = connection.execute("from events join items using (item_id)").fetch_df()
    return pairs, events, dates


def measure(settings: Settings, *, seed: int, resamples: int) -> dict[str, Any]:
    """Return every figure."""
    from shopsight.sample_shop import generate

    pairs, events, dates = read_pairs(settings)
    truth = generate(settings.sample_size, seed=settings.seed).truth
    leads_to = dict(zip(truth.items["item_id"].to_pylist(), truth.items["next_items"].to_pylist(), strict=True))
    pairs["planted"] = [
        item in leads_to.get(before, ()) for item, before in zip(pairs["item_id"], pairs["last_item"], strict=True)
    ]
    names = [name for name in pairs.columns if name not in (*KEYS, "last_item")]
    features = pairs[names].to_numpy(dtype=np.float64, na_value=np.nan)
    bought = pairs["bought"].to_numpy(dtype=np.bool_)
    order = pairs["as_of"].rank(method="dense").to_numpy() - 1
    train, test = order < DATES - TEST_DATES - VALIDATION_DATES, order >= DATES - TEST_DATES
    validation = ~train & ~test
    learning = lgb.Dataset(features[train], bought[train])
    parameters = tree_parameters(
        {"objective": "binary"},
        learning_rate=0.05,
        num_leaves=15,
        min_rows_in_leaf=100,
        l2=5.0,
        feature_fraction=0.6,
        threads=2,
        seed=seed,
    )
    booster = grow_trees(
        parameters,
        learning,
        max_rounds=600,
        validation=lgb.Dataset(features[validation], bought[validation], reference=learning),
        early_stopping_rounds=40,
    )
    raw = np.asarray(booster.predict(features, raw_score=True))
    scaling = fit_logit_scaling(raw[validation], bought[validation], np.ones(int(validation.sum())))
    views = pairs["views_7d"].fillna(0).to_numpy(dtype=np.float64)
    scores = {
        "lightgbm": scaling.probabilities(raw),
        "viewed_in_the_last_7_days": (views > 0).astype(np.float64),
        "touched_most_recently": -pairs["days_since_touched"].fillna(99).to_numpy(dtype=np.float64),
        "in_the_cart": -pairs["days_since_cart"].fillna(99).to_numpy(dtype=np.float64),
    }
    users = np.unique(pairs["user_id"], return_inverse=True)[1][test]
    values = _figures(bought[test], {name: one[test] for name, one in scores.items()}, users, seed, resamples)
    unseen = test & pairs["days_since_touched"].isna().to_numpy()
    planted = pairs["planted"].to_numpy(dtype=np.bool_)
    alone = {"lightgbm": scores["lightgbm"][unseen]}
    gains = np.argsort(-booster.feature_importance("gain"))[:8]
    lists = pairs[test].assign(lightgbm=scores["lightgbm"][test])
    return {
        "model": "lightgbm",
        "order_of_a_list": ordering(lists, recommender_before(settings, dates[-TEST_DATES], seed), seed, resamples),
        **values,
        "roc_auc_of_planted_successors_among_items_not_touched": _figures(
            planted[unseen], alone, np.unique(pairs["user_id"], return_inverse=True)[1][unseen], seed, resamples
        )["lightgbm"]["roc_auc"],
        "pairs": {"train": int(train.sum()), "validation": int(validation.sum()), "test": int(test.sum())},
        "bought": {"train": int(bought[train].sum()), "test": int(bought[test].sum())},
        "purchases_within_reach": _reach(pairs[test], events, dates[-TEST_DATES:]),
        "strongest_features": [names[place] for place in gains],
        "first_test_date": str(dates[-TEST_DATES])[:10],
    }


def _figures(
    outcomes: np.ndarray, scores: dict[str, np.ndarray], users: np.ndarray, seed: int, resamples: int
) -> dict[str, Any]:
    """Return both areas of each score, the trees' ECE, and their paired gains in PR AUC."""
    ranked = {name: RankedScores.of(outcomes, one) for name, one in scores.items()}
    proposed = scores["lightgbm"]
    bins = equal_mass_bins(proposed)

    def all_of(weights: np.ndarray) -> dict[str, float]:
        areas = {name: one.areas(weights) for name, one in ranked.items()}
        row = {f"{name}/{metric}": getattr(area, metric) for name, area in areas.items() for metric in area._fields}
        row["lightgbm/ece"] = calibration_error(outcomes, proposed, weights, bin_of_row=bins)
        others = (name for name in scores if name != "lightgbm")
        return row | {f"gain over {name}/pr_auc": areas["lightgbm"].pr_auc - areas[name].pr_auc for name in others}

    estimates = bootstrap_clusters(
        all_of, weights=np.ones(len(outcomes)), clusters=users, seed=seed, resamples=resamples
    )
    nested: dict[str, Any] = {}
    for key, one in estimates.items():
        name, metric = key.split("/")
        nested.setdefault(name, {})[metric] = [round(value, 4) for value in (one.value, one.low, one.high)]
    return nested


def recommender_before(settings: Settings, moment: datetime, seed: int) -> Callable[[str, datetime, list[str]], Any]:
    """Return how a recommender that was trained on what came before ``moment`` ranks items for a shopper at a date."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from models.progress import ignore_progress
    from models.recommender.config import for_size
    from models.recommender.predict import HistoryEvent, Recommender
    from models.recommender.train import train
    from shopsight.contracts import HISTORY_LENGTH

    folder = settings.training_dir / "recommender"
    log = pq.read_table(folder / "training_set.parquet")
    until = pa.scalar(pd.Timestamp(moment).to_pydatetime(), log["event_timestamp"].type)
    with tempfile.TemporaryDirectory() as out:
        train(
            log.filter(pc.less(log["event_timestamp"], until)),
            pq.read_table(folder / "items.parquet"),
            config=for_size(settings.training_size, encoder=settings.encoder),
            out_dir=Path(out),
            seed=seed,
            device=settings.device,
            precision=settings.precision,
            report=ignore_progress,
        )
        recommender = Recommender.load(Path(out))
    columns = ["user_id", "item_id", "event_name", "event_timestamp", "nth"]
    histories = dict(list(log.select(columns).to_pandas().sort_values("nth").groupby("user_id")))

    def ranked(user: str, date: datetime, items: list[str]) -> list[str]:
        events = histories[user]
        events = events[events["event_timestamp"] < pd.Timestamp(date)].tail(HISTORY_LENGTH)
        history = [HistoryEvent(item_id=one, event_name=event) for one, event in events[columns[1:3]].to_numpy()]
        return [item.item_id for item in recommender.rank(history, items)]

    return ranked


def ordering(
    lists: pd.DataFrame, ranked: Callable[[str, datetime, list[str]], Any], seed: int, resamples: int
) -> dict[str, Any]:
    """Return NDCG@10 of each shopper's pairs of a date, by what they bought, ordered by probability and by ``ranked``.

    Shoppers who bought none of their pairs say nothing of their order.
    """
    values_by_order: dict[str, list[float]] = {"lightgbm": [], "recommender": []}
    users = []
    for _, group in lists.groupby(["as_of", "user_id"]):
        if not group["bought"].any():
            continue
        date, user = group["as_of"].iloc[0], group["user_id"].iloc[0]
        bought = group.set_index("item_id")["bought"]
        by_probability = group.sort_values("lightgbm", ascending=False, kind="stable")["item_id"].tolist()
        for name, order in (("lightgbm", by_probability), ("recommender", ranked(user, date, bought.index.tolist()))):
            gains = bought.reindex(order[:10]).to_numpy(dtype=np.float64)
            discounts = 1.0 / np.log2(np.arange(2, 12))
            values_by_order[name].append(float(gains @ discounts[: len(gains)] / discounts[: bought.sum()].sum()))
        users.append(user)
    values = {name: np.array(one) for name, one in values_by_order.items()}
    values["gain of lightgbm"] = values["lightgbm"] - values["recommender"]
    estimates = bootstrap_clusters(
        lambda weights: {name: float(np.average(one, weights=weights)) for name, one in values.items()},
        weights=np.ones(len(users)),
        clusters=np.unique(np.array(users), return_inverse=True)[1],
        seed=seed,
        resamples=resamples,
    )
    return {"lists": len(users)} | {
        name: [round(value, 4) for value in (one.value, one.low, one.high)] for name, one in estimates.items()
    }


def _reach(test: pd.DataFrame, events: pd.DataFrame, dates: list[pd.Timestamp]) -> dict[str, int]:
    """Return how many of the test weeks' purchases are among the pairs."""
    begin, end = dates[0], dates[-1] + pd.Timedelta(days=HORIZON_DAYS)
    within = events[(events["event_name"] == "purchase") & events["event_timestamp"].between(begin, end, "left")]
    week = (within["event_timestamp"] - begin).dt.days // HORIZON_DAYS
    distinct = within.assign(week=week)[["week", "user_id", "item_id"]].drop_duplicates()
    return {"all": len(distinct), "among_the_pairs": int(test["bought"].sum())}


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the trees and the bootstrap")
    parser.add_argument("--resamples", type=int, default=200, help="bootstrap resamples behind each interval")
    add_json_option(parser)
    arguments = parser.parse_args()
    try:
        report = measure(Settings(), seed=arguments.seed, resamples=arguments.resamples)
    except ShopsightError as error:
        parser.exit(1, f"{error}\n")
    write_figures({"benchmark": "user_item", "horizon_days": HORIZON_DAYS, **report}, arguments.json)


if __name__ == "__main__":
    main()
