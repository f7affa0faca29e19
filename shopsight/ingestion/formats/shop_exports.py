"""Reads the exports of a shop system: files whose header says whether they hold orders, products or customers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.catalogue import Catalogue
from shopsight.ingestion.formats.orders import (
    columns_by_alias,
    has_columns,
    order_events,
    taken,
    whole_orders,
    with_plain_amounts,
)
from shopsight.ingestion.formats.tables import read_text_table
from shopsight.ingestion.formats.translation import mapped
from shopsight.ingestion.readers.chunks import RawChunk, TableName
from shopsight.ingestion.readers.json_lines import read_objects
from shopsight.ingestion.readers.parts import parts_of
from shopsight.ingestion.readers.source_files import kind_of, open_bytes, plain_name, unreadable


@dataclass(frozen=True, kw_only=True)
class ShopTable:
    """One kind of file that a shop system exports."""

    table: TableName
    columns: Mapping[str, tuple[str, ...]]
    """What the query reads, and the words of the header it goes by in old and new versions of the system."""
    known_by: tuple[str, ...]
    """Those of the columns that no file of this kind lacks, and that tell it from the others."""
    query: str
    """SQL over ``native``: of ``events`` as :func:`order_events` takes it, else rows in canonical columns, with a
    ``row`` and a truth ``is_none`` where some rows are no item or user of their own."""
    key: str
    """Column that the rows of one order or product share."""
    amounts: tuple[str, ...] = ()
    """Those of the columns that are amounts of money."""
    is_lookup: bool = False
    """Whether the rows are orders without their lines, which only add to the lines in another file."""

    def fits(self, names: list[str]) -> bool:
        """Return whether a file with these columns is of this kind."""
        return has_columns(names, *(self.columns[name] for name in self.known_by))


@dataclass(frozen=True, kw_only=True)
class NestedOrders:
    """Orders as objects that hold their lines, as the system's REST API gives them."""

    within: str
    """Key of an order under which its lines are."""
    lists: tuple[str, ...]
    """Keys under which a document may hold the list of orders."""
    query: str
    """SQL over ``objects`` that gives a row per line in the columns of the lines' table."""


def read_shop(path: Path, tables: Sequence[ShopTable], nested: NestedOrders | None = None) -> Iterator[RawChunk]:
    """Yield the items and users of a file or folder, then the events of its orders, then the items these name.

    Args:
        path: one export, or a folder of them.
        tables: the kinds of files there are, the lines of orders first; the first that fits is taken.
        nested: how orders look that hold their lines.

    Raises:
        SourceFileError: a file cannot be read, or is of none of the kinds.
    """
    lines = tables[0]
    files = [part.path for part in parts_of(path)]
    kinds = [(file, None if nested and _is_nested(file, nested) else _kind(file, tables)) for file in files]
    kinds.sort(key=lambda pair: ("items", "users", "events").index(pair[1].table if pair[1] else "events"))
    lookup = _lookup([(file, kind) for file, kind in kinds if kind and kind.is_lookup])
    if lookup is not None and all(kind and (kind.is_lookup or kind.table != "events") for _, kind in kinds):
        raise unreadable(path, why="it has orders without their lines", fix="put the export of the lines beside it")
    is_alone = all(kind is None or kind.table != "items" for _, kind in kinds)
    for done, (file, kind) in enumerate(kinds):
        if kind is None and nested:
            objects = read_objects(file, nested.query, lists=nested.lists)
            chunks = order_chunks(objects, lines.query, file_name=file.name if is_alone else None)
        elif kind is None or kind.is_lookup:
            continue
        else:
            chunks = _read(file, kind, lookup, with_items=is_alone)
        for chunk in chunks:
            yield replace(chunk, fraction=(done + chunk.fraction) / len(kinds))


