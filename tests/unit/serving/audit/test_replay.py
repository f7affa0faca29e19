"""Answers are made again from the log alone: the same while nothing was changed, and others where something was."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from approved_toys import crown_toy

from models.catalogue import Catalogue
from models.churn.predict import ChurnModel
from models.intent.predict import IntentClassifier
from models.purchase_intent.predict import PurchaseIntentModel
from models.recommender.predict import Recommender
from models.registry.version import ModelVersion
from serving.audit.logged_rows import newest_rows
from serving.audit.replay import Replay, replay
from serving.churn.desk import ChurnDesk
from serving.churn.schemas import ChurnRequest
from serving.features import FeatureReader
from serving.intent.desk import IntentDesk
from serving.intent.named_items import NamedItems
from serving.intent.schemas import IntentRequest
from serving.intent.shop_names import ShopNames
from serving.items.rules import RuleBook, RulesInForce
from serving.prediction_log import PredictionLog, encode_row, new_id
from serving.purchase_intent.desk import PropensityDesk
from serving.purchase_intent.schemas import PredictionRequest
from serving.recommender.desk import RecommendationDesk
from serving.recommender.experiments.in_force import ExperimentsFile
from serving.recommender.list_states import ListStates, StateGoneError, changes, read_state
from serving.recommender.schemas import RankingRequest, RecommendationRequest
from serving.served_model import ServedModel
from shopsight.live_items import LiveItem
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
EXPLORING = {"explore": {"share": 0.5, "placements": ["best_sellers", "recommended_for_you"], "places": 3}}


def served(version: ModelVersion) -> ServedModel:
    return ServedModel(
        family=version.family, version=version.version, artefact=version.path, card={}, evaluation={}, approval={}
    )


def again(home: Settings, family: str, texts: Mapping[str, str] | None = None) -> Replay:
    return replay(newest_rows(home, [family], 1_000).rows, home, texts=texts or {})


def rewrite(home: Settings, family: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change every row of a log, with a right checksum: as whoever knows the format could."""
    for path in (home.predictions_dir / family).rglob("*.jsonl"):
        rows = newest_rows(home, [family], 1_000).rows
        for row in rows:
            change(row)
        path.write_bytes(b"".join(map(encode_row, rows)))


class Shop:
    """A recommender's desk whose rules and items a test changes."""

    def __init__(self, home: Settings, version: ModelVersion, features: FeatureReader) -> None:
        self.experiments = home.experiments_path
        self.recommender = Recommender.load(version.path)
        self.catalogue = self.recommender.catalogue
        self.book = RuleBook()
        self.now = NOW
        self.log = PredictionLog(home.predictions_dir / "recommender", clock=lambda: self.now)
        self.desk = RecommendationDesk(
            self.recommender,
            model=served(version),
            features=features,
            log=self.log,
            clock=lambda: self.now,
            new_id=new_id,
            rules=lambda: RulesInForce(self.book, self.catalogue),
            catalogue=lambda: self.catalogue,
            experiments=ExperimentsFile(self.experiments),
            states=ListStates(self.log.folder, self.catalogue),
        )

    def ask(self, **fields: Any) -> None:
        self.desk.answer(RecommendationRequest.model_validate(fields))

    def ask_everything(self) -> None:
        view = {"event_name": "view_item", "item_id": "i_30", "category": "shoes"}
        for _ in range(8):
            self.ask(user_id="maya", num_results=5)
            self.ask(user_id="maya", num_results=20, recent_events=[view], exclude_purchased=True, explain=True)
            self.ask(user_id="maya", num_results=5, personalised=False)
            self.ask(user_id="nobody", placement="win_back")
            self.ask(placement="best_sellers", num_results=8, filter={"price": {"lte": 40}}, diversity=0.5)
            self.ask(placement="cart_complement", item_ids=["i_4", "i_5"], max_per_brand=2)
            ranking = {
                "user_id": "maya",
                "item_ids": ["i_50", "i_21", "i_3", "new", *(f"gone {n}" for n in range(120))],
            }
            self.desk.rank(RankingRequest.model_validate(ranking))


@pytest.fixture
def features(online: Any, pseudonymiser: Pseudonymiser) -> FeatureReader:
    return FeatureReader(lambda: online, pseudonymiser)


