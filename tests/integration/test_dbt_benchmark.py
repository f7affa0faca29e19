"""The benchmark's script is held to the marts that dbt makes."""

from pathlib import Path

import duckdb
import pytest

from benchmarks.warehouse import COMPARED, _equal, measure, step
from shopsight.settings import Settings


@pytest.mark.slow
@pytest.mark.parametrize("day_brings", ["plain", "nasty"])
def test_the_hand_written_script_makes_the_same_marts(tmp_path: Path, day_brings: str) -> None:
    figures = measure(20_000, tmp_path, day_brings)
    assert figures["unequal_marts"] == []
    assert figures["one_day"]["database_seconds"] > 0
    assert figures["floor"]["one_day"] > 0


@pytest.mark.slow
def test_the_hand_written_script_settles_orders_as_dbt_does(tmp_path: Path) -> None:
    """A small log has few refunds: here every purchase is told again, and given back more often than it was made."""
    step("generate", tmp_path, 5_000)
    log = Settings(home=tmp_path).event_log_dir
    batch = log / "arrival_date=2026-03-31" / "batch=1" / "events"
    batch.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        copied = connection.execute(
            f"""
            copy (
                select events.* replace (
                    event_id || '-' || number as event_id,
                    event_id || '-' || number as session_id,
                    name as event_name,
                    event_timestamp + to_hours(hours) as event_timestamp,
                    coalesce(pieces, quantity) as quantity
                )
                from read_parquet('{log}/*/batch=0/events/*.parquet', hive_partitioning = false) as events
                cross join (
                    values (1, 'purchase', 0, null), (2, 'purchase', 20, 9), (3, 'refund', -1, 2),
                    (4, 'refund', 5, 2), (5, 'refund', 5, 2), (6, 'refund', 30, 1)
                ) as reports (number, name, hours, pieces)
                where event_name = 'purchase'
            ) to '{batch}/part-00000.parquet'
            """
        ).fetchone()
    assert copied[0] >= 60
    step("compared", tmp_path)
    step("script", tmp_path)
    assert [mart for mart in COMPARED if not _equal(tmp_path, mart)] == []
