"""The sample shop as any other source: straight into the event log, or as files that a shop would export."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.ingestion.log.event_log import EventLog, Receipt
from shopsight.ingestion.readers.chunks import RawChunk, ReportImport, chunk_of_rows, ignore
from shopsight.sample_shop.arrow import RAW_SCHEMA
from shopsight.sample_shop.config import SIZES, SampleShopConfig
from shopsight.sample_shop.home_files import write_home_files
from shopsight.sample_shop.money import rates_table
from shopsight.sample_shop.shop import SampleShop, arrived, generate
from shopsight.sample_shop.stock import Sold, counts
from shopsight.settings import Settings, Size
from shopsight.whole_files import replaced


def sample_chunks(
    shop: SampleShop, *, arrived_from: datetime | None = None, arrived_before: datetime | None = None
) -> Iterator[RawChunk]:
    """Yield the shop's items, users, event batches and counts of its stock as an importer would.

    Items come with every version that had begun before ``arrived_before``, counts as of it.
    """
    yield chunk_of_rows(
        arrived(shop.items, None, arrived_before), first_line=1, table="items", file_name="items.parquet"
    )
    yield chunk_of_rows(shop.users, first_line=1, table="users", file_name="users.parquet")
    line = 1
    sold = Sold(config=shop.config, item_ids=shop.catalogue.item_ids)
    for number, batch in enumerate(shop.event_batches(arrived_before=arrived_before), start=1):
        sold.add(batch)
        rows = arrived(pa.Table.from_batches([batch]), arrived_from, None)
        yield chunk_of_rows(rows, first_line=line, file_name="events.parquet", fraction=number / shop.num_batches)
        line += rows.num_rows
    stock = counts(sold, shop.catalogue, seed=shop.seed, until=arrived_before)
    yield chunk_of_rows(stock, first_line=1, table="inventory", file_name="inventory.parquet", fraction=1.0)


def land_sample_shop(
    settings: Settings,
    size: Size | SampleShopConfig,
    *,
    seed: int,
    received_at: datetime,
    report: ReportImport = ignore,
    arrived_from: datetime | None = None,
    arrived_before: datetime | None = None,
) -> Receipt:
    """Generate a shop and land it as one batch of the event log; landing it again adds nothing.

    A shop of several currencies brings its table of exchange rates, unless the home has one already.

    Args:
        settings: where the event log is, and the currencies and the zone of a shop whose size is a name.
        size: name of a size, or any configuration.
        seed: seed of the shop.
        received_at: arrival of the batch; not before its newest row, or a whole day of rows would be quarantined.
        report: told after every block of shoppers.
        arrived_from: land only what arrived at or after this moment, as a second delivery would.
        arrived_before: land only what arrived before this moment, as a first delivery would.

    Raises:
        ValueError: ``received_at`` lies before the end of what is delivered.
        EventLogBusyError: another import is running.
        DiskFullError: no room.
    """
    shop = generate(size if isinstance(size, SampleShopConfig) else config_of(settings, size), seed=seed)
    end = shop.config.ends_at if arrived_before is None else min(arrived_before, shop.config.ends_at)
    if received_at < end:
        raise ValueError(
            f"the delivery ends at {end}, after its arrival at {received_at}: "
            "pass a later received_at, an earlier arrived_before, or a configuration with an earlier ends_at"
        )
    if shop.config.currencies and not settings.currency_rates_path.exists():
        with replaced(settings.currency_rates_path) as staging:
            staging.write_text(rates_table(shop.config))
    write_home_files(settings)
    chunks = sample_chunks(shop, arrived_from=arrived_from, arrived_before=arrived_before)
    return EventLog.open(settings).land(
        chunks, source_name="sample_shop", received_at=received_at, format_name="sample", report=report
    )


def config_of(settings: Settings, size: Size) -> SampleShopConfig:
    """Return the configuration of a size in the currencies and the zone that the settings ask for."""
    currencies = tuple(sorted(set(filter(None, settings.sample_currencies.split(",")))))
    return replace(SIZES[size], currencies=currencies, zone=settings.zone)


def write_files(shop: SampleShop, folder: Path) -> None:
    """Write ``events``, ``items``, ``users`` and ``inventory`` (``.parquet``) as a shop would export them.

    ``import_file(settings, "canonical_parquet", folder, …)`` reads the folder back. A shop of several currencies also
    gets its ``currency_rates.csv``, which belongs into the home.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if shop.config.currencies:
        (folder / "currency_rates.csv").write_text(rates_table(shop.config))
    pq.write_table(shop.items, folder / "items.parquet")
    pq.write_table(shop.users, folder / "users.parquet")
    sold = Sold(config=shop.config, item_ids=shop.catalogue.item_ids)
    with pq.ParquetWriter(folder / "events.parquet", RAW_SCHEMA) as writer:
        for batch in shop.event_batches():
            sold.add(batch)
            writer.write_batch(batch)
    pq.write_table(counts(sold, shop.catalogue, seed=shop.seed, until=None), folder / "inventory.parquet")
