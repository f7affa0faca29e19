from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from models.recommender.predict import Recommender
from serving.features import FeatureReader
from serving.http.problems import ProblemError
from serving.prediction_log import PredictionLog, read_log
from serving.recommender.desk import RecommendationDesk
from serving.recommender.schemas import (
    RankingRequest,
    RecommendationAnswers,
    RecommendationBatch,
    RecommendationRequest,
    Recommendations,
)
from serving.served_model import ServedModel
from shopsight.privacy import Pseudonymiser

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def log(tmp_path: Path) -> PredictionLog:
    return PredictionLog(tmp_path / "log", clock=lambda: datetime(2026, 1, 5, tzinfo=UTC))


@pytest.fixture
def desk(recommender: Recommender, log: PredictionLog, online: Any, pseudonymiser: Pseudonymiser) -> RecommendationDesk:
    return RecommendationDesk(
        recommender,
        model=ServedModel(
            family="recommender", version="v0001", artefact=Path(), trained_at="", card={}, evaluation={}, approval={}
        ),
        features=FeatureReader(lambda: online, pseudonymiser),
        log=log,
        clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
        new_id=lambda: "1",
    )


@pytest.fixture
def ask(desk: RecommendationDesk) -> Ask:
    def answer(**fields: Any) -> dict[str, Any]:
        results = desk.answer(RecommendationRequest.model_validate(fields))
        TypeAdapter(Recommendations).validate_python(results)
        return dict(results)

    return answer


