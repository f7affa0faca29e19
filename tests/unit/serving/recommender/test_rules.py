from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.recommender.predict import Recommender
from serving.features import FeatureReader
from serving.items.rules import RuleBook, RulesInForce, UnusableRulesError
from serving.items.rules_file import RulesFile
from serving.recommender.desk import RecommendationDesk
from serving.recommender.rules_replay import replay
from serving.recommender.schemas import RecommendationRequest
from serving.served_model import ServedModel
from shopsight.privacy import Pseudonymiser

MONDAY = datetime(2026, 1, 5, 12, tzinfo=UTC)
ListItems = Callable[..., list[str]]


class LoggedRows(list[Mapping[str, Any]]):
    """A prediction log in memory."""


@pytest.fixture
def rows() -> LoggedRows:
    return LoggedRows()


@pytest.fixture
def features(online: Any, pseudonymiser: Pseudonymiser) -> FeatureReader:
    return FeatureReader(lambda: online, pseudonymiser)


@pytest.fixture
def desk(recommender: Recommender, rows: LoggedRows, features: FeatureReader) -> RecommendationDesk:
    model = ServedModel(
        family="recommender", version="v0001", artefact=Path(), trained_at="", card={}, evaluation={}, approval={}
    )
    return RecommendationDesk(
        recommender, model=model, features=features, log=rows, clock=lambda: MONDAY, new_id=lambda: "1"
    )


@pytest.fixture
def listed(desk: RecommendationDesk) -> ListItems:
    """The ids of a list under some rules."""

    def ask(book: dict[str, Any], **fields: Any) -> list[str]:
        rules = RulesInForce(RuleBook.model_validate(book), desk.recommender.catalogue)
        desk._rules = lambda: rules  # noqa: SLF001 - in place of the file, which is watched by its age
        answer = desk.answer(RecommendationRequest.model_validate({"placement": "best_sellers"} | fields))
        return [item["item_id"] for item in answer["items"]]

    return ask


def rule(**does: Any) -> dict[str, Any]:
    return {"rules": [{"name": "one", **does}]}


def test_items_that_are_left_out_are_not_shown_and_others_take_their_places(listed: ListItems) -> None:
    acme = rule(leave_out={"brand": {"any_of": ["Acme"]}})
    assert listed(acme, num_results=3) == ["i_0", "i_2", "i_4"]
    assert len(listed(acme, num_results=20)) == 20
    both = rule(leave_out={"brand": {"any_of": ["Acme"]}, "price": {"gte": 12}})
    assert listed(both, num_results=3) == ["i_0", "i_1", "i_2"], "a rule is about what meets every line of it"


def test_a_boost_moves_items_up_and_a_negative_one_down(listed: ListItems) -> None:
    assert listed({}, num_results=3) == ["i_0", "i_1", "i_2"]
    one = {"item_ids": ["i_30"]}
    assert listed(rule(boost={"items": one, "by": 1.0}), num_results=2) == ["i_30", "i_0"]
    assert listed(rule(boost={"items": {"item_ids": ["i_0"]}, "by": -1.0}), num_results=60)[-1] == "i_0"


def test_what_is_new_comes_first_by_its_age(listed: ListItems) -> None:
    """Trending ends with the newest item in this shop, and begins with the oldest."""
    assert listed({}, placement="trending", num_results=60)[-1] == "i_0"
    young = rule(prefer_new={"by": 1.0, "half_life_days": 1})
    assert listed(young, placement="trending", num_results=3) == ["i_0", "i_59", "i_58"]


def test_popularity_counts_against_an_item_as_far_as_the_shop_wants(listed: ListItems) -> None:
    assert listed({"less_popular": 0.0}, num_results=1) == ["i_0"]
    assert listed({"less_popular": 1.0}, num_results=60) != listed({"less_popular": 0.0}, num_results=60)


def test_a_cap_of_the_shop_and_one_of_the_request_the_lower_holds(listed: ListItems, recommender: Recommender) -> None:
    for cap, asked, max_places in ((2, None, 2), (2, 1, 1), (1, 5, 1)):
        items = listed(rule(at_most={"per": "brand", "places": cap}), num_results=10, max_per_brand=asked)
        brands = Counter(recommender.catalogue.brands[recommender.catalogue.positions[item]] for item in items)
        assert set(brands.values()) == {max_places}


def test_pinned_items_stand_where_they_were_put_and_only_if_they_may_be_shown(listed: ListItems) -> None:
    pins = {
        "rules": [
            {"name": "first", "pin": {"item_ids": ["i_40", "i_3", "nothing"]}},
            {"name": "third", "pin": {"item_ids": ["i_50", "i_1"], "place": 3}},
        ]
    }
    # i_3 is out of stock; i_1 would be second by itself.
    assert listed(pins, num_results=6) == ["i_40", "i_0", "i_50", "i_1", "i_2", "i_4"]
    assert "i_40" not in listed(pins, num_results=6, exclude_item_ids=["i_40"])
    # The order of the rules in the file says nothing.
    assert listed({"rules": pins["rules"][::-1]}, num_results=6) == listed(pins, num_results=6)


