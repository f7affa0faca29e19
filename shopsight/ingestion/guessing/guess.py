"""Guesses the mapping of a file from the names and the values of its columns, and says how sure it is of each.

A name counts 0.6 where it is a known word, 0.35 where a known word is part of it; values that look right add up to
0.4. Columns are dealt out from the surest pair down, each once.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from shopsight.identity import clean_id
from shopsight.ingestion.formats.mapping import Mapping
from shopsight.ingestion.formats.tables import read_table
from shopsight.ingestion.guessing.numbers import NumberShape, number_shape
from shopsight.ingestion.guessing.values import TimeShape, looks, time_shape, words_of_events
from shopsight.ingestion.guessing.words import COLUMN_WORDS, EVENT_OF_WORD, PERSONAL, event_word
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.delimited import read_delimited
from shopsight.ingestion.readers.source_files import open_source, plain_name, unreadable

ROWS_LOOKED_AT: Final = 200_000
BY_NAME, BY_PART, BY_VALUES, BY_VALUES_ALONE = 0.6, 0.35, 0.4, 0.3
LARGE_SHARE, MANY_ROWS = 0.2, 100
"""Share of all rows from which one shopper is worth a question, in files of this many rows."""
CURRENCY_OF_SIGN: Final = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₫": "VND", "zł": "PLN",
}  # fmt: skip
"""Signs that one currency has; $, ¥ and kr are several currencies'."""
FEW_WORDS: Final = 60
"""Distinct values that a column of events has at most."""
LEAST: Final = 0.3
"""Below this, a pair is not worth a guess."""


