"""What is said of an item is judged as an import judges it, completed by what is known, and holds at once."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from edge.requests import ODD_VALUES
from pydantic import SecretStr

from shopsight.ingestion.collecting.item_states import ItemsUnreadableError
from shopsight.ingestion.collecting.items import TAKEN_UP_SECONDS, ItemChange, ItemDoor, ItemJudgement
from shopsight.ingestion.collecting.live_file import LiveItemsFile
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.log.quarantine import read_quarantine
from shopsight.live_items import UNAVAILABLE, LiveItem, LiveItems
from shopsight.settings import REPO_ROOT, Settings
from shopsight.whole_files import replaced

NOON: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
LAMP: Final = {
    "item_id": "lamp",
    "title": "Red lamp",
    "category": "home > lamps",
    "price": 21.5,
    "currency": "eur",
    "availability": "in_stock",
    "colour": "red",
}


class Collector:
    """An item door, the file that it adds to, and the warehouse's export; noon is a minute later each time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path, self.export = folder, folder / "live" / "items.jsonl", folder / "items.parquet"
        self.now, self.seconds = NOON, 0.0
        self.start()

    def start(self) -> None:
        self.door = ItemDoor(
            self.path, export=self.export, event_log=self.folder / "event_log", seconds_now=lambda: self.seconds
        )
        self.live = LiveItems(self.path)

    def say(self, *items: Any, kind: Any = "describe") -> ItemJudgement:
        self.now += timedelta(minutes=1)
        changes = [ItemChange(line=json.dumps(item).encode(), kind=kind) for item in items]
        judgement = self.door.judge(changes, received_at=self.now)
        self.door.publish(judgement.live)
        return judgement

    def state_of(self, item_id: str) -> LiveItem:
        return self.live.read()[item_id]

    def warehouse(self, *items: LiveItem, described_at: datetime | None = None) -> None:
        """Write the export as a build does that has taken up some descriptions."""
        names = ("item_id", "title", "description", "category", "brand", "price", "is_available", "is_listed")
        rows = [{name: getattr(item, name) for name in names} for item in items]
        times = [described_at or item.described_at for item in items]
        table = pa.table(
            {name: [row[name] for row in rows] for name in names}
            | {
                "currency": pa.array(["EUR"] * len(rows)),
                "described_at": pa.array(times, pa.timestamp("us", tz="UTC")),
            }
        )
        with replaced(self.export) as draft:
            pq.write_table(table, draft)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    collector = Collector(tmp_path)
    yield collector
    collector.door.close()


def test_a_description_holds_as_the_row_that_will_land(collector: Collector) -> None:
    judgement = collector.say(LAMP)
    assert judgement.rows == judgement.live
    assert json.loads(judgement.rows[0]) == {
        "item_id": "lamp",
        "title": "Red lamp",
        "category": "home > lamps",
        "price": "21.5000",
        "currency": "EUR",
        "availability": "in_stock",
        "attributes": {"colour": "red"},
        "source": "shop",
        "valid_from": "2026-05-01T12:01:00Z",
        "created_timestamp": "2026-05-01T12:01:00Z",
    }
    assert collector.state_of("lamp").price == 21.5


def test_a_price_alone_changes_the_price_alone(collector: Collector) -> None:
    collector.say(LAMP)
    collector.say({"item_id": "lamp", "price": 19})
    lamp = collector.state_of("lamp")
    assert (lamp.title, lamp.category, lamp.price) == ("Red lamp", "home > lamps", 19.0)
    assert lamp.row["attributes"] == {"colour": "red"}


def test_what_is_named_as_null_is_emptied(collector: Collector) -> None:
    collector.say(LAMP | {"brand": "Acme"})
    collector.say({"item_id": "lamp", "brand": None})
    assert collector.state_of("lamp").brand is None
    assert collector.state_of("lamp").title == "Red lamp"


