"""What a shop no longer sells, or sells at another price, is right in the next list: no training, no restart."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from models.recommender.predict import Recommender
from serving.features import FeatureReader
from serving.items.live_catalogue import LiveCatalogue
from serving.items.rules_file import RulesFile
from serving.recommender.desk import RecommendationDesk
from serving.recommender.schemas import RecommendationRequest
from serving.served_model import ServedModel
from shopsight.clock import utc_now
from shopsight.ingestion.collecting.live_file import LiveItemsFile
from shopsight.privacy import Pseudonymiser
from shopsight.whole_files import replaced

EVERY_PLACEMENT: Final[dict[str, dict[str, Any]]] = {
    "recommended_for_you": {"user_id": "maya"},
    "win_back": {"user_id": "maya"},
    "similar_items": {"item_ids": ["i_20"]},
    "also_viewed": {"item_ids": ["i_20"]},
    "bought_together": {"item_ids": ["i_20"]},
    "cart_complement": {"item_ids": ["i_20"]},
    "best_sellers": {},
    "trending": {},
    "recently_viewed": {"recent_events": [{"event_name": "view_item", "item_id": f"i_{n}"} for n in range(60)]},
}


NOON: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Shop:
    """A shop's export of items and a service that runs beside it; a second passes between two requests.

    The export describes every item at noon, unless a test says otherwise; what is said in between holds from one.
    """

    def __init__(self, folder: Path, trained: Path, features: FeatureReader) -> None:
        self.export = folder / "items.parquet"
        self.items = pq.read_table(trained / "catalogue.parquet")
        noon = pa.array([NOON] * len(self.items), pa.timestamp("us", tz="UTC"))
        self.items = self.items.append_column("described_at", noon)
        self.seconds = 0.0
        self.live = LiveItemsFile(folder / "live.jsonl")
        self.said = 0
        self.write()
        recommender = Recommender.load(trained)
        self.catalogue = LiveCatalogue(
            recommender.catalogue, self.export, folder / "live.jsonl", seconds_now=lambda: self.seconds
        )
        self.rules = RulesFile(folder / "rules.yml", self.catalogue, seconds_now=lambda: self.seconds)
        self.desk = RecommendationDesk(
            recommender,
            model=ServedModel(
                family="recommender", version="v0001", artefact=trained, card={}, evaluation={}, approval={}
            ),
            features=features,
            log=[],  # a list has all that is asked of a log
            clock=utc_now,
            new_id=lambda: "1",
            rules=self.rules,
            catalogue=self.catalogue,
        )

    def change(self, item_id: str, **values: Any) -> None:
        """Change columns of one item; as ``items`` is written after a refresh."""
        is_it = pc.equal(self.items["item_id"], item_id)
        for name, value in values.items():
            column = self.items[name]
            changed = pc.if_else(is_it, pa.scalar(value, column.type), column)
            self.items = self.items.set_column(self.items.schema.get_field_index(name), name, changed)
        self.write()

    def delete(self, item_id: str) -> None:
        self.items = self.items.filter(pc.not_equal(self.items["item_id"], item_id))
        self.write()

    def say(self, item_id: str, *, at: datetime | None = None, **row: Any) -> None:
        """Have the collector say something of an item, which is all that is known of it then."""
        self.said += 1
        moment = at or NOON + timedelta(hours=1, seconds=self.said)
        self.live.append([json.dumps({"item_id": item_id, "valid_from": moment.isoformat()} | row).encode()])

    def at_once(self, **fields: Any) -> list[str]:
        """Ask within the second in which the service has looked at the export."""
        self.seconds -= 1.0
        return self.ask(**fields)

    def write(self) -> None:
        with replaced(self.export) as staging:
            pq.write_table(self.items, staging)

    def ask(self, **fields: Any) -> list[str]:
        self.seconds += 1.0
        answer = self.desk.answer(RecommendationRequest.model_validate({"num_results": 60} | fields))
        return [item["item_id"] for item in answer["items"]]


@pytest.fixture
def shop(tmp_path: Path, recommender_folder: Path, online: Any, pseudonymiser: Pseudonymiser) -> Shop:
    return Shop(tmp_path, recommender_folder, FeatureReader(lambda: online, pseudonymiser))


@pytest.mark.parametrize("placement", EVERY_PLACEMENT)
def test_what_is_sold_out_or_deleted_leaves_the_lists_of_every_placement(shop: Shop, placement: str) -> None:
    def asked() -> list[str]:
        return shop.ask(placement=placement, **EVERY_PLACEMENT[placement])

    first, second = (before := asked())[:2]
    shop.change(first, is_available=False)
    shop.delete(second)
    assert set(before) - set(asked()) == {first, second}
    shop.change(first, is_available=True)
    assert first in asked()


def test_what_is_sold_out_is_shown_to_whoever_asks_for_it_and_what_was_deleted_to_nobody(shop: Shop) -> None:
    first, second = shop.ask(placement="best_sellers")[:2]
    shop.change(first, is_available=False)
    shop.delete(second)
    with_sold_out = shop.ask(placement="best_sellers", filter={"in_stock": False})
    assert first in with_sold_out
    assert second not in with_sold_out


def test_a_filter_on_price_and_stock_reads_the_price_and_the_stock_of_now(shop: Shop) -> None:
    cheap: dict[str, Any] = {"placement": "best_sellers", "filter": {"price": {"lte": 13}, "in_stock": True}}
    assert shop.ask(**cheap) == ["i_0", "i_1", "i_2"], "i_3 costs 13 and was sold out at training"
    shop.change("i_0", price=999.0)
    shop.change("i_3", is_available=True)
    shop.change("i_7", price=12.5)
    shop.change("i_1", price=None)
    assert shop.ask(**cheap) == ["i_2", "i_3", "i_7"]


def test_a_category_and_a_brand_are_those_of_now(shop: Shop) -> None:
    shop.change("i_3", category="bags", brand="Newcomer", is_available=True)
    assert shop.ask(placement="trending", filter={"brand": {"any_of": ["newcomer"]}}) == ["i_3"]
    assert "i_3" in shop.ask(placement="trending", filter={"category": {"any_of": ["bags"]}})


def test_a_rule_is_about_the_prices_of_now_and_says_which_of_its_items_was_deleted(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(
        "rules:\n- {name: dear, leave_out: {price: {gte: 500}}}\n- {name: first, pin: {item_ids: [i_9]}}\n"
    )
    assert shop.ask(placement="best_sellers")[:2] == ["i_9", "i_0"]
    shop.change("i_0", price=999.0)
    shop.delete("i_9")
    assert shop.ask(placement="best_sellers")[0] == "i_1"
    assert shop.rules.warnings == ["rule 'first' names the deleted item 'i_9'"]


def test_an_export_that_cannot_be_read_leaves_the_state_of_before_and_says_so(shop: Shop) -> None:
    shop.change("i_0", is_available=False)
    assert shop.ask(placement="best_sellers")[0] == "i_1"
    whole = shop.export.read_bytes()
    for content, words in ((whole[:100], "cannot be read"), (None, "is missing")):
        if content is None:
            shop.export.unlink()
        else:
            shop.export.write_bytes(content)
        assert shop.ask(placement="best_sellers")[0] == "i_1"
        assert words in str(shop.catalogue.failure)
    shop.export.write_bytes(whole)
    shop.ask(placement="best_sellers")
    assert shop.catalogue.failure is None


def test_the_export_of_another_shop_empties_no_list(shop: Shop) -> None:
    shop.items = shop.items.set_column(0, "item_id", pa.array([f"other_{n}" for n in range(60)]))
    shop.write()
    assert shop.ask(placement="best_sellers")[0] == "i_0"
    assert "none of the model's items" in str(shop.catalogue.failure)


def test_a_state_is_looked_at_once_a_second(shop: Shop) -> None:
    shop.ask(placement="best_sellers")
    shop.change("i_0", is_available=False)
    request = RecommendationRequest.model_validate({"placement": "best_sellers"})
    assert shop.desk.answer(request)["items"][0]["item_id"] == "i_0"
    shop.seconds += 1.0
    assert shop.desk.answer(request)["items"][0]["item_id"] == "i_1"


CHEAP: Final[dict[str, Any]] = {"placement": "best_sellers", "filter": {"price": {"lte": 9}}}


def test_what_is_said_of_an_item_holds_in_the_next_answer(shop: Shop) -> None:
    assert shop.ask(**CHEAP) == []
    shop.say("i_9", title="Item 9", price="5.00")
    assert shop.at_once(**CHEAP) == ["i_9"]
    shop.say("i_9", title="Item 9", price="5.00", availability="sold_out")
    assert shop.at_once(**CHEAP) == []
    shop.say("i_9", price="5.00", availability="in_stock")
    assert shop.at_once(**CHEAP) == ["i_9"]


def test_what_is_deleted_is_shown_to_nobody_and_stands_in_no_ranking_by_stock(shop: Shop) -> None:
    moment = (NOON + timedelta(hours=2)).isoformat()
    shop.say("i_0", valid_from=moment, valid_to=moment)
    assert "i_0" not in shop.at_once(placement="best_sellers", filter={"in_stock": False})


def test_an_export_that_says_the_item_was_deleted_hides_it(shop: Shop) -> None:
    shop.items = shop.items.append_column("is_listed", pa.array([True] * len(shop.items)))
    shop.change("i_0", is_listed=False)
    assert "i_0" not in shop.ask(placement="best_sellers", filter={"in_stock": False})


@pytest.mark.parametrize(("said_after", "holds"), [(-1, False), (0, False), (1, True)])
def test_of_the_export_and_what_was_said_the_newer_holds(shop: Shop, said_after: int, holds: bool) -> None:
    shop.say("i_9", at=NOON + timedelta(seconds=said_after), price="5")
    assert shop.ask(**CHEAP) == (["i_9"] if holds else [])


def test_what_the_export_has_taken_up_goes_without_a_trace(shop: Shop) -> None:
    shop.say("i_9", at=NOON, price="5")
    shop.say("i_8", price="5")
    shop.change("i_9", price=5.0)
    assert shop.ask(**CHEAP) == ["i_8", "i_9"]
    shop.live.keep(lambda item: item.item_id != "i_9")
    assert shop.at_once(**CHEAP) == ["i_8", "i_9"]


def test_a_new_item_is_recommended_by_its_words(shop: Shop) -> None:
    seen = [{"event_name": "view_item", "item_id": "i_20"}]
    shop.say("boot", title="Item 20 in red", category="shoes", brand="Zenith", price="30")
    assert shop.at_once(placement="similar_items", item_ids=["boot"], num_results=1) == ["i_20"]
    assert shop.at_once(recent_events=seen, num_results=10).count("boot") == 1
    assert shop.at_once(placement="best_sellers")[-1] == "boot"
    assert "boot" in shop.at_once(placement="best_sellers", filter={"brand": {"any_of": ["zenith"]}})


def test_a_new_item_in_a_history_counts_as_what_it_is_most_like(shop: Shop) -> None:
    shop.say("boot", title="Item 20 in red")
    of_boot = shop.ask(recent_events=[{"event_name": "view_item", "item_id": "boot"}], num_results=5)
    of_item = shop.ask(recent_events=[{"event_name": "view_item", "item_id": "i_20"}], num_results=5)
    assert of_boot == of_item != []


def test_similar_to_a_new_item_are_other_new_items_too(shop: Shop) -> None:
    shop.say("boot", title="Sturdy leather boot")
    shop.say("shoe", title="Sturdy leather shoe")
    assert shop.ask(placement="similar_items", item_ids=["boot"], num_results=1) == ["shoe"]


def test_a_new_item_of_which_nothing_is_said_sells_but_is_like_nothing(shop: Shop) -> None:
    shop.say("thing", price="5")
    assert shop.ask(**CHEAP) == ["thing"]
    seen = [{"event_name": "view_item", "item_id": "thing"}]
    assert "thing" not in shop.ask(recent_events=seen, num_results=10)
    assert shop.ask(placement="similar_items", item_ids=["thing"], num_results=3)


def test_a_new_item_that_came_with_an_export_is_shown_too_and_leaves_when_it_is_deleted(shop: Shop) -> None:
    row = shop.items.slice(5, 1).to_pylist()[0] | {"item_id": "boot", "price": 5.0}
    shop.items = pa.concat_tables([shop.items, pa.Table.from_pylist([row], shop.items.schema)])
    shop.write()
    assert shop.ask(**CHEAP) == ["boot"]
    shop.delete("boot")
    assert shop.ask(**CHEAP) == []


def test_of_more_new_items_than_there_is_room_for_the_newest_are_shown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.items.live_catalogue.MAX_NEWCOMERS", 3)
    for n in range(5):
        shop.say(f"new_{n}", price="5")
    assert sorted(shop.ask(**CHEAP)) == ["new_2", "new_3", "new_4"]
    assert "2 items are left out" in str(shop.catalogue.failure)
    moment = (NOON + timedelta(hours=3)).isoformat()
    shop.say("new_3", valid_from=moment, valid_to=moment)
    assert sorted(shop.ask(**CHEAP)) == ["new_1", "new_2", "new_4"]


def test_a_file_of_live_items_with_a_line_that_is_none_is_told_of(shop: Shop, tmp_path: Path) -> None:
    shop.say("i_9", price="5")
    with (tmp_path / "live.jsonl").open("ab") as file:
        file.write(b"no item\n")
    assert shop.ask(**CHEAP) == ["i_9"]
    assert "no item" in str(shop.catalogue.failure)


def test_live_items_that_cannot_be_read_leave_those_of_before_in_force_and_are_asked_for_again(
    shop: Shop, tmp_path: Path
) -> None:
    shop.say("i_9", price="5")
    assert shop.ask(**CHEAP) == ["i_9"]
    shop.say("i_8", price="5")
    (tmp_path / "live.jsonl").rename(tmp_path / "aside")
    (tmp_path / "live.jsonl").mkdir()  # which nobody reads, whatever their rights
    assert shop.ask(**CHEAP) == ["i_9"]
    assert "cannot be read" in str(shop.catalogue.failure)
    (tmp_path / "live.jsonl").rmdir()
    (tmp_path / "aside").rename(tmp_path / "live.jsonl")
    assert shop.at_once(**CHEAP) == ["i_8", "i_9"]
    assert shop.catalogue.failure is None


def test_requests_that_come_while_items_change_are_all_answered(shop: Shop) -> None:
    ended, errors = threading.Event(), list[BaseException]()

    def asks() -> None:
        while not ended.is_set():
            try:
                shop.ask(recent_events=[{"event_name": "view_item", "item_id": "i_20"}], diversity=0.5)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test is to show it
                errors.append(error)
                return

    threads = [threading.Thread(target=asks) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(40):
        shop.say(f"new_{n}", title=f"Item {n}", category="bags", price="5")
        shop.say(f"i_{n}", title=f"Item {n}", category="bags", availability="sold_out")
        assert f"new_{n}" in shop.ask(**CHEAP)
    ended.set()
    for thread in threads:
        thread.join()
    assert errors == []
