"""Brings what a file of orders says to the lines of those orders, which lie in another file."""

from collections.abc import Sequence
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from shopsight.identity import clean_ids
from shopsight.ingestion.formats.mapping import JOINED, OrdersFile
from shopsight.ingestion.formats.tables import read_table
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.columns import root_of
from shopsight.ingestion.readers.source_files import unreadable
from shopsight.ingestion.readers.texts import as_text


class JoinedOrders:
    """The rows of a file of orders, by the order's id."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, orders: OrdersFile, names: Sequence[str]) -> None:
        """Read the file whole.

        Args:
            connection: any connection in UTC.
            orders: the file, and the columns that the two files share.
            names: columns of the orders that are wanted, each after ``orders.``; a path into JSON brings its column.

        Raises:
            SourceFileError: the file cannot be read, lacks a column, or has two rows for one order.
        """
        self._column = orders.column
        key = orders.key or orders.column
        wanted = [name.removeprefix(JOINED) for name in names]
        chunks = list(read_table(orders.file, required=tuple(dict.fromkeys([key, *wanted])), keys_in_every_file=True))
        rows = (
            pa.concat_tables([chunk.rows for chunk in chunks]) if chunks else pa.table({key: pa.array([], pa.string())})
        )
        ids = _ids(connection, rows[key])
        repeated = [pair["values"] for pair in ids.drop_null().value_counts().to_pylist() if pair["counts"] > 1]
        if repeated:
            raise unreadable(
                orders.file,
                why=f"{len(repeated):,} orders have several rows in it, such as {repeated[0]} in {key}",
                fix="give a file with one row per order, or name its key column under orders: key",
            )
        self._ids = ids.combine_chunks()
        columns = {root for name in wanted if (root := root_of(name, rows.column_names))}
        self._rows = rows.select(sorted(columns)).rename_columns([f"{JOINED}{name}" for name in sorted(columns)])

    def joined(self, connection: duckdb.DuckDBPyConnection, chunk: RawChunk) -> RawChunk:
        """Return lines with the columns of their orders, which are null where there is no such order."""
        places = pc.index_in(_ids(connection, chunk.rows[self._column]), value_set=self._ids)
        rows = chunk.rows
        for name in self._rows.column_names:
            rows = rows.append_column(name, self._rows[name].take(places))
        return replace(chunk, rows=rows)


def _ids(connection: duckdb.DuckDBPyConnection, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return ids as text in their one spelling: 17850.0 of one file is 17850 of the other."""
    return clean_ids(as_text(connection, column), "order_id")
