"""What a shop no longer sells, or sells at another price, is right in the next list: no training, no restart."""

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from models.recommender.predict import Recommender
from serving.features import FeatureReader
from serving.recommender.desk import RecommendationDesk
from serving.recommender.live_catalogue import LiveCatalogue
from serving.recommender.rules_file import RulesFile
from serving.recommender.schemas import RecommendationRequest
from serving.served_model import ServedModel
from shopsight.clock import utc_now
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


class Shop:
    """A shop's export of items and a service that runs beside it; a second passes between two requests."""

    def __init__(self, folder: Path, trained: Path, features: FeatureReader) -> None:
        self.export = folder / "items.parquet"
        self.items = pq.read_table(trained / "catalogue.parquet")
        self.seconds = 0.0
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
