from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from models.intent.predict import IntentClassifier
from models.intent.tone import BUCKETS, ToneModel, bucket
from models.intent.word_list import sentiment
from serving.intent.desk import IntentDesk
from serving.intent.named_items import NamedItems
from serving.intent.schemas import IntentRequest, Intents
from serving.intent.shop_names import ShopNames
from serving.intent.strategies import DEFAULT, Strategy, UnusableStrategiesError, read_strategies
from serving.prediction_log import PredictionLog, read_log
from serving.recommender.schemas import RecommendationRequest
from serving.served_model import ServedModel
from shopsight.contracts import INTENTS

SHOP = ShopNames.of(
    NamedItems(
        [("i_1", "Acme Aero 3 Black"), ("i_2", "Acme Aero 3 White"), ("i_3", "Nord Face Terra"), ("i_4", "i_4")]
    ),
    categories=frozenset(
        {"Shoes > Running shoes", "Bags > Backpacks", "Shoes", "手机", "Sports watches", "Wireless mice", "Hobbies"}
    ),
    brands=frozenset({"Acme", "Nord Face"}),
)
ATTRIBUTES = SHOP.attributes


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    return PredictionLog(tmp_path / "log", clock=lambda: datetime(2026, 1, 5, tzinfo=UTC))


@pytest.fixture
def desk(intent_folder: Path, log: PredictionLog) -> IntentDesk:
    return IntentDesk(
        IntentClassifier.load(intent_folder),
        model=ServedModel(
            family="intent", version="v0001", artefact=Path(), trained_at="", card={}, evaluation={}, approval={}
        ),
        names=lambda: SHOP,
        log=log,
        clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
        new_id=lambda: "1",
    )


def ask(desk: IntentDesk, *texts: Any) -> list[dict[str, Any]]:
    results = desk.answer(IntentRequest(texts=list(texts)))
    TypeAdapter(Intents).validate_python(results)
    return [dict(entry) for entry in results["intents"]]


def test_a_text_in_a_language_that_was_never_taught_is_rejected_and_gets_no_strategy_of_its_own(
    desk: IntentDesk,
) -> None:
    """Hebrew, "how much is delivery"; the toy reads nothing but unknown words and is as sure as it ever is."""
    hebrew, english = ask(desk, "כמה עולה המשלוח", "find shoes")
    assert (hebrew["rejected"], hebrew["strategy"], hebrew["language"]) == (True, DEFAULT["other"].strategy, "other")
    assert english["rejected"] is False


