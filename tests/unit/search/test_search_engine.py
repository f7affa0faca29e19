"""What a query finds: its words, misspelt or in Chinese, its wishes, what was clicked before, and nothing far off."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from search_shop import engine_of

from models.search.hits import Hits
from models.search.memory import Click
from models.search.predict import FEATURES, SearchEngine
from models.search.profiles import Profile
from models.search.retrieval import ExactMeaning, ProbedMeaning
from models.search.synonyms import Synonyms


def titles(engine: SearchEngine, hits: Hits) -> list[str]:
    return [str(engine.catalogue.titles[place]) for place in hits.places]


def test_the_first_results_of_a_shelfs_name_are_of_that_shelf(engine: SearchEngine) -> None:
    hits = engine.search("trail running shoes")
    assert all("Running Shoes" in title for title in titles(engine, hits)[:6])


def test_a_misspelt_word_is_put_right_and_said(engine: SearchEngine) -> None:
    hits = engine.search("hedphones")
    assert hits.understood.corrected == "headphones"
    assert "Headphones" in titles(engine, hits)[0]


def test_a_stem_that_nobody_wrote_is_a_word_to_put_right(items: pa.Table) -> None:
    clicked = engine_of(items, [Click(query="running shoes", item_id="i00")] * 5)
    assert clicked.understand("runnig").corrected == "running"
    assert not clicked.spelling.knows("shoe run")
    assert not clicked.spelling.knows("run")


def test_a_word_of_the_catalogue_is_never_put_right(engine: SearchEngine) -> None:
    assert engine.understand("mug").corrected is None
    assert engine.understand("mugs").corrected is None


def test_a_chinese_query_finds_items_with_english_titles(engine: SearchEngine) -> None:
    hits = engine.search("跑步鞋")
    assert hits.understood.language == "zh"
    assert all("Running Shoes" in title for title in titles(engine, hits)[:3])


def test_what_shares_no_word_and_no_meaning_is_no_result(engine: SearchEngine) -> None:
    assert len(engine.search("qwertyuiop zxcvbnm").places) == 0


def test_a_price_in_the_query_holds_for_every_result(engine: SearchEngine) -> None:
    hits = engine.search("something under 40 euro for coffee")
    assert hits.understood.wishes.highest == 40.0
    assert len(hits.places)
    assert (engine.catalogue.prices[hits.places] <= 40.0).all()


def test_a_brand_in_the_query_holds_for_every_result(engine: SearchEngine) -> None:
    hits = engine.search("veloria headphones")
    assert {engine.catalogue.brands[place] for place in hits.places} == {"Veloria"}


def test_a_wish_that_no_item_meets_is_given_up_and_named(engine: SearchEngine) -> None:
    hits = engine.search("headphones under 5 euro")
    assert hits.relaxed == ("price",)
    assert "Headphones" in titles(engine, hits)[0]


def test_only_what_may_be_shown_is_found(engine: SearchEngine) -> None:
    mask = np.array(["Black" in str(title) for title in engine.catalogue.titles])
    assert all("Black" in title for title in titles(engine, engine.search("coffee mug", mask=mask)))


def test_what_was_clicked_for_a_query_is_a_candidate_of_it(items: pa.Table) -> None:
    clicked = engine_of(items, [Click(query="thing for camp", item_id="i20") for _ in range(3)])
    hits = clicked.search("camp thing for")  # the same words in another order
    assert clicked.catalogue.positions["i20"] in hits.places
    row = hits.places.tolist().index(clicked.catalogue.positions["i20"])
    assert hits.features[row, FEATURES.index("clicked_for_query")] == pytest.approx(3 / 5)


def test_words_lead_to_the_category_that_they_were_clicked_in(items: pa.Table) -> None:
    clicked = engine_of(items, [Click(query="cosy", item_id="i20")] * 5 + [Click(query="cup", item_id="i07")] * 5)
    chances = clicked.memory.categories("cosy")
    assert max(chances, key=lambda name: chances[name]) == "Outdoors > Sleeping Bags"
    assert sum(np.exp(list(chances.values()))) == pytest.approx(1.0, abs=1e-3)


def test_a_shoppers_past_is_told_of_each_candidate_and_a_strangers_is_unknown(engine: SearchEngine) -> None:
    profile = Profile(item_ids=["i00", "i01", "i12"])
    hits = engine.search("shoes", profile=profile)
    column = FEATURES.index("own_category")
    shoes = [row for row, place in enumerate(hits.places) if engine.catalogue.categories[place] == "Sports > Shoes"]
    assert hits.features[shoes, column] == pytest.approx(2 / 3)
    assert np.isnan(engine.search("shoes").features[:, column]).all()


def test_synonyms_find_what_the_other_phrase_finds(engine: SearchEngine) -> None:
    synonyms = Synonyms(groups=[["kip bag", "sleeping bag"]])
    hits = engine.search("kip bag", synonyms=synonyms)
    assert hits.understood.synonyms == ("sleeping bag",)
    assert "Sleeping Bag" in titles(engine, hits)[0]


def test_an_item_that_came_after_the_model_is_found_by_its_text(engine: SearchEngine) -> None:
    roomy = engine.catalogue.with_room(3)
    grown = engine.with_catalogue(roomy)
    assert len(grown.search("garden gnome").places) == 0
    newcomer = replace(
        roomy,
        item_ids=[*roomy.item_ids[:24], "gnome", "", ""],
        titles=[*roomy.titles[:24], "Garden Gnome, Red", None, None],
        available=np.array([*roomy.available[:24], True, False, False]),
        listed=np.array([*roomy.listed[:24], True, False, False]),
        positions={**roomy.positions, "gnome": 24},
    )
    grown = grown.with_catalogue(newcomer)
    assert grown.search("garden gnome", mask=newcomer.available).places.tolist()[0] == 24


def test_a_changed_price_costs_no_new_index(engine: SearchEngine) -> None:
    cheaper = replace(engine.catalogue, prices=engine.catalogue.prices / 2)
    assert engine.with_catalogue(cheaper).lexical is engine.lexical


def test_the_probed_index_finds_nearly_all_that_the_exact_one_does() -> None:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(40, 64))
    vectors = centres[rng.integers(0, 40, 4000)] + 0.3 * rng.normal(size=(4000, 64))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    exact, probed = ExactMeaning(vectors), ProbedMeaning(vectors)
    shares = [len(np.intersect1d(exact.nearest(v, 20), probed.nearest(v, 20))) / 20 for v in vectors[::100]]
    assert np.mean(shares) > 0.9


def test_a_colour_is_put_in_the_catalogues_words_for_a_query_in_another_language(engine: SearchEngine) -> None:
    plain, coloured = (engine.search(query) for query in ("跑步鞋", "黑色 跑步鞋"))
    assert plain.understood.synonyms == ()
    assert coloured.understood.synonyms == ("black 跑步鞋",)
    assert "Black" in titles(engine, coloured)[0]


def test_a_colour_and_a_synonym_are_put_in_the_catalogues_words_together(engine: SearchEngine) -> None:
    synonyms = Synonyms(groups=[["跑鞋", "running shoes"]])
    assert engine.understand("黑色 跑鞋", synonyms).synonyms == ("black 跑鞋", "black running shoes")


def test_a_name_that_the_catalogue_has_or_that_is_no_colour_stays(engine: SearchEngine) -> None:
    assert engine.understand("black shoes").synonyms == ()
    assert engine.understand("红茶").synonyms == ()
    assert engine.understand("crimson shoes").synonyms == ()
