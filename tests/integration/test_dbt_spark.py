"""Every mart that Spark builds has the rows that DuckDB's has, value for value; and a difference would be seen."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from oracle_shop import DBT_VARIABLES, land_shop
from spark_marts import __main__ as campaign

from shopsight.settings import Settings, prepare_environment
from shopsight.spark_warehouse import (
    MartComparison,
    build_on_spark,
    compare_mart,
    compare_marts,
    mart_names,
    why_no_spark,
)
from shopsight.warehouse import run_dbt

MISSING = why_no_spark()


@pytest.fixture(scope="module")
def comparisons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, MartComparison]]:
    folder = tmp_path_factory.mktemp("spark")
    settings = Settings(home=folder / "home", zone="Europe/Berlin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPSIGHT_HOME", str(settings.home))
        patch.setenv("SHOPSIGHT_ZONE", settings.zone)
        prepare_environment(settings)
        land_shop(settings)
        # Without the first of the two rates: money of the days before the second stays in its own currency.
        header, _, later = settings.currency_rates_path.read_text().splitlines()
        settings.currency_rates_path.write_text(f"{header}\n{later}\n")
        run_dbt(settings, "run", *DBT_VARIABLES)
        build_on_spark(settings, folder / "spark", *DBT_VARIABLES)
        yield {row.mart: row for row in compare_marts(settings, folder / "spark")}


@pytest.mark.slow
@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
@pytest.mark.parametrize("mart", mart_names())
def test_a_mart_of_spark_has_the_rows_of_duckdbs(comparisons: dict[str, MartComparison], mart: str) -> None:
    compared = comparisons[mart]
    assert compared.spark_rows == compared.duckdb_rows
    assert (compared.differing_rows, compared.differing_columns) == (0, ())


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


def test_the_campaign_names_a_mart_that_differs_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    equal = MartComparison(mart="items", duckdb_rows=3, spark_rows=3, differing_rows=0, differing_columns=())
    unequal = MartComparison(mart="users", duckdb_rows=3, spark_rows=3, differing_rows=2, differing_columns=("orders",))
    monkeypatch.setattr("sys.argv", ["spark_marts"])
    monkeypatch.setattr(campaign, "why_no_spark", lambda: None)
    monkeypatch.setattr(campaign, "landed", lambda *_: Settings())
    monkeypatch.setattr(campaign, "run_dbt", lambda *_: None)
    monkeypatch.setattr(campaign, "build_on_spark", lambda *_, **__: None)
    monkeypatch.setattr(campaign, "compare_marts", lambda *_: [equal, unequal])
    with pytest.raises(SystemExit) as ended:
        campaign.main()
    assert ended.value.code == 1
    assert capsys.readouterr().out.endswith("1 of 2 marts are equal\nUNEQUAL: users\n")
