"""What shoppers type: five intents in every channel's own mix, in varied wording, partly labelled."""

import json

import pandas as pd
import pytest

from shopsight.contracts import INTENTS
from shopsight.sample_shop import PlantedTruth, SampleShop


@pytest.fixture(scope="module")
def utterances(truth: PlantedTruth) -> pd.DataFrame:
    return truth.utterances.to_pandas()


def test_every_intent_occurs_and_channels_are_noisy(utterances: pd.DataFrame) -> None:
    assert set(utterances.label) == set(INTENTS)
    share = utterances.groupby("channel").label.value_counts(normalize=True).unstack(fill_value=0)
    assert share.loc["search", "search_product"] == pytest.approx(0.79, abs=0.03)
    assert share.loc["search", "compare_product"] == pytest.approx(0.10, abs=0.02)
    assert share.loc["search", "ask_question"] == pytest.approx(0.06, abs=0.02)
    assert share.loc["ask_question", "ask_question"] == pytest.approx(0.66, abs=0.06)
    assert share.loc["rate_item", "leave_review"] == pytest.approx(0.91, abs=0.05)


def test_the_shop_labelled_three_in_ten_and_its_labels_are_true(events: pd.DataFrame, utterances: pd.DataFrame) -> None:
    written = events.dropna(subset=["properties"]).set_index("event_id").properties.map(json.loads)
    labels = written.map(lambda properties: properties.get("intent_label")).dropna()
    truth = utterances[utterances.labelled].set_index("event_id").label
    assert utterances.labelled.mean() == pytest.approx(0.3, abs=0.02)
    assert len(labels) > 0.9 * truth.index.isin(events.event_id).sum() > 1_500
    assert (labels == truth.reindex(labels.index)).all()


def test_texts_in_the_events_are_those_of_the_truth(events: pd.DataFrame, utterances: pd.DataFrame) -> None:
    written = (
        events[["event_id", "event_name", "query", "text"]]
        .dropna(subset=["query", "text"], how="all")
        .set_index("event_id")
    )
    assert ((written.event_name == "search") == written["query"].notna()).all()
    texts = written["query"].fillna(written["text"])
    truth = utterances.set_index("event_id").text
    assert (texts == truth.reindex(texts.index)).all()
    assert events[events.event_name == "search"]["query"].notna().all()
    assert events[events.event_name == "ask_question"]["text"].notna().all()


def test_wording_varies(utterances: pd.DataFrame) -> None:
    distinct = utterances.groupby("label").text.nunique()
    assert distinct.drop("other").min() > 300
    assert distinct["other"] > 80
    one_word = utterances.text.str.count(" ") == 0
    long = utterances.text.str.count(" ") >= 6
    assert one_word.mean() > 0.02
    assert long.mean() > 0.15


def test_some_write_chinese_and_most_english(utterances: pd.DataFrame) -> None:
    chinese = utterances.text.str.contains("[一-鿿]")
    assert 0.02 < chinese.mean() < 0.15
    assert set(utterances.label[chinese]) == set(INTENTS)


def test_some_words_are_misspelt(utterances: pd.DataFrame) -> None:
    used = set(utterances.text.str.lower().str.split().explode())
    typed = ("running", "headphones", "smartphone", "looking", "difference", "recommend", "waterproof")
    swapped = {w[:k] + w[k + 1] + w[k] + w[k + 2 :] for w in typed for k in range(1, len(w) - 2) if w[k] != w[k + 1]}
    assert len(used & swapped) >= 10


def test_no_placeholder_is_left_unfilled(utterances: pd.DataFrame) -> None:
    assert not utterances.text.str.contains("[{}]").any()
    assert (utterances.text.str.len() > 0).all()


def test_comparisons_name_two_items(utterances: pd.DataFrame, small_shop: SampleShop) -> None:
    models = {title.split(",")[0] for title in small_shop.items["title"].to_pylist()}
    brands = {name.split(" ")[0].lower() for name in models}
    compared = utterances[(utterances.label == "compare_product")].text.str.lower()
    named = compared.map(lambda text: sum(brand in text for brand in brands))
    assert (named >= 1).mean() > 0.9
