import dataclasses
from typing import Any

import pyarrow as pa
import pytest

from models.intent.config import IntentConfig, for_size
from models.intent.corpus import read_corpus
from models.intent.dataset import read_shop_utterances, split_by_group, thin
from shopsight.errors import ShopsightError
from shopsight.settings import SIZES

CONFIG = IntentConfig()


def _table(*rows: tuple[str | None, str | None, str]) -> pa.Table:
    names = ("text", "label", "label_source")
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})


def test_an_empty_shop_adds_nothing() -> None:
    assert read_shop_utterances(_table(), config=CONFIG) == []


def test_texts_that_differ_in_digits_and_case_only_are_one_and_the_majority_label_counts() -> None:
    texts = read_shop_utterances(
        _table(
            ("Order 12 late", "other", "shop"),
            ("order 99 late?", "ask_question", "shop"),
            ("ORDER 3 LATE", "ask_question", "shop"),
        ),
        config=CONFIG,
    )
    assert [(u.label, u.source, u.weight) for u in texts] == [("ask_question", "shop", 1.0)]


def test_a_person_label_beats_the_channel_and_channel_labels_weigh_less() -> None:
    texts = read_shop_utterances(
        _table(
            ("is it red", "ask_question", "shop"),
            ("is it red", "search_product", "channel"),
            ("红鞋", "search_product", "channel"),
        ),
        config=CONFIG,
    )
    assert [(u.text, u.label, u.language, u.weight) for u in texts] == [
        ("is it red", "ask_question", "en", 1.0),
        ("红鞋", "search_product", "zh", CONFIG.channel_weight),
    ]


def test_rows_without_text_or_label_are_left_out() -> None:
    assert (
        read_shop_utterances(
            _table((None, "other", "shop"), ("hi", None, "shop"), ("\x00", "other", "shop")), config=CONFIG
        )
        == []
    )


def test_limits_hold_per_source() -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    rows = [(f"{word} {source}", "other", source) for word in words for source in ("shop", "channel")]
    texts = read_shop_utterances(_table(*rows), config=dataclasses.replace(CONFIG, shop_limit=3, channel_limit=2))
    assert [u.source for u in texts] == ["shop"] * 3 + ["channel"] * 2


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (pa.table({"text": ["a"]}), "no column label, label_source"),
        (_table(("a", "buy_now", "shop")), "buy_now"),
    ],
)
def test_an_unreadable_table_is_refused(table: pa.Table, why: str) -> None:
    with pytest.raises(ShopsightError, match=why):
        read_shop_utterances(table, config=CONFIG)


def test_no_group_is_on_two_sides_and_every_utterance_is_on_one() -> None:
    shop = read_shop_utterances(
        _table(*((f"text {'x' * n}", "other", "shop") for n in range(100)), ("typed", "search_product", "channel")),
        config=CONFIG,
    )
    utterances = [*read_corpus(), *shop]
    splits = split_by_group(utterances, config=CONFIG, seed=1)
    sides = [{u.group for u in side} for side in (splits.train, splits.validation, splits.test)]
    assert sum(len(side) for side in sides) == len(set().union(*sides))
    assert len(splits.train) + len(splits.validation) + len(splits.test) == len(utterances)
    assert len(splits.test) / len(utterances) == pytest.approx(CONFIG.test_share, abs=0.04)
    assert "typed" in {u.text for u in splits.train}


def test_texts_labelled_by_their_channel_are_never_judged_on() -> None:
    rows = [(f"word{'y' * n}", "search_product", "channel") for n in range(200)]
    splits = split_by_group(read_shop_utterances(_table(*rows), config=CONFIG), config=CONFIG, seed=1)
    assert splits.validation == splits.test == ()


def test_another_seed_is_another_split_and_more_texts_move_none() -> None:
    corpus = read_corpus()
    whole, half, other = (
        split_by_group(texts, config=CONFIG, seed=seed) for texts, seed in ((corpus, 1), (corpus[::2], 1), (corpus, 2))
    )
    assert set(half.test) <= set(whole.test)
    assert set(other.test) != set(whole.test)


def test_thinning_keeps_about_the_share_asked_for() -> None:
    corpus = read_corpus()
    assert len(thin(corpus, share=0.4)) / len(corpus) == pytest.approx(0.4, abs=0.05)
    assert thin(corpus, share=1.0) == corpus


def test_every_size_has_settings_and_a_larger_one_reads_no_less_of_the_shops_texts() -> None:
    configs = [for_size(size, encoder="/some/folder") for size in SIZES]  # type: ignore[arg-type]
    assert {c.encoder for c in configs} == {"/some/folder"}
    assert [c.shop_limit for c in configs] == sorted(c.shop_limit for c in configs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ngram_buckets": 0},
        {"inverse_penalty": 0.0},
        {"shop_limit": -1},
        {"channel_weight": 1.1},
        {"corpus_share": 0.0},
        {"test_share": 0.9},
        {"validation_share": 0.0},
    ],
)
def test_settings_that_no_run_can_have_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", "[_ ]")):
        dataclasses.replace(CONFIG, **wrong)
