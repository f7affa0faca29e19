"""Finds the file of orders that lies beside a file of their lines."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.joined_orders import JoinedOrders
from shopsight.ingestion.formats.mapping import JOINED, OrdersFile
from shopsight.ingestion.formats.tables import read_table
from shopsight.ingestion.guessing.words import COLUMN_WORDS, snake_case
from shopsight.ingestion.readers.chunks import chunk_of_rows
from shopsight.ingestion.readers.source_files import SourceFileError

MAX_FILES: Final = 20
KEYS: Final = ("order_id", "id", "entity_id", "order_number")
"""What the order's own column is called in a file of orders, where not as in the lines."""


@dataclass(frozen=True, kw_only=True)
class JoinedGuess:
    """A file of orders that fits."""

    key: dict[str, str]
    """The mapping's key ``orders``."""
    rows: dict[str, list[Any]]
    """Its columns, called ``orders.NAME``, for each of the lines."""
    said: str


def orders_beside(path: Path, lines: pa.Table, column: str) -> JoinedGuess | None:
    """Return the file beside another that has a row for each of its orders, with a shopper and a time."""
    for other in sorted(path.parent.glob(f"*{path.suffix}"))[:MAX_FILES]:
        if other == path or not other.is_file():
            continue
        try:
            names = next(iter(read_table(other))).rows.column_names
        except (SourceFileError, StopIteration):
            continue
        key = next((name for name in (column, *KEYS) if name in names), None)
        if key is None or not _says_who_and_when(names):
            continue
        orders = OrdersFile(file=other, column=column, key=key)
        wanted = [f"{JOINED}{name}" for name in names if name != key]
        try:
            with utc_connection() as connection:
                chunk = chunk_of_rows(lines, first_line=1)
                joined = JoinedOrders(connection, orders, wanted).joined(connection, chunk).rows
        except SourceFileError:  # such as several rows for one order: no file of orders
            continue
        rows = {name: joined[name].to_pylist() for name in wanted}
        joined = sum(any(values) for values in zip(*rows.values(), strict=True))
        if joined < 0.5 * lines.num_rows:
            continue
        names_key = {"key": key} if key != column else {}
        said = f"{other.name} lies beside it, and has the orders of {joined / lines.num_rows:.0%} of the lines: joined"
        return JoinedGuess(key={"file": other.name, "column": column, **names_key}, rows=rows, said=said)
    return None


def _says_who_and_when(names: list[str]) -> bool:
    """Return whether a file has a shopper and a time, and no item: then its rows are orders, and no lines of them."""
    words = {snake_case(name) for name in names}
    who = {*COLUMN_WORDS["user_id"], *COLUMN_WORDS["anonymous_id"]}
    is_of_lines = words & {*COLUMN_WORDS["item_id"], *COLUMN_WORDS["quantity"]}
    return bool(words & who) and bool(words & set(COLUMN_WORDS["event_timestamp"])) and not is_of_lines
