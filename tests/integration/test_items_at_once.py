"""A collector and a recommender as they run, on one home: what the shop says of an item holds in the next answer."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr
from running import free_port
from toy_services import toy_services

from serving.running.launcher import ServerProcess, collector_process
from shopsight.clock import utc_now
from shopsight.ingestion.collecting.landing import land_collected
from shopsight.ingestion.collecting.opening import open_commit
from shopsight.live_items import LiveItems
from shopsight.settings import Settings


def _ask(url: str, method: str, body: object = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@dataclass(kw_only=True)
class Shop:
    """The shop's own servers, as they talk to both services."""

    settings: Settings
    collector: ServerProcess
    recommender: str
    statuses: list[int] = field(default_factory=list)

    def put(self, *items: dict[str, Any]) -> Any:
        status, answer = _ask(f"{self.collector.url}/v1/items", "PUT", {"items": items})
        assert status == 202
        return answer

    def availability(self, item_id: str, availability: str) -> int:
        url = f"{self.collector.url}/v1/items/{item_id}/availability"
        return _ask(url, "PUT", {"availability": availability})[0]

    def delete(self, item_id: str) -> int:
        return _ask(f"{self.collector.url}/v1/items/{item_id}", "DELETE")[0]

    def listed(self, placement: str = "best_sellers", **fields: Any) -> list[str]:
        status, answer = _ask(
            f"{self.recommender}/v1/recommendations", "POST", {"placement": placement, "num_results": 500} | fields
        )
        assert status == 200, answer
        return [item["item_id"] for item in answer["items"]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, pseudonym_key=SecretStr("a key for tests only"), collector_port=free_port())
    collector = collector_process(settings)
    collector.start()
    with toy_services(home, ["recommender"]) as ports:
        collector.wait_until_ready()
        try:
            shop = Shop(settings=settings, collector=collector, recommender=f"http://127.0.0.1:{ports['recommender']}")
            shop.put(*({"item_id": f"i_{n}", "title": f"Item {n}", "price": 10 + n} for n in range(60)))
            yield shop
        finally:
            collector.stop()


def test_a_price_holds_in_the_next_answer(shop: Shop) -> None:
    for price in (500, 5, 700):
        shop.put({"item_id": "i_11", "price": price})
        cheap = shop.listed(filter={"price": {"lte": 9}})
        assert ("i_11" in cheap) == (price == 5)


def test_what_is_sold_out_is_in_no_list_from_the_next_answer_on(shop: Shop) -> None:
    for _ in range(5):
        assert shop.availability("i_12", "sold_out") == 202
        assert "i_12" not in shop.listed()
        assert "i_12" in shop.listed(filter={"in_stock": False})
        assert shop.availability("i_12", "in_stock") == 202
        assert "i_12" in shop.listed()


def test_what_is_deleted_is_in_no_list_from_the_next_answer_on(shop: Shop) -> None:
    assert shop.delete("i_13") == 202
    assert "i_13" not in shop.listed(filter={"in_stock": False})
    assert shop.delete("i_13") == 404
    assert shop.availability("i_13", "in_stock") == 404
    shop.put({"item_id": "i_13", "title": "Item 13", "price": 23})
    assert "i_13" in shop.listed()


def test_a_new_item_is_recommended_by_its_text_in_the_next_answer(shop: Shop) -> None:
    seen = [{"event_name": "view_item", "item_id": "i_20"}]
    boot = {"item_id": "new/boot", "title": "Item 20 in red", "category": "shoes", "price": 12.5}
    shop.put(boot)
    assert "new/boot" in shop.listed("recommended_for_you", num_results=10, recent_events=seen)
    assert shop.listed("similar_items", item_ids=["new/boot"], num_results=1) == ["i_20"]
    assert "new/boot" in shop.listed(filter={"price": {"lte": 13}})
    ranking = {"item_ids": ["i_40", "new/boot"], "recent_events": seen}
    status, answer = _ask(f"{shop.recommender}/v1/rankings", "POST", ranking)
    assert status == 200
    assert answer["missing_item_ids"] == []
    assert answer["items"][0]["item_id"] == "new/boot"
    assert shop.delete("new%2Fboot") == 202
    assert "new/boot" not in shop.listed("recommended_for_you", num_results=10, recent_events=seen)


def test_a_bad_item_never_stops_a_good_one(shop: Shop) -> None:
    answer = shop.put({"item_id": "i_14", "price": "dear"}, {"item_id": "i_15", "price": 3}, {"price": 3})
    assert (answer["accepted"], answer["rejected"]) == (1, 2)
    assert answer["errors"] == [
        {"index": 0, "loc": ["items", 0, "price"], "msg": "price is not a number with a decimal point",
         "type": "price_invalid"},
        {"index": 2, "loc": ["items", 2, "item_id"], "msg": "item_id is empty", "type": "item_id_missing"},
    ]  # fmt: skip
    assert "i_15" in shop.listed(filter={"price": {"lte": 3}})


def test_a_killed_collector_has_kept_what_it_answered_and_it_lands_once(shop: Shop) -> None:
    shop.put({"item_id": "i_16", "price": 1, "title": "Kept"})
    shop.collector.stop(timeout_seconds=0)
    assert "i_16" in shop.listed(filter={"price": {"lte": 2}})
    open_commit(shop.settings, now=utc_now).close()  # the next collector seals what the killed one left open
    said = LiveItems(shop.settings.live_items_path).read()["i_16"].row
    land_collected(shop.settings, received_at=utc_now())
    import duckdb

    files = str(shop.settings.event_log_dir / "arrival_date=*" / "batch=*" / "items.parquet")
    rows = duckdb.sql(f"""
        select title, price, valid_from from read_parquet('{files}', hive_partitioning = false)
        where item_id = 'i_16' order by valid_from desc
    """).fetchall()
    assert [str(price) for _, price, _ in rows] == ["1.0000", "26.0000"]
    assert rows[0][0] == "Kept" == said["title"]
