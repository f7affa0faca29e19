"""One policy's click rate, told from the log of another one, beside the rate that it had itself.

What the target policy would have shown is not in a log whose propensities are those of the shown items alone. Where
it chooses evenly, its probabilities are known. Otherwise they are the shares of the items at each place in every other
round of its own log: over the days of the log they are those of the policy on average, whatever it learnt meanwhile
(the propensity column cannot be averaged: rounds that show an item are those in which it was likely). Its clicks are
never read for the estimate. That the shares are estimates themselves is part of the interval.

Shapes: R rounds, G places, N items.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.off_policy.bandit_log import BanditLog
from models.evaluation.bootstrap import Estimate
from models.evaluation.off_policy.clipping import choose_clip
from models.evaluation.off_policy.diagnostics import diagnose, misfit_of
from models.evaluation.off_policy.estimators import Limits, direct, estimates
from models.evaluation.off_policy.intervals import gamma_interval
from models.evaluation.off_policy.rewards import crossed, item_rates
from models.evaluation.off_policy.rounds import Floats, Rounds

HEADLINE: Final = "clipped_snips"
"""The estimate that is judged; chosen on simulated logs of this size, before these were looked at."""


@dataclass(frozen=True, kw_only=True)
class _Target:
    chance_GN: Floats
    """Its probability of each item at each place."""
    rounds_R: NDArray[np.intp]
    """The rounds of its own log that the probabilities are from; none where they are known."""
    how: str


def told_from(logged: BanditLog, target: BanditLog, *, seed: int) -> dict[str, Any]:
    """Return what ``target``'s policy earns per shown item, told from the log of another policy.

    Args:
        logged: what the other policy showed.
        target: the log of the policy itself, whose clicks are only compared with.
        seed: of the halves that the model of rewards is fitted to.
    """
    items_N, places_G = _codes(logged, target)
    policy = _target(target, items_N, places_G)
    item_R, place_R = np.searchsorted(items_N, logged.item_R), np.searchsorted(places_G, logged.position_R)
    fold_R = np.random.default_rng(seed).permutation(len(logged)) % 2 == 0
    expected_R, predicted_R = crossed(place_R, item_R, logged.click_R, policy.chance_GN, fold_R=fold_R)
    shown_N = np.bincount(item_R, minlength=len(items_N)) > 0
    shares_G = np.bincount(place_R, minlength=len(places_G)) / len(logged)
    rounds = Rounds(
        reward_R=logged.click_R,
        propensity_R=logged.propensity_R,
        target_R=policy.chance_GN[place_R, item_R],
        expected_R=expected_R,
        predicted_R=predicted_R,
        unsupported=float(shares_G @ policy.chance_GN[:, ~shown_N].sum(axis=1)),
        misfit=misfit_of(place_R, item_R, logged.propensity_R),
    )
    clip = choose_clip(rounds.weight_R, rounds.reward_R, mean=1 - rounds.unsupported)
    diagnostics = diagnose(rounds, clip=clip)
    report: dict[str, Any] = {
        "target_probabilities": policy.how,
        "clip": round(clip, 3),
        "diagnostics": {name: _rounded(value) for name, value in asdict(diagnostics).items()},
        "on_policy": _on_policy(target),
        "not_evaluable": diagnostics.not_evaluable,
    }
    if diagnostics.not_evaluable is not None:
        return report
    rates_GN = item_rates(place_R, item_R, logged.click_R, shape=policy.chance_GN.shape)
    limits = Limits(clip=clip, target_variance=_target_variance(policy, target, items_N, places_G, rates_GN))
    by_name = estimates(rounds, limits)
    return report | {
        "estimates": {name: listed(one) for name, one in by_name.items()},
        "direct": _rounded(direct(rounds)),
        "holds": {name: holds(one, float(target.click_R.mean())) for name, one in by_name.items()},
    }


def holds(estimate: Estimate, rate: float) -> bool:
    """Return whether the interval holds a rate."""
    return bool(estimate.low <= rate <= estimate.high)


def _codes(one: BanditLog, other: BanditLog) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    return np.unique(np.concatenate([one.item_R, other.item_R])), np.unique(
        np.concatenate([one.position_R, other.position_R])
    )


def _target(log: BanditLog, items_N: NDArray[np.object_], places_G: NDArray[np.int64]) -> _Target:
    own_N = np.isin(items_N, log.item_R)
    even = log.evenly
    if even is not None and even in (own_N.sum(), len(items_N)):
        # An item that chance has not shown yet is one of the even choices, where the numbers say that there are more.
        chosen_N = own_N if own_N.sum() == even else np.ones(len(items_N), dtype=np.bool_)
        chance_GN = np.broadcast_to(chosen_N / even, (len(places_G), len(items_N)))
        return _Target(chance_GN=chance_GN, rounds_R=np.array([], dtype=np.intp), how=f"known: even, of {even} items")
    rounds_R = np.arange(0, len(log), 2)
    item_R, place_R = np.searchsorted(items_N, log.item_R), np.searchsorted(places_G, log.position_R)
    chance_GN = np.zeros((len(places_G), len(items_N)))
    np.add.at(chance_GN, (place_R[rounds_R], item_R[rounds_R]), 1.0)
    chance_GN /= np.maximum(chance_GN.sum(axis=1, keepdims=True), 1.0)
    return _Target(chance_GN=chance_GN, rounds_R=rounds_R, how=f"shares of {len(rounds_R):,} of its own rounds")


def _target_variance(
    policy: _Target,
    log: BanditLog,
    items_N: NDArray[np.object_],
    places_G: NDArray[np.int64],
    rates_GN: Floats,
) -> float:
    """Return the variance that the estimate has because the target's probabilities are shares of some rounds."""
    if len(policy.rounds_R) == 0:
        return 0.0
    item_R = np.searchsorted(items_N, log.item_R[policy.rounds_R])
    place_R = np.searchsorted(places_G, log.position_R[policy.rounds_R])
    return float(rates_GN[place_R, item_R].var() / len(policy.rounds_R))


def _on_policy(log: BanditLog) -> Mapping[str, Any]:
    """Return the policy's own click rate, of all rounds and of those that its probabilities are not from."""
    clicks, rounds = float(log.click_R.sum()), len(log)
    rate = gamma_interval(total=clicks / rounds, variance=clicks / rounds**2, largest=1 / rounds)
    return {
        "rate": listed(rate),
        "clicks": int(clicks),
        "rate_of_other_half": _rounded(float(log.click_R[1::2].mean())),
    }


def listed(estimate: Estimate) -> list[float]:
    """Return an estimate as figures are written: value, low and high."""
    return [float(f"{value:.4g}") for value in (estimate.value, estimate.low, estimate.high)]


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