@pytest.fixture
def shop(home: Settings, recommender_folder: Path, features: FeatureReader) -> Shop:
    return Shop(home, crown_toy(home, "recommender", recommender_folder), features)


def with_news(catalogue: Catalogue) -> Catalogue:
    """Return a catalogue in which an item is sold out and dearer, and that has an item more."""
    item: dict[str, Any] = {
        "described_at": NOW,
        "description": "for long runs",
        "category": "shoes",
        "brand": "Acme",
        "is_listed": True,
    }
    sold_out = LiveItem(item_id="i_0", title="Item 0", price=99.0, is_available=False, **item)
    newcomer = LiveItem(item_id="new", title="Item new", price=None, is_available=True, **item)
    return catalogue.with_room(3).with_live({0: sold_out, len(catalogue) + 1: newcomer})


def test_lists_come_out_again_whatever_rules_and_items_were_in_force_then(home: Settings, shop: Shop) -> None:
    shop.ask_everything()
    shop.book = RuleBook.model_validate(EXPLORING)
    shop.ask_everything()
    shop.catalogue = with_news(shop.catalogue)
    shop.ask_everything()
    shop.now, shop.book = NOW + timedelta(days=1), RuleBook.model_validate({"less_popular": 0.7})
    shop.ask_everything()
    result = again(home, "recommender")
    assert (result.asked, result.identical, result.different) == (224, 224, 0), result
    rows = newest_rows(home, ["recommender"], 1_000).rows
    assert sum(any(chance < 1 for chance in row["propensities"] or ()) for row in rows) > 10, "some lists explored"
    assert any("new" in [item for item, *_ in row["results"]] for row in rows), "the new item is on a list"


def test_lists_of_arms_come_out_again_and_arms_that_take_turns_share_their_states(home: Settings, shop: Shop) -> None:
    shop.experiments.write_text(
        """experiments:
  - name: calmer
    start: 2026-01-01
    end: 2026-01-31
    metric: conversion
    arms:
      - {name: control, share: 0.4}
      - {name: spread, share: 0.3, diversity: 1.0, rules: {less_popular: 0.9}}
      - {name: sellers, share: 0.3, model: popularity}
"""
    )
    for number in range(30):
        shop.ask(user_id=f"u{number}", num_results=8, recent_events=[{"event_name": "view_item", "item_id": "i_30"}])
    rows = newest_rows(home, ["recommender"], 1_000).rows
    assert {row["arm"] for row in rows} == {"control", "spread", "sellers"}
    assert len({str(row["results"]) for row in rows}) == 3
    assert len({row["inputs"]["state"] for row in rows}) == 2, "the shop's rules, and those of one arm"
    assert again(home, "recommender").identical == 30
    rewrite(home, "recommender", lambda row: row["inputs"].pop("treatment", None))
    assert again(home, "recommender").different == sum(row["arm"] == "sellers" for row in rows), "these show it best"


def test_another_artefact_does_not_pass_for_the_one_that_answered(home: Settings, shop: Shop) -> None:
    shop.ask(user_id="maya")
    config = home.registry_dir / "recommender" / "v0001" / "config.json"
    config.write_text(config.read_text().replace('"decay": 0.7', '"decay": 0.6'))
    result = again(home, "recommender")
    assert (result.identical, result.different) == (0, 1)
    (difference,) = result.differences
    assert "config.json was changed" in difference["what"][0]


def test_a_feature_that_was_changed_in_the_log_shows_in_the_list(home: Settings, shop: Shop) -> None:
    shop.ask(user_id="maya")

    def other_history(row: dict[str, Any]) -> None:
        row["inputs"]["features"]["item_ids"] = ["i_10", "i_40"]

    rewrite(home, "recommender", other_history)
    result = again(home, "recommender")
    assert (result.identical, result.different) == (0, 1)
    assert "results.0.0: logged 'i_21', now 'i_41'" in result.differences[0]["what"]


def test_a_draw_that_was_taken_out_of_the_log_is_missed(home: Settings, shop: Shop) -> None:
    shop.book = RuleBook.model_validate(EXPLORING)
    shop.ask(placement="best_sellers")
    rewrite(home, "recommender", lambda row: row["inputs"].pop("draws"))
    assert again(home, "recommender").different == 1