def test_every_text_gets_its_label_probabilities_and_strategy(desk: IntentDesk) -> None:
    entries = ask(desk, "find acme running shoes under 80", "this versus that", "does it fit", "loved it, great bag")
    assert [entry["label"] for entry in entries] == list(INTENTS[:4])
    assert [entry["strategy"] for entry in entries] == [DEFAULT[label].strategy for label in INTENTS[:4]]
    for entry in entries:
        assert set(entry["probabilities"]) == set(INTENTS)
        assert sum(entry["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert entries[0]["attributes"] == {
        "category": "Shoes > Running shoes",
        "brand": "Acme",
        "colour": None,
        "material": None,
        "size": None,
        "price": {"gte": None, "lte": 80.0},
        "excluded": [],
    }
    assert [entry["sentiment"] for entry in entries] == [None, None, None, "positive"]


def test_a_review_says_what_it_speaks_of_clause_by_clause(desk: IntentDesk) -> None:
    review, search = ask(desk, "loved the fabric, but awful delivery", "find cheap shoes")
    assert review["aspects"] == [
        {"aspect": "quality", "sentiment": "positive", "clause": "loved the fabric"},
        {"aspect": "delivery", "sentiment": "negative", "clause": "but awful delivery"},
    ]
    assert (review["praise_probability"], search["aspects"]) == (None, [])


def test_tone_that_was_learnt_from_stars_takes_the_word_lists_place(desk: IntentDesk) -> None:
    weights = np.zeros(BUCKETS, dtype=np.float32)
    weights[bucket("wobbles")] = -9.0
    desk.tone = ToneModel(weights_W=weights, word_list_weight=0.0, intercept=0.0, usual=0.0, rate=0.9)
    (entry,) = ask(desk, "loved it until: quality wobbles")
    assert entry["sentiment"] == "negative"
    assert entry["praise_probability"] < 0.1
    assert entry["aspects"][0]["sentiment"] == "negative"


def test_one_bad_text_fails_alone(desk: IntentDesk) -> None:
    entries = ask(desk, "find it", None, 7, ["find"], {"text": "find"}, "x" * 5001, "", "find it")
    assert [entry["error"] and entry["error"]["code"] for entry in entries] == [
        None,
        "not_a_text",
        "not_a_text",
        "not_a_text",
        "not_a_text",
        "too_long",
        None,
        None,
    ]
    assert entries[0]["probabilities"] == entries[-1]["probabilities"]
    assert entries[6]["label"] == "other"


def test_a_label_is_explained_on_request_by_what_each_word_adds(desk: IntentDesk) -> None:
    text = "find me the one that she had last summer"
    results = desk.answer(IntentRequest(texts=[text, None, ""], explain=True))
    TypeAdapter(Intents).validate_python(results)
    first, bad, empty = (entry["explanation"] for entry in results["intents"])
    added = {one["text"]: one["contribution"] for one in first["contributions"]}
    assert list(added) == text.split()
    assert max(added, key=added.__getitem__) == "find"
    assert first["empty_logit"] + sum(added.values()) == pytest.approx(first["logit"])
    assert (bad, empty["contributions"]) == (None, [])
    assert ask(desk, text)[0]["explanation"] is None, "nobody asked"


def test_a_text_that_the_model_hardly_knows_is_rejected_and_gets_the_strategy_of_other(desk: IntentDesk) -> None:
    sure, unsure = ask(desk, "find shoes", "shoes or something")
    assert (sure["rejected"], unsure["rejected"]) == (False, False), "an artefact without a threshold rejects nothing"
    desk.classifier.reject_below = max(unsure["probabilities"].values()) + 1e-6
    sure, unsure = ask(desk, "find shoes", "shoes or something")
    assert (sure["rejected"], sure["strategy"]) == (False, "show_search_results")
    assert (unsure["rejected"], unsure["strategy"], unsure["needs"]) == (True, "show_best_sellers", {})
    assert unsure["label"] == max(unsure["probabilities"], key=unsure["probabilities"].__getitem__)


def test_more_texts_than_can_be_explained_in_time_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 10 texts"):
        IntentRequest(texts=["find"] * 11, explain=True)
    assert len(IntentRequest(texts=["find"] * 11).texts) == 11


def test_only_bad_texts_are_answered_too(desk: IntentDesk) -> None:
    assert ask(desk, None)[0]["label"] is None


def test_the_log_never_holds_what_was_written(desk: IntentDesk, log: PredictionLog) -> None:
    ask(desk, "find me at maya@example.org", None)
    log.close()
    (row,) = read_log(log.folder).rows
    assert row["results"][0]["label"] == "search_product"
    assert (row["results"][0]["characters"], row["errors"]) == (27, 1)
    assert b"example.org" not in next(log.folder.rglob("*.jsonl")).read_bytes()


def test_every_label_has_a_strategy() -> None:
    assert set(DEFAULT) == set(INTENTS)


def test_a_strategy_gets_what_it_needs_of_the_text(desk: IntentDesk) -> None:
    search, compare, review = ask(
        desk, "find acme shoes under 80", "acme aero 3 versus nord face terra", "loved it, good quality"
    )
    assert search["needs"] == {
        "query": "find acme shoes under 80",
        "filter": {"category": {"any_of": ["Shoes"]}, "brand": {"any_of": ["Acme"]}, "price": {"lte": 80.0}},
    }
    RecommendationRequest.model_validate({"filter": search["needs"]["filter"]})
    assert compare["needs"]["items"] == [["i_1", "i_2"], ["i_3"]]
    assert review["needs"]["aspects"] == review["aspects"]
    assert ask(desk, None)[0]["needs"] == {}


def test_a_shop_replaces_what_it_wants_of_the_table_and_a_wrong_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "strategies.yml"
    assert read_strategies(file) == DEFAULT
    file.write_text("other: {strategy: call_a_person, needs: [query]}")
    table = read_strategies(file)
    assert table["other"] == Strategy(strategy="call_a_person", needs=("query",))
    assert table["search_product"] == DEFAULT["search_product"]
    for content, named in (
        ("buy: {strategy: x}", "buy"),
        ("other: {strategy: X Y}", "other.strategy"),
        ("other: {strategy: x, needs: [magic]}", "other.needs.0"),
        ("[1]", "list"),
        ("other: {", "flow"),
    ):
        file.write_text(content)
        with pytest.raises(UnusableStrategiesError, match=named):
            read_strategies(file)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("shoes between $20 and $40", (20, 40)),
        ("bag 20-40 euros", (20, 40)),
        ("a bag $40 to $20", (20, 40)),
        ("less than 19.99", (None, 19.99)),
        ("at least 100 dollars", (100, None)),
        ("100元以下的手机", (None, 100)),
        ("200到300元", (200, 300)),
        ("a tent, not over 80", (None, 80)),
        ("no more than $25", (None, 25)),
        ("not less than 40 euros", (40, None)),
        ("不要超过300元的耳机", (None, 300)),
        ("不超过300", (None, 300)),
        ("不低于200元", (200, None)),
        ("ready in under 5 minutes", None),
        ("for kids over 12 years", None),
        ("is the iphone 15 good", None),
    ],
)
def test_prices_are_found_and_other_numbers_are_not(text: str, price: tuple[float | None, float | None] | None) -> None:
    bounds = ATTRIBUTES.find(text)["price"]
    assert bounds == (None if price is None else {"gte": price[0], "lte": price[1]})


