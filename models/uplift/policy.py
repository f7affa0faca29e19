"""Who gets which arm, or none, and how the learner and the form of the policy are chosen on the training rows alone.

A policy has one of four forms, from the plainest on; a freer one has to pay on rows that its learner did not see.

- ``none``: nobody gets anything, for no arm pays on average.
- ``one_arm``: everybody the best single arm, those with the largest effect first where not all can have it.
- ``one_arm_or_none``: the same, without those whose effect does not pay: sleeping dogs and lost causes.
- ``own_arm``: everybody the arm that does most for them, or none.

Shapes: R rows, K arms; arm 0 is the control.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.stats import norm

from models.uplift.config import UpliftConfig
from models.uplift.learners import LEARNERS, Learners, fit_learners
from models.uplift.outcomes import doubly_robust_scores, value_of
from models.uplift.trial import Arms, Floats, Trial, draw_folds, standard_error

FORMS: Final = ("none", "one_arm", "one_arm_or_none", "own_arm")
ALIKE: Final = "alike"
"""Instead of a learner's name: no differences between shoppers were seen that pay."""
SHARES: Final = tuple(round(0.1 * tenth, 1) for tenth in range(1, 11))
"""Shares of the shoppers that may be treated, over which the area under the curve of values is taken."""
SLEEPING: Final = -0.15
"""Estimated effect below which a shopper counts as a sleeping dog: an order lost for seven who are sent the offer."""
ORDER_MARGIN: Final = float(norm.ppf(0.99))
"""Standard errors that the best of six learners must be ahead of chance by: by luck one of them is rarely so far."""
MARGIN: Final = float(norm.ppf(0.95))
"""Standard errors that a freer form must be ahead of a plainer one by."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How shoppers are treated by their effects."""

    learner: str
    """One of ``LEARNERS``, or ``alike``."""
    form: str
    """One of ``FORMS``."""
    best: int
    """The single arm that does most for all; never the control."""
    cost_K: Floats
    """What each arm costs a shopper, in the unit of the outcome."""

    def arms(self, effects_RK: Floats) -> tuple[Arms, Floats]:
        """Return the arm that each shopper should get where there is no budget, and who comes first where there is.

        Returns:
            arms of shape (R,), 0 for none; what each is expected to bring, cost subtracted, shape (R,).
        """
        net_RK = effects_RK - self.cost_K
        rows = np.arange(len(net_RK))
        arm_R = net_RK.argmax(axis=1) if self.form == "own_arm" else np.full(len(net_RK), self.best)
        if self.form == "none":
            arm_R = np.zeros(len(net_RK), dtype=np.intp)
        if self.form == "one_arm_or_none":
            arm_R = np.where(net_RK[rows, arm_R] > 0, arm_R, 0)
        return arm_R.astype(np.intp), np.asarray(net_RK[rows, arm_R])


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The policy that the training rows chose, and what they said of the others."""

    policy: Policy
    learners: Learners
    area: Mapping[str, float]
    """Mean value over all shares that may be treated, by learner, on rows that it did not see."""
    reason: str
    """Why this one."""
    unseen_scores_RK: Floats
    """Doubly robust scores of the training rows, by models that had not seen them."""
    unseen_effects_RK: Floats
    """Effects of the training rows by the chosen learner, which had not seen them."""

    def effects(self, features_RF: Floats) -> Floats:
        """Return the chosen learner's effects, shape (R, K); of ``alike`` the mean learner's, for an order."""
        name = "mean" if self.policy.learner == ALIKE else self.policy.learner
        return self.learners.effects(features_RF)[name]


def first(arm_R: Arms, gain_R: Floats, share: float) -> Arms:
    """Return the arms where at most ``share`` of the shoppers may get one: those who gain most of it."""
    places = round(share * len(arm_R))
    order = np.lexsort((-gain_R, arm_R == 0))
    chosen = np.zeros(len(arm_R), dtype=np.bool_)
    chosen[order[:places]] = True
    return np.where(chosen, arm_R, 0)


def choose_policy(trial: Trial, *, cost_K: Floats, config: UpliftConfig, seed: int) -> Choice:
    """Choose learner and form by cross-validation within ``trial``, and fit the learners on all of it.

    Args:
        trial: training rows.
        cost_K: cost of each arm, in the unit of the outcome; 0 of the control.
        config: settings.
        seed: of folds and trees.
    """
    scores_RK, effects = _unseen(trial, config=config, seed=seed)
    net_RK = scores_RK - cost_K
    best = 1 + int(net_RK[:, 1:].mean(axis=0).argmax())
    plain = {name: Policy(learner=name, form="one_arm", best=best, cost_K=cost_K) for name in LEARNERS}
    by_share = {name: _over_shares(net_RK, *plain[name].arms(effects[name])) for name in LEARNERS}
    anyone_R = np.mean([share * net_RK[:, best] + (1 - share) * net_RK[:, 0] for share in SHARES], axis=0)
    area = {name: float(values.mean()) for name, values in by_share.items()}
    learner = max(LEARNERS, key=lambda name: area[name])
    ahead, error = _difference(by_share[learner], anyone_R, trial.shopper_R)
    reason = f"{learner} orders shoppers better than chance by {ahead:.4g} (standard error {error:.2g})"
    if ahead <= ORDER_MARGIN * error:
        learner, reason = ALIKE, "no learner orders shoppers surely better than chance: no differences in effect"
    policy = Policy(learner=learner, form="one_arm", best=best, cost_K=cost_K)
    unseen_RK = effects["mean" if learner == ALIKE else learner]
    policy, why = _freest(policy, net_RK, unseen_RK, trial.shopper_R)
    return Choice(
        policy=policy,
        learners=fit_learners(trial, config=config, seed=seed),
        area=area | {ALIKE: float(anyone_R.mean())},
        reason=f"{reason}; {why}",
        unseen_scores_RK=scores_RK,
        unseen_effects_RK=unseen_RK,
    )


def _freest(policy: Policy, net_RK: Floats, effects_RK: Floats, shopper_R: Arms | None) -> tuple[Policy, str]:
    """Return the freest form that is surely ahead of the plainer ones where everybody may be treated."""
    pays = net_RK[:, policy.best].mean() > net_RK[:, 0].mean()
    policy = replace(policy, form="one_arm" if pays else "none")
    why = "everybody gets the best single arm" if pays else "nobody gets anything, for no arm pays on average"
    value_R = value_of(net_RK, policy.arms(effects_RK)[0])
    for form in FORMS[2:]:
        freer = replace(policy, form=form)
        candidate_R = value_of(net_RK, freer.arms(effects_RK)[0])
        ahead, error = _difference(candidate_R, value_R, shopper_R)
        if ahead > MARGIN * error:
            policy, value_R = freer, candidate_R
            why = f"{form} pays {ahead:.4g} more a shopper than a plainer form (standard error {error:.2g})"
    return policy, why


def _unseen(trial: Trial, *, config: UpliftConfig, seed: int) -> tuple[Floats, dict[str, Floats]]:
    """Return scores and effects of each row by models that did not see it."""
    fold_R = draw_folds(trial, config.folds, seed=seed + 1)
    scores_RK = np.empty((len(trial), trial.arms))
    effects = {name: np.empty((len(trial), trial.arms)) for name in LEARNERS}
    for fold in range(config.folds):
        inside, outside = np.flatnonzero(fold_R != fold), np.flatnonzero(fold_R == fold)
        learners = fit_learners(trial.at(inside), config=config, seed=seed + 1)
        unseen = trial.at(outside)
        scores_RK[outside] = doubly_robust_scores(unseen, learners.outcomes.predict(unseen.features_RF))
        for name, values in learners.effects(unseen.features_RF).items():
            effects[name][outside] = values
    return scores_RK, effects


def _over_shares(net_RK: Floats, arm_R: Arms, gain_R: Floats) -> Floats:
    """Return each row's value, mean over the shares that may be treated."""
    return np.asarray(np.mean([value_of(net_RK, first(arm_R, gain_R, share)) for share in SHARES], axis=0))


def _difference(one_R: Floats, other_R: Floats, shopper_R: Arms | None) -> tuple[float, float]:
    """Return by how much one policy is ahead of another on the same rows, and the standard error."""
    apart = one_R - other_R
    return float(apart.mean()), standard_error(apart, shopper_R)
