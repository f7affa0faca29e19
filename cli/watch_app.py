"""Commands that look at answers, data, market and stock, with what they promise; the work is one import away."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.console import AsJson, explained


class Language(StrEnum):
    """Of a brief."""

    EN = "en"
    ZH = "zh"


def feedback(as_json: AsJson = False) -> None:
    """Show what came of the lists that were shown: clicks, carts, orders and revenue by placement and model version."""
    with explained():
        from cli.feedback import show_feedback

        show_feedback(as_json=as_json)


def drift(
    reference: Annotated[Path, typer.Argument(help="Rows as they should be: CSV, Parquet, Excel or JSON Lines.")],
    current: Annotated[Path, typer.Argument(help="Rows that are judged, in the same columns.")],
    calendar: Annotated[
        Path | None, typer.Option(help="The shop's sales and seasons; default: the home's `calendar.yml`, if any.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether two files differ further than chance and than matters, and which column is to blame; exit 3 if so."""
    with explained():
        from cli.drift import run_drift

        run_drift(reference, current, calendar=calendar, as_json=as_json)


def brief(
    week: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Any day of it.", show_default="the newest week that is over"),
    ] = None,
    language: Annotated[Language, typer.Option(help="en or zh.")] = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Tell a week of the market in words: what rises, is lacking, is complained of; each number with its query."""
    with explained():
        from cli.brief import show_brief

        show_brief(None if week is None else week.date(), language=language.value, as_json=as_json)


def stock(
    order_today: Annotated[bool, typer.Option("--order-today", help="Only what is to be ordered today.")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the rows there, as CSV.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what to order today and why, what is sold out, in excess or dead, and how wrong last month's forecast was."""
    with explained():
        from cli.stock import show_stock

        show_stock(as_json=as_json, order_today=order_today, file=csv)
