"""What a click counts for: the seldomer its place is looked at, the more it says.

Source: T. Joachims, A. Swaminathan, T. Schnabel, "Unbiased learning-to-rank with biased feedback", WSDM 2017; weights
are clipped as there, since a click far down would outweigh all others.
"""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from models.evaluation.position_bias import PositionBias

MAX_WEIGHT: Final = 10.0
"""Of a click, whatever is said of its place."""


def click_weights(positions: Sequence[int | None], bias: PositionBias) -> pa.Array:
    """Return the weight of each click, 1 over how often its place is looked at.

    Args:
        positions: of the clicked items, 1 at the top; None where it is not said.
        bias: of the places. Where nothing could be estimated, every weight is 1.

    Returns:
        1 for a click without a position; beyond the places that are estimated, the weight of the nearest one before it.
    """
    examination = {place: one.value for place, one in bias.examination.items()}

    def weight(position: int | None) -> float:
        before = [place for place in examination if position is not None and place <= position]
        return min(MAX_WEIGHT, 1.0 / examination[max(before)]) if before else 1.0

    of_position = {position: weight(position) for position in set(positions)}
    return pa.array([of_position[position] for position in positions], pa.float64())
