"""An incremental run leaves exactly the marts that a full refresh makes, in whatever order rows arrive."""

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopsight.contracts import EXPORTED_MARTS
from shopsight.events import EVENT_SCHEMA, ITEM_SCHEMA, USER_SCHEMA
from shopsight.settings import Settings
from shopsight.warehouse import export_path, run_dbt

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = (
    "view_item",
    "view_item",
    "view_item",
    "search",
    "add_to_cart",
    "view_cart",
    "begin_checkout",
    "purchase",
    "rate_item",
)
Row = Mapping[str, Any]


def land(
    settings: Settings, batch: str, *, events: Iterable[Row] = (), items: Iterable[Row] = (), users: Iterable[Row] = ()
) -> None:
    """Write a batch as the event log does."""
    folder = settings.event_log_dir / "arrival_date=2026-03-01" / f"batch={batch}"
    (folder / "events").mkdir(parents=True)
    for path, rows, schema in (
        ("events/part-00000.parquet", events, EVENT_SCHEMA),
        ("items.parquet", items, ITEM_SCHEMA),
        ("users.parquet", users, USER_SCHEMA),
    ):
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), folder / path)


def a_history(seed: int, *, rows: int = 400) -> list[Row]:
    """Shoppers who log in late, share a tablet, cross midnight, have sessions or not, and withhold consent at times."""
    rng = random.Random(seed)
    history: list[Row] = []
    for number in range(rows):
        who = rng.randrange(8)
        known = rng.random() < 0.3
        at = FIRST_DAY + timedelta(
            days=rng.randrange(45), minutes=rng.choice((0, 10, 25, 40, 1425, 1435)) + rng.randrange(3)
        )
        name = rng.choice(NAMES)
        history.append(
            {
                "event_id": f"e{number}",
                "line_number": 0,
                "event_name": name,
                "event_timestamp": at,
                "created_timestamp": at + timedelta(minutes=rng.choice((0, 1, 3000))),
                "user_id": f"u_{who // 2}" if known else None,
                # Device 7 is shared: it becomes nobody's when its second user shows up.
                "anonymous_id": f"a_{who if rng.random() < 0.97 else 7}" if not known or rng.random() < 0.5 else None,
                "session_id": f"s-{who}-{at.day}" if who in (2, 7) else None,
                "item_id": None if name in ("search", "view_cart") else f"i{rng.randrange(12)}",
                "quantity": rng.choice((None, 1, 3)),
                "price": rng.choice((None, 10, 20)),
                "value": 4.0 if name == "rate_item" else None,
                "order_id": f"o{number // 3}" if name == "purchase" and rng.random() < 0.7 else None,
                "query": "lamp" if name == "search" else None,
                "consent": "none" if rng.random() < 0.05 else "granted",
                "source": "shop",
            }
        )
    return history


def an_item(item: str, category: str, valid_from: datetime) -> Row:
    return {
        "item_id": item,
        "category": category,
        "valid_from": valid_from,
        "source": "shop",
        "created_timestamp": valid_from,
    }


def a_user(user: str, consent: str, created_at: datetime) -> Row:
    return {"user_id": user, "consent": consent, "source": "shop", "created_timestamp": created_at}


def marts(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Return every exported mart, row for row."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        return {
            mart: connection.execute(
                f"select * from read_parquet('{export_path(settings, mart)}') order by all"
            ).fetchall()
            for mart in EXPORTED_MARTS
        }


def run(settings: Settings, *arguments: str) -> dict[str, list[tuple[Any, ...]]]:
    """Run every dbt model and return the marts it exported."""
    run_dbt(settings, "run", "--no-write-json", *arguments)
    return marts(settings)


def assert_same(left: dict[str, list[tuple[Any, ...]]], right: dict[str, list[tuple[Any, ...]]]) -> None:
    for mart in EXPORTED_MARTS:
        assert left[mart] == right[mart], mart


@pytest.mark.parametrize(
    ("seed", "batches"),
    [(1, 2), *(pytest.param(seed, 5, marks=pytest.mark.slow) for seed in range(2, 8))],
)
def test_batches_in_any_order_leave_what_a_full_refresh_makes(home: Settings, seed: int, batches: int) -> None:
    rng = random.Random(seed)
    history = a_history(seed)
    rng.shuffle(history)
    first, rest = history[:200], history[200:]
    users = [a_user(f"u_{number}", "granted", FIRST_DAY) for number in range(4)]
    items = [an_item(f"i{number}", f"Home > {number % 3}", FIRST_DAY) for number in range(8)]
    land(home, "0", events=first, items=items, users=users)
    before = run(home)
    # Names in no order: nothing may lean on them. Meanwhile items move in the catalogue and a user withdraws consent.
    names = rng.sample(["00", "a", "x", "9", "b7"], batches)
    for number, name in enumerate(names, start=1):
        later = FIRST_DAY + timedelta(days=20 + number)
        land(
            home,
            name,
            events=rest[number - 1 :: batches],
            items=[an_item(f"i{rng.randrange(10)}", "Garden", later)],
            users=[a_user("u_1", rng.choice(("none", "granted")), later), a_user("u_2", "none", later)],
        )
        after = run(home)
    assert all(before[mart] != after[mart] for mart in EXPORTED_MARTS)
    a_day_again = run(home, "--vars", "{start_date: '2026-01-05', end_date: '2026-01-06'}")
    assert_same(a_day_again, after)
    assert_same(run(home, "--full-refresh"), after)
