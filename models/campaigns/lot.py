"""Who is held out of a campaign, and who gets which offer where a lot decides: a hash of the campaign and the shopper.

The same shopper draws the same number for one campaign on every day and machine, and another one for the next campaign.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def draws(users: Sequence[str], *, campaign: str, what: str) -> Floats:
    """Return a number in [0, 1) for each shopper, shape (U,).

    Args:
        users: pseudonyms.
        campaign: name of the campaign.
        what: what is drawn; ``hold_out`` and ``offer`` are independent of each other.
    """
    begin = hashlib.sha256(f"{what}:{campaign}:".encode())
    numbers = np.empty(len(users))
    for place, user in enumerate(users):
        one = begin.copy()
        one.update(user.encode())
        numbers[place] = int.from_bytes(one.digest()[:6], "big") / 2**48
    return numbers
