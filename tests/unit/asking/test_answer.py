"""A question on a small shop in memory: what is counted, what is forecast, what is refused."""

from datetime import timedelta

import duckdb
import numpy as np
import pytest
from asked_shop import FIRST_DAY, ITEMS, asked_shop, marts_of

from models.asking.answer import answer, catalogue
from models.asking.grammar import parse
from models.asking.rows import case_rows

CUT_OFF = (FIRST_DAY + timedelta(days=20)).timestamp() / 86_400


@pytest.fixture(scope="module")
def shop() -> duckdb.DuckDBPyConnection:
    return asked_shop()


def test_a_feature_ends_before_the_cut_off_and_a_label_begins_with_it() -> None:
    view, order = {"event_name": "view_item", **ITEMS[0]}, {"event_name": "purchase", **ITEMS[0]}
    at = {day: FIRST_DAY + timedelta(days=day) for day in (3, 19, 20, 27, 28)}
    marts = marts_of(
        [
            {"user_id": "early", "at": at[3], **view},
            {"user_id": "early", "at": at[19], **view},
            {"user_id": "early", "at": at[20], **order},
            {"user_id": "late", "at": at[3], **view},
            {"user_id": "late", "at": at[28], **order},
            {"user_id": "buyer", "at": at[19], **order},
            {"user_id": "buyer", "at": at[27], **order},
            {"user_id": "later", "at": at[20], **view},
        ]
    )
    question = parse("shoppers who order within 8 days", catalogue(marts))

    rows = case_rows(marts, question, [CUT_OFF])

    assert rows.users.tolist() == ["buyer", "early", "late"]
    assert rows.outcomes.tolist() == [True, True, False]
    assert rows.done_before.tolist() == [1, 0, 0]
    assert rows.has_ordered.tolist() == [True, False, False]
    assert (rows.known_at <= CUT_OFF).all()


def test_conditions_count_only_their_own_days() -> None:
    view = {"event_name": "view_item", **ITEMS[0]}
    marts = marts_of(
        [
            {"user_id": "often", "at": FIRST_DAY + timedelta(days=18), **view},
            {"user_id": "often", "at": FIRST_DAY + timedelta(days=19), **view, **ITEMS[1]},
            {"user_id": "once", "at": FIRST_DAY + timedelta(days=2), **view},
            {"user_id": "once", "at": FIRST_DAY + timedelta(days=19), **view},
        ]
    )
    text = "shoppers who viewed 2 items in the last 7 days and who order within 8 days"

    rows = case_rows(marts, parse(text, catalogue(marts)), [CUT_OFF])

    assert rows.users.tolist() == ["often"]


def test_a_question_is_answered_with_figures_baselines_and_scores(shop: duckdb.DuckDBPyConnection) -> None:
    said = answer(shop, "shoppers who order within 14 days", seed=1, resamples=50)

    document = said.document
    assert document["verdict"] in ("eligible", "not eligible")
    assert 0.65 < document["roc_auc"] < 0.97
    assert document["interval"][0] < document["roc_auc"] < document["interval"][1]
    assert {"base_rate", "recency", "frequency"} <= document["baselines"].keys()
    assert document["positives"] < document["population"]
    assert len(said.users) == document["scores"]["shoppers"] == len(said.probabilities)
    assert np.isclose(said.probabilities.sum(), document["scores"]["expected"], atol=0.1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("shoppers who order within 200 days", "too long for a log"),
        ("shoppers who write a review within 14 days", "nobody in the population"),
        ("customers who buy at least 9 times within 14 days", "nobody in the population"),
        ("shoppers who search for something in category Sports within 14 days", "no item"),
        ("shoppers who rate an item with 1 star within 14 days", "no stars"),
        ("shoppers who viewed more than 900 items and who order within 14 days", "nobody is in the population"),
    ],
)
def test_what_the_log_cannot_tell_is_refused(shop: duckdb.DuckDBPyConnection, text: str, reason: str) -> None:
    document = answer(shop, text, seed=1).document

    assert document["verdict"] == "refused"
    assert reason in document["reason"]
    assert document["roc_auc"] is None
    assert document["suggestion"]


def test_a_feature_that_holds_the_outcome_is_noticed(shop: duckdb.DuckDBPyConnection) -> None:
    peeking = shop.sql("""
        select * replace (exists (
            select 1 from order_items where order_items.user_id = days.user_id and ordered_at >= feature_timestamp
                and ordered_at < feature_timestamp + interval 21 days
        )::int * 1000 as events_7d) from user_features_daily as days
    """).to_arrow_table()
    leaky = asked_shop()
    leaky.register("planted", peeking)
    leaky.execute("drop table user_features_daily; create table user_features_daily as select * from planted")

    document = answer(leaky, "shoppers who order within 21 days", resamples=20).document

    assert document["verdict"] == "refused"
    assert "of an earlier day" in document["reason"]