def ids(answer: Mapping[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_a_known_user_gets_what_follows_from_the_history(ask: Ask) -> None:
    answer = ask(user_id="maya", num_results=3, explain=True)
    assert (answer["user_known"], answer["fallback"]) == (True, None)
    assert answer["features_as_of"] == "2026-01-05T12:00:00Z"
    assert ids(answer)[0] == "i_21"  # next to i_20, her last view
    assert answer["items"][0]["reasons"][0] == {"code": "because_you_viewed", "item_ids": ["i_20"], "weight": 1.0}
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3]


def test_a_visitor_is_found_under_the_pseudonym_of_visitors(ask: Ask) -> None:
    assert ask(user_id="visitor")["user_known"] is True


def test_an_unknown_user_is_a_cold_start_that_is_named(ask: Ask) -> None:
    answer = ask(user_id="nobody", num_results=2)
    assert (answer["user_known"], answer["fallback"], answer["exhausted"]) == (False, "trending", False)
    assert ids(answer) == ["i_59", "i_58"]


def test_the_ladder_rung_by_rung(ask: Ask, online: Any) -> None:
    """Each part is taken away in turn; the answer names the rung and never fails."""
    view = {"event_name": "view_item", "item_id": "i_30"}
    assert ask(user_id="maya", recent_events=[view], item_ids=["i_40"])["fallback"] is None
    online.away = True
    without_store = ask(user_id="maya", recent_events=[view], item_ids=["i_40"])
    assert (without_store["fallback"], without_store["user_known"]) == ("session_events", None)
    assert ids(without_store)[0] == "i_31"
    without_events = ask(user_id="maya", item_ids=["i_40"])
    assert (without_events["fallback"], ids(without_events)[0]) == ("similar_items", "i_41")
    assert ask(user_id="maya")["fallback"] == "trending"


def test_where_nothing_trends_best_sellers_are_the_last_rung(
    ask: Ask, desk: RecommendationDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.recommender, "trending", lambda **_: [])
    answer = ask(num_results=2)
    assert (answer["fallback"], ids(answer)) == ("best_sellers", ["i_0", "i_1"])


def test_events_the_model_cannot_read_are_no_history(ask: Ask) -> None:
    events = [{"event_name": "view_item", "item_id": "gone"}, {"event_name": "search"}]
    assert ask(recent_events=events)["fallback"] == "trending"


def test_a_failed_store_is_left_alone_for_a_while_and_then_asked_again(
    online: Any, pseudonymiser: Pseudonymiser
) -> None:
    opened: list[int] = []
    now = [0.0]

    def reopened() -> Any:
        opened.append(1)
        return online

    reader = FeatureReader(reopened, pseudonymiser, seconds_now=lambda: now[0])
    online.away = True
    for _ in range(3):
        with pytest.raises(Exception, match="does not answer"):
            reader.user("maya", "recommender_v1")
    assert len(opened) == 1
    online.away, now[0] = False, 6.0
    assert reader.user("maya", "recommender_v1").known is True
    assert reader.failure is None


def test_without_personalisation_nothing_of_the_person_is_used_or_logged(ask: Ask, log: PredictionLog) -> None:
    view = {"event_name": "view_item", "item_id": "i_30"}
    answer = ask(user_id="maya", session_id="s_1", recent_events=[view], personalised=False)
    assert (answer["user_known"], answer["fallback"], answer["features_as_of"]) == (None, "trending", None)
    log.close()
    (row,) = read_log(log.folder).rows
    assert (row["user"], row["session_id"], row["history_length"]) == (None, None, 0)


def test_what_was_bought_is_left_out_however_many_interactions_ago(
    ask: Ask, online: Any, pseudonymiser: Pseudonymiser
) -> None:
    best = {"placement": "best_sellers", "num_results": 20}
    assert {"i_4", "i_10"} <= set(ids(ask(**best)))
    assert {"i_4", "i_10"} & set(ids(ask(user_id="maya", **best))) == {"i_4"}
    online.features["recommender_v1", pseudonymiser.user("maya")] |= {
        "bought_item_ids": ["i_4", "i_10"],
        "bought_us": ["1600000000000000", "1700000000000000"],
    }
    for asked in (best, best | {"exclude_purchased": True}):
        assert {"i_4", "i_10"}.isdisjoint(ids(ask(user_id="maya", **asked)))
    assert {"i_4", "i_10"} <= set(ids(ask(user_id="maya", personalised=False, **best)))


def test_excluded_items_do_not_come_back(ask: Ask) -> None:
    assert "i_21" not in ids(ask(user_id="maya", num_results=50, exclude_item_ids=["i_21"]))


def test_a_category_keeps_its_whole_branch_and_no_namesake(ask: Ask, recommender: Recommender) -> None:
    answer = ask(placement="best_sellers", num_results=60, filter={"category": {"any_of": ["Shoes"]}})
    categories = {recommender.catalogue.categories[int(item_id[2:])] for item_id in ids(answer)}
    assert categories == {"shoes", "shoes > running", "shoes > hiking"}
    assert ask(placement="best_sellers", filter={"category": {"any_of": ["sho"]}})["items"] == []


def test_price_brand_and_stock_filters(ask: Ask) -> None:
    cheap = ask(placement="best_sellers", num_results=60, filter={"price": {"gte": 12, "lte": 18}})
    assert ids(cheap) == ["i_2", "i_4", "i_5", "i_6", "i_8"]  # i_3 is out of stock, i_7 has no price
    gone = ask(placement="best_sellers", num_results=60, filter={"price": {"lte": 18}, "in_stock": False})
    assert "i_3" in ids(gone)
    acme = ask(placement="best_sellers", num_results=60, filter={"brand": {"any_of": ["ACME"]}})
    assert {int(item_id[2:]) % 2 for item_id in ids(acme)} == {1}


def test_a_filter_that_leaves_few_says_so(ask: Ask) -> None:
    few = ask(user_id="maya", num_results=10, filter={"price": {"lte": 11}})
    assert (len(few["items"]), few["exhausted"]) == (2, True)
    none = ask(user_id="maya", filter={"category": {"any_of": ["hats"]}})
    assert (none["items"], none["exhausted"]) == ([], True)


def test_unknown_items_of_a_list_are_named_and_the_others_answered(ask: Ask) -> None:
    answer = ask(placement="similar_items", item_ids=["i_5", "nope"], exclude_item_ids=["i_6", "nada"], num_results=2)
    assert answer["missing_item_ids"] == ["nope", "nada"]
    assert ids(answer) == ["i_7", "i_8"]


def test_similar_to_only_unknown_items_falls_to_trending(ask: Ask) -> None:
    assert ask(placement="similar_items", item_ids=["nope"])["fallback"] == "trending"


def test_similar_to_several_items_leaves_those_out_and_prefers_what_is_near_both(ask: Ask) -> None:
    answer = ask(placement="similar_items", item_ids=["i_10", "i_12"], num_results=60)
    assert ids(answer)[0] == "i_13"
    # First of one list and second of the other: the sum of 1 / (60 + rank), and the first rank is 1.
    assert answer["items"][0]["score"] == pytest.approx(1 / 61 + 1 / 62, abs=1e-6)
    assert {"i_10", "i_12"}.isdisjoint(ids(answer))


def test_items_of_the_category_follow_the_neighbours_and_none_stands_there_twice(eight_items: Recommender) -> None:
    # i_0 is a neighbour of i_6 and the only other item of its category; i_3 is out of stock.
    similar = eight_items.similar_items("i_6", num_results=7)
    assert [(item.item_id, item.source) for item in similar] == [(f"i_{n}", "item_knn") for n in (7, 0, 1, 2)]
    # i_1 has no neighbour in its category, so its other item follows them.
    similar = eight_items.similar_items("i_1", num_results=7)
    expected = [(f"i_{n}", "item_knn") for n in (2, 4, 5, 6)] + [("i_7", "category")]
    assert [(item.item_id, item.source) for item in similar] == expected


def test_an_unknown_item_of_a_path_is_404(desk: RecommendationDesk) -> None:
    with pytest.raises(ProblemError, match="nope") as caught:
        desk.similar("nope", RecommendationRequest())
    assert caught.value.status == 404


def test_recently_viewed_is_newest_first_without_padding(ask: Ask) -> None:
    views = [{"event_name": "view_item", "item_id": item} for item in ("i_1", "i_2", "i_1", "nope")]
    answer = ask(user_id="maya", placement="recently_viewed", recent_events=views)
    assert (ids(answer), answer["exhausted"], answer["fallback"]) == (["i_1", "i_2", "i_20"], True, None)
    assert ask(user_id="nobody", placement="recently_viewed")["fallback"] == "trending"


def test_also_viewed_and_bought_together_say_with_what(ask: Ask) -> None:
    viewed = ask(placement="also_viewed", item_ids=["i_10"], num_results=2, explain=True)
    assert (ids(viewed), viewed["fallback"]) == (["i_12", "i_14"], None)
    assert viewed["items"][0]["source"] == "viewed_together"
    assert viewed["items"][0]["reasons"] == [{"code": "viewed_together", "item_ids": ["i_10"], "weight": 1.0}]
    bought = ask(placement="bought_together", item_ids=["i_10", "i_11"], num_results=3, explain=True)
    assert ids(bought)[0] == "i_17", "goes with both"
    assert {cause for r in bought["items"][0]["reasons"] for cause in r["item_ids"]} == {"i_10", "i_11"}


@pytest.mark.parametrize("placement", ["also_viewed", "bought_together", "similar_items"])
def test_a_list_about_items_needs_items(ask: Ask, placement: str) -> None:
    with pytest.raises(ProblemError) as caught:
        ask(placement=placement)
    assert (caught.value.status, caught.value.errors[0]["loc"]) == (422, ["body", "item_ids"])


def test_beside_a_cart_another_item_of_its_category_comes_last(ask: Ask) -> None:
    assert ids(ask(placement="bought_together", item_ids=["i_10"], num_results=2)) == ["i_16", "i_17"]
    assert ids(ask(placement="cart_complement", item_ids=["i_10"], num_results=2)) == ["i_17", "i_16"]


def test_the_cart_is_what_went_in_and_did_not_come_out(ask: Ask) -> None:
    cart = [
        {"event_name": "add_to_cart", "item_id": "i_10"},
        {"event_name": "add_to_cart", "item_id": "i_30"},
        {"event_name": "remove_from_cart", "item_id": "i_30"},
        {"event_name": "add_to_cart", "item_id": "i_40"},
        {"event_name": "purchase", "item_id": "i_40"},
    ]
    assert ids(ask(placement="cart_complement", recent_events=cart, num_results=2)) == ["i_17", "i_16"]
    empty = ask(placement="cart_complement", num_results=2)
    assert empty["fallback"] == "trending"


def test_a_shopper_who_was_away_sees_what_is_new_first(ask: Ask) -> None:
    """Items of low numbers are new here: neighbours of i_1 that are new come before older ones of the same history."""
    events = [{"event_name": "view_item", "item_id": item} for item in ("i_1", "i_40")]
    assert ids(ask(recent_events=events, num_results=3))[0] == "i_41"
    back = ask(placement="win_back", recent_events=events, num_results=3, explain=True)
    assert ids(back)[0] == "i_2"
    assert back["items"][0]["reasons"][0]["item_ids"] == ["i_1"]


def test_no_category_or_brand_takes_more_places_than_it_may(ask: Ask, recommender: Recommender) -> None:
    answer = ask(placement="best_sellers", num_results=8, max_per_brand=3, max_per_category=1)
    places = [recommender.catalogue.positions[item] for item in ids(answer)]
    brands = [recommender.catalogue.brands[place] for place in places]
    categories = [c for place in places if (c := recommender.catalogue.categories[place]) is not None]
    assert max(map(brands.count, brands)) <= 3
    assert len(categories) == len(set(categories))


def test_given_items_are_ranked_for_the_shopper_those_of_the_history_too(desk: RecommendationDesk) -> None:
    given = ["i_50", "i_22", "i_20", "i_21", "gone"]
    answer = desk.rank(RankingRequest(item_ids=given, user_id="maya", explain=True))
    TypeAdapter(Recommendations).validate_python(answer)
    assert ids(answer)[:2] == ["i_21", "i_22"]
    assert set(ids(answer)) == set(given) - {"gone"}
    assert (answer["placement"], answer["missing_item_ids"], answer["fallback"]) == ("ranking", ["gone"], None)
    stranger = desk.rank(RankingRequest(item_ids=["i_50", "i_22"], user_id="nobody"))
    assert (ids(stranger), stranger["fallback"]) == (["i_22", "i_50"], "best_sellers")


def test_one_bad_request_of_a_batch_costs_the_others_nothing(desk: RecommendationDesk) -> None:
    requests = [{"placement": "trending"}, {"num_results": 0}, {"placement": "also_viewed"}, "what"]
    answer = desk.answer_batch(RecommendationBatch(requests=requests))
    TypeAdapter(RecommendationAnswers).validate_python(answer)
    first, *others = answer["results"]
    assert first["error"] is None
    assert len(first["answer"]["items"]) == 10
    assert [other["answer"] for other in others] == [None, None, None]
    assert others[0]["error"]["errors"][0]["loc"] == ["body", "requests", 1, "num_results"]


def test_diversity_takes_categories_in_turn(ask: Ask, recommender: Recommender) -> None:
    def categories(diversity: float) -> set[str | None]:
        answer = ask(placement="best_sellers", num_results=6, diversity=diversity, filter={"price": {"gte": 10}})
        return {recommender.catalogue.categories[int(item_id[2:])] for item_id in ids(answer)}

    assert len(categories(1.0)) == 6
    assert ids(ask(placement="best_sellers", num_results=3, diversity=0.0)) == ["i_0", "i_1", "i_2"]


def test_500_results_of_a_small_catalogue_are_what_there_is(ask: Ask) -> None:
    answer = ask(placement="best_sellers", num_results=500)
    assert (len(answer["items"]), answer["exhausted"]) == (59, True)


def test_the_log_has_the_pseudonym_and_never_the_raw_id(ask: Ask, log: PredictionLog, pseudonymiser: Any) -> None:
    answer = ask(user_id="maya", num_results=2)
    ask(user_id="somebody.else@example.org")
    log.close()
    first, second = read_log(log.folder).rows
    assert first["user"] == pseudonymiser.user("maya")
    assert [row[0] for row in first["results"]] == ids(answer)
    assert (first["recommendation_id"], first["model"]["version"]) == ("rec_1", "v0001")
    assert second["user"] == pseudonymiser.user("somebody.else@example.org")
    written = b"".join(path.read_bytes() for path in log.folder.rglob("*.jsonl"))
    assert first["request"] == {"num_results": 2}
    assert b"maya" not in written
    assert b"somebody" not in written