@dataclass(frozen=True, kw_only=True)
class GuessedColumn:
    """One canonical column of a guessed mapping."""

    name: str
    column: str | None
    """Column of the file, or None for a constant."""
    confidence: float
    """0 to 1: how sure the guess is."""
    evidence: str


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A guessed mapping with its reasons."""

    document: dict[str, Any]
    """What the YAML file says."""
    columns: list[GuessedColumn]
    unused: list[str]
    """Columns of the file that the mapping leaves out."""
    warnings: list[str] = field(default_factory=list)

    def mapping(self) -> Mapping:
        """Return the mapping itself."""
        return Mapping.model_validate(self.document)


def guess_mapping(path: Path, *, source: str = "shop") -> Guess:
    """Look at the first rows of a CSV, Parquet or JSON Lines file of events, and guess their mapping.

    Raises:
        SourceFileError: the file cannot be read, has no rows, or nothing in it looks like a time or like a shopper.
    """
    header = _header_that_is_missing(path)
    rows = _first_rows(read_delimited(path, names=header) if header else read_table(path))
    if not rows.num_rows:
        raise unreadable(path, why="it has no rows to look at", fix="give a file with some rows")
    values = {name: [v for v in rows[name].to_pylist() if v not in (None, "")] for name in rows.column_names}
    pairs = _dealt_out(values)
    origins: dict[str, Any] = {}
    guessed: list[GuessedColumn] = []
    for name, (column, confidence, evidence) in pairs.items():
        origins[name] = column
        guessed.append(GuessedColumn(name=name, column=column, confidence=confidence, evidence=evidence))
    if header:
        _add_ids_by_place(origins, guessed, values)
    missing = [word for word in ("event_timestamp",) if word not in origins]
    if not {"user_id", "anonymous_id"} & set(origins):
        missing.append("a shopper or visitor")
    if missing:
        raise unreadable(
            path,
            why=f"no column looks like {' nor like '.join(missing)}; it has: {', '.join(values)}",
            fix="write the mapping by hand; docs/events.md has its keys",
        )
    document: dict[str, Any] = {"source": source, **({"header": list(header)} if header else {}), "columns": origins}
    warnings: list[str] = []
    _add_time(document, time_shape(values[origins["event_timestamp"]]), warnings)
    _add_event_names(document, guessed, values, warnings)
    _add_orders(document, guessed, values, warnings)
    _add_details(document, values, warnings, rows.num_rows)
    used = {origin.get("column") if isinstance(origin, dict) else origin for origin in origins.values()}
    unused = [name for name in values if name not in used]
    return Guess(document=document, columns=guessed, unused=unused, warnings=warnings)


def _dealt_out(values: dict[str, list[Any]]) -> dict[str, tuple[str, float, str]]:
    """Pair canonical columns with columns of the file, each at most once, from the surest pair down."""
    scored = []
    for column, name in itertools.product(values, COLUMN_WORDS):
        score, evidence = _score(name, column, values[column])
        if score >= LEAST:
            scored.append((score, evidence, name, column))
    guesses: dict[str, tuple[str, float, str]] = {}
    for score, evidence, name, column in sorted(scored, key=lambda one: -one[0]):
        if name not in guesses and column not in {taken for taken, _, _ in guesses.values()}:
            guesses[name] = (column, round(score, 2), evidence)
    return {name: guesses[name] for name in COLUMN_WORDS if name in guesses}


def _score(name: str, column: str, values: list[Any]) -> tuple[float, str]:
    words = snake_case(column)
    if any(word in words for word in PERSONAL):
        return 0.0, ""
    known = COLUMN_WORDS[name]
    squeezed = words.replace("_", "")
    by_name, named = 0.0, ""
    for rank, word in enumerate(known):
        if squeezed == word.replace("_", ""):
            by_name, named = BY_NAME - 0.01 * rank, f"named {column}"
            break
    else:
        part = next((word for word in known if f"_{word}_" in f"_{words}_"), None)
        by_name, named = (BY_PART, f"{part} is in its name") if part else (0.0, "")
    fit, seen = looks(name, values)
    if fit == 0:
        return 0.0, ""
    if by_name:
        return by_name + BY_VALUES * fit, "; ".join(filter(None, (named, seen)))
    return BY_VALUES_ALONE * fit if name in ("event_timestamp", "event_name") and fit > 0.9 else 0.0, seen


def _add_ids_by_place(origins: dict[str, Any], guessed: list[GuessedColumn], values: dict[str, list[Any]]) -> None:
    """Take the first two columns that are left for the shopper and the item: nothing else tells ids apart."""
    left = [column for column in values if column not in origins.values()]
    for name, column in zip(("user_id", "item_id"), left, strict=False):
        origins[name] = column
        evidence = "the file has no header; shopper and item usually come first"
        guessed.append(GuessedColumn(name=name, column=column, confidence=0.3, evidence=evidence))


def _add_time(document: dict[str, Any], shape: TimeShape | None, warnings: list[str]) -> None:
    column = document["columns"]["event_timestamp"]
    if shape is None or not (shape.unit or shape.format or shape.zone):
        return
    document["columns"]["event_timestamp"] = {"column": column} | {
        key: value
        for key, value in (("unit", shape.unit), ("format", shape.format), ("zone", shape.zone))
        if value is not None
    }
    if shape.format and "too" in shape.said:
        warnings.append(f"{column}: {shape.said}")
    if shape.zone:
        warnings.append(f"{column} names no zone: UTC is assumed; if the shop's clock is another, say which")


def _add_event_names(
    document: dict[str, Any], guessed: list[GuessedColumn], values: dict[str, list[Any]], warnings: list[str]
) -> None:
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


def _add_orders(
    document: dict[str, Any], guessed: list[GuessedColumn], values: dict[str, list[Any]], warnings: list[str]
) -> None:
    """Where there are purchases but no orders, take the session for one, or else the shopper's moment."""
    origins = document["columns"]
    names = origins["event_name"]
    words = {"purchase"} if "constant" in names else {event_word(str(value)) for value in values[names["column"]]}
    said = {EVENT_OF_WORD.get(word) for word in words}
    if names.get("constant", "purchase") != "purchase" or "purchase" not in said or "order_id" in origins:
        return
    time = origins["event_timestamp"]
    column = origins.get("session_id") or (time["column"] if isinstance(time, dict) else time)
    what = "session" if "session_id" in origins else "moment"
    origins["order_id"] = {"column": column, "only": ["purchase", "refund"]}
    document["unique_per_actor"] = ["order_id"]
    evidence = f"no column of orders: what a shopper buys in one {what} is one order"
    guessed.append(GuessedColumn(name="order_id", column=column, confidence=0.4, evidence=evidence))
    warnings.append(evidence)


