"""``shopsight groups``: groups of shoppers by what they do, and the shop's own segments beside them."""

import json
from typing import Any

import yaml
from rich.table import Table

from cli.console import out, print_json
from shopsight.errors import ShopsightError
from shopsight.marts import mart_names
from shopsight.refusals import open_personal_marts
from shopsight.settings import Settings


def show_groups(*, as_json: bool) -> None:
    """Print the groups of the newest day, and count the segments of ``segments.yml``.

    Raises:
        ShopsightError: there are no marts or too few shoppers, or ``segments.yml`` is wrong.
    """
    from models.asking.answer import MARTS
    from models.asking.rows import log_span
    from models.grouping.groups import Grouping
    from models.grouping.report import groups_of_day
    from models.grouping.segments import count_segments, read_segments

    settings = Settings()
    if missing := [name for name in MARTS if name not in mart_names(settings)]:
        raise ShopsightError(
            f"there are no marts to make groups of in {settings.home}: {', '.join(missing)}",
            why="groups are made of the feature marts",
            fix="run `make demo`, or `shopsight run` after an import",
        )
    rules = settings.home / "segments.yml"
    segments, strategies = read_segments(yaml.safe_load(rules.read_text()) if rules.exists() else None, file=str(rules))
    written = settings.groups_path
    previous = Grouping.of_json(json.loads(written.read_text())) if written.exists() else None
    with open_personal_marts(settings, MARTS) as connection:
        try:
            day = groups_of_day(connection, log_span(connection)[1], seed=settings.seed, previous=previous)
        except ValueError as error:
            raise ShopsightError("there are no groups yet", why=str(error), fix="import a longer history") from None
        document = day.document | {"segments": count_segments(connection, segments)}
    for group in document["groups"]:
        group["strategy"] = strategies.get(group["id"], "")
    if as_json:
        print_json(document)
        return
    _show(document)


def _show(document: dict[str, Any]) -> None:
    table = Table("group", "what they do", "shoppers", "orders each", "revenue 28 d", "strategy")
    for group in document["groups"]:
        revenue = f"{group['revenue_28d_per_shopper']:,.2f} ({group['revenue_28d_share']:.0%})"
        orders = f"{group['orders_per_shopper']:.2f}"
        name = f"{group['name']}\n{group['name_zh']}"
        table.add_row(str(group["id"]), name, f"{group['shoppers']:,}", orders, revenue, group["strategy"])
    out.print(table)
    weeks = document["between_weeks"]
    out.print(
        f"adjusted Rand index between halves {document['between_halves']:.2f}"
        + (f", between two weeks {weeks['adjusted_rand_index']:.2f}" if weeks else ""),
        soft_wrap=True,
    )
    if document["segments"]:
        rules = Table("segment", "who", "shoppers", "strategy")
        for row in document["segments"]:
            rules.add_row(row["name"], row["understood"], f"{row['shoppers']:,}", row["strategy"])
        out.print(rules)
