"""Whom a campaign would be sent to and why, what it should bring and cost, and what speaks against it.

Without a campaign to learn from nothing is known of whom an offer works for, so a lot decides who gets which, and its
answers are a trial. With one, effects decide, and an integer program spends the budget.

Shapes: U shoppers, K arms; arm 0 is nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from models.campaigns.audience import FEATURES, Reached, features_of, proposed_cut
from models.campaigns.book import Campaign
from models.campaigns.lot import draws
from models.evaluation.bootstrap import Estimate
from models.uplift.budget import allocate
from models.uplift.config import UpliftConfig
from models.uplift.outcomes import value_of
from models.uplift.policy import SLEEPING, choose_policy
from models.uplift.trial import Arms, Floats, Trial

MIN_GROUP = 30
"""Shoppers of a group, and of the others, from which a gap is told."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """What earlier campaigns by lot showed."""

    trial: Trial
    """Orders as yes or no; arms in the order of the campaign's offers."""
    order_value: float
    """Mean money of an order."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a launch would do; one row of ``assigned`` for each shopper who is chosen, those held out included."""

    campaign: Campaign
    chosen_by: str
    """``lot`` or ``uplift``."""
    reached: Reached
    assigned: pd.DataFrame
    """user_id, offer, held_out, chance of each arm (chance_0, …), effect, reason, and the features."""
    cost: float
    """At most, of messages and discounts."""
    orders_added: Estimate | None
    """None where nothing is known yet."""
    money_added: Estimate | None
    """Margin of these orders, less what is spent."""
    sleeping_dogs: int
    """Shoppers left alone, for the offer would drive them away."""
    gaps: Mapping[str, Estimate] = field(default_factory=dict)
    """By group, how far its chosen share lies above that of the others."""
    against: tuple[str, ...] = ()
    """What forbids a launch."""
    remarks: tuple[str, ...] = ()


def plan(campaign: Campaign, reached: Reached, past: Past | None, *, seed: int) -> Plan:
    """Return the plan of a campaign.

    Args:
        campaign: a valid line of the book.
        reached: whom it may be sent to.
        past: what may be learnt from; None for a first campaign.
        seed: of the learners.
    """
    meant = reached.meant
    against, remarks = _objections(campaign, reached), []
    users = meant["user_id"].tolist()
    if past is None or not users:
        arm_U, effect_U, orders = _by_lot(campaign, users), np.full(len(users), np.nan), None
        cost_K = _worst_cost(campaign)
        asleep, money = 0, None
        remarks.append("nothing is known of whom these offers work for: a lot decides, and its answers are a trial")
    else:
        choice = _by_uplift(campaign, meant, past, seed=seed)
        arm_U, effect_U, asleep, cost_K = choice.arm_U, choice.effect_U, choice.asleep, choice.cost_K
        orders, money = choice.orders, choice.money
        remarks.append(choice.reason)
        if not arm_U.any():
            against.append("no effect to be found: no offer is expected to bring more than it costs of anybody")
    assigned = _assigned(campaign, meant, arm_U, effect_U, by_lot=past is None)
    gaps = _gaps(meant, arm_U)
    against += _unfair(campaign, gaps)
    return Plan(
        campaign=campaign,
        chosen_by="lot" if past is None else "uplift",
        reached=reached,
        assigned=assigned,
        cost=float(cost_K[arm_U[arm_U > 0]].sum() * (1 - campaign.hold_out)),
        orders_added=orders,
        money_added=money,
        sleeping_dogs=asleep,
        gaps=gaps,
        against=tuple(against),
        remarks=tuple(remarks),
    )


def _objections(campaign: Campaign, reached: Reached) -> list[str]:
    if reached.meant.empty:
        return ["nobody is meant who may be written to"]
    share = len(reached.meant) / reached.contactable
    if share <= campaign.max_audience_share:
        return []
    return [
        f"{len(reached.meant)} of {reached.contactable} shoppers are nearly everybody ({share:.0%}): no choice. "
        f"{proposed_cut(reached)}; or raise max_audience_share to say that all are meant"
    ]


def _worst_cost(campaign: Campaign) -> Floats:
    """Return what each arm costs a shopper, were the discount taken by all."""
    return np.array([0.0, *(offer.message_cost + offer.discount for offer in campaign.offers)])


def _by_lot(campaign: Campaign, users: list[str]) -> Arms:
    """Return each shopper's offer by lot; where money or stock is short, a lot decides who gets none, too."""
    arm_U = 1 + np.floor(draws(users, campaign=campaign.name, what="offer") * len(campaign.offers)).astype(np.intp)
    cost_K, sent = _worst_cost(campaign), 1 - campaign.hold_out
    spent, stock = 0.0, [offer.stock for offer in campaign.offers]
    for user in np.argsort(draws(users, campaign=campaign.name, what="place")):
        left, cost = stock[arm_U[user] - 1], cost_K[arm_U[user]] * sent
        if spent + cost > campaign.budget or left == 0:
            arm_U[user] = 0
            continue
        spent += cost
        stock[arm_U[user] - 1] = None if left is None else left - 1
    return arm_U


@dataclass(frozen=True)
class _Chosen:
    arm_U: Arms
    effect_U: Floats
    asleep: int
    cost_K: Floats
    orders: Estimate
    money: Estimate
    reason: str


