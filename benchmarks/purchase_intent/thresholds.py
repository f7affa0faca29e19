"""The threshold of highest F1: how the published figures on Online Shoppers were measured."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def best_threshold(outcomes: Bools, probabilities: Floats) -> float:
    """Return the probability from which "yes" gives the highest F1; choose it on rows that the model did not see."""
    order = np.argsort(-probabilities, kind="stable")
    hits = np.cumsum(outcomes[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + outcomes.sum())
    return float(probabilities[order][int(np.argmax(f1))])


def f1_score(outcomes: Bools, said_yes: Bools) -> float:
    """Return the harmonic mean of precision and recall of "yes"; 0 where nobody says or is yes."""
    return float(2 * (outcomes & said_yes).sum() / max(outcomes.sum() + said_yes.sum(), 1))
