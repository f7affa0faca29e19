"""Pairs canonical columns with columns of a file, by their names and by what their values look like.

A name counts 0.6 where it is a known word, 0.35 where a known word is part of it; values that look right add up to
0.4. Columns are dealt out from the surest pair down, each once.
"""

import itertools
from typing import Any, Final

from shopsight.ingestion.formats.mapping import JOINED
from shopsight.ingestion.guessing.orders import is_line_number
from shopsight.ingestion.guessing.values import looks
from shopsight.ingestion.guessing.words import COLUMN_WORDS, PERSONAL, money_role, snake_case

BY_NAME, BY_PART, BY_VALUES, BY_VALUES_ALONE = 0.6, 0.35, 0.4, 0.3
MIN_SCORE: Final = 0.3
"""Below this, a pair is not worth a guess."""


def dealt_out(values: dict[str, list[Any]]) -> dict[str, tuple[str, float, str]]:
    """Pair canonical columns with columns of the file, each at most once, from the surest pair down."""
    scored = []
    # A column of the orders that are joined comes after one of the same name in the file itself.
    for column, name in itertools.product(sorted(values, key=lambda c: c.startswith(JOINED)), COLUMN_WORDS):
        score, evidence = _score(name, column, values[column])
        if score >= MIN_SCORE:
            scored.append((score, evidence, name, column))
    by_number = {column for _, _, name, column in scored if name == "item_id" and is_line_number(values[column])}
    if by_number and by_number != {column for _, _, name, column in scored if name == "item_id"}:
        scored = [one for one in scored if one[2] != "item_id" or one[3] not in by_number or _is_product(one[3])]
    guesses: dict[str, tuple[str, float, str]] = {}
    for score, evidence, name, column in sorted(scored, key=lambda one: -one[0]):
        if name not in guesses and column not in {taken for taken, _, _ in guesses.values()}:
            guesses[name] = (column, round(score, 2), evidence)
    return {name: guesses[name] for name in COLUMN_WORDS if name in guesses}


def _is_product(column: str) -> bool:
    """Return whether a name speaks of products, so that whole numbers in it number products and no lines."""
    return bool({"product", "sku", "article", "asin", "isbn", "stock"} & set(snake_case(column).split("_")))


def _score(name: str, column: str, values: list[Any]) -> tuple[float, str]:
    words = snake_case(column.removeprefix(JOINED))
    if any(word in words for word in PERSONAL):
        return 0.0, ""
    # What a column of amounts is, its own module says; here go only what is named as a price or as a line's amount.
    if name in ("price", "value") and money_role(column) not in (None, {"price": "unit", "value": "line"}[name]):
        return 0.0, ""
    words_of_column = COLUMN_WORDS[name]
    squeezed = words.replace("_", "")
    by_name, named = 0.0, ""
    for rank, word in enumerate(words_of_column):
        if squeezed == word.replace("_", ""):
            by_name, named = BY_NAME - 0.01 * rank, f"named {column}"
            break
    else:
        part = next((word for word in words_of_column if f"_{word}_" in f"_{words}_"), None)
        by_name, named = (BY_PART, f"{part} is in its name") if part else (0.0, "")
    fit, seen = looks(name, values)
    if fit == 0:
        return 0.0, ""
    if by_name:
        return by_name + BY_VALUES * fit, "; ".join(filter(None, (named, seen)))
    return BY_VALUES_ALONE * fit if name in ("event_timestamp", "event_name") and fit > 0.9 else 0.0, seen
