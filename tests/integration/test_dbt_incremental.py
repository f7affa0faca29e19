"""An incremental run leaves exactly the marts that a full refresh makes, in whatever order rows arrive."""

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from batches import Row, land, read_marts
from random_history import FIRST_DAY, a_history, a_user, an_item

from shopsight.contracts import EXPORTED_MARTS
from shopsight.events import EVENT_SCHEMA, ITEM_SCHEMA, USER_SCHEMA
from shopsight.ingestion.importers import import_file
from shopsight.settings import Settings, tool_environment
from shopsight.warehouse import DBT_PROJECT_DIR, DbtError, run_dbt

SHUFFLES = int(os.environ.get("SHOPSIGHT_SHUFFLES", "1"))
"""Arrivals that are tried: one here, 500 in `make campaign-shuffles`."""

SEEDS = range(2, 8 if SHUFFLES > 1 else 5)


def run(settings: Settings, *arguments: str) -> dict[str, list[tuple[Any, ...]]]:
    """Run every dbt model and return the marts it exported."""
    run_dbt(settings, "run", "--no-write-json", *arguments)
    return read_marts(settings)


def assert_same(left: dict[str, list[tuple[Any, ...]]], right: dict[str, list[tuple[Any, ...]]]) -> None:
    assert left.keys() == right.keys()
    for mart in left:
        assert left[mart] == right[mart], mart


def lose_a_chunk(settings: Settings) -> None:
    """Leave large models as a first run does that is killed between two of their chunks."""
    with duckdb.connect(str(settings.warehouse_path)) as warehouse:
        for model, key in (
            ("int_sessions", "session_id"),
            ("int_session_moments", "session_id"),
            ("int_user_days", "user_id"),
        ):
            lost = warehouse.execute(f"delete from intermediate.{model} where hash(hash({key})) % 2 = 0").fetchone()
            assert lost is not None
            assert lost[0] > 0, model
            warehouse.execute("delete from changes.taken where model = $1", [model])


LEARNT_FROM = ("interactions", "session_features", "session_labels", "user_features_daily", "user_history_daily")
"""Marts that every training reads; they stand on the models that are made in chunks."""


@pytest.mark.parametrize(
    ("seed", "batches", "marts"),
    [
        pytest.param(1, 2, LEARNT_FROM, marks=pytest.mark.slow),
        pytest.param(1, 2, EXPORTED_MARTS, marks=pytest.mark.slow),
        *(pytest.param(seed, 5, EXPORTED_MARTS, marks=pytest.mark.slow) for seed in SEEDS),
    ],
)
def test_batches_in_any_order_leave_what_a_full_refresh_makes(
    dbt_home: Settings, seed: int, batches: int, marts: tuple[str, ...]
) -> None:
    selected = () if marts == EXPORTED_MARTS else ("--select", *(f"+{mart}" for mart in marts))
    rng = random.Random(seed)
    history = a_history(seed)
    rng.shuffle(history)
    first, rest = history[:200], history[200:]
    users = [a_user(f"u_{number}", "granted", FIRST_DAY) for number in range(4)]
    items = [an_item(f"i{number}", f"Home > {number % 3}", FIRST_DAY) for number in range(8)]
    land(dbt_home, "0", events=first, items=items, users=users)
    before = run(dbt_home, *selected)
    # Names in no order: nothing may lean on them. Meanwhile items move in the catalogue and a user withdraws consent.
    names = rng.sample(["00", "a", "x", "9", "b7"], batches)
    for number, name in enumerate(names, start=1):
        later = FIRST_DAY + timedelta(days=20 + number)
        land(
            dbt_home,
            name,
            events=rest[number - 1 :: batches],
            items=[an_item(f"i{rng.randrange(10)}", "Garden", later)],
            users=[
                a_user("u_1", rng.choice(("none", "analytics_only", "granted")), later),
                a_user("u_2", "none", later),
            ],
        )
        after = run(dbt_home, *selected)
    assert set(marts) <= after.keys()
    # A shop of one currency has no money left to convert, and few pairs are bought together at all: of seed 3, the
    # later batches bring none that counts.
    unmoved = {"unconverted_revenue"} | ({"basket_affinity"} if seed == 3 else set())
    assert {mart for mart in after if before[mart] == after[mart]} == unmoved & after.keys()
    for _ in range(1 if seed == 1 else 2):
        lose_a_chunk(dbt_home)
        a_day_again = run(dbt_home, *selected, "--vars", "{start_date: '2026-01-05', end_date: '2026-01-06'}")
        assert_same(a_day_again, after)
    assert_same(run(dbt_home, *selected, "--full-refresh"), after)


BY_DAYS_OF_THE_SHOP = {
    "attribution",
    "campaign_performance",
    "category_demand_daily",
    "cohorts",
    "daily_kpis",
    "funnel_breakdown_daily",
    "funnel_daily",
    "item_demand_daily",
    "order_items",
    "orders",
    "placement_performance",
    "price_history",
    "rfm",
    "search_performance",
    "sessions",
}


@pytest.mark.slow
def test_another_zone_moves_the_days_of_analysts_as_a_full_refresh_does_and_no_feature(dbt_home: Settings) -> None:
    items = [an_item(f"i{number}", f"Home > {number % 3}", FIRST_DAY) for number in range(8)]
    land(dbt_home, "0", events=a_history(1), items=items)
    in_utc = run(dbt_home)
    far_east = dbt_home.model_copy(update={"zone": "Pacific/Auckland"})
    moved = run(far_east)
    assert {mart for mart in moved if moved[mart] != in_utc[mart]} - {"users"} == BY_DAYS_OF_THE_SHOP
    assert_same(run(far_east, "--full-refresh"), moved)
    assert_same(run(dbt_home), in_utc)


