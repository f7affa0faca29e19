"""Search over HTTP's head: results with reasons, facets and rules; what is missing costs a rung, never the answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from search_shop import engine_of, items_table

from models.search.memory import Click
from models.search.predict import SearchEngine
from serving.features import FeatureReader
from serving.feedback.shown_lists import shown_items
from serving.items.rules import RuleBook, RulesInForce
from serving.prediction_log import PredictionLog, read_log
from serving.search.desk import SearchDesk
from serving.search.schemas import SearchAnswer, SearchRequest, SuggestionRequest
from serving.search.synonyms_file import UnusableSynonymsError, read_synonyms
from serving.served_model import ServedModel
from shopsight.privacy import Pseudonymiser

NOW = datetime(2026, 1, 5, tzinfo=UTC)
Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def engine() -> SearchEngine:
    clicks = [Click(query="gift for campers", item_id="i20")] * 4
    return engine_of(items_table(), clicks)


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    return PredictionLog(tmp_path / "log", clock=lambda: NOW)


@pytest.fixture
def make_desk(engine: SearchEngine, log: PredictionLog, online: Any, pseudonymiser: Pseudonymiser) -> Ask:
    online.features[("search_v1", pseudonymiser.user("maya"))] = {
        "item_ids": ["i00", "i01"],
        "event_names": ["view_item", "view_item"],
    }
    model = ServedModel(
        family="search", version="v0001", artefact=Path(), trained_at="", card={}, evaluation={}, approval={}
    )

    def make(rules: dict[str, Any] | None = None, catalogue: Any = None) -> SearchDesk:
        book = RuleBook.model_validate(rules or {})
        in_force = RulesInForce(book, engine.catalogue)
        return SearchDesk(
            engine,
            model=model,
            features=FeatureReader(lambda: online, pseudonymiser),
            log=log,
            clock=lambda: NOW,
            new_id=lambda: "1",
            rules=lambda: in_force,
            catalogue=catalogue,
        )

    return make


def ask(desk: SearchDesk, query: str, **asked: Any) -> SearchAnswer:
    answer = desk.answer(SearchRequest.model_validate({"query": query, **asked}))
    TypeAdapter(SearchAnswer).validate_python(answer, strict=True)
    return answer


def ids(answer: SearchAnswer) -> list[str]:
    return [result["item_id"] for result in answer["results"]]


def test_attributes_are_counted_and_may_be_asked_for(make_desk: Ask) -> None:
    desk = make_desk()
    every = desk.answer(SearchRequest(query="trail running shoes"))
    assert every["facets"]["attributes"]["colour"] == [{"value": "Black", "count": 3}, {"value": "Blue", "count": 3}]
    blue = SearchRequest.model_validate(
        {"query": "trail running shoes", "filter": {"attributes": {"colour": {"any_of": ["blue"]}}}}
    )
    answer = desk.answer(blue)
    assert answer["total"] == 3
    assert all("Blue" in result["title"] for result in answer["results"])
    assert "colour" not in answer["facets"]["attributes"], "one value is no choice"


def test_an_attribute_that_no_item_has_is_given_up_and_said(make_desk: Ask) -> None:
    asked = {"query": "trail running shoes", "filter": {"attributes": {"sleeves": {"any_of": ["long"]}}}}
    answer = make_desk().answer(SearchRequest.model_validate(asked))
    assert answer["relaxed"] == ["filter"]
    assert answer["results"]


def test_an_answer_has_results_facets_and_reasons_and_is_logged_as_a_list(make_desk: Ask, log: PredictionLog) -> None:
    answer = ask(make_desk(), "trail running shoes", explain=True, num_results=3, session_id="s1")
    assert [result["category"] for result in answer["results"]] == ["Sports > Shoes"] * 3
    assert answer["results"][0]["reasons"][0] == {"code": "all_words", "words": "has every word of the query"}
    assert answer["facets"]["category"][0] == {"value": "Sports > Shoes", "count": 6}
    assert sum(part["count"] for part in answer["facets"]["price"]) == answer["total"]
    log.close()
    (row,) = read_log(log.folder).rows
    assert [(one["position"], one["item_id"], one["placement"]) for one in shown_items(row)] == [
        (place, item_id, "search") for place, item_id in enumerate(ids(answer), start=1)
    ]


def test_addresses_in_a_query_do_not_reach_the_log(make_desk: Ask, log: PredictionLog) -> None:
    ask(make_desk(), "shoes for maya@example.com")
    log.close()
    (row,) = read_log(log.folder).rows
    assert row["query"] == "shoes for [email]"
    assert "maya" not in str(row)


def test_an_address_beside_a_word_that_is_put_right_does_not_reach_the_log_either(
    make_desk: Ask, log: PredictionLog
) -> None:
    answer = ask(make_desk(), "hedphones for maya@example.com")
    assert "headphones" in (answer["understood"]["corrected"] or "")
    log.close()
    (row,) = read_log(log.folder).rows
    assert row["understood"]["is_corrected"] is True
    assert "maya" not in str(row)


def test_a_brand_has_so_many_places_of_the_results_at_most(make_desk: Ask) -> None:
    rules = [{"name": "mixed", "at_most": {"places": 1, "per": "brand"}}]
    results = ask(make_desk({"rules": rules}), "trail running shoes")["results"]
    assert sorted(str(result["brand"]) for result in results) == ["Hydra", "Nordwind", "Veloria"]


def test_a_rule_that_would_prefer_new_results_is_refused() -> None:
    rule = {"name": "new", "placements": ["search"], "prefer_new": {"by": 0.5}}
    with pytest.raises(ValueError, match="prefer_new is of lists"):
        RuleBook.model_validate({"rules": [rule]})


def test_the_reasons_of_a_chinese_query_are_chinese(make_desk: Ask) -> None:
    answer = ask(make_desk(), "跑步鞋", explain=True)
    assert answer["results"][0]["reasons"][0]["words"] == "与搜索意思相近"


def test_a_filter_holds_and_is_given_up_only_where_nothing_is_left(make_desk: Ask) -> None:
    filtered = ask(make_desk(), "headphones", filter={"brand": {"any_of": ["Hydra"]}})
    assert {result["brand"] for result in filtered["results"]} == {"Hydra"}
    wider = ask(make_desk(), "headphones", filter={"brand": {"any_of": ["Nobody"]}})
    assert wider["relaxed"] == ["filter"]
    assert wider["fallback"] == "relaxed"
    assert wider["results"][0]["category"] == "Audio > Headphones"


def test_where_nothing_is_found_the_best_sellers_are_said_to_be_so(make_desk: Ask) -> None:
    answer = ask(make_desk(), "qwertyuiop zxcvbnm", num_results=2)
    assert (answer["total"], answer["fallback"], len(answer["results"])) == (0, "best_sellers", 2)


def test_rules_leave_out_boost_and_pin_what_was_found(make_desk: Ask) -> None:
    rules = [
        {"name": "no hydra", "placements": ["search"], "leave_out": {"brand": {"any_of": ["Hydra"]}}},
        {"name": "first", "placements": ["search"], "pin": {"item_ids": ["i05", "i12"], "place": 1}},
    ]
    answer = ask(make_desk({"rules": rules}), "trail running shoes", explain=True)
    assert ids(answer)[0] == "i05"
    assert answer["results"][0]["reasons"][0]["code"] == "pinned"
    assert "Hydra" not in {result["brand"] for result in answer["results"]}
    assert "i12" not in ids(answer)[:1]  # headphones are pinned, and no answer to shoes


def test_a_rule_for_lists_does_not_touch_searches(make_desk: Ask) -> None:
    rules = [{"name": "lists", "placements": ["trending"], "leave_out": {"brand": {"any_of": ["Hydra"]}}}]
    assert "Hydra" in {r["brand"] for r in ask(make_desk({"rules": rules}), "trail running shoes")["results"]}


def test_what_is_sold_out_now_is_no_result(make_desk: Ask, engine: SearchEngine) -> None:
    gone = replace(engine.catalogue, available=np.array([item != "i00" for item in engine.catalogue.item_ids]))
    assert "i00" not in ids(ask(make_desk(catalogue=lambda: gone), "veloria trail running shoes"))


def test_a_shopper_is_known_by_name_and_a_store_that_is_gone_costs_no_answer(make_desk: Ask, online: Any) -> None:
    assert ask(make_desk(), "shoes", user_id="maya")["user_known"] is True
    assert ask(make_desk(), "shoes", user_id="nobody")["user_known"] is False
    assert ask(make_desk(), "shoes", user_id="maya", personalised=False)["user_known"] is None
    online.away = True
    without = ask(make_desk(), "shoes", user_id="maya")
    assert without["user_known"] is None
    assert without["results"]


def test_suggestions_begin_with_what_was_typed_clicked_queries_first(make_desk: Ask) -> None:
    suggestions = make_desk().suggest(SuggestionRequest(q="g"))["suggestions"]
    assert suggestions[0] == {"text": "gift for campers", "kind": "query", "item_id": None}
    kinds = [one["kind"] for one in make_desk().suggest(SuggestionRequest(q="h", num_results=8))["suggestions"]]
    assert kinds == ["brand", "category", "item", "item", "item", "item"]


def test_a_file_of_synonyms_that_is_wrong_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "synonyms.yml"
    path.write_text("synonyms: [[trainers, sneakers]]")
    assert read_synonyms(path).variants("sneakers") == ("trainers",)
    path.write_text("synonyms: [[trainers]]")
    with pytest.raises(UnusableSynonymsError, match="synonyms"):
        read_synonyms(path)


def test_an_empty_catalogue_answers_with_nothing() -> None:
    empty = engine_of(items_table().slice(0, 0))
    assert len(empty.search("shoes").places) == 0
