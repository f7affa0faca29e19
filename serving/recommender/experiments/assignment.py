"""Which arm a shopper is in: told from the experiment's salt and the shopper's pseudonym alone, so it stays.

Nothing is stored. The same shopper is in the same arm in every process and on every day, and two experiments spread
shoppers independently, for their salts differ. Raw ids are not hashed: whoever reads the log could guess them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from serving.recommender.experiments.book import Arm, Experiment, ExperimentBook

_WHOLE: Final = 2**64


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a shopper is in at a placement."""

    experiment: Experiment | None = None
    arm: Arm | None = None
    hold_out: bool | None = None
    """Whether the shopper is in the hold-out; None where the shop has none, or nobody is named."""


NOT_ASSIGNED: Final = Assignment()


def position(salt: str, pseudonym: str) -> float:
    """Return where a shopper stands between 0 and 1, evenly spread over all shoppers."""
    digest = hashlib.sha256(f"{salt}\0{pseudonym}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _WHOLE


def arm_at(arms: Sequence[Arm], place: float) -> Arm | None:
    """Return the arm whose share covers a place between 0 and 1; None beyond all shares."""
    for arm in arms:
        if place < arm.share:
            return arm
        place -= arm.share
    return None


def assigned(book: ExperimentBook, pseudonym: str, placement: str, now: datetime) -> Assignment:
    """Return what a shopper is in.

    Args:
        book: the experiments in force.
        pseudonym: of the id that the shop named, whatever is known of it.
        placement: of the list.
        now: the moment of the list.
    """
    hold_out = None
    if book.hold_out is not None and book.hold_out.since <= now.date():
        hold_out = position(book.hold_out.salt, pseudonym) < book.hold_out.share
    if hold_out:
        return Assignment(hold_out=True)
    running = (one for one in book.experiments if one.runs(now) and placement in one.where)
    experiment = next(running, None)  # no two may run at one placement
    arm = (
        None if experiment is None else arm_at(experiment.arms, position(experiment.salt or experiment.name, pseudonym))
    )
    return Assignment(experiment=experiment if arm else None, arm=arm, hold_out=hold_out)
