"""Guesses the mapping of a file from the names and the values of its columns, and says how sure it is of each."""

import itertools
import re
import shlex
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from shopsight.identity import clean_id
from shopsight.ingestion.formats.mapping import JOINED, MONEY_OF_ORDERS, Mapping
from shopsight.ingestion.formats.tables import read_table
from shopsight.ingestion.guessing.clocks import add_time
from shopsight.ingestion.guessing.event_names import GuessedColumn, add_event_names, ask_for_items
from shopsight.ingestion.guessing.files_beside import orders_beside
from shopsight.ingestion.guessing.money import guess_money, is_rating
from shopsight.ingestion.guessing.numbers import NumberShape, number_shape
from shopsight.ingestion.guessing.orders import is_line_number, parents_of_lines, shared_ids, told_once, undone_words
from shopsight.ingestion.guessing.pairs import dealt_out
from shopsight.ingestion.guessing.titles import title_column
from shopsight.ingestion.guessing.values import time_shape
from shopsight.ingestion.guessing.words import (
    COLUMN_WORDS,
    EVENT_OF_WORD,
    event_word,
    format_of,
    snake_case,
)
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.headers import delimiter_of
from shopsight.ingestion.readers.parts import parts_of
from shopsight.ingestion.readers.source_files import kind_of, open_source, plain_name, unreadable

ROWS_LOOKED_AT: Final = 200_000
LARGE_SHARE, MANY_ROWS = 0.2, 100
"""Share of all rows from which one shopper is worth a question, in files of this many rows."""
CURRENCY_OF_SIGN: Final = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₫": "VND", "zł": "PLN",
}  # fmt: skip
"""Signs that one currency has; $, ¥ and kr are several currencies'."""
KEYS_WITH_AMOUNTS: Final = (*MONEY_OF_ORDERS, "line_refund")
FEW_ORDERS: Final = 20
"""Orders from which a shopper of its own for each of them is worth a question."""


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


def guess_mapping(path: Path, *, source: str = "shop", zone: str = "UTC") -> Guess:
    """Look at the first rows of a table of events, and guess their mapping.

    Args:
        path: CSV, Parquet, Excel or JSON Lines, or a folder of such files.
        source: name of the shop.
        zone: of times that name none.

    Raises:
        SourceFileError: the file cannot be read, has no rows, or nothing in it looks like a time or like a shopper.
    """
    header = _header_that_is_missing(path)
    table = _first_rows(read_table(path, names=header))
    if not table.num_rows:
        raise unreadable(path, why="it has no rows to look at", fix="give a file with some rows")
    document: dict[str, Any] = {"source": source, **({"header": list(header)} if header else {})}
    warnings: list[str] = []
    rows = {name: table[name].to_pylist() for name in table.column_names}
    pairs = dealt_out(_given(rows))
    if not header and "order_id" in pairs and _missing(pairs) and not _hint(_given(rows)):
        joined = orders_beside(path, table, pairs["order_id"][0])
        if joined is not None:
            document["orders"], rows = joined.key, rows | joined.rows
            pairs = dealt_out(_given(rows))
            warnings.append(joined.said)
    values = _given(rows)
    origins: dict[str, Any] = {name: column for name, (column, _, _) in pairs.items()}
    guessed = [GuessedColumn(name=n, column=c, confidence=sure, evidence=why) for n, (c, sure, why) in pairs.items()]
    if header:
        _add_ids_by_place(origins, guessed, values)
    warnings += _items_or_lines(origins, values)
    own_format = format_of(values)
    if missing := _missing(origins):
        raise unreadable(
            path,
            why=f"no column looks like {' nor like '.join(missing)}; it has: {', '.join(values)}{_hint(values)}",
            fix=f"it is written as {own_format} writes it: shopsight import {own_format} {shlex.quote(str(path))}"
            if own_format
            else "write the mapping by hand; docs/events.md has its keys",
        )
    if own_format:
        warnings.append(f"it is written as {own_format} writes it, which shopsight import {own_format} reads as it is")
    document["columns"] = origins
    add_event_names(document, guessed, values, warnings)
    ask_for_items(path, origins, list(values))
    _add_money(document, guessed, rows, warnings)
    _add_orders(document, guessed, values, warnings)
    _take_sessions_for_visitors(origins, rows, warnings)
    _add_details(document, values, warnings, table.num_rows)
    _add_keys_about_orders(document, rows, warnings)
    add_time(document, values, warnings, zone)
    _add_titles(document, guessed, rows)
    used = {column for origin in origins.values() for column in _columns_of(origin)}
    used |= {column for key in (*KEYS_WITH_AMOUNTS, "item_title") for column in _columns_of(document.get(key))}
    unused = [name for name in values if name not in used and not name.startswith(JOINED)]
    return Guess(document=document, columns=guessed, unused=unused, warnings=warnings)


