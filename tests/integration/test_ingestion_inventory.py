"""Counts of the stock come into the event log beside the other companions, and need not be there."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.events import INVENTORY_SCHEMA
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.log.event_log import EventLog
from shopsight.sample_shop import SampleShopConfig, generate, sample_chunks
from shopsight.sample_shop.stock import COUNTED_WEEKS, SUPPLIERS
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 2, tzinfo=UTC)
CONFIG = SampleShopConfig(users=60, items=120, events=3_000, days=60)


def test_counts_beside_events_land_with_them_and_bad_ones_go_to_quarantine(home: Settings, tmp_path) -> None:
    (tmp_path / "march_events.csv").write_text(
        "event_name,event_timestamp,user_id,item_id\nview_item,2026-03-01T10:00:00Z,1,lamp\n"
    )
    (tmp_path / "march_inventory.csv").write_text(
        "item_id,units_on_hand,units_on_order,arrives_at,counted_at,shelf\n"
        "lamp,4,10,2026-03-09T00:00:00Z,2026-03-01T20:00:00Z,A3\n"
        "rug,-2,,,2026-03-01T20:00:00Z,A4\n"
    )
    receipt = import_file(home, "canonical_csv", tmp_path / "march_events.csv", received_at=ARRIVAL)
    assert (receipt.accepted, receipt.inventory, receipt.companions_quarantined) == (1, 1, 1)
    (file,) = home.event_log_dir.glob("arrival_date=*/batch=*/inventory.parquet")
    table = pq.read_table(file)
    assert table.schema.equals(INVENTORY_SCHEMA)
    assert table.select(["item_id", "units_on_hand", "units_on_order"]).to_pylist() == [
        {"item_id": "lamp", "units_on_hand": 4.0, "units_on_order": 10.0}
    ]


def test_counts_land_alone_and_a_batch_without_any_has_no_file(home: Settings, tmp_path) -> None:
    (tmp_path / "inventory.csv").write_text("item_id,units_on_hand\nlamp,4\nrug,0\n")
    receipt = import_file(home, "canonical_csv", tmp_path / "inventory.csv", received_at=ARRIVAL)
    assert (receipt.received, receipt.inventory) == (0, 2)
    assert EventLog.open(home).totals().inventory == 2
    assert len(list(home.event_log_dir.glob("arrival_date=*/batch=*/inventory.parquet"))) == 1  # genesis has none


def test_the_sample_shop_counts_every_item_weekly_and_what_is_sold_out_is_not_there() -> None:
    shop = generate(CONFIG, seed=3)
    *_, chunk = sample_chunks(shop)
    assert chunk.table == "inventory"
    counted = chunk.rows.to_pandas()
    assert set(counted.groupby("counted_at").size()) == {CONFIG.items}
    assert counted["counted_at"].nunique() == COUNTED_WEEKS
    assert counted["counted_at"].max() == CONFIG.ends_at
    assert set(counted["supplier"]) == set(SUPPLIERS)
    newest = counted[counted["counted_at"] == CONFIG.ends_at].set_index("item_id")
    end_us = round(CONFIG.ends_at.timestamp()) * 1_000_000
    gone = [
        item
        for item, since, until in zip(
            shop.catalogue.item_ids, shop.catalogue.sold_out_I, shop.catalogue.restocked_I, strict=True
        )
        if since <= end_us < until
    ]
    assert gone
    assert (newest.loc[gone, "units_on_hand"] == 0).all()
    assert (newest["units_on_hand"] > 0).mean() > 0.7
    waiting = newest[newest["units_on_order"] > 0]
    assert (waiting["arrives_at"] > CONFIG.ends_at).all()
    assert newest["arrives_at"].notna().sum() == len(waiting)


def test_a_second_delivery_counts_the_stock_as_the_whole_history_left_it() -> None:
    shop = generate(CONFIG, seed=3)
    *_, whole = sample_chunks(shop)
    *_, second = sample_chunks(shop, arrived_from=datetime(2026, 10, 20, tzinfo=UTC))
    assert pa.Table.equals(whole.rows, second.rows)
