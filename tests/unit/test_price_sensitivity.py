"""A shopper's feeling for prices, told from what they look at beside the rest of the shelf."""

import numpy as np
import pyarrow as pa
from scipy.stats import spearmanr

from models.price_sensitivity import Looks, chosen_afresh, price_sensitivities, price_slopes, with_price_sensitivity


def shop(seed: int, *, shoppers: int = 300, led: float = 0.0) -> tuple[Looks, np.ndarray]:
    """Three shelves of 20 items, popular ones dear; ``led`` of the looks go to a next item that is always the same."""
    rng = np.random.default_rng(seed)
    shelves = np.repeat(np.arange(3), 20)
    prices = rng.lognormal(3, 0.6, 60) * np.array([1, 5, 20])[shelves]
    weights = np.argsort(np.argsort(prices)) + 1.0
    slopes = rng.normal(0, 0.8, shoppers)
    nexts = rng.permutation(60)
    users: list[int] = []
    items: list[int] = []
    for user, slope in enumerate(slopes):
        for _ in range(rng.integers(1, 40)):
            if items and users[-1] == user and rng.random() < led:
                item = nexts[items[-1]]
            else:
                shelf = np.flatnonzero(shelves == rng.integers(3))
                rank = (np.argsort(np.argsort(prices[shelf])) / 20 - 0.5) * 3.46
                chance = weights[shelf] * np.exp(-slope * rank)
                item = rng.choice(shelf, p=chance / chance.sum())
            users.append(user)
            items.append(item)
    return Looks(users=np.array(users), items=np.array(items), shelves=shelves, prices=prices), slopes


def test_shoppers_are_ranked_by_their_planted_slope_and_those_with_few_looks_are_like_everybody() -> None:
    looks, slopes = shop(1)
    estimates = price_slopes(looks)
    assert spearmanr(estimates.mean, slopes).statistic > 0.8
    few, many = estimates.looks < 3, estimates.looks > 20
    assert estimates.spread[few].mean() > 1.5 * estimates.spread[many].mean()
    assert np.abs(estimates.mean[few]).mean() < np.abs(estimates.mean[many]).mean()
    assert 0.75 < np.polyfit(estimates.mean, slopes, 1)[0] < 1.4, "shrunk, and on the planted scale"


def test_an_item_that_another_always_leads_to_says_little_of_prices() -> None:
    looks, slopes = shop(2, led=0.6)
    chances = chosen_afresh(looks)
    assert ((chances > 0) & (chances <= 1)).all()
    assert chances.mean() < 0.75
    assert spearmanr(price_slopes(looks).mean, slopes).statistic > 0.65
    assert chosen_afresh(shop(2)[0]).mean() > 0.8


def test_a_table_gives_a_row_per_shopper_who_looked_at_something_with_a_price() -> None:
    table = pa.table(
        {
            "user_id": ["b", "b", "a", "c"],
            "item_id": ["x", "y", "y", "free"],
            "category": ["shoes", "shoes", "shoes", "shoes"],
            "price": [10.0, 20.0, 20.0, None],
        }
    )
    rows = price_sensitivities(table).to_pylist()
    assert [row["user_id"] for row in rows] == ["b", "a"]
    assert rows[0]["price_sensitivity"] > rows[1]["price_sensitivity"]
    assert price_sensitivities(table.slice(3)).num_rows == 0
    scores = pa.table({"user_id": ["c", "a", "b"], "reasons": [["late"], [], ["dear"]]})
    scored = with_price_sensitivity(scores, table)
    assert scored["reasons"].to_pylist() == [["late"], [], ["dear"]]
    assert scored["price_sensitivity"].to_pylist() == [None, *(row["price_sensitivity"] for row in reversed(rows))]
    assert with_price_sensitivity(scores, table.slice(0, 0))["price_sensitivity"].null_count == 3
    assert price_sensitivities(table.slice(0, 0)).num_rows == 0
