"""Prices and brands are read off a query; a measure is no price, and a word that is also a thing is no brand."""

import pytest

from models.search.wishes import WishReader

READER = WishReader(["Nike", "Trail Co", "Mug"], vocabulary=["mug"])


@pytest.mark.parametrize(
    ("query", "lowest", "highest", "text"),
    [
        ("shoes under 40 euro for running", None, 40.0, "shoes for running"),
        ("shoes under 40 for running", None, 40.0, "shoes for running"),
        ("between 20 and 40 shoes", 20.0, 40.0, "shoes"),
        ("shoes 60 euro", None, 60.0, "shoes"),
        ("shoes over €99.50", 99.5, None, "shoes"),
        ("手机500元以下", None, 500.0, "手机"),
        ("100到200元的耳机", 100.0, 200.0, "的耳机"),
        ("battery under 12 V", None, None, "battery under 12 V"),
        ("serum up to 50 ml", None, None, "serum up to 50 ml"),
        ("iphone 15", None, None, "iphone 15"),
        ("under 40", None, 40.0, "under 40"),
    ],
)
def test_prices(query: str, lowest: float | None, highest: float | None, text: str) -> None:
    wishes = READER.read(query)
    assert (wishes.lowest, wishes.highest, wishes.text) == (lowest, highest, text)


def test_brands_of_several_words_are_read_and_a_thing_is_none() -> None:
    assert READER.read("nike or TRAIL CO jacket").brands == ("Nike", "Trail Co")
    assert READER.read("blue mug").brands == ()