@pytest.mark.parametrize(
    ("text", "category", "brand"),
    [
        ("a backpack by nord face", "Bags > Backpacks", "Nord Face"),
        ("shoe", "Shoes", None),
        ("snowshoes", None, None),
        ("想买手机壳", "手机", None),
        ("acmeish", None, None),
        ("a sports watch", "Sports watches", None),
        ("wireless mouse", "Wireless mice", None),
        ("a nice hobby", "Hobbies", None),
    ],
)
def test_names_are_found_as_whole_words(text: str, category: str | None, brand: str | None) -> None:
    attributes = ATTRIBUTES.find(text)
    assert (attributes["category"], attributes["brand"]) == (category, brand)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("navy blue backpack", {"category": "Bags > Backpacks", "colour": "navy"}),
        ("gray wool running shoes size 42.5", {"colour": "grey", "material": "wool", "size": "42.5"}),
        ("红色真皮 42码 500元以内", {"colour": "red", "material": "leather", "size": "42"}),
        ("shirt in XL", {"size": "XL"}),
        ("a 15 inch bag", {"size": "15 inch"}),
        ("does it last", {"size": None, "colour": None}),
        ("a backpack, not leather", {"category": "Bags > Backpacks", "material": None, "excluded": ["leather"]}),
        ("not made of leather or suede", {"material": None, "excluded": ["leather", "suede"]}),
        ("not black, red please", {"colour": "red", "excluded": ["black"]}),
        ("shoes but no acme", {"category": "Shoes", "brand": None, "excluded": ["Acme"]}),
        ("non-leather shoes", {"category": "Shoes", "excluded": ["leather"]}),
        ("不要黑色的，要白色", {"colour": "white", "excluded": ["black"]}),
        ("is it not too small in black", {"colour": "black", "excluded": []}),
        ("reddish", {"colour": None}),
        ("蓝牙耳机", {"colour": None}),
        ("蓝色的蓝牙耳机", {"colour": "blue"}),
        ("red wine glasses", {"colour": None}),
        ("a mesh chair, not leatherette", {"material": "mesh", "excluded": ["faux leather"]}),
    ],
)
def test_colour_material_and_size_are_found_and_what_is_not_wanted_is_told_apart(
    text: str, expected: dict[str, Any]
) -> None:
    attributes = ATTRIBUTES.find(text)
    assert {name: attributes[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Great quality, would recommend", "positive"),
        ("not good at all", "negative"),
        ("it isn't bad", "positive"),
        ("arrived on Tuesday", "neutral"),
        ("质量很好，推荐", "positive"),
        ("不好用，退货了", "negative"),
    ],
)
def test_sentiment_reads_words_and_their_negation(text: str, expected: str) -> None:
    assert sentiment(text) == expected