def test_a_price_alone_of_an_item_that_only_the_warehouse_knows_keeps_what_it_knows(collector: Collector) -> None:
    collector.say(LAMP)
    collector.warehouse(collector.state_of("lamp"))
    collector.path.unlink()
    collector.say({"item_id": "lamp", "price": 19})
    lamp = collector.state_of("lamp")
    assert (lamp.title, lamp.category, lamp.price, lamp.is_available) == ("Red lamp", "home > lamps", 19.0, True)


def test_a_price_alone_keeps_attributes_and_picture_that_the_warehouse_has_no_column_for(
    collector: Collector, tmp_path: Path
) -> None:
    source = tmp_path / "catalogue" / "items.jsonl"
    source.parent.mkdir()
    lines = [
        LAMP | {"image_url": "blue.jpg", "colour": "blue", "valid_from": "2025-01-01T00:00:00Z"},
        LAMP | {"image_url": "red.jpg", "valid_from": "2026-01-01T00:00:00Z"},
        {"item_id": "bulb", "title": "Bulb", "valid_from": "2026-01-01T00:00:00Z"},
    ]
    source.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    settings = Settings(home=collector.folder, pseudonym_key=SecretStr("a key for tests only"))
    import_file(settings, "canonical_jsonl", source, received_at=NOON)
    described_at = datetime(2026, 1, 1, tzinfo=UTC)
    built = NOON + timedelta(days=3)  # so long after the landing that no batch is read for itself
    lamp, bulb = (
        LiveItem.of_row({"item_id": name, "title": name, "valid_from": "2026-01-01T00:00:00Z"})
        for name in ("lamp", "bulb")
    )
    collector.warehouse(lamp, bulb, described_at=described_at)
    os.utime(collector.export, (built.timestamp(), built.timestamp()))
    collector.say({"item_id": "lamp", "price": 19}, {"item_id": "bulb", "price": 2})
    row = collector.state_of("lamp").row
    assert (row["attributes"], row["image_url"]) == ({"colour": "red"}, "red.jpg")
    assert "attributes" not in collector.state_of("bulb").row


def test_several_changes_of_one_item_in_one_request_build_on_each_other(collector: Collector) -> None:
    collector.say(LAMP, {"item_id": "lamp", "price": 5}, {"item_id": "lamp", "availability": "sold out"})
    lamp = collector.state_of("lamp")
    assert (lamp.price, lamp.is_available, lamp.title) == (5.0, False, "Red lamp")
    rows = [json.loads(line) for line in collector.path.read_bytes().splitlines()[1:]]
    times = [datetime.fromisoformat(row["valid_from"]) for row in rows]
    assert times == sorted(set(times)), "the warehouse tells the last one by its moment"


def test_a_bad_item_never_stops_a_good_one_and_is_kept_as_it_came(collector: Collector) -> None:
    bad: list[Any] = [{"item_id": "rug", "price": "dear"}, {"title": "nameless"}, 3]
    judgement = collector.say(LAMP, *bad)
    assert [(one.index, one.reasons) for one in judgement.refusals] == [
        (1, ("price_invalid",)), (2, ("item_id_missing",)), (3, ("not_a_json_object",)),
    ]  # fmt: skip
    assert [json.loads(line) for line in judgement.rows[1:]] == bad
    assert list(collector.live.read()) == ["lamp"]


def test_what_is_deleted_is_listed_no_more_and_begins_anew_when_it_is_described_again(collector: Collector) -> None:
    collector.say(LAMP)
    collector.say({"item_id": "lamp"}, kind="remove")
    assert not collector.state_of("lamp").is_listed
    assert not collector.state_of("lamp").is_available
    assert collector.say({"item_id": "lamp", "availability": "in_stock"}, kind="change").refusals
    collector.say({"item_id": "lamp", "price": 3})
    lamp = collector.state_of("lamp")
    assert (lamp.is_listed, lamp.is_available, lamp.price, lamp.title) == (True, True, 3.0, None)


@pytest.mark.parametrize("kind", ["change", "remove"])
def test_an_item_that_nobody_described_is_not_changed_and_nothing_is_kept(collector: Collector, kind: str) -> None:
    judgement = collector.say({"item_id": "rug", "availability": "sold_out"}, kind=kind)
    assert judgement.rows == ()
    assert [one.reasons for one in judgement.refusals] == [("item_unknown",)]