def test_what_the_log_does_not_carry_is_no_identical_answer_and_says_why(home: Settings, shop: Shop) -> None:
    shop.ask(user_id="maya")
    states = next(home.predictions_dir.rglob("*.states"))
    content = states.read_bytes()
    states.write_bytes(content.replace(b'"room":0', b'"room":1'))
    assert "line 1 is not what was written" in next(iter(again(home, "recommender").reasons))
    states.unlink()
    assert again(home, "recommender").not_replayable == 1
    rewrite(home, "recommender", lambda row: row.pop("inputs"))
    assert next(iter(again(home, "recommender").reasons)).startswith("it was logged by an older version")
    rewrite(home, "recommender", lambda row: row["model"].update(version="v0009"))
    result = again(home, "recommender")
    assert (result.asked, result.identical, result.not_replayable) == (1, 0, 1)
    assert dict(result.reasons) == {"the registry has no recommender v0009": 1}


def test_a_state_is_read_as_it_was_and_a_line_of_it_that_is_lost_is_missed(
    tmp_path: Path, recommender: Recommender
) -> None:
    trained, book = recommender.catalogue, RuleBook()
    states = ListStates(tmp_path, trained)
    first = states.name_of(trained, book, NOW)
    catalogue = with_news(trained)
    second = states.name_of(catalogue, book, NOW)
    assert states.name_of(catalogue, None, NOW) == second, "the same state is written once"
    assert first is not None
    assert second is not None
    assert changes(read_state(tmp_path, first, trained).catalogue, trained) == {}
    read = read_state(tmp_path, second, trained).catalogue
    assert changes(read, catalogue) == {}
    assert (len(read), read.positions) == (len(catalogue), catalogue.positions)
    path = tmp_path / second.rpartition(":")[0]
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(StateGoneError, match="line 1"):
        read_state(tmp_path, second, trained)


def test_a_state_that_cannot_be_written_costs_no_answer(home: Settings, shop: Shop) -> None:
    shop.log.folder.parent.mkdir(parents=True, exist_ok=True)
    states = shop.desk._states  # noqa: SLF001 - the disk of the states alone is full
    assert states is not None
    states._folder = home.predictions_dir / "recommender" / "no folder"  # noqa: SLF001
    states._folder.parent.mkdir(parents=True)  # noqa: SLF001
    states._folder.write_text("")  # noqa: SLF001
    shop.ask(user_id="maya")
    assert dict(again(home, "recommender").reasons) == {"the rules and items of its moment were not written down": 1}


def test_customers_come_out_again_with_those_who_have_no_order(
    home: Settings, churn_folder: Path, online: Any, features: FeatureReader, pseudonymiser: Pseudonymiser
) -> None:
    days = (90.0, 70.0, 50.0, 30.5, 10.0)
    orders = [str(int((NOW - timedelta(days=ago)).timestamp() * 1e6)) for ago in days]
    customer = {"ordered_us": orders, "order_values": ["20.0", "25.5", "20.0", "30.0", "20.0"], "last_seen_us": None}
    online.features[("churn_v1", pseudonymiser.user("maya"))] = customer
    version = crown_toy(home, "churn", churn_folder)
    log = PredictionLog(home.predictions_dir / "churn", clock=lambda: NOW)
    desk = ChurnDesk(
        ChurnModel.load(version.path),
        model=served(version),
        features=features,
        log=log,
        clock=lambda: NOW,
        new_id=new_id,
    )
    instances = [{"user_id": "maya"}, {"user_id": "nobody"}, {"user_id": "maya", "as_of": "2026-04-05T00:00:00Z"}, {}]
    for explain in (False, True):
        desk.answer("churn", ChurnRequest.model_validate({"instances": instances, "explain": explain}))
    result = again(home, "churn")
    assert (result.asked, result.identical) == (2, 2), result

    def an_order_less(row: dict[str, Any]) -> None:
        row["results"][0]["features"]["ordered_us"].pop()
        row["results"][0]["features"]["order_values"].pop()

    rewrite(home, "churn", an_order_less)
    result = again(home, "churn")
    assert (result.identical, result.different) == (0, 2)
    assert result.differences[0]["what"][0].startswith("results.0.expected_revenue")


