"""What a service knows of the shop's items is the last export's, and what was said since."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.followed_items import FollowedItems
from serving.intent.shop_names import ShopNames
from shopsight.ingestion.collecting.live_file import LiveItemsFile
from shopsight.whole_files import replaced

Say = Callable[..., None]


@pytest.fixture
def names(tmp_path: Path) -> FollowedItems[ShopNames]:
    export(tmp_path, "Old Lamp")
    return FollowedItems(
        tmp_path / "items.parquet", tmp_path / "live.jsonl", read=ShopNames.read, over=ShopNames.with_live
    )


@pytest.fixture
def say(tmp_path: Path) -> Say:
    file = LiveItemsFile(tmp_path / "live.jsonl")
    return lambda **row: file.append(
        [json.dumps({"item_id": "lamp", "valid_from": "2026-05-01T12:00:00Z"} | row).encode()]
    )


def export(folder: Path, title: str, **columns: Any) -> None:
    row = {"item_id": "lamp", "title": title, "category": "home", "brand": "Lux", "is_listed": True} | columns
    with replaced(folder / "items.parquet") as draft:
        pq.write_table(pa.Table.from_pylist([row]), draft)


def test_a_title_category_and_brand_are_known_as_soon_as_they_are_said(
    names: FollowedItems[ShopNames], say: Say
) -> None:
    assert names().items.find("the old lamp") == [["lamp"]]
    say(title="New Lamp", category="garden > torches", brand="Nord")
    assert names().items.find("the new lamp or the old lamp") == [["lamp"]]
    assert names().items.find("the old lamp") == []
    assert names().attributes.find("a torch of nord")["brand"] == "Nord"
    assert names().attributes.find("a torch of nord")["category"] == "garden > torches"


def test_what_was_deleted_is_named_no_more(names: FollowedItems[ShopNames], say: Say) -> None:
    say(title="Old Lamp", valid_to="2026-05-01T12:00:00Z")
    assert names().items.find("the old lamp") == []


def test_another_export_is_taken_up_and_what_was_said_stays_over_it(
    names: FollowedItems[ShopNames], say: Say, tmp_path: Path
) -> None:
    export(tmp_path, "Bright Lamp")
    names.look()
    assert names().items.find("the bright lamp") == [["lamp"]]
    say(title="New Lamp")
    export(tmp_path, "Dark Lamp")
    names.look()
    assert names().items.find("the new lamp, the dark lamp") == [["lamp"]]


def test_an_export_that_cannot_be_read_leaves_the_names_of_before_and_says_so(
    names: FollowedItems[ShopNames], tmp_path: Path
) -> None:
    (tmp_path / "items.parquet").write_bytes(b"no Parquet")
    names.look()
    assert names().items.find("the old lamp") == [["lamp"]]
    assert "cannot be read" in str(names.failure)
    export(tmp_path, "Bright Lamp")
    names.look()
    assert names.failure is None


def test_an_export_that_cannot_be_read_when_a_service_starts_is_as_none_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "items.parquet").write_bytes(b"no Parquet")
    names = FollowedItems(
        tmp_path / "items.parquet", tmp_path / "live.jsonl", read=ShopNames.read, over=ShopNames.with_live
    )
    assert names().items.find("the old lamp") == []
    assert "cannot be read" in str(names.failure)
    export(tmp_path, "Old Lamp")
    names.look()
    assert names().items.find("the old lamp") == [["lamp"]]


def test_an_item_that_the_shop_deleted_before_the_service_began_is_not_named(tmp_path: Path) -> None:
    export(tmp_path, "Old Lamp", is_listed=False)
    assert ShopNames.read(tmp_path / "items.parquet").items.find("the old lamp") == []
