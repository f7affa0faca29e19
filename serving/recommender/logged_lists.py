"""What another policy would have earned from the lists in the prediction log, told from their propensities."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.evaluation.bootstrap import Estimate
from models.evaluation.off_policy.clipping import choose_clip
from models.evaluation.off_policy.diagnostics import Diagnostics, diagnose
from models.evaluation.off_policy.estimators import Limits, difference, estimates
from models.evaluation.off_policy.rewards import item_rates
from models.evaluation.off_policy.rounds import Rounds
from shopsight.errors import ShopsightError

Chances = Callable[[Mapping[str, Any]], Sequence[Mapping[str, float]]]
"""From a row of the log to each place's items and the chance with which the policy would show them there."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a log says of a policy."""

    diagnostics: Diagnostics
    estimates: Mapping[str, Estimate]
    """Clicks per shown item, by the name of the estimate; none where the policy is not evaluable."""
    logged: float
    """The same of the lists as they were shown."""
    difference: Estimate | None
    """By how much the policy has more; None where it is not evaluable."""


def judge(
    rows: Sequence[Mapping[str, Any]],
    clicked: Collection[tuple[str, str]] | Mapping[tuple[str, str], float],
    chances: Chances,
) -> Judgement:
    """Estimate how many clicks, or how much money, per shown item a policy would have had.

    What a place that never tried anything would show else, the log could not have: it counts as unsupported.

    Args:
        rows: of the recommender's log; those of lists that did not explore are passed over.
        clicked: recommendation and item ids that came back in events, or what each of them earned.
        chances: the policy.

    Raises:
        ShopsightError: no list of the log explored.
    """
    lists = [row for row in rows if row.get("propensities")]
    if not lists:
        raise ShopsightError(
            f"None of {len(rows)} lists has propensities.",
            why="a log of lists that try nothing says nothing of other lists",
            fix="let lists explore by the shop's rules; docs/off-policy.md says how",
        )
    places = [(number, place) for number, row in enumerate(lists) for place in range(len(row["results"]))]
    items = [lists[number]["results"][place][0] for number, place in places]
    wanted = [list(chances(row)) for row in lists]
    target = [wanted[number][place] if place < len(wanted[number]) else {} for number, place in places]
    names = sorted({*items, *(item for one in target for item in one)})
    code = {item: position for position, item in enumerate(names)}
    earned = clicked if isinstance(clicked, Mapping) else dict.fromkeys(clicked, 1.0)
    reward_R = np.array(
        [
            earned.get((lists[number]["recommendation_id"], item), 0.0)
            for (number, _), item in zip(places, items, strict=True)
        ],
        dtype=np.float64,
    )
    propensity_R = np.array([lists[number]["propensities"][place] for number, place in places])
    target_R = np.array([one.get(item, 0.0) for one, item in zip(target, items, strict=True)])
    wanted_R = np.array([sum(one.values()) for one in target])
    place_R = np.array([place for _, place in places], dtype=np.intp)
    item_R = np.array([code[item] for item in items], dtype=np.intp)
    half_R = np.array([number for number, _ in places]) % 2
    shape = (int(place_R.max()) + 1, len(names))
    # Each half of the lists is predicted by the rates of the other one.
    rates = [item_rates(place_R[half_R != h], item_R[half_R != h], reward_R[half_R != h], shape=shape) for h in (0, 1)]
    rounds = Rounds(
        reward_R=reward_R,
        propensity_R=propensity_R,
        target_R=target_R,
        expected_R=np.array(
            [
                sum(chance * rates[half][place, code[item]] for item, chance in one.items())
                for one, half, place in zip(target, half_R, place_R, strict=True)
            ]
        ),
        predicted_R=np.array(
            [rates[half][place, item] for half, place, item in zip(half_R, place_R, item_R, strict=True)]
        ),
        cluster_R=np.array([number for number, _ in places], dtype=np.intp),
        unsupported=float(np.where(propensity_R == 1.0, wanted_R - target_R, 0.0).mean()),
    )
    clip = choose_clip(rounds.weight_R, rounds.reward_R)
    diagnostics = diagnose(rounds, clip=clip)
    evaluable = diagnostics.not_evaluable is None
    limits = Limits(clip=clip, largest_reward=max(float(reward_R.max()), 1.0))
    return Judgement(
        diagnostics=diagnostics,
        estimates=estimates(rounds, limits) if evaluable else {},
        logged=float(reward_R.mean()),
        difference=difference(rounds, limits) if evaluable else None,
    )
