"""Are ten policies of the sample shop put in their true order by a log of one of them?

Half of the logged lists are those of popularity, the other half is drawn at random from the whole catalogue: so every
policy's items are in the log. The places of a list are rounds of one cluster, and each has a propensity of its own.

Shapes: L lists, K places, U shoppers, N items, R = L·K rounds, G kinds of shopper.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from scipy.stats import kendalltau, rankdata

from benchmarks.off_policy.directions import HEADLINE, holds, listed
from benchmarks.off_policy.shop import PLACES, Lists, Policy, ShownShop, open_shop
from models.evaluation.off_policy.clipping import choose_clip
from models.evaluation.off_policy.diagnostics import diagnose
from models.evaluation.off_policy.estimators import Limits, direct, estimates
from models.evaluation.off_policy.rewards import item_rates
from models.evaluation.off_policy.rounds import Floats, Rounds
from shopsight.sample_shop.search import CLICKED_PLACE
from shopsight.settings import Size

EXPLORES: Final = 0.5
TIE: Final = 0.05
"""Two policies whose worths differ by less than this share are a tie: either order of them is right."""


def measure_orders(size: Size, *, seeds: Sequence[int], lists: int) -> dict[str, Any]:
    """Return, for each seed, the true and the estimated worth of each policy, and in how many the order is right."""
    shops = {str(seed): _one_shop(open_shop(size, seed=seed), lists=lists, seed=seed) for seed in seeds}
    orders = [shop["orders"] for shop in shops.values()]
    summary: dict[str, Any] = {"shops": len(shops), "lists": lists, "places": PLACES, "tie": TIE}
    for figure in ("is_right", "is_right_but_for_ties"):
        summary[figure] = {way: sum(order[way][figure] for order in orders) for way in orders[0]}
    for figure in ("right_ranks", "kendall_tau"):
        summary[figure] = {way: round(float(np.mean([one[way][figure] for one in orders])), 3) for way in orders[0]}
    for figure in ("estimates", "estimates_that_hold"):
        summary[figure] = sum(shop[figure] for shop in shops.values())
    return summary | {"by_seed": shops}


def _one_shop(shop: ShownShop, *, lists: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng([seed, 1])
    items = shop.click_UN.shape[1]
    logging = Policy(list_UK=shop.policies["popularity"].list_UK, explores=EXPLORES)
    shopper_L = rng.integers(0, len(shop.department_U), lists)
    item_LK = logging.list_UK[shopper_L].copy()
    random_L = rng.random(lists) < logging.explores
    item_LK[random_L] = _drawn(int(random_L.sum()), items, rng)
    click_LK = rng.random(item_LK.shape) < shop.click_UN[shopper_L[:, None], item_LK] * np.array(CLICKED_PLACE)
    propensity_LK = logging.chance(shopper_L, item_LK, items=items)
    rates = _rates(shop, shopper_L, item_LK, click_LK.astype(np.float64))
    worth, estimated = {}, {}
    for name, policy in shop.policies.items():
        expected_LK, predicted_LK = _model(policy, rates, shopper_L, item_LK)
        rounds = Rounds(
            reward_R=click_LK.ravel().astype(np.float64),
            propensity_R=propensity_LK.ravel(),
            target_R=policy.chance(shopper_L, item_LK, items=items).ravel(),
            expected_R=expected_LK.ravel(),
            predicted_R=predicted_LK.ravel(),
            cluster_R=np.repeat(np.arange(lists), PLACES),
        )
        clip = choose_clip(rounds.weight_R, rounds.reward_R)
        diagnostics = diagnose(rounds, clip=clip)
        worth[name] = shop.worth(policy)
        by_name = estimates(rounds, Limits(clip=clip, largest_weight=items / EXPLORES))
        estimated[name] = {"direct": direct(rounds), "not_evaluable": diagnostics.not_evaluable, **by_name}
    return _compared(worth, estimated)


def _compared(worth: dict[str, float], estimated: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return how far each way of estimating agrees with the truth."""
    true = np.array(list(worth.values()))
    ways = [way for way in next(iter(estimated.values())) if way != "not_evaluable"]
    orders = {}
    for way in ways:
        values = np.array([one[way] if way == "direct" else one[way].value for one in estimated.values()])
        above = true[:, None] > true * (1 + TIE)
        orders[way] = {
            "is_right": bool((rankdata(true) == rankdata(values)).all()),
            "is_right_but_for_ties": bool((values[:, None] > values)[above].all()),
            "right_ranks": int((rankdata(true) == rankdata(values)).sum()),
            "kendall_tau": round(float(kendalltau(true, values).statistic), 4),
        }
    holding = [holds(one[HEADLINE], float(value)) for value, one in zip(true, estimated.values(), strict=True)]
    return {
        "policies": {
            name: {"worth": float(f"{value:.4g}"), "estimate": listed(estimated[name][HEADLINE])}
            for name, value in worth.items()
        },
        "not_evaluable": {name: one["not_evaluable"] for name, one in estimated.items() if one["not_evaluable"]},
        "orders": orders,
        "estimates": len(holding),
        "estimates_that_hold": sum(holding),
    }


def _rates(shop: ShownShop, shopper_L: Lists, item_LK: Lists, click_LK: Floats) -> tuple[Lists, Floats]:
    """Return the half that each list is in, and the rates of items by kind of shopper and place from the other half."""
    half_L = np.arange(len(shopper_L)) % 2
    groups = (int(shop.department_U.max()) + 1) * PLACES
    group_LK = shop.department_U[shopper_L][:, None] * PLACES + np.arange(PLACES)
    shape = (groups, shop.click_UN.shape[1])
    fitted = [
        item_rates(group_LK[other].ravel(), item_LK[other].ravel(), click_LK[other].ravel(), shape=shape)
        for other in (half_L == 1, half_L == 0)
    ]
    return group_LK, np.stack(fitted)


def _model(policy: Policy, rates: tuple[Lists, Floats], shopper_L: Lists, item_LK: Lists) -> tuple[Floats, Floats]:
    """Return what each place is expected to earn under a policy, and with the item that was shown, shape (L, K)."""
    group_LK, rates_2GN = rates
    half_L1 = (np.arange(len(shopper_L)) % 2)[:, None]
    own_LK = rates_2GN[half_L1, group_LK, policy.list_UK[shopper_L]]
    any_LK = rates_2GN.mean(axis=2)[half_L1, group_LK]
    return (1 - policy.explores) * own_LK + policy.explores * any_LK, rates_2GN[half_L1, group_LK, item_LK]


def _drawn(lists: int, items: int, rng: np.random.Generator) -> Lists:
    """Return lists of different items, every one equally likely at every place."""
    item_LK = rng.integers(0, items, (lists, PLACES))
    while True:
        ordered = np.sort(item_LK, axis=1)
        again = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        if len(again) == 0:
            return item_LK
        item_LK[again] = rng.integers(0, items, (len(again), PLACES))
