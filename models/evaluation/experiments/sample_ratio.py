"""Are there as many shoppers in each arm as there should be? If not, something keeps some out, and no figure is right.

Source: A. Fabijan et al., "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments" (2019).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import chisquare

OFF_BELOW: Final = 0.001
"""p-value below which the ratio is off: shoppers are many, and the test is made at every look."""


def sample_ratio_p(exposed: Sequence[int], shares: Sequence[float]) -> float | None:
    """Return the p-value of a chi-square test of the arms' shoppers against their shares; None without shoppers.

    Args:
        exposed: shoppers of each arm.
        shares: of each arm, in any unit.

    Raises:
        ValueError: a share is not above zero, or there are not as many as arms.
    """
    if len(exposed) != len(shares) or min(shares) <= 0:
        raise ValueError("each arm has a share above zero")
    total = sum(exposed)
    if total == 0:
        return None
    expected = np.asarray(shares) / sum(shares) * total
    return float(chisquare(exposed, expected).pvalue)
