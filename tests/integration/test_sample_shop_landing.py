"""The sample shop goes through the same door as any shop, and the log's counts are the planted ones."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shopsight.currency_rates import check_currency_rates
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.log.event_log import EventLog
from shopsight.sample_shop import SIZES, SampleShopConfig, generate, land_sample_shop, sample_chunks, write_files
from shopsight.sample_shop.landing import config_of
from shopsight.settings import Settings

CONFIG = SampleShopConfig(users=150, items=150, events=6_000, days=30, block_events=3_000)
ARRIVAL = datetime(2026, 11, 1, tzinfo=UTC)


def test_the_log_finds_exactly_what_was_planted(home: Settings) -> None:
    receipt = land_sample_shop(home, CONFIG, seed=3, received_at=ARRIVAL)
    shop = generate(CONFIG, seed=3)
    assert receipt.received == shop.truth.rows
    assert receipt.accepted == shop.truth.accepted
    assert receipt.duplicates == shop.truth.duplicates
    assert receipt.guests == shop.truth.nobodys
    assert receipt.reasons == {reason: count for reason, count in shop.truth.malformed.items() if count}
    assert (receipt.items, receipt.users) == (shop.items.num_rows, shop.users.num_rows)


def test_landing_it_again_adds_nothing(home: Settings) -> None:
    land_sample_shop(home, CONFIG, seed=3, received_at=ARRIVAL)
    again = land_sample_shop(home, CONFIG, seed=3, received_at=ARRIVAL + timedelta(hours=1))
    assert again.accepted == 0
    assert EventLog.open(home).totals().accepted == generate(CONFIG, seed=3).truth.accepted


def test_files_as_a_shop_would_export_them_land_the_same_rows(home: Settings, tmp_path: Path) -> None:
    shop = generate(CONFIG, seed=3)
    write_files(shop, tmp_path / "export")
    receipt = import_file(home, "canonical_parquet", tmp_path / "export", received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted, receipt.duplicates) == (
        shop.truth.rows,
        shop.truth.accepted,
        shop.truth.duplicates,
    )


def test_two_deliveries_land_as_much_as_one(home: Settings) -> None:
    cut = CONFIG.ends_at - timedelta(days=5)
    first = land_sample_shop(home, CONFIG, seed=3, received_at=cut, arrived_before=cut)
    second = land_sample_shop(home, CONFIG, seed=3, received_at=ARRIVAL, arrived_from=cut)
    assert second.accepted > 0
    assert first.accepted + second.accepted == generate(CONFIG, seed=3).truth.accepted


def test_an_arrival_before_the_end_of_the_history_is_refused(home: Settings) -> None:
    with pytest.raises(ValueError, match="later received_at"):
        land_sample_shop(home, CONFIG, seed=3, received_at=CONFIG.ends_at - timedelta(days=1))


def test_a_shop_of_several_currencies_brings_its_rates_but_keeps_those_that_the_home_has(home: Settings) -> None:
    asked = home.model_copy(update={"sample_currencies": "PLN,GBP"})
    receipt = land_sample_shop(asked, "tiny", seed=3, received_at=ARRIVAL)
    check_currency_rates(asked.currency_rates_path)
    rates = asked.currency_rates_path.read_text().splitlines()
    assert rates[0] == "date,currency,rate"
    assert {line.split(",")[1] for line in rates[1:]} == {"GBP", "PLN"}
    assert len(rates) == 1 + 2 * SIZES["tiny"].days
    assert receipt.accepted == generate(config_of(asked, "tiny"), seed=3).truth.accepted
    asked.currency_rates_path.write_text("date,currency,rate\n2026-01-01,GBP,1.2\n")
    land_sample_shop(asked, "tiny", seed=3, received_at=ARRIVAL + timedelta(hours=1))
    assert asked.currency_rates_path.read_text() == "date,currency,rate\n2026-01-01,GBP,1.2\n"


def test_shoppers_of_a_named_size_live_in_the_shops_zone(home: Settings) -> None:
    assert config_of(home, "tiny") == SIZES["tiny"]
    assert config_of(home.model_copy(update={"zone": "Asia/Shanghai"}), "tiny").zone == "Asia/Shanghai"


def test_a_first_delivery_tells_no_version_of_an_item_that_begins_after_it() -> None:
    shop = generate(CONFIG, seed=3)
    cut = CONFIG.ends_at - timedelta(days=12)
    items = next(sample_chunks(shop, arrived_before=cut)).rows["valid_from"].to_pylist()
    assert 0 < len(items) < shop.items.num_rows
    assert max(items) < cut