def test_what_an_order_says_of_an_item_only_fills_in_what_nobody_has_said(collector: Collector) -> None:
    collector.say({"item_id": "lamp", "title": "Old lamp", "price": 10}, kind="mention")
    assert collector.state_of("lamp").price == 10.0
    collector.say(LAMP)
    assert collector.say({"item_id": "lamp", "title": "Old lamp", "price": 10}, kind="mention").rows == ()
    collector.say({"item_id": "lamp", "price": 10, "brand": "Acme"}, kind="mention")
    lamp = collector.state_of("lamp")
    assert (lamp.price, lamp.brand, lamp.title) == (21.5, "Acme", "Red lamp")


def test_an_order_does_not_bring_a_deleted_item_back(collector: Collector) -> None:
    collector.say(LAMP)
    collector.say({"item_id": "lamp"}, kind="remove")
    assert collector.say({"item_id": "lamp", "price": 10}, kind="mention").rows == ()


def test_of_two_descriptions_that_name_their_moment_the_later_moment_holds(collector: Collector) -> None:
    collector.say(LAMP | {"valid_from": "2026-05-01T10:00:00Z", "price": 2})
    collector.say(LAMP | {"valid_from": "2026-05-01T09:00:00Z", "price": 1})
    assert collector.state_of("lamp").price == 2.0


def test_a_change_without_a_moment_holds_beside_one_of_the_future(collector: Collector) -> None:
    collector.say(LAMP | {"valid_from": "2027-01-01T00:00:00Z"})
    collector.say({"item_id": "lamp", "price": 3})
    assert collector.state_of("lamp").price == 3.0


def test_what_the_warehouse_has_taken_up_goes_once_every_service_has_seen_that(collector: Collector) -> None:
    collector.say(LAMP, LAMP | {"item_id": "rug"})
    lamp = collector.state_of("lamp")
    collector.warehouse(lamp)
    collector.door.tidy()
    assert set(collector.live.read()) == {"lamp", "rug"}
    collector.seconds += TAKEN_UP_SECONDS
    collector.door.tidy()
    assert set(collector.live.read()) == {"rug"}
    collector.say({"item_id": "lamp", "price": 1})
    assert collector.state_of("lamp").title == "Red lamp"


def test_what_was_said_after_the_warehouse_was_built_stays(collector: Collector) -> None:
    collector.say(LAMP)
    collector.warehouse(collector.state_of("lamp"))
    collector.say({"item_id": "lamp", "price": 1})
    collector.door.tidy()
    collector.seconds += TAKEN_UP_SECONDS
    collector.door.tidy()
    assert collector.state_of("lamp").price == 1.0


def test_a_newer_file_of_the_warehouse_counts_for_what_a_change_leaves_out(collector: Collector) -> None:
    collector.say(LAMP)
    newer = LiveItem.of_row(collector.state_of("lamp").row | {"title": "Blue lamp"})
    collector.warehouse(newer, described_at=collector.now + timedelta(seconds=30))
    collector.say({"item_id": "lamp", "price": 1})
    assert collector.state_of("lamp").title == "Blue lamp"


def test_what_a_file_says_that_no_build_has_taken_up_yet_is_not_undone_by_a_price(collector: Collector) -> None:
    file = collector.folder / "items.jsonl"
    file.write_text(json.dumps(LAMP | {"title": "Lamp of the file", "image_url": "lamp.png"}) + "\n")
    settings = Settings(home=collector.folder, pseudonym_key=SecretStr("a key for tests only"))
    import_file(settings, "canonical_jsonl", file, received_at=NOON)
    collector.say({"item_id": "lamp", "price": 1})
    row = collector.state_of("lamp").row
    assert (row["title"], row["price"], row["image_url"]) == ("Lamp of the file", "1.0000", "lamp.png")
    assert row["attributes"] == {"colour": "red"}
    newer = [{"item_id": "lamp", "title": "Newer", "valid_from": "2026-05-01T18:00:00Z"},
             {"item_id": "lamp", "title": "Newest", "valid_from": "2026-05-01T19:00:00Z"}]  # fmt: skip
    file.write_text("".join(json.dumps(item) + "\n" for item in newer))
    import_file(settings, "canonical_jsonl", file, received_at=NOON + timedelta(hours=1))
    collector.say({"item_id": "lamp", "price": 2})
    assert collector.state_of("lamp").title == "Newest"


