"""``shopsight groups``: groups of shoppers by what they do, and the shop's own segments beside them."""

from typing import Any

from rich.table import Table

from cli.console import out, print_json
from shopsight.settings import Settings


def show_groups(*, as_json: bool) -> None:
    """Print the groups of the newest day, and count the segments of ``segments.yml``.

    Raises:
        ShopsightError: there are no marts or too few shoppers, or ``segments.yml`` is wrong.
    """
    from serving.studio.long_answers import groups_document

    document = groups_document(Settings())
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
