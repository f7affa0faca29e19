"""The speed of an import, from a Taobao file through validation and deduplication into the event log.

``python -m benchmarks.importing --rows 2000000 --json -`` prints one JSON document: rows per wall second and per
processor second, of a first import and of the same file again, when every row is a duplicate. The file is written
before and not timed: as the published one, sorted by shopper, with 100 rows each, among them one stamp in 2,000 out of
the window.
"""

import argparse
import resource
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from benchmarks.output import add_json_option, write_figures
from shopsight.ingestion.formats.taobao import END, FIRST
from shopsight.ingestion.importers import import_file
from shopsight.settings import Settings

WORDS = ("pv", "fav", "cart", "buy")
SHARES = (0.896, 0.028, 0.055, 0.021)


def write_taobao(path: Path, rows: int, *, seed: int) -> None:
    """Write ``rows`` lines as ``user,item,category,behaviour,second``."""
    rng = np.random.default_rng(seed)
    users = np.repeat(rng.permutation(rows // 100 + 1) + 1, 100)[:rows]
    items = (rng.pareto(0.8, rows) * 1_000).astype(np.int64) % 4_000_000 + 1
    seconds = rng.integers(int(FIRST.timestamp()), int(END.timestamp()), rows)
    seconds[rng.random(rows) < 1 / 2_000] -= 90 * 86_400
    columns = {
        "user": users,
        "item": items,
        "category": items % 9_439 + 1,
        "word": np.array(WORDS)[rng.choice(len(WORDS), rows, p=SHARES)],
        "second": seconds,
    }
    pa_csv.write_csv(
        pa.table(columns), path, write_options=pa_csv.WriteOptions(include_header=False, quoting_style="none")
    )


def measure(rows: int, *, repeats: int, seed: int) -> dict[str, Any]:
    """Return the medians of ``repeats`` runs, each into an empty home."""
    runs: dict[str, list[tuple[float, float]]] = {"first": [], "again": []}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "UserBehavior.csv"
        write_taobao(file, rows, seed=seed)
        for number in range(repeats):
            settings = Settings(home=Path(folder) / f"home-{number}")
            for name in runs:
                wall, processor = time.perf_counter(), time.process_time()
                receipt = import_file(settings, "taobao", file, received_at=datetime.now(UTC))
                runs[name].append((time.perf_counter() - wall, time.process_time() - processor))
                assert receipt.received == rows
    figures: dict[str, Any] = {"rows": rows, "runs": repeats}
    for name, times in runs.items():
        figures |= {
            f"{name}_rows_per_second": round(rows / statistics.median(wall for wall, _ in times)),
            f"{name}_rows_per_cpu_second": round(rows / statistics.median(processor for _, processor in times)),
            f"{name}_cpu_seconds": round(statistics.median(processor for _, processor in times), 2),
        }
    return figures | {"peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    add_json_option(parser)
    arguments = parser.parse_args()
    write_figures(measure(arguments.rows, repeats=arguments.runs, seed=arguments.seed), arguments.json)


if __name__ == "__main__":
    main()
