"""What moved a probability, in words."""

import pytest

from models.purchase_intent.encoding import CATEGORICAL, FEATURES
from models.purchase_intent.reasons import in_words


@pytest.mark.parametrize("feature", FEATURES)
def test_every_feature_has_words_with_its_value_and_without(feature: str) -> None:
    value = "shoes" if feature in CATEGORICAL else 3.0
    said = in_words(feature, value, raises=True)
    assert ("shoes" if feature in CATEGORICAL else "Wednesday" if feature == "day_of_week" else "3") in said
    assert said.endswith(", which raises the chance")
    assert in_words(feature, None, raises=False).endswith(", which lowers the chance")
    assert feature not in said


def test_a_missing_value_says_what_is_not_known() -> None:
    assert in_words("days_since_last_order", None, raises=False) == "no order so far, which lowers the chance"
    assert in_words("views_28d", None, raises=True) == "not seen on an earlier day, which raises the chance"
    assert (
        in_words("last_event_name", "add_to_cart", raises=True)
        == "the last step was add to cart, which raises the chance"
    )
