"""Shares with their intervals."""

from collections.abc import Sequence
from typing import Any

from models.evaluation.proportions import wilson


def share_of(outcomes: Sequence[bool]) -> dict[str, Any]:
    """Return the share of what is right with its 95% interval (Wilson's), and of how many."""
    estimate = wilson(sum(outcomes), len(outcomes))
    if estimate is None:
        return {"n": 0}
    return {
        "value": round(estimate.value, 3),
        "low": round(estimate.low, 3),
        "high": round(estimate.high, 3),
        "n": len(outcomes),
    }
