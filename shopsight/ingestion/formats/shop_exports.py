"""Reads the exports of a shop system: files whose header says whether they hold orders, products or customers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.catalogue import Catalogue
from shopsight.ingestion.formats.orders import columns_by_alias, has_columns, order_events, taken, whole_orders
from shopsight.ingestion.formats.tables import read_text_table
from shopsight.ingestion.formats.translation import mapped
from shopsight.ingestion.readers.chunks import RawChunk, TableName
from shopsight.ingestion.readers.parts import parts_of
from shopsight.ingestion.readers.source_files import unreadable


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

    def fits(self, names: list[str]) -> bool:
        """Return whether a file with these columns is of this kind."""
        return has_columns(names, *(self.columns[name] for name in self.known_by))


def read_shop(path: Path, tables: Sequence[ShopTable]) -> Iterator[RawChunk]:
    """Yield the items and users of a file or folder, then the events of its orders, then the items these name.

    Args:
        path: one export, or a folder of them.
        tables: the kinds of files there are; the first that fits is taken.

    Raises:
        SourceFileError: a file cannot be read, or is of none of the kinds.
    """
    kinds = [(part.path, _kind(part.path, tables)) for part in parts_of(path)]
    kinds.sort(key=lambda pair: ("items", "users", "events").index(pair[1].table))
    for done, (file, kind) in enumerate(kinds):
        is_alone = all(other.table != "items" for _, other in kinds)
        for chunk in _read(file, kind, with_items=is_alone):
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
            catalogue.note(said.rows)
            yield replace(said, rows=said.rows.drop_columns(["title"]))
    if file_name is not None:
        yield catalogue.chunk(file_name)


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


def _read(path: Path, kind: ShopTable, *, with_items: bool) -> Iterator[RawChunk]:
    named = (
        replace(chunk, rows=columns_by_alias(chunk.rows, kind.columns), table=kind.table)
        for chunk in read_text_table(path)
    )
    chunks = whole_orders(named, kind.key)
    if kind.table == "events":
        yield from order_chunks(chunks, kind.query, file_name=path.name if with_items else None)
        return
    with utc_connection() as connection:
        for chunk in chunks:
            row = pa.array(np.arange(chunk.rows.num_rows))
            said = mapped(connection, replace(chunk, rows=chunk.rows.append_column("row", row)), kind.query)
            if "is_none" in said.rows.column_names:
                said = taken(said, np.flatnonzero(~said.rows["is_none"].to_numpy(zero_copy_only=False)))
                said = replace(said, rows=said.rows.drop_columns(["is_none"]))
            yield said
