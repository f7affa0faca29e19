"""Why an item is recommended: which items of the history its score comes from.

Exact for the linear parts, whose scores are sums over the history. For the transformer by occlusion: an item is taken
out of the history, and what the score loses is its share. Shapes: H distinct history items, R recommended items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.recommender.history import History
from models.recommender.scoring import Constant, Neighbours, Scorer, Scores, standardise

REASON_CODES: Final = (
    "",
    "because_you_viewed",
    "because_you_wished_for",
    "because_you_added_to_cart",
    "because_you_bought",
    "because_you_rated",
)
"""By behaviour code: the strongest thing that the shopper did with the item that is named as the reason."""

_OCCLUDED = 5
"""Distinct last items that are taken out, one at a time, to see what the transformer's score owes to them."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why an item is recommended: ``weight`` is the share of the score's positive parts that this is."""

    code: str
    item_ids: tuple[str, ...]
    weight: float


def explain(
    history: History,
    best_R: NDArray[np.int64],
    *,
    scorers: Mapping[str, Scorer],
    weights: Mapping[str, float],
    standard: Mapping[str, Scores],
    item_ids: Sequence[str],
) -> list[tuple[Reason, ...]]:
    """Return, per recommended item, the two history items (or the popularity) that most of its score comes from.

    Args:
        history: of one shopper; not empty.
        best_R: codes of the recommended items.
        scorers: by name.
        weights: of the blend, by name.
        standard: the standardised scores of this history, by name, each of shape (1, N).
        item_ids: of the catalogue.
    """
    distinct = list(dict.fromkeys(history.items[::-1].tolist()))
    shares_HR = np.zeros((len(distinct), len(best_R)))
    general_R = np.zeros(len(best_R))
    for name, weight in weights.items():
        scorer = scorers[name]
        if isinstance(scorer, Constant):
            general_R += weight * standard[name][0, best_R]
        elif isinstance(scorer, Neighbours):
            deviation = max(float(scorer.scores([history])[0].std()), 1e-12)
            for column, item in enumerate(best_R):
                items, parts = scorer.contributions(history, int(item))
                rows = [distinct.index(int(one)) for one in items]
                shares_HR[rows, column] += weight * parts / deviation
        else:
            rows = list(range(min(_OCCLUDED, len(distinct))))
            changed = standardise(scorer.scores([history.without(distinct[row]) for row in rows]))
            shares_HR[rows] += weight * (standard[name][0, best_R] - changed[:, best_R])
    return [
        _named(history, distinct, shares_HR[:, column], float(general_R[column]), item_ids)
        for column in range(len(best_R))
    ]


def _named(
    history: History,
    distinct: Sequence[int],
    shares_H: NDArray[np.float64],
    general: float,
    item_ids: Sequence[str],
) -> tuple[Reason, ...]:
    total = float(shares_H[shares_H > 0].sum()) + max(general, 0.0)
    if total <= 0:
        return ()
    reasons = [
        Reason(
            code=REASON_CODES[int(history.behaviours[history.items == distinct[row]].max())],
            item_ids=(item_ids[distinct[row]],),
            weight=float(shares_H[row]) / total,
        )
        for row in np.argsort(-shares_H, kind="stable")[:2]
        if shares_H[row] > 0
    ]
    if general > 0:
        reasons.append(Reason(code="popular", item_ids=(), weight=general / total))
    return tuple(sorted(reasons, key=lambda reason: -reason.weight)[:2])
