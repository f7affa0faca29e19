"""``shopsight query``: a question about the marts, in SQL."""

import sys

import duckdb
import pyarrow.csv
import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from cli.console import out, print_json
from shopsight.errors import ShopsightError
from shopsight.marts import export_path, mart_at, mart_names, open_marts
from shopsight.settings import Settings

MAX_SHOWN = 100
"""Rows that are printed as a table; ``--csv`` and ``--json`` print all of them."""


def answer_query(sql: str, *, as_json: bool, as_csv: bool) -> None:
    """Print what ``sql`` returns; every mart is a table of its name, and times are the shop's.

    Raises:
        ShopsightError: there are no marts, or the SQL is wrong.
    """
    settings = Settings()
    _refuse_none(settings)
    with open_marts(settings) as connection:
        connection.execute(f"set timezone = '{settings.zone}'")
        try:
            relation = connection.sql(sql)
            answer = None if relation is None else relation.to_arrow_table()
        except duckdb.Error as error:
            raise ShopsightError(
                "the query failed",
                why=str(error).splitlines()[0],
                fix="`shopsight query` alone lists the marts; docs/marts.md explains their columns",
            ) from None
    if answer is None:
        return
    if as_csv:
        pyarrow.csv.write_csv(answer, sys.stdout.buffer)
        return
    if as_json:
        print_json(answer.to_pylist())
        return
    table = Table(*answer.column_names)
    for row in answer.slice(0, MAX_SHOWN).to_pylist():
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    # Wider than the terminal rather than cut: a value that is not to be read is no answer.
    width = Measurement.get(out, out.options.update(max_width=100_000), table).maximum
    Console(highlight=False, width=max(width, out.width)).print(table)
    if len(answer) > MAX_SHOWN:
        out.print(f"the first {MAX_SHOWN} of {len(answer):,} rows; --csv or --json print all")


def list_marts(*, as_json: bool) -> None:
    """Print which marts there are, and how many rows and files each has.

    Raises:
        ShopsightError: there are none.
    """
    settings = Settings()
    _refuse_none(settings)
    with open_marts(settings) as connection:
        rows = [
            {
                "mart": name,
                "rows": connection.execute(f'select count(*) from "{name}"').fetchall()[0][0],
                "files": len(mart_at(export_path(settings, name)).files),
            }
            for name in mart_names(settings)
        ]
    if as_json:
        print_json(rows)
        return
    table = Table("mart", "rows", "files")
    for row in rows:
        table.add_row(row["mart"], f"{row['rows']:,}", str(row["files"]))
    out.print(table)
    out.print('ask: `shopsight query "select event_date, orders from daily_kpis order by 1"`', soft_wrap=True)


def print_views() -> None:
    """Print SQL that makes a view of each mart, for a DuckDB of one's own: ``duckdb -init FILE``.

    Raises:
        ShopsightError: there are no marts.
    """
    settings = Settings()
    _refuse_none(settings)
    for name in mart_names(settings):
        typer.echo(f'create or replace view "{name}" as {mart_at(export_path(settings, name)).rows()};')


def _refuse_none(settings: Settings) -> None:
    if not mart_names(settings):
        raise ShopsightError(
            f"there are no marts in {settings.home}",
            why="the warehouse makes them, and that has not happened for this home",
            fix="run `make demo`, or `shopsight run` after an import",
        )