def test_a_rule_holds_for_its_placements_and_days_only(listed: ListItems) -> None:
    def first(**when: Any) -> str:
        return listed(rule(leave_out={"item_ids": ["i_0"]}, **when), num_results=1)[0]

    assert first() == "i_1"
    assert first(placements=["trending"]) == "i_0"
    assert first(starts="2026-01-06") == "i_0"
    assert first(starts="2026-01-05", ends="2026-01-05") == "i_1"
    assert first(ends="2026-01-04") == "i_0"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("rules: [", "cannot be read"),
        ("- a list", "valid dictionary|Input should be"),
        ("rules:\n- {name: a, boost: {items: {brand: {any_of: [X]}}, by: 7}}", "rule 'a'.boost.by"),
        ("rules:\n- {name: a}", "rule 'a': .*exactly one of"),
        ("rules:\n- {name: a, pin: {item_ids: [x]}, at_most: {per: brand, places: 1}}", "this one has 2"),
        ("rules:\n- {name: a, leave_out: {}}", "rule 'a'.leave_out: .*name the items"),
        ("rules:\n- {name: a, leave_out: {price: {gte: 2, lte: 1}}}", "gte is above its lte"),
        ("rules:\n- {name: a, leave_ouy: {item_ids: [x]}}", "rule 'a'.leave_ouy"),
        ("rules:\n- {name: a, starts: 2026-02-01, ends: 2026-01-01, pin: {item_ids: [x]}}", "ends before"),
        ("rules:\n- {name: a, pin: {item_ids: [x]}}\n- {name: a, pin: {item_ids: [y]}}", "two rules are called 'a'"),
        ("less_popular: 2", "less_popular"),
        ("rules:\n- {name: a, placements: [shop_window], pin: {item_ids: [x]}}", "rule 'a'.placements"),
    ],
)
def test_a_file_that_no_list_can_follow_is_refused_with_the_rule_and_the_line(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "rules.yml").write_text(content)
    with pytest.raises(UnusableRulesError, match=message):
        RuleBook.read(tmp_path / "rules.yml")


def test_a_file_that_breaks_leaves_the_rules_of_before_in_force(tmp_path: Path, recommender: Recommender) -> None:
    path, now = tmp_path / "rules.yml", [0.0]
    rules = RulesFile(path, lambda: recommender.catalogue, seconds_now=lambda: now[0])
    assert (rules().book.rules, rules.failure) == ([], None)
    path.write_text("rules:\n- {name: a, pin: {item_ids: [i_1]}}")
    assert rules().book.rules == [], "a look is good for a second"
    now[0] = 1.0
    assert [one.name for one in rules().book.rules] == ["a"]
    path.write_text("rules: [broken")
    now[0] = 2.0
    assert [one.name for one in rules().book.rules] == ["a"]
    assert rules.failure is not None
    assert "stay in force" in rules.failure
    path.unlink()
    now[0] = 3.0
    assert (rules().book.rules, rules.failure) == ([], None)


def test_a_week_asked_again_says_what_new_rules_change_and_which_of_them_did_it(
    desk: RecommendationDesk, rows: LoggedRows, features: FeatureReader
) -> None:
    for fields in ({"user_id": "maya"}, {"placement": "best_sellers"}, {"placement": "trending", "num_results": 3}):
        desk.answer(RecommendationRequest.model_validate({"num_results": 5} | fields))
    (first, *_) = rows
    assert first["results"][0][0] == "i_21"
    rows.append({"placement": "recommended_for_you", "user": None})
    after = RuleBook.model_validate(
        {
            "rules": [
                {"name": "no i_21", "leave_out": {"item_ids": ["i_21"]}},
                {"name": "idle", "leave_out": {"item_ids": ["i_3"]}},
                {"name": "few", "placements": ["trending"], "at_most": {"per": "brand", "places": 1}},
            ]
        }
    )
    report = replay(rows, desk=desk, features=features, before=RuleBook(), after=after)
    assert (report.asked, report.not_asked, report.changed, report.shorter) == (3, 1, 2, 1)
    assert report.by_rule == {"no i_21": 1, "idle": 0, "few": 1}
    assert report.leave["i_21"] == 1
    assert report.kept == pytest.approx((4 / 5 + 1 + 2 / 3) / 3)
    assert len(rows) == 4, "nothing was asked in earnest"
    same = replay(rows, desk=desk, features=features, before=after, after=after)
    assert (same.changed, same.kept) == (0, 1.0)


MAYAS = {"i_10", "i_20"}
FOR_MAYA = {"placement": "recommended_for_you", "user_id": "maya", "num_results": 59}


def test_what_a_shopper_saw_fills_a_list_from_behind_and_what_they_bought_leaves_it(listed: ListItems) -> None:
    items = listed({}, **FOR_MAYA)
    assert len(items) == 58
    assert items[-1] == "i_20"
    assert "i_10" not in items
    assert MAYAS.isdisjoint(listed({}, **FOR_MAYA | {"num_results": 57}))