def _given(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return the values that are there, by column."""
    return {name: [value for value in values if value not in (None, "")] for name, values in rows.items()}


def _missing(found: Container[str]) -> list[str]:
    """Return what no mapping of events can do without and is not found."""
    missing = [] if "event_timestamp" in found else ["event_timestamp"]
    return missing if "user_id" in found or "anonymous_id" in found else [*missing, "a shopper or visitor"]


def _hint(values: dict[str, list[Any]]) -> str:
    """Return what is odd about a column that is named like one of times."""
    for column, some in values.items():
        if snake_case(column) not in COLUMN_WORDS["event_timestamp"] or not some or time_shape(some):
            continue
        return (
            f"; {column} is named like a time, and its values (such as {str(some[0])[:30]}) fit no one way to write it"
        )
    return ""


def _items_or_lines(origins: dict[str, Any], values: dict[str, list[Any]]) -> list[str]:
    """Ask of columns that are named as items are and number the rows: they may number lines of orders, or products."""
    taken = origins.get("item_id")
    return [
        f"{column} has another whole number in every row: it is read as the number of a line, and {taken} as the item; "
        f"if it is the product, say item_id: {column}"
        for column, some in values.items()
        if column != taken and snake_case(column) in COLUMN_WORDS["item_id"] and taken and is_line_number(some)
    ]


def _columns_of(origin: Any) -> list[str]:
    if isinstance(origin, str):
        return [origin]
    return [origin["column"]] if isinstance(origin, dict) and "column" in origin else []


def _add_ids_by_place(origins: dict[str, Any], guessed: list[GuessedColumn], values: dict[str, list[Any]]) -> None:
    """Take the first two columns that are left for the shopper and the item: nothing else tells ids apart."""
    left = [column for column in values if column not in origins.values()]
    for name, column in zip(("user_id", "item_id"), left, strict=False):
        origins[name] = column
        evidence = "the file has no header; shopper and item usually come first"
        guessed.append(GuessedColumn(name=name, column=column, confidence=0.3, evidence=evidence))


def _add_money(
    document: dict[str, Any], guessed: list[GuessedColumn], rows: dict[str, list[Any]], warnings: list[str]
) -> None:
    """Decide which columns say what was paid, where the file has purchases."""
    origins = document["columns"]
    names = origins["event_name"]
    words = [names["constant"]] if "constant" in names else rows[names["column"]]
    bought = [EVENT_OF_WORD.get(event_word(str(word))) in ("purchase", "refund") for word in words]
    if not any(bought):
        return
    some = rows if len(words) == 1 else {n: list(itertools.compress(v, bought)) for n, v in rows.items()}
    if "order_id" in origins and "column" in names:  # what a refund says is no line of what the order cost
        kinds = [EVENT_OF_WORD.get(event_word(str(word))) for word in some[names["column"]]]
        order = origins["order_id"]
        numbers = [one if kind == "purchase" else None for one, kind in zip(some[order], kinds, strict=True)]
        some = some | {order: numbers}
    some = told_once(some, *(origins.get(name) for name in ("order_id", "item_id", "event_timestamp")))
    taken = {name: origins.pop(name) for name in ("price", "value") if name in origins}
    if "value" in taken and is_rating(taken["value"]):
        warnings.append(f"{taken.pop('value')} reads like a rating, not like money: it is left out of the purchases")
    money = guess_money(
        some,
        taken,
        order=origins.get("order_id"),
        quantity=origins.get("quantity"),
        currency=[str(code) for code in set(rows[origins["currency"]])] if "currency" in origins else [],
        used={column for origin in origins.values() for column in _columns_of(origin)},
    )
    sure = {one.name: one for one in guessed}
    guessed[:] = [one for one in guessed if one.name not in ("price", "value")]
    for name, column in money.columns.items():
        scale = {"scale": money.scales[column]} if column in money.scales else {}
        place = origins if name in ("price", "value") else document
        place[name] = {"column": column, **scale} if scale else column
        why, known = money.reasons.get(name), sure.get(name)
        if known is None or known.column != column:
            guessed.append(GuessedColumn(name=name, column=column, confidence=0.6, evidence=why or "named so"))
        else:
            guessed.append(replace(known, evidence="; ".join(filter(None, (known.evidence, why)))))
    warnings += money.warnings
    if not {"price", "value", "order_total"} & set(money.columns):
        warnings.append("no column says what was paid: purchases without money count 0.00 in every revenue")


def _add_keys_about_orders(document: dict[str, Any], rows: dict[str, list[Any]], warnings: list[str]) -> None:
    """Say which ids are unique only within a shopper, which lines are parts of others, and which orders were undone."""
    origins = document["columns"]
    kind = next(name for name in ("user_id", "anonymous_id") if name in origins)
    actors = _actors(rows[origins[kind]], kind)
    for name in ("session_id", "order_id"):
        if not isinstance(origins.get(name), str):
            continue
        is_own, said = shared_ids(rows[origins[name]], actors, name, origins[name])
        if is_own and name == "order_id" and set(MONEY_OF_ORDERS) & set(document):
            warnings.append(
                f"{origins[name]}: lines of one order have several shoppers, and one amount: is that right?"
            )
            continue
        if is_own:
            document.setdefault("unique_per_actor", []).append(name)
        warnings.extend([said] if said else [])
    if "order_id" not in origins or origins["event_name"].get("constant") != "purchase":
        return
    parts = parents_of_lines(rows)
    if parts:
        document["part_of"] = parts
        warnings.append(f"{parts['column']} names other lines: of a line and its parts, those with the money count")
    used = {column for origin in origins.values() for column in _columns_of(origin)}
    undone = undone_words(rows, used)
    if undone:
        column, words, others = undone
        if words:
            document["where"] = {column: {"skip": words}}
        skipped = f"skipped: {', '.join(words)}; " if words else ""
        warnings.append(f"{column}: {skipped}counted as bought: {', '.join(others)}; see where in docs/events.md")
    orders = {str(one) for one in rows[origins["order_id"]]} if isinstance(origins["order_id"], str) else set()
    if len(orders) >= FEW_ORDERS and len(set(actors)) == len(orders):
        warnings.append("every order has a shopper of its own: does that column name a person, or just the order?")


def _add_titles(document: dict[str, Any], guessed: list[GuessedColumn], rows: dict[str, list[Any]]) -> None:
    """Take the items' titles with the events, where a column has them."""
    origins = document["columns"]
    item = _columns_of(origins.get("item_id"))
    used = {column for origin in origins.values() for column in _columns_of(origin)}
    used |= {column for key in KEYS_WITH_AMOUNTS for column in _columns_of(document.get(key))}
    title = title_column(rows, item[0], used) if item else None
    if title is not None:
        column, sure, why = title
        document["item_title"] = column
        guessed.append(GuessedColumn(name="item_title", column=column, confidence=sure, evidence=why))


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


def _take_sessions_for_visitors(origins: dict[str, Any], rows: dict[str, list[Any]], warnings: list[str]) -> None:
    """Let the session stand for the visitor where some rows name a session and no shopper."""
    session = origins.get("session_id")
    if "user_id" not in origins or "anonymous_id" in origins or not isinstance(session, str):
        return
    actors = _actors(rows[origins["user_id"]], "user_id")
    nameless = sum(actor is None and one not in (None, "") for actor, one in zip(actors, rows[session], strict=True))
    is_own, _ = shared_ids(rows[session], actors, "session_id", session)
    if nameless and not is_own:
        origins["anonymous_id"] = session
        share = nameless / len(actors)
        warnings.append(f"{share:.1%} of the rows have no {origins['user_id']}: their {session} stands for a visitor")


def _actors(ids: list[Any], kind: str) -> list[str | None]:
    """Return the shopper or visitor of each row, None where it is nobody."""
    return [None if one is None else clean_id(str(one), kind) for one in ids]


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
    for name in ("price", "value", *KEYS_WITH_AMOUNTS):
        place = document if name in KEYS_WITH_AMOUNTS else origins
        for column in _columns_of(place.get(name)):
            if any(isinstance(value, str) for value in values[column]):
                keys = _number_signs(origins, column, number_shape(values[column]), warnings)
                given = place[name] if isinstance(place[name], dict) else {"column": column}
                place[name] = given | keys if len(given | keys) > 1 else column
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


def _number_signs(origins: dict[str, Any], column: str, shape: NumberShape, warnings: list[str]) -> dict[str, str]:
    """Return how a column of amounts is written, take the currency from its sign, and say what is in doubt."""
    keys: dict[str, str] = {"decimal": shape.decimal} if shape.decimal != "." else {}
    keys |= {"thousands": shape.thousands} if shape.thousands else {}
    if len(shape.signs) == 1:
        keys["sign"] = shape.signs[0]
    if len(shape.signs) > 1:
        warnings.append(
            f"{column} has amounts in {', '.join(shape.signs)}: they are quarantined, export one column each"
        )
    elif shape.signs and "currency" not in origins:
        (sign,) = shape.signs
        code = CURRENCY_OF_SIGN.get(sign, sign if len(sign) == 3 and sign.isalpha() else None)
        if code:
            origins["currency"] = {"constant": code}
        else:
            warnings.append(f"{column} has the sign {sign}, which several currencies share: say which under currency")
    if shape.question:
        warnings.append(f"{column}: {shape.question}")
    return keys


def _first_rows(chunks: Iterator[RawChunk]) -> pa.Table:
    tables: list[pa.Table] = []
    for chunk in chunks:
        tables.append(chunk.rows)
        if sum(table.num_rows for table in tables) >= ROWS_LOOKED_AT:
            break
    return pa.concat_tables(tables).slice(0, ROWS_LOOKED_AT) if tables else pa.table({})


def _header_that_is_missing(path: Path) -> tuple[str, ...]:
    """Return names for the columns of a CSV file whose first line is a row already, for it has numbers in it."""
    first_part = parts_of(path)[0].path
    if kind_of(first_part) != "text" or plain_name(first_part).endswith((".jsonl", ".json", ".ndjson")):
        return ()
    with open_source(first_part) as file:
        first = file.readline(1 << 20).decode(errors="replace").strip()
    fields = first.split(delimiter_of(first))
    if len(fields) < 2 or not any(re.fullmatch(r"-?\d+(\.\d+)?", one.strip('" ')) for one in fields):
        return ()
    return tuple(f"column_{i}" for i in range(1, len(fields) + 1))