def _by_uplift(campaign: Campaign, meant: pd.DataFrame, past: Past, *, seed: int) -> _Chosen:
    trial = past.trial
    margin = campaign.margin_share * past.order_value
    rate_K = np.array([trial.outcome_R[trial.arm_R == arm].mean() for arm in range(trial.arms)])
    offers = campaign.offers
    # A discount is paid on every order of those who get it, also on those that would have come.
    cost_K = np.array(
        [0.0, *(one.message_cost + one.discount * rate for one, rate in zip(offers, rate_K[1:], strict=True))]
    )
    choice = choose_policy(trial, cost_K=cost_K / margin, config=UpliftConfig(), seed=seed)
    effects_UK = choice.effects(features_of(meant))
    gain_UK = effects_UK * margin - cost_K
    if choice.policy.form == "none":
        gain_UK[:, 1:] = -np.inf
    # Of those chosen a share is held out, so that the budget reaches further than those who are sent it.
    made = allocate(
        gain_UK,
        cost_K=cost_K * (1 - campaign.hold_out),
        budget=campaign.budget,
        stock_K=np.array([np.inf, *(np.inf if one.stock is None else one.stock for one in offers)]),
    )
    sent = float((made.arm_R > 0).sum() * (1 - campaign.hold_out))
    promise = _promise(choice.unseen_scores_RK, choice.unseen_effects_RK * margin - cost_K, sent, len(meant))
    spent = float(cost_K[made.arm_R].sum() * (1 - campaign.hold_out))
    rows = np.arange(len(meant))
    return _Chosen(
        arm_U=made.arm_R,
        effect_U=np.asarray(effects_UK[rows, made.arm_R]),
        asleep=int((effects_UK[:, 1:].max(axis=1) < SLEEPING).sum()),
        cost_K=cost_K,
        orders=promise,
        money=Estimate(
            value=promise.value * margin - spent, low=promise.low * margin - spent, high=promise.high * margin - spent
        ),
        reason=choice.reason,
    )


def _promise(scores_RK: Floats, gain_RK: Floats, sent: float, meant: int) -> Estimate:
    """Return the orders to expect: what was added in the trial by as large a share of it, chosen as here.

    The models that choose there had not seen the rows; those with the largest gain come first, and only those with any.
    """
    best_R = 1 + gain_RK[:, 1:].argmax(axis=1)
    gains_R = gain_RK[np.arange(len(gain_RK)), best_R]
    order = np.argsort(-gains_R)[: max(round(len(gain_RK) * min(sent / max(meant, 1), 1.0)), 2)]
    order = order[gains_R[order] > 0]
    if sent == 0 or len(order) < 2:
        return Estimate(value=0.0, low=0.0, high=0.0)
    added = value_of(scores_RK[order], best_R[order]) - scores_RK[order, 0]
    mean, reach = float(added.mean()), 1.96 * float(added.std(ddof=1) / np.sqrt(len(added)))
    return Estimate(value=mean * sent, low=(mean - reach) * sent, high=(mean + reach) * sent)


def _assigned(campaign: Campaign, meant: pd.DataFrame, arm_U: Arms, effect_U: Floats, *, by_lot: bool) -> pd.DataFrame:
    chosen = arm_U > 0
    # What is kept of a shopper is what effects are learnt from.
    rows = meant.loc[chosen, ["user_id", *FEATURES]].reset_index(drop=True)
    users = rows["user_id"].tolist()
    out = draws(users, campaign=campaign.name, what="hold_out") < campaign.hold_out
    names = np.array([offer.name for offer in campaign.offers], dtype=object)
    rows.insert(1, "offer", names[arm_U[chosen] - 1] if len(users) else np.empty(0, dtype=object))
    rows.insert(2, "held_out", out)
    rows["effect"] = effect_U[chosen]
    rows["reason"] = [
        "drawn by lot" if by_lot else f"{effect:+.2f} orders expected of this offer" for effect in effect_U[chosen]
    ]
    rows["chance_0"] = campaign.hold_out
    for arm in range(1, len(names) + 1):
        drawn = arm_U[chosen] == arm
        # Where stock ends early, an offer is drawn less often than the others.
        rows[f"chance_{arm}"] = (1 - campaign.hold_out) * (drawn.mean() if by_lot and len(drawn) else drawn)
    return rows


def _gaps(meant: pd.DataFrame, arm_U: Arms) -> dict[str, Estimate]:
    """Return how far the chosen share of each group lies above that of all others whose group is known."""
    gaps = {}
    chosen = (arm_U > 0).astype(np.float64)
    for attribute in ("age_band", "gender"):
        named = meant[attribute].notna().to_numpy() & (meant[attribute] != "unknown").to_numpy()
        for group in sorted(set(meant[attribute][named])):
            inside = named & (meant[attribute] == group).to_numpy()
            sides = [chosen[inside], chosen[named & ~inside]]
            if min(map(len, sides)) < MIN_GROUP:
                continue
            value = float(sides[0].mean() - sides[1].mean())
            reach = 1.96 * float(np.sqrt(sum(side.var() / len(side) for side in sides)))
            gaps[f"{attribute} {group}"] = Estimate(value=value, low=value - reach, high=value + reach)
    return gaps


def _unfair(campaign: Campaign, gaps: Mapping[str, Estimate]) -> list[str]:
    if all(offer.kind != "price" for offer in campaign.offers):
        return []
    return [
        f"{group} gets an offer of a price {'more' if gap.value > 0 else 'less'} often than others, "
        f"by {abs(gap.value):.0%}: surely beyond max_gap {campaign.max_gap:.0%}"
        for group, gap in gaps.items()
        if gap.low > campaign.max_gap or gap.high < -campaign.max_gap
    ]
