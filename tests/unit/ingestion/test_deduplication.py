"""Finding duplicates, against counting them one by one; and numbering repeats."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.repeats import RepeatCounter
from shopsight.ingestion.log.deduplication import find_duplicates

Key = tuple[str, str, int]


def write_part(path: Path, keys: list[Key]) -> Path:
    columns = zip(("source", "event_id", "line_number"), zip(*keys, strict=True), strict=True)
    table = pa.table({name: pa.array(values) for name, values in columns})
    pq.write_table(table.set_column(2, "line_number", table["line_number"].cast(pa.int32())), path)
    return path


def random_keys(rng: np.random.Generator, count: int) -> list[Key]:
    return [(f"s{a}", f"e{b}", int(c)) for a, b, c in rng.integers([2, 400, 2], size=(count, 3))]


def test_duplicates_are_those_that_counting_one_by_one_finds(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for case in range(8):
        folder = tmp_path / str(case)
        folder.mkdir()
        parts = [random_keys(rng, 300) for _ in range(3)]
        logged = [random_keys(rng, 200) for _ in range(case % 3)]
        staged = [write_part(folder / f"part-{i}.parquet", keys) for i, keys in enumerate(parts)]
        log = [write_part(folder / f"log-{i}.parquet", keys) for i, keys in enumerate(logged)]
        seen = {key for keys in logged for key in keys}
        expected: dict[Path, list[int]] = {}
        for path, keys in zip(staged, parts, strict=True):
            for row, key in enumerate(keys):
                if key in seen:
                    expected.setdefault(path, []).append(row)
                seen.add(key)
        with utc_connection(folder / "spill") as connection:
            found = {path: rows.tolist() for path, rows in find_duplicates(connection, staged, log)}
        assert found == expected


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