def order_chunks(chunks: Iterator[RawChunk], query: str, *, file_name: str | None) -> Iterator[RawChunk]:
    """Yield the events of whole orders, then the items they name.

    Args:
        chunks: as :func:`order_events` takes them.
        query: as :func:`order_events` takes it.
        file_name: of the chunk of items; None leaves them out.
    """
    catalogue = Catalogue()
    with utc_connection() as connection:
        for chunk in chunks:
            said = order_events(connection, chunk, query)
            catalogue.note(said.rows.filter(pa.array(~said.refused["part_of_another_line"])))
            yield replace(said, rows=said.rows.drop_columns(["title"]))
    if file_name is not None:
        yield catalogue.chunk(file_name)


def _is_nested(path: Path, nested: NestedOrders) -> bool:
    """Return whether a file holds orders that hold their lines."""
    if kind_of(path) == "parquet":
        with open_bytes(path) as source:
            return nested.within in pq.read_schema(source).names
    return plain_name(path).endswith((".json", ".jsonl", ".ndjson"))


def _kind(path: Path, tables: Sequence[ShopTable]) -> ShopTable:
    first = next(read_text_table(path), None)
    names = [] if first is None else first.rows.column_names
    for kind in tables:
        if kind.fits(names):
            return kind
    wanted = "; ".join(f"{t.table}: {', '.join(t.columns[name][0] for name in t.known_by)}" for t in tables)
    raise unreadable(
        path,
        why=f"its header is none that this format knows; it has: {', '.join(names) or 'nothing'}",
        fix=f"export it with the columns of one of these ({wanted}), or import it as mapped",
    )


def _lookup(files: Sequence[tuple[Path, ShopTable]]) -> pa.Table | None:
    """Return the orders of files without lines, held in memory as a whole."""
    tables = []
    for file, kind in files:
        for chunk in read_text_table(file):
            orders = with_plain_amounts(file, columns_by_alias(chunk.rows, kind.columns), kind.amounts)
            # Lines name their order by the key of its row, or by the number that the customer sees.
            tables += [orders.append_column("order_key", orders[name]) for name in kind.known_by[:2]]
    return pa.concat_tables(tables) if tables else None


def _read(path: Path, kind: ShopTable, lookup: pa.Table | None, *, with_items: bool) -> Iterator[RawChunk]:
    named = (
        replace(
            chunk,
            rows=with_plain_amounts(path, columns_by_alias(chunk.rows, kind.columns), kind.amounts),
            table=kind.table,
        )
        for chunk in read_text_table(path)
    )
    if kind.table == "events":
        chunks = whole_orders(named if lookup is None else _looked_up(named, lookup, kind.key), kind.key)
        yield from order_chunks(chunks, kind.query, file_name=path.name if with_items else None)
        return
    with utc_connection() as connection:
        for chunk in whole_orders(named, kind.key):
            row = pa.array(np.arange(chunk.rows.num_rows))
            said = mapped(connection, replace(chunk, rows=chunk.rows.append_column("row", row)), kind.query)
            if "is_none" in said.rows.column_names:
                said = taken(said, np.flatnonzero(~said.rows["is_none"].to_numpy(zero_copy_only=False)))
            own = [name for name in said.rows.column_names if name not in ("row", "is_none")]
            yield replace(said, rows=said.rows.select(own))


def _looked_up(chunks: Iterator[RawChunk], lookup: pa.Table, key: str) -> Iterator[RawChunk]:
    """Yield lines with what the orders beside them say; an order's own number replaces the system's key of it."""
    with utc_connection() as connection:
        connection.register("lookup", lookup)
        connection.execute("create temp table orders as select distinct on (order_key) * from lookup")
        for chunk in chunks:
            shared = [name for name in chunk.rows.column_names if name in lookup.column_names and name != key]
            columns = ", ".join(f"coalesce(orders.{name}, lines.{name}) as {name}" for name in shared)
            own = ", ".join(f"lines.{name}" for name in chunk.rows.column_names if name not in (*shared, key))
            row = pa.array(np.arange(chunk.rows.num_rows))
            connection.register("lines", chunk.rows.append_column("row", row))
            rows = connection.sql(
                f"select coalesce(orders.{key}, lines.{key}) as {key}, {columns}, {own} "
                f"from lines left join orders on lines.{key} = orders.order_key order by lines.row"
            ).to_arrow_table()
            connection.unregister("lines")
            yield replace(chunk, rows=rows)