def _add_details(document: dict[str, Any], values: dict[str, list[Any]], warnings: list[str], rows: int) -> None:
    origins = document["columns"]
    quantity = origins.get("quantity")
    if quantity and any(str(value).startswith("-") for value in values[quantity]):
        document["negative_quantity_is_refund"] = True
        warnings.append(f"{quantity} has negative values: they are read as refunds")
    category = origins.get("category")
    for sign in (".", "/", ">", "|"):
        if category and sum(sign in str(value) for value in values[category]) > len(values[category]) / 2:
            document["columns"]["category"] = {"column": category, "separator": sign}
            break
    for name in ("price", "value"):
        column = origins.get(name)
        if column and any(isinstance(value, str) for value in values[column]):
            _add_number_signs(origins, name, number_shape(values[column]), warnings)
    kind = next(name for name in ("user_id", "anonymous_id") if name in origins)
    actor = origins[kind]
    people = Counter(clean_id(str(value), kind) for value in values[actor])
    nameless = 1 - (people.total() - people.pop(None, 0)) / rows
    (who, count), *_ = people.most_common(1) or [("", 0)]
    if count > LARGE_SHARE * rows and rows >= MANY_ROWS:
        warnings.append(f"{count / rows:.0%} of the rows have the {actor} {who!r}: if that stands for guests, empty it")
    if nameless and not {"user_id", "anonymous_id"} <= set(origins):
        fate = (
            "their purchases count under their order, other events will be quarantined"
            if "order_id" in origins
            else "they will be quarantined"
        )
        warnings.append(f"{nameless:.1%} of the rows have no {actor}: {fate}")


def _add_number_signs(origins: dict[str, Any], name: str, shape: NumberShape, warnings: list[str]) -> None:
    column = origins[name]
    keys: dict[str, str] = {"decimal": shape.decimal} if shape.decimal != "." else {}
    keys |= {"thousands": shape.thousands} if shape.thousands else {}
    if len(shape.signs) == 1:
        keys["sign"] = shape.signs[0]
    if len(shape.signs) > 1:
        warnings.append(
            f"{column} has amounts in {', '.join(shape.signs)}: they are quarantined, export one column each"
        )
    elif name == "price" and shape.signs and "currency" not in origins:
        (sign,) = shape.signs
        code = CURRENCY_OF_SIGN.get(sign, sign if len(sign) == 3 and sign.isalpha() else None)
        if code:
            origins["currency"] = {"constant": code}
        else:
            warnings.append(f"{column} has the sign {sign}, which several currencies share: say which under currency")
    if keys:
        origins[name] = {"column": column, **keys}
    if shape.question:
        warnings.append(f"{column}: {shape.question}")


def _first_rows(chunks: Iterator[RawChunk]) -> pa.Table:
    tables: list[pa.Table] = []
    for chunk in chunks:
        tables.append(chunk.rows)
        if sum(table.num_rows for table in tables) >= ROWS_LOOKED_AT:
            break
    return pa.concat_tables(tables).slice(0, ROWS_LOOKED_AT) if tables else pa.table({})


def _header_that_is_missing(path: Path) -> tuple[str, ...]:
    """Return names for the columns of a CSV file whose first line is a row already, for it has numbers in it."""
    if plain_name(path).endswith((".parquet", ".jsonl", ".json", ".ndjson")):
        return ()
    with open_source(path) as file:
        first = file.readline(1 << 20).decode(errors="replace").strip()
    fields = first.split(",")
    if len(fields) < 2 or not any(re.fullmatch(r"-?\d+(\.\d+)?", one.strip('" ')) for one in fields):
        return ()
    return tuple(f"column_{i}" for i in range(1, len(fields) + 1))


def snake_case(name: str) -> str:
    """Return a column's name in snake case: ``InvoiceDate`` and ``Invoice Date`` are ``invoice_date``."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
