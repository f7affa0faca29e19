"""Which form of the classifier is served."""

import pytest

from models.intent.compression import quickest_as_good


@pytest.mark.parametrize(
    ("reached", "served"),
    [
        ({"full": 0.930}, "full"),
        ({"full": 0.930, "int8": 0.9255}, "int8"),
        ({"full": 0.930, "int8": 0.9245}, "full"),
        ({"full": 0.930, "int8": 0.935}, "int8"),
        ({"full": 0.930, "int8": 0.930, "static": 0.9255}, "static"),
        ({"full": 0.930, "int8": 0.930, "static": 0.9245}, "int8"),
        ({"full": 0.930, "int8": 0.900, "static": 0.840}, "full"),
    ],
)
def test_the_quickest_form_is_served_that_loses_at_most_half_a_point(reached: dict[str, float], served: str) -> None:
    assert quickest_as_good(reached) == served
