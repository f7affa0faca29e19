"""Items and shoppers that training never saw: a seeded tenth of each, and what is asked about them.

Every shopper's last new item is what is asked for; all that they did from then on is left out of the training.
Shapes: E interactions, N items.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.recommender.dataset import Case, Interactions
from models.recommender.history import History
from shopsight.contracts import HISTORY_LENGTH

HELD_OUT = 0.1
"""Share of the items, and of the shoppers, that are left out of the training."""
VALIDATION_CASES = 2_000
AFTER = (1, 3)
"""A shopper of whom nothing is known is asked about after so many items."""


@dataclass(frozen=True, kw_only=True)
class ColdSplit:
    """What may be learnt from, and the questions; all codes are places in ``train.item_ids``."""

    train: Interactions
    """Without the cold items, but with them in its catalogue; without the cold shoppers."""
    cold_N: NDArray[np.bool_]
    item_cases: list[Case]
    """Shoppers whose next new item is a cold one; ``seen`` are cold items that they had touched before."""
    user_cases: Mapping[int, list[Case]]
    """Cold shoppers' next new item, by how many different items they touched before."""
    validation: list[Case]
    """Of the shoppers that are learnt from, the last new items that are not cold: weights are chosen on these."""


def cold_split(data: Interactions, *, seed: int) -> ColdSplit:
    """Hold out a seeded tenth of the items that anyone touched and a tenth of the shoppers."""
    rng = np.random.default_rng(seed)
    touched = np.flatnonzero(np.bincount(data.items_E, minlength=data.items) > 0)
    cold_N = np.zeros(data.items, dtype=np.bool_)
    cold_N[rng.choice(touched, max(int(HELD_OUT * len(touched)), 1), replace=False)] = True
    slices, first_E = data.user_slices(), data.first_contacts()
    cold_users = set(rng.choice(len(slices), max(int(HELD_OUT * len(slices)), 1), replace=False).tolist())
    learnt_E = np.zeros(len(data), dtype=np.bool_)
    item_cases: list[Case] = []
    validation: list[Case] = []
    user_cases: dict[int, list[Case]] = {after: [] for after in AFTER}
    for user, rows in enumerate(slices):
        new = np.flatnonzero(first_E[rows]) + rows.start
        if user in cold_users:
            for after in AFTER:
                if len(new) > after and not cold_N[data.items_E[new[after]]]:
                    target = int(data.items_E[new[after]])
                    user_cases[after] += _case(data, user, slice(rows.start, new[after]), cold_N, target=target)
            continue
        last = int(new[-1])
        # What happened at the very moment of the target (items of one order share a time) was no known past.
        until = rows.start + int(np.searchsorted(data.times_E[rows], data.times_E[last], side="left"))
        learnt_E[rows.start : until] = True
        if cold_N[data.items_E[last]]:
            item_cases += _case(data, user, slice(rows.start, until), cold_N, target=int(data.items_E[last]))
        else:
            validation += _case(data, user, slice(rows.start, until), cold_N, target=int(data.items_E[last]))
    learnt_E &= ~cold_N[data.items_E]
    train = replace(
        data,
        users_E=data.users_E[learnt_E],
        items_E=data.items_E[learnt_E],
        behaviours_E=data.behaviours_E[learnt_E],
        times_E=data.times_E[learnt_E],
    )
    return ColdSplit(
        train=train,
        cold_N=cold_N,
        item_cases=item_cases,
        user_cases=user_cases,
        validation=validation[:: -(-len(validation) // VALIDATION_CASES)] if validation else [],
    )


def _case(data: Interactions, user: int, rows: slice, cold_N: NDArray[np.bool_], *, target: int) -> list[Case]:
    """Return the question of one shopper, none where their past holds no item that training knows."""
    items, behaviours = data.items_E[rows], data.behaviours_E[rows]
    warm = ~cold_N[items]
    if not warm.any():
        return []
    history = History(items[warm], behaviours[warm]).last(HISTORY_LENGTH)
    # Cold items are asked for among cold ones, the others among the others.
    return [Case(user, target, history, np.unique(items[cold_N[items] == cold_N[target]]))]
