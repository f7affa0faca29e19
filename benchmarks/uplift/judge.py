"""What a policy is worth in a trial, over repeated splits: learnt and chosen on one part, judged on the rest.

Every row is judged once a repeat by a policy that did not see it. A policy's value is the mean of doubly robust scores
under the lot's own chances; the interval counts the spread between shoppers, and between repeats.

Shapes: R rows, K arms; arm 0 is the control.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.uplift.qini import rank_share
from models.evaluation.bootstrap import Estimate
from models.uplift.config import UpliftConfig
from models.uplift.outcomes import doubly_robust_scores, inverse_probability_scores, value_of
from models.uplift.policy import Choice, choose_policy, first
from models.uplift.trial import Arms, Floats, Trial, draw_folds

BUDGETS: Final = (0.1, 0.25, 0.5, 0.75)
"""Shares of the shoppers that may be treated, at which policies are compared beside that of no limit."""
BASELINES: Final = ("treat_all", "best_arm", "response_model", "random", "none")


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What was measured on rows that the policies did not see; P repeats."""

    values: Mapping[str, Floats]
    """Each policy's value by row and repeat, ``policy`` and baselines and each at budgets (``policy@0.25``), (P, R)."""
    ips: Floats
    """The same of ``policy``, by inverse probabilities alone, shape (P, R)."""
    rank_share: Mapping[str, Floats]
    """Where each row stands in an order, from 0 (first) to 1, by repeat; of ``policy`` and ``response_model``."""
    arm_shares: Floats
    """Share of shoppers to whom the policy gives each arm, shape (K,)."""
    best_arm: int
    """The arm that was best most often on training rows."""
    learners: Mapping[str, int]
    """How often each learner was chosen."""
    forms: Mapping[str, int]
    """How often each form was chosen."""
    reasons: tuple[str, ...]
    """Why, split by split."""

    def estimate(self, name: str, beside: str | None = None) -> Estimate:
        """Return a policy's value, or how far it is ahead of another, per shopper with its 95% interval."""
        values_PR = self.values[name] - (0.0 if beside is None else self.values[beside])
        return over_repeats(values_PR)


def over_repeats(values_PR: Floats) -> Estimate:
    """Return the mean over rows and repeats; the interval counts the spread of both.

    The rows of one repeat are independent given its policies; what differs between repeats is the luck of the split.
    """
    row_R = values_PR.mean(axis=0)
    variance = row_R.var() / len(row_R)
    if len(values_PR) > 1:
        variance += values_PR.mean(axis=1).var(ddof=1) / len(values_PR)
    value, reach = float(row_R.mean()), 1.96 * float(np.sqrt(variance))
    return Estimate(value=value, low=value - reach, high=value + reach)


def judge(trial: Trial, *, cost_K: Floats, config: UpliftConfig, folds: int, repeats: int, seed: int) -> Judgement:
    """Judge policies on a trial.

    Args:
        trial: all rows.
        cost_K: cost of each arm in the unit of the outcome, which values are net of.
        config: how effects are learnt.
        folds: parts of a repeat; each is judged by policies of the others.
        repeats: how often the rows are split anew.
        seed: of splits and trees.
    """
    rows = len(trial)
    names = [
        *("policy", *BASELINES),
        *(f"{name}@{share:g}" for share in BUDGETS for name in ("policy", *BASELINES[:4])),
    ]
    values = {name: np.empty((repeats, rows)) for name in names}
    ips, order = np.empty((repeats, rows)), {name: np.empty((repeats, rows)) for name in ("policy", "response_model")}
    arms_count, choices = np.zeros(trial.arms), []
    for repeat in range(repeats):
        fold_R = draw_folds(trial, folds, seed=seed + repeat)
        for fold in range(folds):
            outside = np.flatnonzero(fold_R == fold)
            choice = choose_policy(
                trial.at(np.flatnonzero(fold_R != fold)), cost_K=cost_K, config=config, seed=seed + 100 * repeat + fold
            )
            choices.append(choice)
            part = _Part(trial.at(outside), choice, cost_K)
            for name, value_R in part.values().items():
                values[name][repeat, outside] = value_R
            ips[repeat, outside] = value_of(part.ips_RK, part.arm_R)
            order["policy"][repeat, outside] = rank_share(part.effects_RK[:, choice.policy.best])
            order["response_model"][repeat, outside] = rank_share(part.expected_RK[:, choice.policy.best])
            arms_count += np.bincount(part.arm_R, minlength=trial.arms)
    return Judgement(
        values=values,
        ips=ips,
        rank_share=order,
        arm_shares=arms_count / arms_count.sum(),
        best_arm=Counter(choice.policy.best for choice in choices).most_common(1)[0][0],
        learners=Counter(choice.policy.learner for choice in choices),
        forms=Counter(choice.policy.form for choice in choices),
        reasons=tuple(choice.reason for choice in choices),
    )


class _Part:
    """The rows that one choice is judged on."""

    def __init__(self, trial: Trial, choice: Choice, cost_K: Floats) -> None:
        self.choice = choice
        self.effects_RK = choice.effects(trial.features_RF)
        self.expected_RK = choice.learners.outcomes.predict(trial.features_RF)
        self.scores_RK = doubly_robust_scores(trial, self.expected_RK) - cost_K
        self.ips_RK = inverse_probability_scores(trial) - cost_K
        self.arm_R, self.gain_R = choice.policy.arms(self.effects_RK)
        self.lot_R = (trial.chance_RK * self.scores_RK).sum(axis=1)

    def values(self) -> dict[str, Floats]:
        """Return each policy's value row by row, without a limit and at each budget."""
        best_R = self.scores_RK[:, self.choice.policy.best]
        nobody_R, anything_R = self.scores_RK[:, 0], self.scores_RK[:, 1:].mean(axis=1)
        # Whoever would answer most: each the arm under which most comes of them, whatever would come without it.
        likely_R: Arms = np.asarray(1 + self.expected_RK[:, 1:].argmax(axis=1))
        response_R = self.expected_RK.max(axis=1)
        values = {
            "policy": value_of(self.scores_RK, self.arm_R),
            "treat_all": anything_R,
            "best_arm": best_R,
            "response_model": value_of(self.scores_RK, likely_R),
            "random": self.lot_R,
            "none": nobody_R,
        }
        for share in BUDGETS:
            chosen_R = first(self.arm_R, self.gain_R, share)
            values |= {
                f"policy@{share:g}": value_of(self.scores_RK, chosen_R),
                f"treat_all@{share:g}": share * anything_R + (1 - share) * nobody_R,
                f"best_arm@{share:g}": share * best_R + (1 - share) * nobody_R,
                f"response_model@{share:g}": value_of(self.scores_RK, first(likely_R, response_R, share)),
                f"random@{share:g}": share * anything_R + (1 - share) * nobody_R,
            }
        return values


def arm_effects(trial: Trial, *, scores_RK: Floats) -> list[Estimate]:
    """Return each arm's mean effect beside the control, the control's own 0 first."""
    apart_RK: NDArray[np.float64] = scores_RK - scores_RK[:, :1]
    estimates = []
    for arm in range(trial.arms):
        value, reach = float(apart_RK[:, arm].mean()), 1.96 * float(apart_RK[:, arm].std() / np.sqrt(len(trial)))
        estimates.append(Estimate(value=value, low=value - reach, high=value + reach))
    return estimates
