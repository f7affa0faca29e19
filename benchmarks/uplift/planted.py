"""Are the sample shop's planted answers to an offer recovered, and do intervals of a measured lift hold the truth?

A first campaign goes to half of the shoppers by lot, and is answered as planted. What it showed decides who gets the
second one; that is judged by the planted effects, which no model was told.
"""

import time
from typing import Any, Final

import numpy as np

from benchmarks.experiments import share
from models.campaigns.lift import lift
from models.campaigns.lot import draws
from models.evaluation.bootstrap import bootstrap_mean
from models.uplift.config import UpliftConfig
from models.uplift.policy import SLEEPING, choose_policy
from models.uplift.trial import Floats, Trial
from shopsight.sample_shop import SampleShop, SampleShopConfig, generate
from shopsight.sample_shop.people import COUNTRIES, DEVICES
from shopsight.sample_shop.responses import KINDS, answer, draw_responses

HOLD_OUT: Final = 0.2


def measure(*, shops: int, reseeded: int, seed: int) -> dict[str, Any]:
    """Return every figure of the sample shop.

    Args:
        shops: shops that a second campaign is planned on, of size ``small``.
        reseeded: shops whose lift is measured.
        seed: of the first shop.
    """
    started = time.perf_counter()
    planned = [_plan(generate("small", seed=seed + number)) for number in range(shops)]
    names = list(planned[0])
    return {
        "benchmark": "uplift_sample_shop",
        "shops": shops,
        "seed": seed,
        "figures": {name: _over_shops([one[name] for one in planned]) for name in names},
        "by_shop": planned,
        "intervals_of_lift": share(sum(_holds(seed + number) for number in range(reseeded)), reseeded),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _over_shops(values: list[float]) -> dict[str, float]:
    estimate = bootstrap_mean(np.array(values), seed=0)
    return {"value": estimate.value, "low": min(values), "high": max(values)}


def _plan(shop: SampleShop) -> dict[str, float]:
    """Return how good the second campaign of a shop is, by the planted effects."""
    responses = draw_responses(shop.people, seed=shop.seed)
    audience = np.flatnonzero(shop.people.registered_U & (shop.people.consent_U == 0) & ~shop.people.bot_U)
    users = [str(shop.people.user_ids[user]) for user in audience]
    sent_U = np.zeros(len(shop.people.user_ids), dtype=np.bool_)
    sent_U[audience] = draws(users, campaign="first", what="offer") < 0.5
    spent_U = answer(responses, sent_U, rng=np.random.default_rng([shop.seed, 8]))
    trial = Trial(
        features_RF=_features(shop)[audience],
        arm_R=sent_U[audience].astype(np.intp),
        outcome_R=(spent_U[audience] > 0).astype(np.float64),
        chance_RK=np.full((len(audience), 2), 0.5),
        categorical=(0,),
    )
    choice = choose_policy(trial, cost_K=np.zeros(2), config=UpliftConfig(), seed=shop.seed)
    effects_RK = choice.effects(trial.features_RF)
    truth = responses.effect_U[audience]
    arm_R, _ = choice.policy.arms(effects_RK)
    best = np.argsort(-effects_RK[:, 1])[: len(audience) // 5]
    asleep = effects_RK[:, 1] < SLEEPING
    dogs = responses.kind_U[audience] == KINDS.index("sleeping_dog")
    oracle = np.maximum(truth, 0).sum()
    return {
        "increment_of_best_fifth": float(truth[best].sum() / oracle),
        "policy_value_of_oracle": float(truth[arm_R > 0].sum() / oracle),
        "mail_everybody_of_oracle": float(truth.sum() / oracle),
        "sleeping_dogs_precision": float(dogs[asleep].mean()) if asleep.any() else float("nan"),
        "sleeping_dogs_recall": float(asleep[dogs].mean()),
    }


def _features(shop: SampleShop) -> Floats:
    """Return what the marts tell of each shopper: country, days since they joined, device, visits, orders, recency."""
    sessions = shop.truth.sessions.to_pandas().dropna(subset=["user_id"])
    place = {user: number for number, user in enumerate(shop.people.user_ids)}
    user_S = sessions["user_id"].map(place).to_numpy()
    count = len(place)
    visits = np.bincount(user_S, minlength=count)
    day_S = (sessions["started_at"].astype("int64") // 1_000_000 - shop.config.starts_at_us / 1e6) / 86_400
    newest = np.full(count, -1.0)
    np.maximum.at(newest, user_S, day_S.to_numpy())
    by_device = [
        np.bincount(user_S, weights=sessions["device"] == device, minlength=count) / np.maximum(visits, 1)
        for device in DEVICES
    ]
    orders = np.bincount(user_S, weights=sessions["buys"], minlength=count)
    assert len(COUNTRIES) > int(shop.people.country_U.max())
    return np.stack(
        [shop.people.country_U, shop.people.joined_U, *by_device, visits, orders, shop.config.days - newest], axis=1
    ).astype(np.float64)


def _holds(seed: int) -> bool:
    """Return whether the interval of a campaign's lift holds what was planted, in a shop of its own."""
    shop = generate(SampleShopConfig(users=2_400, items=200, events=24_000, days=60), seed=seed)
    responses = draw_responses(shop.people, seed=seed)
    audience = np.flatnonzero(shop.people.registered_U & ~shop.people.bot_U)
    users = [str(shop.people.user_ids[user]) for user in audience]
    sent_U = np.zeros(len(shop.people.user_ids), dtype=np.bool_)
    sent_U[audience] = draws(users, campaign=f"campaign-{seed}", what="hold_out") >= HOLD_OUT
    spent_U = answer(responses, sent_U, rng=np.random.default_rng([seed, 9]))
    sides = [(spent_U[audience][sent_U[audience] == side] > 0).astype(np.float64) for side in (True, False)]
    measured = lift(*sides)
    if measured is None:
        return False
    planted = responses.effect_U[audience][sent_U[audience]].mean()
    return bool(measured.per_shopper.low <= planted <= measured.per_shopper.high)
