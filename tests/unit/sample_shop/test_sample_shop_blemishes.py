"""Duplicates, late rows and malformed rows: planted, and counted exactly."""

import itertools
from dataclasses import dataclass

import pyarrow as pa
import pytest

from shopsight.events import EVENT_NAMES
from shopsight.ingestion.duck import utc_connection
from shopsight.sample_shop import PlantedTruth, SampleShopConfig, generate

NAMES = ", ".join(f"'{name}'" for name in EVENT_NAMES)
FINDS = {
    "event_name_missing": "event_name IS NULL",
    "event_name_unknown": f"event_name NOT IN ({NAMES})",
    "event_timestamp_missing": "event_timestamp IS NULL",
    "event_timestamp_out_of_range": "event_timestamp < TIMESTAMPTZ '1995-01-01 00:00:00+00'",
    "actor_missing": (
        "user_id IS NULL AND anonymous_id IS NULL AND event_name IS DISTINCT FROM 'purchase' "
        "AND event_name IS DISTINCT FROM 'refund'"
    ),
    "item_id_missing": "event_name = 'view_item' AND item_id IS NULL",
    "quantity_out_of_range": "quantity < 1",
    "consent_unknown": "consent NOT IN ('granted', 'analytics_only', 'none')",
}
ANY_FAULT = " OR ".join(f"coalesce({condition}, false)" for condition in FINDS.values())


@dataclass(frozen=True)
class Dirty:
    truth: PlantedTruth
    rows: pa.Table


@pytest.fixture(scope="module", params=["one block", "many blocks"])
def dirty(request: pytest.FixtureRequest) -> Dirty:
    blocks = 100_000 if request.param == "one block" else 2_000
    shop = generate(SampleShopConfig(users=300, items=200, events=12_000, days=60, block_events=blocks), seed=5)
    return Dirty(truth=shop.truth, rows=pa.Table.from_batches(shop.event_batches()))


def _count(dirty: Dirty, query: str) -> int:
    with utc_connection() as connection:
        connection.register("events", dirty.rows)
        return int(connection.sql(query).fetchall()[0][0])


def test_the_truth_counts_every_row(dirty: Dirty) -> None:
    assert _count(dirty, "SELECT count(*) FROM events") == dirty.truth.rows


def test_duplicates_are_rows_sent_twice_byte_for_byte(dirty: Dirty) -> None:
    repeats = _count(dirty, "SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT * FROM events)) FROM events")
    assert repeats == dirty.truth.duplicates
    keys = _count(dirty, "SELECT count(*) - count(DISTINCT (event_id, line_number)) FROM events")
    assert keys == repeats, "no two different rows share a key"
    assert dirty.truth.duplicates == pytest.approx(0.01 * dirty.truth.rows, rel=0.3)


@pytest.mark.parametrize("reason", FINDS)
def test_malformed_rows_are_as_many_as_the_truth_says(dirty: Dirty, reason: str) -> None:
    assert _count(dirty, f"SELECT count(*) FROM events WHERE {FINDS[reason]}") == dirty.truth.malformed[reason]


def test_every_way_of_being_malformed_occurs_and_each_bad_row_is_bad_in_one_way(dirty: Dirty) -> None:
    assert min(dirty.truth.malformed.values()) >= 1
    bad = _count(dirty, f"SELECT count(*) FROM events WHERE {ANY_FAULT}")
    assert bad == sum(dirty.truth.malformed.values())


def test_late_rows_arrive_an_hour_or_more_after_they_happened_and_all_others_within_seconds(dirty: Dirty) -> None:
    delay = "created_timestamp - event_timestamp"
    well = f"(SELECT DISTINCT * FROM events WHERE NOT ({ANY_FAULT}))"
    late = _count(dirty, f"SELECT count(*) FROM {well} WHERE {delay} >= INTERVAL 1 HOUR")
    malformed = sum(dirty.truth.malformed.values())
    assert dirty.truth.late - malformed <= late <= dirty.truth.late
    assert dirty.truth.late == pytest.approx(0.015 * dirty.truth.rows, rel=0.35)
    prompt = _count(dirty, f"SELECT count(*) FROM {well} WHERE {delay} BETWEEN INTERVAL 0 SECOND AND INTERVAL 6 SECOND")
    assert late + prompt == _count(dirty, f"SELECT count(*) FROM {well}")


def test_some_repeats_come_with_a_later_batch() -> None:
    shop = generate(SampleShopConfig(users=300, items=200, events=12_000, days=60, block_events=2_000), seed=5)
    batches = [set(batch["event_id"].to_pylist()) for batch in shop.event_batches()]
    assert any(first & second for first, second in itertools.pairwise(batches))


def test_a_shop_without_blemishes_has_none() -> None:
    config = SampleShopConfig(
        users=60, items=120, events=3_000, days=20, duplicate_share=0, late_share=0, malformed_share=0
    )
    truth = generate(config, seed=1).truth
    assert (truth.duplicates, truth.late, sum(truth.malformed.values())) == (0, 0, 0)
    assert truth.accepted == truth.rows