@pytest.mark.slow
def test_another_reporting_currency_relabels_what_is_converted_as_a_full_refresh_does(dbt_home: Settings) -> None:
    events = [row | {"currency": "EUR"} for row in a_history(1)]
    land(dbt_home, "0", events=events, items=[an_item("i1", "Home", FIRST_DAY)])
    dbt_home.currency_rates_path.write_text("date,currency,rate\n2020-01-01,EUR,0.85\n")
    in_pounds = run(dbt_home.model_copy(update={"currency": "GBP"}))
    in_francs = dbt_home.model_copy(update={"currency": "CHF"})
    relabelled = run(in_francs)
    assert relabelled["order_items"] != in_pounds["order_items"], "the rate is the same, the currency is not"
    assert_same(run(in_francs, "--full-refresh"), relabelled)


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Row], dict[str, list[Any]]]]:
    """A folder for homes and dbt's artefacts, a history, and the marts of it arriving once and in order."""
    folder = tmp_path_factory.mktemp("shuffled")
    # A purchase needs an order to be accepted.
    history = [row | {"order_id": row["order_id"] or f"p-{row['event_id']}"} for row in a_history(0, rows=300)]
    settings = Settings(home=folder / "in_order")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_PSEUDONYM_KEY", "a key for tests only")
        settings = Settings(home=folder / "in_order")
        deliver(settings, folder, history)
        run_dbt(settings, "run", target_path=folder / "target")
        yield folder, history, read_marts(settings)


def deliver(settings: Settings, folder: Path, rows: list[Row]) -> tuple[int, int]:
    """Import rows as a file of the shop, and return how many were accepted and how many were there before."""
    for name, value in tool_environment(settings).items():
        os.environ[name] = value
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=EVENT_SCHEMA), folder / "events.parquet")
    received_at = datetime(2026, 3, 1, tzinfo=UTC)
    receipt = import_file(settings, "canonical_parquet", folder / "events.parquet", received_at=received_at)
    return receipt.accepted, receipt.duplicates


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SHUFFLES))
def test_rows_shuffled_sent_twice_and_late_leave_what_their_arrival_in_order_leaves(
    shuffled: tuple[Path, list[Row], dict[str, list[Any]]], seed: int
) -> None:
    folder, history, in_order = shuffled
    rng = random.Random(seed)
    settings = Settings(home=folder / f"home-{seed}")
    rows = [*history, *rng.choices(history, k=len(history) // 10)]
    rng.shuffle(rows)
    cuts = sorted(rng.sample(range(1, len(rows)), rng.choice((1, 2, 3)) if SHUFFLES > 1 else 1))
    # Large models are made in one piece or in chunks of some fifty events; it must not show.
    variables = "{chunk_events: %s}" % (50 if seed % 2 == 0 else 2_000_000)
    counts = []
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        counts.append(deliver(settings, folder, rows[start:end]))
        run_dbt(settings, "run", "--vars", variables, target_path=folder / "target")
    assert [sum(column) for column in zip(*counts, strict=True)] == [len(history), len(rows) - len(history)]
    assert_same(read_marts(settings), in_order)


def rewrite(part: Path, *, drop: str | None = None, add: str | None = None, retype: str | None = None) -> None:
    table = pq.read_table(part, partitioning=None)
    if drop:
        table = table.drop_columns([drop])
    if add:
        table = table.append_column(add, pa.repeat("gold", len(table)))
    if retype:
        table = table.set_column(table.schema.get_field_index(retype), retype, pa.nulls(len(table), pa.int64()))
    pq.write_table(table, part)


def test_a_log_whose_columns_have_changed_is_refused_with_the_columns_names(dbt_home: Settings) -> None:
    land(dbt_home, "0", events=a_history(1, rows=10))
    run_dbt(dbt_home, "run", "--select", "+int_events")
    land(dbt_home, "1", events=a_history(2, rows=10))
    batch = dbt_home.event_log_dir / "arrival_date=2026-03-01" / "batch=1"
    rewrite(batch / "events" / "part-00000.parquet", drop="campaign_id", add="loyalty_tier", retype="price")
    rewrite(batch / "items.parquet", add="colour")
    rewrite(batch / "users.parquet", retype="country")
    with pytest.raises(DbtError) as refused:
        run_dbt(dbt_home, "run", "--select", "staging")
    for fault in (
        "campaign_id is missing in ",
        "loyalty_tier is not known in ",
        "price is BIGINT and not DECIMAL(18,4) in ",
        "colour is not known in ",
        "country is BIGINT and not VARCHAR in ",
    ):
        assert fault in str(refused.value)
    assert "batch=0" not in str(refused.value)


def test_the_source_lists_the_columns_of_the_event_log() -> None:
    sources = yaml.safe_load((DBT_PROJECT_DIR / "models" / "staging" / "_sources.yml").read_text())["sources"]
    tables = {table["name"]: table["columns"] for table in sources[0]["tables"]}
    for name, schema in (("events", EVENT_SCHEMA), ("items", ITEM_SCHEMA), ("users", USER_SCHEMA)):
        assert {column["name"] for column in tables[name] if "data_type" in column} == set(schema.names)


@pytest.mark.slow
def test_a_table_of_an_older_version_is_refused_with_the_columns_name(dbt_home: Settings) -> None:
    land(dbt_home, "0", events=a_history(1, rows=10))
    run_dbt(dbt_home, "run", "--select", "+int_events")
    # Were the file still held, this would fail: run_dbt lets go of it.
    with duckdb.connect(str(dbt_home.warehouse_path)) as warehouse:
        warehouse.execute("alter table intermediate.int_events drop column platform")
    with pytest.raises(DbtError, match=r"int_events: (?s:.*)platform"):
        run_dbt(dbt_home, "run", "--select", "int_events")
