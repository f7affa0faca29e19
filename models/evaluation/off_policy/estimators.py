"""Estimates of what a target policy earns per round, from the rounds that another policy logged.

``w`` is how much likelier the target shows what was shown, ``q`` what a model of rewards expects.

- ``direct``: the mean of ``q`` under the target. It is as wrong as its model is, and its spread does not say so: it has
  no interval.
- ``ips``: the mean of ``w · reward``; D. Horvitz, D. Thompson, "A generalization of sampling without replacement from a
  finite universe" (1952). ``clipped_ips`` has no weight above the limit and is too low for it; L. Bottou et al.,
  "Counterfactual reasoning and learning systems" (2013).
- ``snips``: over the sum of the weights; A. Swaminathan, T. Joachims, "The self-normalized estimator for counterfactual
  learning" (2015). ``clipped_snips`` has both.
- ``doubly_robust``: ``direct`` and the weighted rest; M. Dudík, J. Langford, L. Li, "Doubly robust policy evaluation
  and learning" (2011). ``switch``: the rest counts only where the weight is within the limit; Y.-X. Wang, A. Agarwal,
  M. Dudík, "Optimal and adaptive off-policy evaluation in contextual bandits" (2017).
"""

from dataclasses import dataclass

import numpy as np

from models.evaluation.bootstrap import Estimate
from models.evaluation.off_policy.intervals import clustered_variance, gamma_interval
from models.evaluation.off_policy.rounds import Floats, Rounds


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How far single rounds may count."""

    clip: float
    """Largest weight of the clipped estimates and of ``switch``; :func:`.clipping.choose_clip` finds one."""
    largest_weight: float | None = None
    """Largest weight that a round could have had; None where it is that of the log."""
    largest_reward: float = 1.0
    """Largest reward of a round."""
    target_variance: float = 0.0
    """Variance that comes of target probabilities which are estimates themselves."""


def direct(rounds: Rounds) -> float | None:
    """Return what the model of rewards expects of the target per round; None without a model."""
    return None if rounds.expected_R is None else float(rounds.expected_R.mean())


def estimates(rounds: Rounds, limits: Limits) -> dict[str, Estimate]:
    """Return every estimate that has an interval, by name; of :class:`Rounds` without a model, those without one."""
    weight_R = rounds.weight_R
    clipped_R = np.minimum(weight_R, limits.clip)
    by_name = {
        "ips": _weighted(rounds, weight_R, limits, normalised=False),
        "clipped_ips": _weighted(rounds, clipped_R, limits, normalised=False),
        "snips": _weighted(rounds, weight_R, limits, normalised=True),
        "clipped_snips": _weighted(rounds, clipped_R, limits, normalised=True),
    }
    if rounds.expected_R is not None and rounds.predicted_R is not None:
        within_R = np.where(weight_R <= limits.clip, weight_R, 0.0)
        model = (rounds.expected_R, rounds.predicted_R)
        by_name["doubly_robust"] = _weighted(rounds, weight_R, limits, normalised=False, model=model)
        by_name["switch"] = _weighted(rounds, within_R, limits, normalised=False, model=model)
    return by_name


def difference(rounds: Rounds, limits: Limits) -> Estimate:
    """Return by how much the target earns more per round than what was logged: ``clipped_snips`` less the log's mean.

    Both are told from the same rounds, so that what moves both cancels out. The interval is a normal one over the
    clusters, as a difference may lie on either side of 0.
    """
    weight_R = np.minimum(rounds.weight_R, limits.clip)
    total, mean = float(weight_R.sum()), float(rounds.reward_R.mean())
    value = float((weight_R * rounds.reward_R).sum()) / total
    influence_R = weight_R * (rounds.reward_R - value) / total - (rounds.reward_R - mean) / len(rounds)
    spread = 1.96 * float(np.sqrt(clustered_variance(influence_R, rounds.cluster_R)))
    return Estimate(value=value - mean, low=value - mean - spread, high=value - mean + spread)


def _weighted(
    rounds: Rounds,
    weight_R: Floats,
    limits: Limits,
    *,
    normalised: bool,
    model: tuple[Floats, Floats] | None = None,
) -> Estimate:
    """Return one estimate; with a model, of its mean under the target and the weighted rest."""
    expected_R, predicted_R = model or (np.zeros(len(rounds)), np.zeros(len(rounds)))
    total = float(weight_R.sum()) if normalised else float(len(rounds))
    rest_R = weight_R * (rounds.reward_R - predicted_R) / total
    value = float(expected_R.mean() + rest_R.sum())
    influence_R = (expected_R - expected_R.mean()) / len(rounds) + rest_R
    influence_R -= (weight_R / total if normalised else 1 / len(rounds)) * rest_R.sum()
    counted = float((weight_R * rounds.reward_R).sum() / total)
    largest_weight = max(float(weight_R.max()), min(limits.largest_weight or 0.0, limits.clip))
    return gamma_interval(
        total=counted,
        variance=clustered_variance(influence_R, rounds.cluster_R) + limits.target_variance,
        largest=largest_weight * limits.largest_reward / total,
        shift=value - counted,
    )
