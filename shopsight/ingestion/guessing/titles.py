"""Finds the column that says what an item is called."""

from collections import Counter, defaultdict
from typing import Any, Final

from shopsight.ingestion.guessing.words import snake_case

SURE_WORDS: Final = (
    "title", "product_title", "item_title", "product_name", "item_name", "article_name", "item_description",
    "product_description", "description", "stock_description", "product_label",
)  # fmt: skip
"""Names of columns of titles in snake case, the surest first."""
WORDS: Final = (*SURE_WORDS, "product", "item", "article")
"""A bare `name` is not among them: it may be a person's."""
SAME_SHARE: Final = 0.8
"""Share of an item's rows that must agree: what says something else each time is no title, such as who bought it."""


def title_column(rows: dict[str, list[Any]], item: str, used: set[str]) -> tuple[str, float, str] | None:
    """Return the column of titles, how sure that is and why; None where no column reads like one.

    Args:
        rows: the values of every column, row for row.
        item: column of the item's id.
        used: columns that say something else already.
    """
    words = {snake_case(column): column for column in rows if column not in used}
    for word in WORDS:
        column = words.get(word)
        if column is None:
            continue
        titles = _titles_by_item(rows[item], rows[column])
        if not titles or all(title.replace(".", "").isdigit() for counts in titles.values() for title in counts):
            continue
        repeated = [counts for counts in titles.values() if counts.total() > 1]
        total = sum(counts.total() for counts in repeated)
        same = sum(max(counts.values()) for counts in repeated) / total if total else 0.0
        if same >= SAME_SHARE or (not repeated and word in SURE_WORDS):
            said = f"{same:.0%} of an item's rows agree" if repeated else "no item comes twice"
            sure = 0.6 + 0.35 * same if word in SURE_WORDS else 0.5 + 0.3 * same
            return column, round(sure, 2), f"named {column}; {said}"
    return None


def _titles_by_item(items: list[Any], titles: list[Any]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for item, title in zip(items, titles, strict=True):
        if item not in (None, "") and title is not None and str(title).strip():
            counts[str(item)][str(title).strip()] += 1
    return counts
