"""What an action adds for shoppers of about the same expected effect, measured beside those held out.

A learner says in which order shoppers gain. How much they gain is measured: of each part of that order, the mean
difference of doubly robust scores by models that had not seen the rows, with its interval. So a wrong learner costs the
order, and never the figure.

Source: V. Chernozhukov, M. Demirer, E. Duflo, I. Fernández-Val, "Generic machine learning inference on heterogeneous
treatment effects in randomized experiments" (2018), for means of sorted groups.

Shapes: R rows, F features, P parts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Estimate
from models.next_best_action.config import NextBestActionConfig
from models.next_best_action.dataset import ACTIONS, ActionRows
from models.uplift.learners import Learners
from models.uplift.policy import ALIKE, choose_policy
from models.uplift.trial import Floats, standard_error

REACH: Final = 1.96
"""Standard errors on either side of a mean, of an interval of 95%."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Shoppers of about the same expected effect."""

    orders: Estimate
    """Orders that the action adds for one of them within the horizon."""
    money: Estimate
    """Margin of these orders, less the message and the discount, which is paid on orders that come anyway, too."""
    sent: int
    held_out: int

    @property
    def surely_pays(self) -> bool:
        """Whether orders and money both surely lie above those of doing nothing."""
        return self.orders.low > 0 and self.money.low > 0


@dataclass(frozen=True, kw_only=True)
class Action:
    """An action that was tried."""

    parts: tuple[Part, ...]
    """From the smallest expected effect to the largest."""
    edges: tuple[float, ...]
    """Expected effects between two parts."""
    learner: str
    """Which learner puts shoppers in order; ``alike`` where none does surely better than chance."""
    learners: Learners | None
    """None where there is one part alone, or the model was loaded."""
    campaigns: tuple[str, ...]
    reason: str
    """Why this learner."""

    def effects(self, features_RF: Floats) -> Floats:
        """Return the effect that orders shoppers, shape (R,)."""
        if self.learners is None:
            return np.zeros(len(features_RF))
        name = "mean" if self.learner == ALIKE else self.learner
        return np.asarray(self.learners.effects(features_RF)[name][:, 1])

    def places(self, features_RF: Floats) -> NDArray[np.intp]:
        """Return each row's place in ``parts``, shape (R,)."""
        return np.searchsorted(np.array(self.edges), self.effects(features_RF), side="right").astype(np.intp)


def why_not(rows: ActionRows, config: NextBestActionConfig) -> str | None:
    """Return why nothing can be said of an action from these rows of it; None where something can."""
    shoppers, sent, out = (_count(rows.users[chosen]) for chosen in (slice(None), rows.sent, ~rows.sent))
    if len(rows) == 0:
        return "no campaign has tried it"
    if shoppers < config.min_shoppers:
        return f"it was tried on {shoppers} shoppers, those held out included; {config.min_shoppers} are wanted"
    if min(sent, out) < config.min_side:
        return f"{sent} were sent it and {out} held out; {config.min_side} of each are wanted"
    if not 0 < rows.ordered.sum() < len(rows):
        return "nobody ordered, or everybody did"
    return None


def fit_action(rows: ActionRows, *, config: NextBestActionConfig, seed: int) -> Action:
    """Learn an action from all rows of it."""
    trial = rows.trial()
    rate = rows.ordered[rows.sent].mean()
    cost = float((rows.message_cost + rows.discount * rate).mean() / max(rows.margin.mean(), 1e-9))
    choice = choose_policy(trial, cost_K=np.array([0.0, cost]), config=config.uplift, seed=seed)
    ordered = choice.policy.learner != ALIKE
    count = min(config.max_parts, _count(rows.users) // config.shoppers_per_part) if ordered else 1
    effect_R = choice.unseen_effects_RK[:, 1]
    edges = np.unique(np.quantile(effect_R, np.linspace(0, 1, max(count, 1) + 1)[1:-1])) if count > 1 else np.empty(0)
    place_R = np.searchsorted(edges, effect_R, side="right")
    scores_RK = choice.unseen_scores_RK
    return Action(
        parts=tuple(_part(rows, scores_RK, place_R == place) for place in range(len(edges) + 1)),
        edges=tuple(float(edge) for edge in edges),
        learner=choice.policy.learner,
        learners=choice.learners if len(edges) else None,
        campaigns=tuple(sorted(set(rows.campaign.tolist()))),
        reason=choice.reason.split(";")[0],
    )


def net_scores(rows: ActionRows, scores_RK: Floats) -> Floats:
    """Return doubly robust scores of money, shape (R, 2): of holding out, and of sending, costs subtracted."""
    sent = scores_RK[:, 1] * (rows.margin - rows.discount) - rows.message_cost
    return np.stack([scores_RK[:, 0] * rows.margin, sent], axis=1)


def _part(rows: ActionRows, scores_RK: Floats, inside: NDArray[np.bool_]) -> Part:
    money_RK = net_scores(rows, scores_RK)
    shopper_R = rows.shoppers()[inside]
    return Part(
        orders=_mean(scores_RK[inside, 1] - scores_RK[inside, 0], shopper_R),
        money=_mean(money_RK[inside, 1] - money_RK[inside, 0], shopper_R),
        sent=int(rows.sent[inside].sum()),
        held_out=int((~rows.sent[inside]).sum()),
    )


def _mean(values: Floats, shopper_R: NDArray[np.intp]) -> Estimate:
    mean = float(values.mean())
    reach = REACH * standard_error(values, shopper_R) if len(np.unique(shopper_R)) > 1 else float("inf")
    return Estimate(value=mean, low=mean - reach, high=mean + reach)


def fit_actions(
    rows: ActionRows, *, config: NextBestActionConfig, seed: int
) -> tuple[Mapping[str, Action], Mapping[str, str]]:
    """Learn every action that was tried enough; return these, and why nothing is known of the others."""
    fitted, untried = {}, {}
    for action in ACTIONS:
        own = rows.take(rows.action == action)
        reason = why_not(own, config)
        if reason is None:
            fitted[action] = fit_action(own, config=config, seed=seed)
        else:
            untried[action] = reason
    return fitted, untried


def _count(users: NDArray[np.object_]) -> int:
    return len(set(users.tolist()))
