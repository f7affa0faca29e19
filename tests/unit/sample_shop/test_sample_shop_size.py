"""The shop's size, determinism and laziness."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pyarrow as pa
import pytest

from shopsight.events import ITEM_SCHEMA, USER_SCHEMA
from shopsight.sample_shop import HERO, RAW_SCHEMA, SIZES, SampleShop, SampleShopConfig, generate

TINY = SIZES["tiny"]


def _rows(shop: SampleShop) -> pa.Table:
    return pa.Table.from_batches(shop.event_batches())


def test_the_same_seed_gives_the_same_bytes(tiny_shop: SampleShop) -> None:
    again = generate("tiny", seed=tiny_shop.seed)
    assert _rows(again).equals(_rows(tiny_shop))
    assert again.items.equals(tiny_shop.items)
    assert again.users.equals(tiny_shop.users)


def test_asking_for_the_events_twice_gives_them_twice(tiny_shop: SampleShop) -> None:
    assert _rows(tiny_shop).equals(_rows(tiny_shop))


def test_another_seed_gives_another_shop(tiny_shop: SampleShop) -> None:
    assert not _rows(generate("tiny", seed=tiny_shop.seed + 1)).equals(_rows(tiny_shop))


def test_tables_have_the_canonical_schemas(tiny_shop: SampleShop) -> None:
    assert tiny_shop.items.schema == ITEM_SCHEMA
    assert tiny_shop.users.schema == USER_SCHEMA
    assert all(batch.schema == RAW_SCHEMA for batch in tiny_shop.event_batches())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_shop_comes_near_the_number_of_events_asked_for(seed: int) -> None:
    shop = generate("tiny", seed=seed)
    assert _rows(shop).num_rows == pytest.approx(TINY.events, rel=0.15)
    assert len(shop.items["item_id"].unique()) == TINY.items


def test_every_item_has_its_own_title_and_every_id_is_used_once(tiny_shop: SampleShop) -> None:
    named = set(zip(tiny_shop.items["item_id"].to_pylist(), tiny_shop.items["title"].to_pylist(), strict=True))
    assert len(named) == len({item for item, _ in named}) == len({title for _, title in named}) == TINY.items
    begins = list(zip(tiny_shop.items["item_id"].to_pylist(), tiny_shop.items["valid_from"].to_pylist(), strict=True))
    assert len(set(begins)) == len(begins)


def test_the_hand_written_items_are_the_same_in_every_shop() -> None:
    shops = [generate("tiny", seed=1), generate("small", seed=2)]
    titles = [dict(zip(s.items["item_id"].to_pylist(), s.items["title"].to_pylist(), strict=True)) for s in shops]
    for number in range(1, 9):
        assert titles[0][f"item-{number:06d}"] == titles[1][f"item-{number:06d}"]
    assert titles[0]["item-000001"] == "Veloria Aero 3 Road Running Shoes, Blue, Mesh"


def test_a_hundred_million_events_are_drawn_block_by_block_on_demand() -> None:
    config = SampleShopConfig(users=100_000, items=120, events=100_000_000, days=365, block_events=20_000)
    shop = generate(config, seed=1)
    assert shop.num_batches == 5_000
    sizes = [batch.num_rows for batch in islice(shop.event_batches(), 3)]
    assert len(sizes) == 3
    assert max(sizes) < 3 * config.block_events


def test_nothing_happens_outside_the_history(tiny_shop: SampleShop) -> None:
    rows = _rows(tiny_shop).to_pandas()
    times = rows.event_timestamp.dropna()
    times = times[times > "2000-01-01"]
    end = tiny_shop.config.ends_at
    assert times.min() >= end - timedelta(days=tiny_shop.config.days)
    assert times.max() < end
    assert rows.created_timestamp.max() <= end


def test_two_deliveries_together_are_the_whole_shop(tiny_shop: SampleShop) -> None:
    cut = tiny_shop.config.ends_at - timedelta(days=7)
    first = pa.Table.from_batches(tiny_shop.event_batches(arrived_before=cut))
    second = pa.Table.from_batches(tiny_shop.event_batches(arrived_from=cut))
    whole = _rows(tiny_shop)
    assert first.num_rows + second.num_rows == whole.num_rows
    assert 0 < second.num_rows < first.num_rows
    order = [("event_id", "ascending"), ("line_number", "ascending"), ("event_name", "ascending")]
    assert pa.concat_tables([first, second]).sort_by(order).equals(whole.sort_by(order))
    late = second.to_pandas()
    assert (late.event_timestamp < cut).any(), "the second delivery brings late rows of the first one's days"


CHANGES = {
    "users": 110,
    "items": 140,
    "events": 5_000,
    "days": 21,
    "ends_at": datetime(2026, 9, 30, tzinfo=UTC),
    "duplicate_share": 0.1,
    "late_share": 0.2,
    "malformed_share": 0.1,
    "labelled_share": 1.0,
    "passer_by_sessions": 1.0,
    "bot_share": 0.03,
    "currencies": ("GBP",),
    "taste_changes_on": 10,
    "zone": "Asia/Shanghai",
    "block_events": 1_000,
}


def test_every_field_of_the_configuration_has_an_effect() -> None:
    assert set(CHANGES) == set(SampleShopConfig.__dataclass_fields__)
    base = SampleShopConfig(users=100, items=130, events=4_000, days=20)
    plain = _rows(generate(base, seed=1))
    for field, value in CHANGES.items():
        changed: dict[str, Any] = {field: value}
        assert not _rows(generate(replace(base, **changed), seed=1)).equals(plain), field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("users", 10),
        ("items", 20),
        ("days", 3),
        ("events", 100),
        ("ends_at", datetime(2026, 1, 1)),
        ("duplicate_share", 1.5),
        ("block_events", 10),
        ("bot_share", 0.5),
        ("passer_by_sessions", 50),
        ("currencies", ("USD",)),
        ("zone", "Mars/Olympus"),
    ],
)
def test_a_shop_that_cannot_be_generated_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field.split("_")[0]):
        replace(TINY, **{field: value})


def test_the_hero_is_among_the_users_of_every_shop(tiny_shop: SampleShop) -> None:
    assert HERO in tiny_shop.users["user_id"].to_pylist()
