"""The leave-one-out protocol: each user's last item is the test target, the one before it the validation target.

Source: W.-C. Kang, J. McAuley, "Self-attentive sequential recommendation", ICDM 2018. Models learn from what precedes
the validation target alone; when the test target is asked for, the validation item is part of the history, not of the
training. Which item is last is the order of the sequences given: nothing is sorted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.recommender.dataset import Case, Interactions
from models.recommender.history import BEHAVIOUR_CODES, History
from shopsight.contracts import HISTORY_LENGTH

_HELD_OUT = 2
"""A user with fewer items than these and one to start from teaches, and is not asked."""


@dataclass(frozen=True, kw_only=True)
class LeaveOneOut:
    """Training part and questions; all codes are places in ``train.item_ids``."""

    train: Interactions
    """Times are places in the sequence: the format has no clock."""
    validation: list[Case]
    test: list[Case]
    too_short: int
    """Users with fewer than three items."""


def as_interactions(sequences: Sequence[Sequence[str]]) -> Interactions:
    """Return one sequence of item ids per user, oldest first, as a log; its times are places in the sequence."""
    item_ids = np.array(sorted({item for sequence in sequences for item in sequence}), dtype=object)
    code_of = {item: code for code, item in enumerate(item_ids)}
    return _log(item_ids, [np.array([code_of[item] for item in sequence], dtype=np.int64) for sequence in sequences])


def leave_one_out(sequences: Sequence[Sequence[str]]) -> LeaveOneOut:
    """Split one sequence of item ids per user, oldest first.

    The catalogue is every item of every sequence, held-out ones too: an item that only held-out interactions know is
    ranked among the others, and no model can have learnt it.
    """
    item_ids = np.array(sorted({item for sequence in sequences for item in sequence}), dtype=object)
    code_of = {item: code for code, item in enumerate(item_ids)}
    coded = [np.array([code_of[item] for item in sequence], dtype=np.int64) for sequence in sequences]
    learnt = [items[:-_HELD_OUT] if len(items) > _HELD_OUT else items for items in coded]
    asked = [(user, items) for user, items in enumerate(coded) if len(items) > _HELD_OUT]
    return LeaveOneOut(
        train=_log(item_ids, learnt),
        validation=[_case(user, items[:-1]) for user, items in asked],
        test=[_case(user, items) for user, items in asked],
        too_short=len(coded) - len(asked),
    )


def _log(item_ids: NDArray[np.object_], coded: Sequence[NDArray[np.int64]]) -> Interactions:
    lengths = np.array([len(items) for items in coded], dtype=np.int64)
    items_E = np.concatenate(coded) if coded else np.zeros(0, dtype=np.int64)
    return Interactions(
        item_ids=item_ids,
        users_E=np.repeat(np.arange(len(coded)), lengths),
        items_E=items_E,
        behaviours_E=_purchases(len(items_E)),
        times_E=np.concatenate([np.arange(length, dtype=np.float64) for length in lengths] or [np.zeros(0)]),
    )


def _case(user: int, items: NDArray[np.int64]) -> Case:
    past, target = items[:-1], int(items[-1])
    # Masking the target as seen would be asking for what may not be answered: repeats do occur in the format.
    seen = np.setdiff1d(past, [target])
    return Case(user, target, History(past, _purchases(len(past))).last(HISTORY_LENGTH), seen)


def _purchases(count: int) -> NDArray[np.int64]:
    # A review is the trace of a purchase; the format names no behaviour.
    return np.full(count, BEHAVIOUR_CODES["purchase"], dtype=np.int64)
