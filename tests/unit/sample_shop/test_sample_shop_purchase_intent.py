"""Who will buy shows in a session's shape before the checkout: clearly, not perfectly, and not only by the cart."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from shopsight.sample_shop import PlantedTruth

CART = ["add_to_cart", "remove_from_cart", "view_cart"]


@pytest.fixture(scope="module")
def sessions(people: pd.DataFrame, truth: PlantedTruth) -> pd.DataFrame:
    """One row per session: its shape before its first checkout or order, and whether it ``buys``."""
    rows = people.dropna(subset=["session_id"]).sort_values(["session_id", "event_timestamp"], kind="stable")
    ended = rows.event_name.isin(["begin_checkout", "purchase"]).groupby(rows.session_id).cummax()
    rows = rows[~ended]
    looked = rows[rows.event_name == "view_item"].groupby("session_id")
    whole = rows.groupby("session_id")
    shape = pd.DataFrame(
        {
            "events": whole.size(),
            "seconds": (whole.event_timestamp.max() - whole.event_timestamp.min()).dt.total_seconds(),
            "views": looked.size(),
            "items": looked.item_id.nunique(),
            "shelves": looked.shelf.nunique(),
            "lowest": looked.price.min(),
            "highest": looked.price.max(),
        }
    )
    for name in [*CART, "search", "add_to_wishlist", "select_item"]:
        shape[name] = (rows.event_name == name).groupby(rows.session_id).sum()
    true_sessions = _of_shoppers(truth).set_index("session_id")
    return shape.join(true_sessions[["buys", "buying"]])


def _of_shoppers(truth: PlantedTruth) -> pd.DataFrame:
    return truth.sessions.to_pandas().dropna(subset=["user_id"])


def _auc(sessions: pd.DataFrame, columns: list[str]) -> float:
    """Train on every other session, judge on the rest."""
    learn, judge = sessions.iloc[::2], sessions.iloc[1::2]
    settings = {"objective": "binary", "num_leaves": 8, "num_threads": 1, "verbose": -1, "seed": 0}
    model = lgb.train(settings, lgb.Dataset(learn[columns], learn.buys), num_boost_round=60)
    return float(roc_auc_score(judge.buys, np.asarray(model.predict(judge[columns]))))


def test_the_shape_before_checkout_tells_buyers_apart_but_not_perfectly(sessions: pd.DataFrame) -> None:
    columns = [name for name in sessions.columns if name not in ("buys", "buying")]
    assert 0.80 < _auc(sessions, columns) < 0.94
    assert 0.70 < _auc(sessions, [name for name in columns if name not in CART]) < 0.90


def test_no_single_cart_event_decides(sessions: pd.DataFrame) -> None:
    carted = sessions.add_to_cart > 0
    assert sessions.buys[carted].mean() < 0.6
    assert carted[sessions.buys].mean() < 0.85, "some buy straight from the item's page"
    assert carted[~sessions.buys].mean() > 0.1, "and many fill a cart that they leave"


def test_whoever_sets_out_to_buy_looks_longer_narrower_and_again(sessions: pd.DataFrame) -> None:
    several = sessions[sessions.views >= 4]
    by = several.groupby("buying")
    seconds_per_event = (several.seconds / several.events).groupby(several.buying).median()
    assert seconds_per_event[True] > 1.3 * seconds_per_event[False]
    shelves = (several.shelves / several.views).groupby(several.buying).mean()
    assert shelves[True] < 0.9 * shelves[False]
    again = (1 - several["items"] / several.views).groupby(several.buying).mean()
    assert again[True] > 1.5 * again[False]
    spread = (several.highest / several.lowest).map(np.log).groupby(several.buying).mean()
    assert spread[True] < spread[False]
    assert by.view_cart.mean()[True] > 1.5 * by.view_cart.mean()[False]


def test_a_tenth_to_a_quarter_of_the_shoppers_sessions_buy(sessions: pd.DataFrame) -> None:
    assert 0.08 < sessions.buys.mean() < 0.25
    assert 0.38 < sessions.buys[sessions.buying].mean() < 0.58, "the checkout loses four in ten of those who reach it"
    assert 0 < sessions.buys[~sessions.buying].mean() < 0.06


def test_orders_are_exactly_those_of_the_truth(people: pd.DataFrame, truth: PlantedTruth) -> None:
    true_sessions = _of_shoppers(truth)
    orders = people[people.event_name == "purchase"].order_id.nunique()
    assert orders == int(true_sessions.buys.sum())
