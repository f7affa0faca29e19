"""The warehouse on Spark: the same dbt models by the target `spark`, and a comparison of both engines' marts.

Needs the extra ``spark`` and Java 17; docs/scale.md says when it pays. The first run in a folder makes everything, and
later ones go on from what is there, as DuckDB's do.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from shopsight.settings import Settings
from shopsight.warehouse import DBT_PROJECT_DIR, run_dbt

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TARGET: Final = ("--target", "spark")
DIGITS: Final = 9
"""Decimal places to which doubles and decimals are compared: engines add doubles in different orders."""


@dataclass(frozen=True, kw_only=True)
class MartComparison:
    """What DuckDB and Spark say of one mart."""

    mart: str
    duckdb_rows: int
    spark_rows: int
    differing_rows: int
    """Rows of either engine that the other one does not have."""
    differing_columns: tuple[str, ...]
    """Columns that one engine lacks, that are of another type, or whose values differ."""


def why_no_spark() -> str | None:
    """Return what is missing for a build on Spark; None where nothing is."""
    for module in ("pyspark", "dbt.adapters.spark"):
        if find_spec(module) is None:
            return f"no {module}: install the extra spark, as `make campaign-spark` does"
    return None if shutil.which("java") else "no java on the path: Spark 4 needs Java 17"


def mart_names() -> list[str]:
    """Return every mart of the dbt project, in alphabetical order."""
    return sorted(path.stem for path in (DBT_PROJECT_DIR / "models" / "marts").rglob("*.sql"))


def build_on_spark(settings: Settings, folder: Path, *arguments: str) -> None:
    """Run every model on this process's Spark session, see :func:`spark_session`.

    Args:
        settings: says where the event log is; the warehouse of DuckDB is not touched.
        folder: for dbt's artefacts.
        arguments: for ``dbt run``, such as ``"--full-refresh"``, or ``"--vars"`` with its value.

    Raises:
        DbtError: a model failed; names every one that did.
    """
    target_path = folder / "dbt_target"
    run_dbt(settings, "run-operation", "open_event_log", *TARGET, target_path=target_path)
    run_dbt(settings, "run", *TARGET, *arguments, target_path=target_path)


def export_marts(session: "SparkSession", folder: Path) -> None:
    """Write each mart as it is now to ``<folder>/marts/<mart>/`` as Parquet, for others to read than Spark."""
    for mart in mart_names():
        session.table(f"marts.{mart}").write.mode("overwrite").parquet(str(folder / "marts" / mart))


@contextmanager
def spark_session(folder: Path, *, cores: int = 2, memory: str = "4g") -> Iterator["SparkSession"]:
    """Open a Spark session on this machine, whose tables are in a folder and stay there.

    Args:
        folder: for Spark's tables and their names; one session at a time.
        cores: tasks that run at a time.
        memory: the heap of the Java process, as Java says it. The first session of a process decides.
    """
    from pyspark.sql import SparkSession

    names = folder.resolve() / "names"
    session = (
        SparkSession.builder.appName("shopsight")
        .master(f"local[{cores}]")
        .config("spark.driver.memory", memory)
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        # The names of tables outlive the session: the next run goes on from them. A cluster has a metastore.
        .config("spark.sql.catalogImplementation", "hive")
        .config("spark.hadoop.javax.jdo.option.ConnectionURL", f"jdbc:derby:;databaseName={names};create=true")
        .config("spark.driver.extraJavaOptions", f"-Dderby.stream.error.file={names}.log")
        .config("spark.sql.warehouse.dir", str(folder / "tables"))
        # What a run that was killed has written of a table that nobody can see is overwritten.
        .config("spark.sql.legacy.allowNonEmptyLocationInCTAS", "true")
        # Two tasks a core; 200, which is Spark's number, cost more than they do on one machine.
        .config("spark.sql.shuffle.partitions", str(2 * cores))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        session.stop()


def compare_marts(settings: Settings, folder: Path) -> list[MartComparison]:
    """Compare each mart of DuckDB's warehouse with the one that :func:`export_marts` wrote, value by value."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'; set threads = 2")
        return [
            compare_mart(connection, mart, f"marts.{mart}", f"read_parquet('{folder}/marts/{mart}/*.parquet')")
            for mart in mart_names()
        ]


def compare_mart(connection: duckdb.DuckDBPyConnection, mart: str, ours: str, theirs: str) -> MartComparison:
    """Compare the rows of two relations, which may be in any order.

    Args:
        connection: what reads both.
        mart: the mart that both are.
        ours: DuckDB's, as it stands in SQL.
        theirs: Spark's.
    """
    duckdb_rows, spark_rows = (_rows(connection, f"select 1 from {relation}") for relation in (ours, theirs))
    columns, their_columns = _columns(connection, ours), _columns(connection, theirs)
    unlike = [name for name in columns | their_columns if columns.get(name) != their_columns.get(name)]
    if unlike:
        differing_rows, differing = duckdb_rows + spark_rows, unlike
    else:
        differing_rows = _difference(connection, ours, theirs, columns)
        differing = [
            name
            for name, kind in columns.items()
            if differing_rows and _difference(connection, ours, theirs, {name: kind})
        ]
    return MartComparison(
        mart=mart,
        duckdb_rows=duckdb_rows,
        spark_rows=spark_rows,
        differing_rows=differing_rows,
        differing_columns=tuple(differing),
    )


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    rows = connection.execute(f"select column_name, column_type from (describe select * from {relation})").fetchall()
    return dict(rows)


def _difference(connection: duckdb.DuckDBPyConnection, ours: str, theirs: str, columns: dict[str, str]) -> int:
    """Return how many rows of these columns one of two relations has and the other has not."""
    values = ", ".join(f"{_value(name, column_type)} as {name}" for name, column_type in columns.items())
    left, right = f"select {values} from {ours}", f"select {values} from {theirs}"
    return sum(
        _rows(connection, f"({first}) except all ({second})") for first, second in ((left, right), (right, left))
    )


def _value(name: str, column_type: str) -> str:
    if column_type in ("DOUBLE", "FLOAT") or column_type.startswith("DECIMAL"):
        return f"round(cast({name} as double), {DIGITS})"
    if column_type == "DOUBLE[]":
        return f"list_transform({name}, lambda value: round(value, {DIGITS}))"
    return name


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    (count,) = connection.execute(f"select count(*) from ({query})").fetchall()[0]
    return int(count)
