"""``make campaign-spark``: every mart of one log, built by DuckDB and by a local Spark, compared value by value.

The log is the sample shop's, of ``EVENTS`` events, in three currencies, one of them without a rate, and with days that
are Berlin's. Both engines build it without what arrived on its last day, then take that up. After both steps every mart
is compared, and at the end the training sets that Feast makes of them. CPU seconds are those of this process and of
Java below it.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import psutil
from pydantic import SecretStr

from shopsight.feature_store import apply_definitions
from shopsight.sample_shop import DEFAULT_ENDS_AT, SIZES, land_sample_shop
from shopsight.sample_shop.landing import config_of
from shopsight.settings import Settings, prepare_environment
from shopsight.spark_warehouse import (
    MartComparison,
    build_on_spark,
    compare_marts,
    export_marts,
    spark_session,
    why_no_spark,
)
from shopsight.warehouse import run_dbt
from spark_marts.training_sets import differing_training_rows

EVENTS_PER_USER: Final = 80
EVENTS_PER_ITEM: Final = 200


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a build took."""

    wall_seconds: float
    cpu_seconds: float


def main() -> None:
    """Make the log, build it twice and print what differs; exit 1 where anything does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--memory", default="4g")
    arguments = parser.parse_args()
    missing = why_no_spark()
    if missing:
        sys.exit(f"error: {missing}")
    with tempfile.TemporaryDirectory(prefix="shopsight-spark-") as name:
        home, folder = Path(name) / "home", Path(name) / "spark"
        unequal: list[str] = []
        for step in ("full build", "last day"):
            settings = landed(home, arguments.events, arguments.seed, last_day=step == "last day")
            with spark_session(folder, cores=arguments.cores, memory=arguments.memory) as session:
                spent = {
                    "DuckDB": cost(lambda: run_dbt(settings, "run")),  # noqa: B023 - it is called at once
                    "Spark": cost(lambda: build_on_spark(settings, folder)),  # noqa: B023
                }
                export_marts(session, folder)
            comparisons = compare_marts(settings, folder)
            unequal += [f"{row.mart} after the {step}" for row in comparisons if row.differing_rows]
            print(*table(step, comparisons), *costs(spent), sep="\n", flush=True)
        apply_definitions(settings)
        with spark_session(folder, cores=arguments.cores, memory=arguments.memory):
            training_sets = differing_training_rows(settings, folder, seed=arguments.seed)
    for service, (rows, answered, differing) in training_sets.items():
        print(f"training set of {service}: {rows} rows, {answered} of something known, {differing} differ")
        unequal += [f"training set of {service}"] if differing or not answered else []
    print(*(f"UNEQUAL: {name}" for name in unequal), sep="\n")
    print("nothing differs" if not unequal else f"{len(unequal)} differ")
    sys.exit(1 if unequal else 0)


def landed(home: Path, events: int, seed: int, *, last_day: bool) -> Settings:
    """Write a sample shop of so many events into a home: without what arrived on its last day, or that."""
    settings = Settings(
        home=home, zone="Europe/Berlin", sample_currencies="GBP,PLN", pseudonym_key=SecretStr("a key for tests only")
    )
    prepare_environment(settings)
    config = replace(
        config_of(settings, "small"),
        events=events,
        users=max(events // EVENTS_PER_USER, SIZES["tiny"].users),
        items=max(events // EVENTS_PER_ITEM, SIZES["tiny"].items),
    )
    before = DEFAULT_ENDS_AT - timedelta(days=1)
    land_sample_shop(
        settings,
        config,
        seed=seed,
        received_at=DEFAULT_ENDS_AT if last_day else before,
        arrived_from=before if last_day else None,
        arrived_before=None if last_day else before,
    )
    rates = settings.currency_rates_path
    rates.write_text("".join(line for line in rates.read_text().splitlines(True) if "PLN" not in line))
    return settings


def cost(build: Callable[[], None]) -> Cost:
    """Run a build and return what it took, in this process and in those below it."""
    started, before = time.perf_counter(), _cpu_seconds()
    build()
    return Cost(wall_seconds=time.perf_counter() - started, cpu_seconds=_cpu_seconds() - before)


def _cpu_seconds() -> float:
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return float(sum(spent.user + spent.system for spent in times))


def costs(spent: Mapping[str, Cost]) -> list[str]:
    """Return a line for each engine."""
    return [f"{engine}: {took.wall_seconds:.1f} s wall, {took.cpu_seconds:.1f} s CPU" for engine, took in spent.items()]


def table(step: str, comparisons: Sequence[MartComparison]) -> list[str]:
    """Return a line for each mart, and how many are equal."""
    lines = [f"{step:32}{'rows':>10}{'on Spark':>10}{'differing':>11}"]
    for row in comparisons:
        columns = f"  {', '.join(row.differing_columns)}" if row.differing_columns else ""
        lines.append(f"{row.mart:32}{row.duckdb_rows:>10,}{row.spark_rows:>10,}{row.differing_rows:>11,}{columns}")
    equal = sum(not row.differing_rows for row in comparisons)
    return [*lines, f"{equal} of {len(comparisons)} marts are equal"]


if __name__ == "__main__":
    main()
