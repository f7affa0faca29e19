"""The home that a benchmark measures: one that is named, or that of a small sample shop made for it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from shopsight.settings import Settings


@contextmanager
def measured_home(home: Path | None, *, seed: int) -> Iterator[Settings]:
    """Yield a home with marts, or without one that of a small sample shop.

    Args:
        home: its folder; None: one is made, and removed at the end.
        seed: of the sample shop.
    """
    if home is not None:
        yield Settings(home=home)
        return
    from shopsight.ingestion.importers import import_file
    from shopsight.sample_shop import generate, write_files
    from shopsight.warehouse import prepare_warehouse, run_dbt

    with tempfile.TemporaryDirectory() as folder:
        write_files(generate("small", seed=seed), Path(folder) / "files")
        settings = Settings(home=Path(folder) / "home", sample_size="small")
        import_file(settings, "canonical_parquet", Path(folder) / "files", received_at=datetime.now(UTC))
        prepare_warehouse(settings)
        run_dbt(settings, "run", "--no-write-json", "--quiet")
        yield settings
