"""Guesses which column says what happened in each row, and what its words mean."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shopsight.ingestion.guessing.values import words_of_events
from shopsight.ingestion.guessing.words import COLUMN_WORDS, KNOWN_NUMBERS, snake_case
from shopsight.ingestion.readers.source_files import unreadable
from shopsight.ingestion.validation.rules import ITEM_EVENTS

FEW_WORDS: Final = 60
"""Distinct values that a column of events has at most."""


@dataclass(frozen=True, kw_only=True)
class GuessedColumn:
    """One canonical column of a guessed mapping."""

    name: str
    column: str | None
    """Column of the file, or None for a constant."""
    confidence: float
    """0 to 1: how sure the guess is."""
    evidence: str


def add_event_names(
    document: dict[str, Any], guessed: list[GuessedColumn], values: dict[str, list[Any]], warnings: list[str]
) -> None:
    """Add ``event_name`` to a mapping: from its column, or as a constant that the other columns speak for.

    Args:
        document: the mapping, to which it is added.
        guessed: reasons, to which its own is added.
        values: the values of every column that are there.
        warnings: what its owner should know, added to as well.
    """
    origins = document["columns"]
    if "event_name" in origins:
        table = words_of_events(values[origins["event_name"]])
        origins["event_name"] = {"column": origins["event_name"], **({"values": table} if table else {})}
        return
    used = {origin.get("column") if isinstance(origin, dict) else origin for origin in origins.values()}
    unknown = _column_of_unknown_words({name: values[name] for name in values if name not in used}, origins)
    if unknown is not None:
        words = sorted({str(value).strip() for value in values[unknown]})
        table = words_of_events(values[unknown])
        origins["event_name"] = {"column": unknown, **({"values": table} if table else {})}
        why = f"named {unknown}, but what its values mean is not known"
        guessed.append(GuessedColumn(name="event_name", column=unknown, confidence=0.3, evidence=why))
        warnings.append(
            f"{unknown} looks like the column of events, and its values {', '.join(words[:20])} are no words known "
            "here: nothing is imported until event_name has values: that say what each means"
            + _known_numbers(unknown, words)
        )
        return
    if "value" in origins and "order_id" not in origins:
        name, why = "rate_item", f"no column of events; {origins['value']} reads like a rating"
    elif {"order_id", "quantity", "price"} & set(origins):
        name, why = "purchase", "no column of events; orders, quantities or prices speak of purchases"
    else:
        name, why = "view_item", "no column of events and nothing that speaks of orders or ratings"
    origins["event_name"] = {"constant": name}
    confidence = 0.3 if name == "view_item" else 0.6
    guessed.append(GuessedColumn(name="event_name", column=None, confidence=confidence, evidence=why))


def ask_for_items(path: Path, origins: dict[str, Any], columns: list[str]) -> None:
    """Stop at a file of which each row would need an item and none could have one.

    Raises:
        SourceFileError: it is such a file, as one of orders without their lines is.
    """
    event = origins["event_name"].get("constant")
    if event in ITEM_EVENTS and "item_id" not in origins:
        raise unreadable(
            path,
            why=f"no column looks like an item, which every {event} needs; it has: {', '.join(columns)}",
            fix="map the file that has the lines of its orders; an orders file beside that is joined to it",
        )


def _known_numbers(column: str, words: list[str]) -> str:
    """Return what the numbers of a column mean in public files that have such a column."""
    meanings = [
        f"; in {layout} they are {', '.join(f'{number}: {name}' for number, name in table.items())}"
        for layout, (name_there, table) in KNOWN_NUMBERS.items()
        if snake_case(column) == name_there and set(words) <= set(table)
    ]
    return "".join(meanings)


def _column_of_unknown_words(values: dict[str, list[Any]], origins: dict[str, Any]) -> str | None:
    """Return the column that is named like one of events, has a few values, and whose values are no known words.

    ``type`` may say something else of an order's line, so it only counts in a file without orders.
    """
    for word in COLUMN_WORDS["event_name"]:
        for column, some in values.items():
            if snake_case(column) != word or (word == "type" and "order_id" in origins):
                continue
            if 1 < len({str(value) for value in some}) <= FEW_WORDS:
                return column
    return None
