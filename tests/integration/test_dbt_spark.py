"""Every mart that Spark builds and goes on with has DuckDB's rows, value for value; and a difference would be seen."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from oracle_shop import DBT_VARIABLES, land_late_batch, land_shop
from spark_marts import __main__ as campaign
from spark_marts.training_sets import SERVICES, differing_training_rows

from shopsight.feature_store import apply_definitions
from shopsight.settings import Settings, prepare_environment
from shopsight.spark_warehouse import (
    MartComparison,
    build_on_spark,
    compare_mart,
    compare_marts,
    export_marts,
    mart_names,
    spark_session,
    why_no_spark,
)
from shopsight.warehouse import run_dbt

MISSING = why_no_spark()
STEPS = ("full build", "late batch")
needs_spark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@dataclass(frozen=True)
class Built:
    """What two builds of one log are like, without and with a late batch."""

    comparisons: dict[str, dict[str, MartComparison]]
    """By step and mart."""
    made_again: dict[str, tuple[int, int]]
    """Of models of entities, how many rows the second run made, and how many there are."""
    training_sets: dict[str, tuple[int, int, int]]
    """By service the rows asked for, those of which something is known, and those that differ."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("spark")
    settings = Settings(home=folder / "home", zone="Europe/Berlin")
    comparisons: dict[str, dict[str, MartComparison]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_HOME", str(settings.home))
        patch.setenv("SHOPSIGHT_ZONE", settings.zone)
        prepare_environment(settings)
        for step, land_step in zip(STEPS, (_land_shop_without_a_rate, land_late_batch), strict=True):
            land_step(settings)
            run_dbt(settings, "run", *DBT_VARIABLES)
            with spark_session(folder / "spark") as session:
                build_on_spark(settings, folder / "spark", *DBT_VARIABLES)
                export_marts(session, folder / "spark")
                made_again = {model: _made_by_the_last_run(session, model) for model in ("int_users", "int_sessions")}
            comparisons[step] = {row.mart: row for row in compare_marts(settings, folder / "spark")}
        apply_definitions(settings)
        with spark_session(folder / "spark"):
            training_sets = differing_training_rows(settings, folder / "spark", seed=1)
        yield Built(comparisons, made_again, training_sets)


def _land_shop_without_a_rate(settings: Settings) -> None:
    """Write the shop without the first of two rates: money of the days before the second stays in its own currency."""
    land_shop(settings)
    header, _, later = settings.currency_rates_path.read_text().splitlines()
    settings.currency_rates_path.write_text(f"{header}\n{later}\n")


def _made_by_the_last_run(session, model: str) -> tuple[int, int]:
    query = "select count_if(changed_in = (select max(changed_in) from {0})), count(*) from {0}"
    return tuple(session.sql(query.format(f"intermediate.{model}")).first())


@pytest.mark.slow
@needs_spark
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("mart", mart_names())
def test_a_mart_of_spark_has_the_rows_of_duckdbs(built: Built, mart: str, step: str) -> None:
    compared = built.comparisons[step][mart]
    assert compared.spark_rows == compared.duckdb_rows
    assert (compared.differing_rows, compared.differing_columns) == (0, ())


@pytest.mark.slow
@needs_spark
def test_a_run_that_goes_on_makes_few_of_the_shoppers_and_sessions_again(built: Built) -> None:
    for made, rows in built.made_again.values():
        assert 0 < made < rows / 3


@pytest.mark.slow
@needs_spark
@pytest.mark.parametrize("service", SERVICES)
def test_feasts_spark_store_gives_the_training_set_of_the_platforms_own(built: Built, service: str) -> None:
    rows, answered, differing = built.training_sets[service]
    assert differing == 0
    assert rows / 4 < answered < rows


def compared(tmp_path: Path, spark_rows: str) -> MartComparison:
    """Compare two rows of a mart with what Spark is said to have written."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table mart as select * from (values "
            "('a', 1::bigint, 0.5::double, 2.5::decimal(18, 4), ['x', 'y']), "
            "('b', 2, 1 / 3, null, null)) as rows (id, nth, share, price, items)"
        )
        path = tmp_path / "mart.parquet"
        connection.execute(f"copy ({spark_rows}) to '{path}'")
        return compare_mart(connection, "mart", "mart", f"read_parquet('{path}')")


def test_the_order_of_rows_and_a_last_digit_are_no_difference(tmp_path: Path) -> None:
    mart = compared(tmp_path, "select * replace (share + 1e-13 as share) from mart order by id desc")
    assert (mart.duckdb_rows, mart.spark_rows, mart.differing_rows, mart.differing_columns) == (2, 2, 0, ())


@pytest.mark.parametrize(
    ("planted", "column"),
    [
        ("* replace (share + 1e-8 as share)", "share"),
        ("* replace (coalesce(price, 0) as price)", "price"),
        ("* replace (price + 0.0001 as price)", "price"),
        ("* replace (list_reverse(items) as items)", "items"),
        ("* replace (nth + 1 as nth)", "nth"),
    ],
)
def test_another_value_in_one_column_is_a_difference_of_that_column(tmp_path: Path, planted: str, column: str) -> None:
    mart = compared(tmp_path, f"select {planted} from mart")
    assert mart.differing_rows > 0
    assert mart.differing_columns == (column,)


def test_values_that_changed_places_are_a_difference_of_rows(tmp_path: Path) -> None:
    mart = compared(tmp_path, "select * replace (3 - nth as nth) from mart")
    assert mart.differing_rows == 4


@pytest.mark.parametrize("rows", ["from mart where nth = 1", "from mart union all from mart"])
def test_a_row_too_few_or_too_many_is_a_difference(tmp_path: Path, rows: str) -> None:
    mart = compared(tmp_path, f"select * {rows}")
    assert mart.differing_rows == abs(mart.duckdb_rows - mart.spark_rows) > 0


@pytest.mark.parametrize(
    "columns",
    ["* exclude (price)", "*, 1 as more", "* replace (share::varchar as share)", "* replace (nth::integer as nth)"],
)
def test_a_column_that_one_engine_lacks_or_that_is_of_another_type_makes_every_row_differ(
    tmp_path: Path, columns: str
) -> None:
    mart = compared(tmp_path, f"select {columns} from mart")
    assert len(mart.differing_columns) == 1
    assert mart.differing_rows == 4


def test_the_campaign_names_what_differs_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    equal = MartComparison(mart="items", duckdb_rows=3, spark_rows=3, differing_rows=0, differing_columns=())
    unequal = MartComparison(mart="users", duckdb_rows=3, spark_rows=3, differing_rows=2, differing_columns=("orders",))
    monkeypatch.setattr("sys.argv", ["spark_marts"])
    monkeypatch.setattr(campaign, "why_no_spark", lambda: None)
    monkeypatch.setattr(campaign, "landed", lambda *_, **__: Settings())
    monkeypatch.setattr(campaign, "spark_session", lambda *_, **__: nullcontext())
    for step in ("run_dbt", "build_on_spark", "export_marts", "apply_definitions"):
        monkeypatch.setattr(campaign, step, lambda *_: None)
    monkeypatch.setattr(campaign, "compare_marts", lambda *_: [equal, unequal])
    monkeypatch.setattr(campaign, "differing_training_rows", lambda *_, **__: {"churn_v1": (4, 2, 1)})
    with pytest.raises(SystemExit) as ended:
        campaign.main()
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert printed.count("1 of 2 marts are equal\n") == 2
    assert printed.endswith(
        "training set of churn_v1: 4 rows, 2 of something known, 1 differ\nUNEQUAL: users after the full build\n"
        "UNEQUAL: users after the last day\nUNEQUAL: training set of churn_v1\n3 differ\n"
    )