def test_an_export_that_cannot_be_read_lets_nothing_in_that_it_would_empty(collector: Collector) -> None:
    collector.export.write_bytes(b"no Parquet")
    with pytest.raises(ItemsUnreadableError):
        collector.say({"item_id": "lamp", "price": 1})
    with pytest.raises(OSError, match="cannot be read"):
        collector.door.tidy()
    collector.export.unlink()
    collector.say(LAMP)
    assert collector.state_of("lamp").price == 21.5


def test_a_restarted_collector_and_its_readers_go_on_where_it_was(collector: Collector) -> None:
    collector.say(LAMP)
    collector.door.close()
    with collector.path.open("ab") as file:
        file.write(b'{"item_id": "half')  # what a kill leaves
    assert list(collector.live.read()) == ["lamp"]
    collector.start()
    collector.say({"item_id": "lamp", "price": 1})
    assert collector.state_of("lamp").price == 1.0
    assert collector.live.failure is None


def test_a_line_that_is_no_item_is_told_of_and_costs_no_other(collector: Collector) -> None:
    collector.say(LAMP)
    with collector.path.open("ab") as file:
        file.write(b"no item\n")
    collector.say(LAMP | {"item_id": "rug"})
    assert set(collector.live.read()) == {"lamp", "rug"}
    assert "no item" in str(collector.live.failure)


def test_a_reader_that_looks_now_and_then_knows_what_one_knows_that_looks_anew(tmp_path: Path) -> None:
    path = tmp_path / "live" / "items.jsonl"
    file, reader = LiveItemsFile(path), LiveItems(path)

    def is_another(item: LiveItem) -> bool:
        return item.item_id != f"i_{n % 3}"

    for n in range(30):
        row = {"item_id": f"i_{n % 4}", "valid_from": f"2026-05-01T12:{n:02}:00Z", "price": str(n)}
        file.append([json.dumps(row).encode()])
        if n % 7 == 6:
            file.keep(is_another)
        assert dict(reader.read()) == dict(LiveItems(path).read())
    path.unlink()
    assert dict(reader.read()) == {}


def test_odd_items_are_judged_as_an_import_judges_them(collector: Collector, tmp_path: Path) -> None:
    columns = (*LAMP, "attributes", "valid_from", "valid_to")
    # The guard mends half characters, and a line of a file with a NUL byte in it is refused as a whole.
    values = [value for value in ODD_VALUES if value not in ("\ud83d", "\x00")]
    items = [LAMP | {"item_id": f"i{n}{name}", name: odd} for name in columns for n, odd in enumerate(values)]
    judgement = collector.say(*items)
    imported = tmp_path / "items.jsonl"
    imported.write_text("\n".join(json.dumps(item) for item in items))
    settings = Settings(home=tmp_path / "home", pseudonym_key=SecretStr("a key for tests only"))
    receipt = import_file(settings, "canonical_jsonl", imported, received_at=collector.now)
    bad = read_quarantine(settings, limit=None)
    reasons = dict(zip((line - 1 for line in bad["line"].to_pylist()), bad["reasons"].to_pylist(), strict=True))
    assert {one.index: list(one.reasons) for one in judgement.refusals} == reasons
    assert receipt.items == len(judgement.live)
    assert len(judgement.refusals) > 5


def test_the_words_for_what_cannot_be_bought_are_the_warehouses() -> None:
    sql = (REPO_ROOT / "dbt_project" / "models" / "staging" / "stg_event_log__items.sql").read_text()
    assert f"not in {UNAVAILABLE}" in " ".join(sql.split())