def test_sessions_come_out_again_explained_or_not(
    home: Settings, purchase_intent_folder: Path, features: FeatureReader
) -> None:
    version = crown_toy(home, "purchase_intent", purchase_intent_folder)
    log = PredictionLog(home.predictions_dir / "purchase_intent", clock=lambda: NOW)
    desk = PropensityDesk(
        PurchaseIntentModel.load(version.path),
        model=served(version),
        features=features,
        categories=lambda: {"i_1": "shoes"},
        log=log,
        clock=lambda: NOW,
        new_id=new_id,
        act_from=0.25,
    )
    event = {"event_name": "add_to_cart", "event_timestamp": "2026-01-05T10:00:00Z", "item_id": "i_1"}
    instances = [{"user_id": "maya", "events": [event]}, {"session_id": "s_1"}, {"events": [event] * 3}, 7]
    for explain in (False, True):
        request = PredictionRequest.model_validate({"instances": instances, "explain": explain})
        desk.answer("purchase_intent", request)
    assert again(home, "purchase_intent").identical == 2

    rewrite(home, "purchase_intent", lambda row: row["results"][1]["features"].update(carts_so_far=0))
    result = again(home, "purchase_intent")
    assert result.different == 2
    assert all(one["what"][0].startswith("results.1.") for one in result.differences)


def test_texts_come_out_again_where_somebody_has_them(home: Settings, intent_folder: Path) -> None:
    version = crown_toy(home, "intent", intent_folder)
    desk = IntentDesk(
        IntentClassifier.load(version.path),
        model=served(version),
        names=lambda: ShopNames.of(NamedItems([]), categories=frozenset(), brands=frozenset()),
        log=PredictionLog(home.predictions_dir / "intent", clock=lambda: NOW),
        clock=lambda: NOW,
        new_id=new_id,
    )
    texts = ["find red shoes", "does it fit", "loved it"]
    desk.answer(IntentRequest(texts=texts))
    assert "the log has no texts" in next(iter(again(home, "intent").reasons))
    by_digest = {hashlib.sha256(text.encode()).hexdigest()[:16]: text for text in texts}
    assert again(home, "intent", by_digest).identical == 1
    changed = {digest: text.replace("find", "does") for digest, text in by_digest.items()}
    assert again(home, "intent", changed).different == 1


def test_the_newest_answers_are_taken_and_a_damaged_row_is_named(home: Settings, shop: Shop) -> None:
    for hour in range(4):
        shop.now = NOW + timedelta(hours=8 * hour)
        shop.ask(placement="trending")
    newest = newest_rows(home, ["recommender"], 3)
    assert [row["answered_at"][8:13] for row in newest.rows] == ["06T12", "06T04", "05T20"]
    path = next((home.predictions_dir / "recommender" / "2026-01-06").glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"trending"', b'"trendinG"', 1))
    assert newest_rows(home, ["recommender"], 3).damaged == [f"{path}:1"]


def test_a_list_is_made_over_one_state_of_the_items_whatever_the_rules_were_made_over(shop: Shop) -> None:
    leaves_out = {"rules": [{"name": "no shoes", "leave_out": {"category": {"any_of": ["shoes"]}}}]}
    book = RuleBook.model_validate(leaves_out)
    shop.catalogue = with_news(shop.catalogue)
    stale = RulesInForce(book, shop.recommender.catalogue)
    shop.desk._rules = lambda: stale  # noqa: SLF001 - as where another request takes the news up meanwhile
    answer = shop.desk.answer(RecommendationRequest(placement="best_sellers", num_results=50))
    categories = {shop.catalogue.categories[shop.catalogue.positions[item["item_id"]]] for item in answer["items"]}
    assert categories == {"bags", "bags > backpacks", None}


def test_how_like_two_items_are_does_not_depend_on_the_order_of_a_set(recommender: Recommender) -> None:
    """Another process hashes words otherwise, and so goes through a set of them in another order."""

    class Backwards(frozenset[str]):
        def __iter__(self) -> Iterator[str]:
            return iter(sorted(super().__iter__(), reverse=True))

    words = frozenset({"item", "acme", "shoes", "running", "zenith", "bags", *(str(number) for number in range(60))})
    there, back = recommender.text.cosines(words), recommender.text.cosines(Backwards(words))
    assert there.tolist() == back.tolist()
    assert recommender.text.cosine(words, Backwards(words)) == recommender.text.cosine(words, words)
