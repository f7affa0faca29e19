"""What the model must beat: nothing for anybody, the same for everybody, and those who would order anyway.

Shapes: R rows.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import Estimate
from models.next_best_action.effects import Action, Part
from models.next_best_action.predict import NextBestAction
from models.uplift.trial import Floats

NOTHING_AT_ALL: Final = "nothing"
EVERYBODY: Final = "everybody"
RESPONSE: Final = "response"


def everybody_acts(part: Part, rows: int) -> NDArray[np.bool_]:
    """Return whether each row of an action gets it: all do where it surely pays on average of the training rows."""
    return np.full(rows, part.surely_pays)


def response_acts(expected_RK: Floats, count: int) -> NDArray[np.bool_]:
    """Return whether each row gets the action: the ``count`` that are likeliest to order do, as response models say."""
    acts = np.zeros(len(expected_RK), dtype=np.bool_)
    acts[np.argsort(-expected_RK.mean(axis=1), kind="stable")[:count]] = True
    return acts


def whole(action: Action) -> Part:
    """Return all parts of an action as one, each weighted by its shoppers."""
    counts = np.array([part.sent + part.held_out for part in action.parts], dtype=np.float64)
    shares = counts / counts.sum()

    def pooled(name: str) -> Estimate:
        estimates = [getattr(part, name) for part in action.parts]
        value = float(sum(share * one.value for share, one in zip(shares, estimates, strict=True)))
        reach = float(
            np.sqrt(sum((share * (one.high - one.value)) ** 2 for share, one in zip(shares, estimates, strict=True)))
        )
        return Estimate(value=value, low=value - reach, high=value + reach)

    return Part(
        orders=pooled("orders"),
        money=pooled("money"),
        sent=sum(part.sent for part in action.parts),
        held_out=sum(part.held_out for part in action.parts),
    )


def same_for_everybody(
    actions: Mapping[str, Action], untried: Mapping[str, str], *, horizon_days: int
) -> NextBestAction:
    """Return the baseline that stands in: everybody gets of what surely pays on average the best, or nothing."""
    flat = {
        name: Action(
            parts=(whole(action),),
            edges=(),
            learner=action.learner,
            learners=None,
            campaigns=action.campaigns,
            reason=action.reason,
        )
        for name, action in actions.items()
    }
    return NextBestAction(actions=flat, untried=untried, horizon_days=horizon_days)


def name_of(baseline: NextBestAction) -> str:
    """Return what the baseline comes to: ``everybody`` where some action surely pays on average, else ``nothing``."""
    pays = any(part.surely_pays for action in baseline.actions.values() for part in action.parts)
    return EVERYBODY if pays else NOTHING_AT_ALL