def test_where_the_shop_says_so_what_was_bought_stands_where_what_was_seen_does(listed: ListItems) -> None:
    items = listed({"bought_items": "as_seen"}, **FOR_MAYA)
    assert len(items) == 59
    assert set(items[-2:]) == MAYAS


@pytest.mark.parametrize("placement", ["best_sellers", "trending", "similar_items"])
def test_what_was_bought_leaves_the_lists_that_are_not_personal_too(listed: ListItems, placement: str) -> None:
    asked = {"placement": placement, "user_id": "maya", "num_results": 60, "item_ids": ["i_1"]}
    assert "i_10" not in listed({}, **asked)
    assert "i_10" in listed({"bought_items": "as_seen"}, **asked)


def test_a_consumable_comes_back_after_its_days_and_not_before(listed: ListItems) -> None:
    tea = {"item_ids": ["i_30", "i_31"]}
    bought = [
        {"event_name": "purchase", "item_id": "i_30", "event_timestamp": (MONDAY - timedelta(days=40)).isoformat()},
        {"event_name": "purchase", "item_id": "i_31", "event_timestamp": (MONDAY - timedelta(days=5)).isoformat()},
        {"event_name": "purchase", "item_id": "i_32", "event_timestamp": (MONDAY - timedelta(days=40)).isoformat()},
    ]
    asked = {"placement": "recommended_for_you", "recent_events": bought, "num_results": 60}
    again = {"buy_again": [{"items": tea, "after_days": 30}]}
    assert {"i_30", "i_31", "i_32"}.isdisjoint(listed({}, **asked))
    assert {"i_30", "i_31", "i_32"} & set(listed(again, **asked)) == {"i_30"}
    assert "i_30" not in listed(again, **asked, exclude_purchased=True)


def test_the_usual_interval_is_that_of_the_shoppers_and_where_nobody_knows_it_nothing_comes_back(
    recommender: Recommender,
) -> None:
    usual = {"buy_again": [{"items": {"item_ids": ["i_30"]}}]}
    book = RulesInForce(RuleBook.model_validate(usual), recommender.catalogue)
    bought_at = {"i_30": (MONDAY - timedelta(days=29)).timestamp(), "i_31": 0.0, "gone": 0.0}
    intervals = np.full(len(recommender.catalogue), np.nan, dtype=np.float32)
    assert book.due_again(bought_at, intervals, MONDAY) == frozenset()
    intervals[recommender.catalogue.positions["i_30"]] = 28
    assert book.due_again(bought_at, intervals, MONDAY) == {"i_30"}
    assert book.due_again(bought_at, intervals, MONDAY - timedelta(days=2)) == frozenset()
    assert book.due_again({"i_30": None}, intervals, MONDAY) == frozenset()


def test_a_rule_of_what_comes_back_that_names_an_unknown_item_is_warned_of(recommender: Recommender) -> None:
    book = RuleBook.model_validate({"buy_again": [{"items": {"item_ids": ["gone"]}, "after_days": 7}]})
    assert RulesInForce(book, recommender.catalogue).warnings == ["buy_again 1 names the unknown item 'gone'"]


def test_a_shopper_who_saw_everything_gets_a_list_all_the_same(listed: ListItems) -> None:
    views = [{"event_name": "view_item", "item_id": f"i_{number}"} for number in range(60)]
    everything = {"placement": "recommended_for_you", "recent_events": views, "num_results": 10}
    assert listed({}, **everything) == ["i_0", "i_1", "i_2", "i_4", "i_5", "i_6", "i_7", "i_8", "i_9", "i_10"]
    assert listed({"seen_items": "never"}, **everything) == []


def test_the_shops_rule_lets_what_was_seen_come_back_anywhere_or_never(listed: ListItems) -> None:
    assert MAYAS.isdisjoint(listed({"seen_items": "never"}, **FOR_MAYA))
    anywhere = listed({"seen_items": "anywhere", "bought_items": "as_seen"}, **FOR_MAYA)
    assert set(anywhere) >= MAYAS
    assert set(anywhere[-2:]) != MAYAS


@pytest.mark.parametrize("seen_items", ["last", "anywhere"])
def test_a_request_that_leaves_purchases_out_has_its_way(listed: ListItems, seen_items: str) -> None:
    items = listed({"seen_items": seen_items}, **FOR_MAYA, exclude_purchased=True)
    assert MAYAS & set(items) == {"i_20"}


def test_a_rule_that_names_what_the_catalogue_has_not_is_warned_of_by_its_name(recommender: Recommender) -> None:
    book = RuleBook.model_validate(
        {
            "rules": [
                {"name": "summer", "pin": {"item_ids": ["i_1", "gone"]}},
                {"name": "hats", "leave_out": {"category": {"any_of": ["hats", "Shoes"]}}},
                {"name": "house", "boost": {"items": {"brand": {"any_of": ["Acne"]}}, "by": 0.5}},
                {"name": "fine", "leave_out": {"item_ids": ["i_3"]}},
            ]
        }
    )
    assert RulesInForce(book, recommender.catalogue).warnings == [
        "rule 'summer' names the unknown item 'gone'",
        "rule 'hats' names the unknown category 'hats'",
        "rule 'house' names the unknown brand 'Acne'",
    ]
