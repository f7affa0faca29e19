"""The speed of what the chain stands on: generating, importing, loading the definitions, answering ``--help``.

``python -m benchmarks.ground --json -`` prints one JSON document. Rates are per wall second of one process.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.output import add_json_option, write_figures
from shopsight.settings import REPO_ROOT, Settings

LOAD = (
    "import time; from orchestration.definitions import defs; defs().resolve_asset_graph(); print(time.process_time())"
)
HELP = "import time; from cli.app import app; app(['--help'], standalone_mode=False); print(time.process_time())"


def measure() -> dict[str, float]:
    """Return every figure by name."""
    from shopsight.ingestion.importers import import_file
    from shopsight.sample_shop import generate, write_files

    shop = generate("small", seed=7)
    started = time.perf_counter()
    rows = sum(batch.num_rows for batch in shop.event_batches())
    generated = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        write_files(shop, Path(folder) / "files")
        settings = Settings(home=Path(folder) / "home")
        started = time.perf_counter()
        import_file(settings, "canonical_parquet", Path(folder) / "files", received_at=datetime.now(UTC))
        imported = time.perf_counter() - started
    return {
        "generated_events_per_second": round(rows / generated),
        "imported_parquet_rows_per_second": round(rows / imported),
        "definitions_cpu_seconds": _cpu_seconds(LOAD),
        "help_cpu_seconds": _cpu_seconds(HELP),
    }


def _cpu_seconds(program: str) -> float:
    """Return the processor time of a fresh interpreter, the least of three runs: the machine may be shared."""
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPO_ROOT)
        for _ in range(3)
    ]
    return min(round(float(run.stdout.splitlines()[-1]), 2) for run in runs)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_json_option(parser)
    destination = parser.parse_args().json
    write_figures(measure(), destination)


if __name__ == "__main__":
    main()
