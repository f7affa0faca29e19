"""``shopsight brief``: the market of a week in words, each number with the query behind it."""

from datetime import date
from typing import TYPE_CHECKING

from cli.console import out, print_json
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.insights.brief import Language


def show_brief(week: date | None, *, language: "Language", as_json: bool) -> None:
    """Print the brief of a week, the newest whole one where none is named.

    Raises:
        ShopsightError: there are no marts, or none of that week.
    """
    from models.insights.brief import brief, document_of, markdown_of
    from orchestration.market import week_of
    from shopsight.marts import read_mart

    settings = Settings()
    made = week_of(settings, week)
    titles = {
        row["item_id"]: row["title"] or row["item_id"]
        for row in read_mart(settings, "items", ["item_id", "title"]).to_pylist()
    }
    sections = brief(made, language=language, name_of=lambda item_id: titles.get(item_id, item_id))
    if as_json:
        print_json(document_of(made, sections))
    else:
        out.print(markdown_of(made, sections, language=language), markup=False, highlight=False, soft_wrap=True)
