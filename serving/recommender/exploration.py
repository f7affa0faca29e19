"""Other items at the end of a list now and then, each with a chance that is written down.

What no list shows cannot be judged from a log. A place that explores shows, with the chance that the shop set, one of
the items that come after the list, all equally likely. So every item has a propensity, given what the places before it
drew, and :mod:`models.evaluation.off_policy` can tell from the log what another model would have earned.
"""

import random
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from models.recommender.predict import ScoredItem

fair_draw: Final = random.SystemRandom().random
"""Numbers that nobody can foresee, from any thread."""


class Exploring(Protocol):
    """How a list explores: what :class:`serving.items.rules.Explore` says."""

    share: float
    places: int
    among: int


def explored(
    items: Sequence[ScoredItem],
    *,
    num_results: int,
    explore: Exploring,
    pinned: Collection[str],
    draw: Callable[[], float],
) -> tuple[list[ScoredItem], list[float]]:
    """Return the list, and with what chance each of its items stands at its place.

    Args:
        items: the list and, after it, what could stand on it as well: any of these items may stand together.
        num_results: length of the list.
        explore: how it explores.
        pinned: items that the shop put where they are.
        draw: numbers from 0 to below 1, evenly.
    """
    listed, propensities = list(items[:num_results]), [1.0] * min(num_results, len(items))
    others = [item for item in items[num_results:] if item.item_id not in pinned][: explore.among]
    for place in range(max(1, len(listed) - explore.places), len(listed)):
        if not others or listed[place].item_id in pinned:
            continue
        if draw() >= explore.share:
            propensities[place] = 1.0 - explore.share
            continue
        propensities[place] = explore.share / len(others)
        listed[place] = others.pop(int(draw() * len(others)))
    return listed, propensities
