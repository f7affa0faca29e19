"""Finding what the log knows, against judging row after row; and numbering repeats."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.events import EVENT_SCHEMA
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.repeats import RepeatCounter
from shopsight.ingestion.log.deduplication import find_repeats

Report = dict[str, Any]
KEY = ("source", "event_id", "line_number", "event_name", "item_id", "order_id")


def write_part(path: Path, rows: list[Report]) -> Path:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    filled: list[Report] = [{"consent": "granted", "event_timestamp": moment} | row for row in rows]
    arrived = [row | {"created_timestamp": moment + timedelta(days=row["created_timestamp"])} for row in filled]
    pq.write_table(pa.Table.from_pylist(arrived, schema=EVENT_SCHEMA), path)
    return path


def random_rows(rng: np.random.Generator, count: int) -> list[Report]:
    """Rows of few ids: most share one, and of those many differ in the name, the item, the order or what they say."""
    return [
        {
            "source": f"s{draw[0]}",
            "event_id": f"e{draw[1]}",
            "line_number": int(draw[2]),
            "event_name": ("purchase", "add_to_cart")[draw[3]],
            "item_id": (None, "lamp", "rug")[draw[4]],
            "order_id": (None, "o1")[draw[5]],
            "quantity": int(draw[6]) + 1,
            "created_timestamp": int(draw[7]),
        }
        for draw in rng.integers([2, 20, 2, 2, 3, 2, 3, 3], size=(count, 8))
    ]


def settled(parts: list[list[Report]], log: list[Report]) -> tuple[int, int, set[tuple[int, int]]]:
    """Judge row after row: how many are duplicates, how many corrections, and the places of those that land."""
    versions_by_key: dict[tuple[Any, ...], set[int]] = {}
    for row in log:
        versions_by_key.setdefault(tuple(row[name] for name in KEY), set()).add(row["quantity"])
    logged = {key: set(versions) for key, versions in versions_by_key.items()}
    duplicates = corrected = 0
    reports: dict[tuple[Any, ...], list[tuple[int, int, int, int]]] = {}
    for part, rows in enumerate(parts):
        for place, row in enumerate(rows):
            key = tuple(row[name] for name in KEY)
            versions = versions_by_key.setdefault(key, set())
            duplicates += row["quantity"] in versions
            corrected += bool(versions) and row["quantity"] not in versions
            versions.add(row["quantity"])
            reports.setdefault(key, []).append((row["created_timestamp"], part, place, row["quantity"]))
    lands = set()
    for key, of_key in reports.items():
        newest = max(of_key)[3]
        if newest not in logged.get(key, set()):
            lands.add(min((part, place) for _, part, place, quantity in of_key if quantity == newest))
    return duplicates, corrected, lands


def test_of_the_rows_of_one_event_the_newest_version_lands_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for case in range(3):
        folder = tmp_path / str(case)
        folder.mkdir()
        parts = [random_rows(rng, 150) for _ in range(3)]
        logged = [random_rows(rng, 100) for _ in range(case % 3)]
        staged = [write_part(folder / f"part-{i}.parquet", rows) for i, rows in enumerate(parts)]
        log = [write_part(folder / f"log-{i}.parquet", rows) for i, rows in enumerate(logged)]
        duplicates, corrected, expected = settled(parts, [row for rows in logged for row in rows])
        with utc_connection(folder / "spill") as connection:
            repeats = list(find_repeats(connection, staged, log))
        dropped = {
            (staged.index(versions_by_key.path), row)
            for versions_by_key in repeats
            for row in versions_by_key.dropped.tolist()
        }
        assert {(part, row) for part, rows in enumerate(parts) for row in range(len(rows))} - dropped == expected
        assert sum(versions_by_key.duplicates for versions_by_key in repeats) == duplicates
        assert sum(versions_by_key.corrected for versions_by_key in repeats) == corrected
        assert corrected
        assert duplicates


def test_repeats_are_numbered_as_if_all_chunks_were_one() -> None:
    rng = np.random.default_rng(5)
    counter, seen = RepeatCounter(), dict[int, int]()
    for size in (0, 1, 1000, 3, 200, 200, 5000, 7):
        keys = rng.integers(0, 300, size).astype(np.uint64)
        expected = []
        for key in keys.tolist():
            expected.append(seen.get(key, 0))
            seen[key] = expected[-1] + 1
        assert counter.number(keys).tolist() == expected
