"""What a query says of attributes puts first what has them, and leaves out what it says no to."""

import numpy as np
import pytest

from models.search.attribute_wishes import AttributeReader, by_attribute
from models.search.predict import SearchEngine
from models.search.synonyms import Synonyms

SHOP = [
    {"colour": ["Red"], "material": ["Beech Wood"]},
    {"colour": ["Navy Blue"], "kind": ["Puzzle"]},
    {"colour": ["Grey"], "pack": ["12 kg"], "kind": ["Red Light"]},
]


@pytest.fixture(scope="module")
def reader() -> AttributeReader:
    return AttributeReader(SHOP, {"puzzles"})


@pytest.mark.parametrize(
    ("query", "attributes", "rest"),
    [
        ("red bowl", {"colour": ["Red"]}, "bowl"),
        ("red light lamp", {"kind": ["Red Light"]}, "lamp"),
        ("wooden bowl", {}, "wooden bowl"),
        ("wood bowl", {"material": ["Beech Wood"]}, "bowl"),
        ("navy blue jeans", {"colour": ["Navy Blue"]}, "jeans"),
        ("blue jeans", {"colour": ["Navy Blue"]}, "jeans"),
        ("gray jeans", {"colour": ["Grey"]}, "jeans"),
        ("灰色牛仔裤", {"colour": ["Grey"]}, "牛仔裤"),
        ("black tea", {}, "black tea"),
        ("red wine glass", {}, "red wine glass"),
        ("12 kg food", {"pack": ["12 kg"]}, "food"),
        ("puzzle", {}, "puzzle"),
    ],
)
def test_values_are_read_by_their_names_and_colours_and_materials_by_their_words(
    reader: AttributeReader, query: str, attributes: dict[str, list[str]], rest: str
) -> None:
    named = reader.read(query)
    assert by_attribute(named.wanted) == attributes
    assert named.rest == rest


@pytest.mark.parametrize("query", ["shoes not red", "no red or grey shoes", "不要红色的鞋"])
def test_what_a_query_says_no_to_is_not_wanted(reader: AttributeReader, query: str) -> None:
    named = reader.read(query)
    assert not named.wanted
    assert "Red" in by_attribute(named.unwanted)["colour"]


def test_two_values_of_one_attribute_are_a_choice_and_two_attributes_are_both_asked(reader: AttributeReader) -> None:
    assert reader.meets(reader.read("red or grey").wanted, 3).tolist() == [True, False, True]
    assert reader.meets(reader.read("red beech wood").wanted, 3).tolist() == [True, False, False]
    assert reader.meets(reader.read("grey beech wood").wanted, 3).tolist() == [False, False, False]


@pytest.mark.parametrize("query", ["black running shoes", "running shoes in black", "黑色 跑步鞋"])
def test_what_has_the_colour_and_meets_the_rest_comes_before_all_else(engine: SearchEngine, query: str) -> None:
    hits = engine.search(query)
    titles = [str(engine.catalogue.titles[place]) for place in hits.places]
    first = titles[: int(hits.leads.sum())]
    assert len(first) == 3
    assert all("Running Shoes" in title and title.endswith("Black") for title in first)
    assert any("Running Shoes" in title and title.endswith("Blue") for title in titles), "the others follow"
    assert hits.relaxed == ()


def test_a_colour_that_nothing_of_the_kind_has_is_said_to_be_given_up(engine: SearchEngine) -> None:
    blue_mugs = np.array([str(title).endswith("Mug, Blue") for title in engine.catalogue.titles])
    hits = engine.search("blue mug", mask=~blue_mugs)
    assert hits.relaxed == ("attributes",)
    assert str(engine.catalogue.titles[hits.places[0]]).endswith("Mug, Black")


def test_what_the_query_says_no_to_is_no_result(engine: SearchEngine) -> None:
    hits = engine.search("headphones, not black")
    titles = [str(engine.catalogue.titles[place]) for place in hits.places]
    assert titles
    assert not any(title.endswith("Black") for title in titles)


def test_the_rest_of_the_query_may_be_worded_by_the_shops_synonyms(engine: SearchEngine) -> None:
    synonyms = Synonyms(groups=[["cups", "coffee mug"]])
    hits = engine.search("black cups", synonyms=synonyms)
    assert str(engine.catalogue.titles[hits.places[0]]).endswith("Coffee Mug, Black")
