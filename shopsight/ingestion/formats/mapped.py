"""Reads a table of any shape by a mapping of its columns."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shopsight.events import EVENT_NAMES
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.catalogue import Catalogue
from shopsight.ingestion.formats.joined_orders import JoinedOrders
from shopsight.ingestion.formats.mapped_sql import HELPERS, query_of
from shopsight.ingestion.formats.mapping import JOINED, Mapping
from shopsight.ingestion.formats.nested import with_paths
from shopsight.ingestion.formats.repeats import RepeatCounter
from shopsight.ingestion.formats.tables import read_table
from shopsight.ingestion.formats.translation import mapped
from shopsight.ingestion.formats.whole_orders import WholeOrders, refunds_of, without_lines_that_do_not_count
from shopsight.ingestion.guessing.words import EVENT_OF_WORD, event_word
from shopsight.ingestion.readers.chunks import DOUBTS, RawChunk
from shopsight.ingestion.readers.source_files import unreadable

WORDS_SHOWN: Final = 20
MAX_UNKNOWN_SHARE: Final = 0.9
"""With more rows than this whose word for the event is unknown, the mapping is wrong and not the rows."""
MIN_ROWS_JUDGED: Final = 10
"""Fewer rows say too little of a mapping: they go to the quarantine, as any row with an unknown word does."""
EVER: Final = "1970-01-01T00:00:00Z"
"""Since when an item is called what its events call it: the shop's own catalogue is newer, and goes before it."""


def read_mapped_with_items(path: Path, mapping: Mapping) -> Iterator[RawChunk]:
    """Yield what :func:`read_mapped` does, then the items that the rows of events give a title.

    Args:
        path: as :func:`read_mapped` takes it.
        mapping: as :func:`read_mapped` takes it.
    """
    titles = Catalogue()
    yield from read_mapped(path, mapping, titles=titles)
    if mapping.item_title:
        items = titles.chunk(path.name)
        yield replace(items, rows=items.rows.append_column("valid_from", pa.repeat(EVER, items.rows.num_rows)))


def read_mapped(
    path: Path, mapping: Mapping, *, is_replay: bool = False, titles: Catalogue | None = None
) -> Iterator[RawChunk]:
    """Yield the file's rows in canonical columns.

    A file is read twice where a line can only be understood with the other lines of its order.

    Args:
        path: delimited text, Parquet, Excel or JSON Lines, or a folder of such files.
        mapping: where each canonical column comes from.
        is_replay: whether the file holds single lines of another, so that JSON may lack keys which that one has.
        titles: is told what the rows call their items, where the mapping says so.

    Raises:
        SourceFileError: the file cannot be read, or lacks a column that the mapping names.
    """
    orders = WholeOrders(_translated(path, mapping, is_replay), mapping) if mapping.needs_whole_orders() else None
    repeats = RepeatCounter()
    for chunk in _translated(path, mapping, is_replay):
        if mapping.table == "events":
            _refuse_unknown_words(path, chunk.rows["event_name"])
        chunk = orders.completed(chunk) if orders else chunk
        chunk = without_lines_that_do_not_count(chunk)
        if mapping.item_title and titles is not None:
            titles.note(_titled(chunk))
        refunds = refunds_of(chunk)
        chunk = _with_pieces_numbered(chunk, repeats) if mapping.repeats_are_pieces else chunk
        for one in (chunk, refunds):
            if one is not None:
                yield replace(one, rows=one.rows.drop_columns(_helpers_of(one.rows)), doubts=_doubts(one))


def _translated(path: Path, mapping: Mapping, is_replay: bool) -> Iterator[RawChunk]:
    """Yield the rows of a file, each on its own, in canonical columns and those of :data:`HELPERS`."""
    names = mapping.named_columns()
    with utc_connection() as connection:
        joined = [name for name in names if name.startswith(JOINED)]
        orders = JoinedOrders(connection, mapping.orders, joined) if mapping.orders else None
        for chunk in read_table(
            path,
            required=() if mapping.header else mapping.used_columns(),
            names=mapping.header,
            encoding=mapping.encoding,
            delimiter=mapping.delimiter,
            keys_in_every_file=not is_replay and path.is_file(),
        ):
            chunk = with_paths(connection, orders.joined(connection, chunk) if orders else chunk, names)
            query = query_of(mapping, chunk.rows.schema)
            # DuckDB knows no capitals in names, a file does: Price and price are two columns.
            places = [str(place) for place in range(chunk.rows.num_columns)]
            chunk = mapped(connection, replace(chunk, rows=chunk.rows.rename_columns(places)), query)
            yield replace(
                _with_places_in_lines(chunk) if mapping.table == "events" else chunk,
                table=mapping.table,
                per_actor=mapping.unique_per_actor,
                arrived_when_happened=mapping.history and mapping.table == "events",
            )


def _with_places_in_lines(chunk: RawChunk) -> RawChunk:
    """Return rows of one line told apart by their place in it, where the mapping has no number for them."""
    if chunk.parts is None or "line_number" in chunk.rows.column_names:
        return chunk
    return replace(chunk, rows=chunk.rows.append_column("line_number", pa.array(chunk.parts)))


def _doubts(chunk: RawChunk) -> dict[str, NDArray[np.bool_]]:
    """Return which rows have an hour that daylight saving leaves out, or has twice."""
    names = [name for name in DOUBTS if name in chunk.rows.column_names]
    return {name: chunk.rows[name].fill_null(False).to_numpy() for name in names}


def _helpers_of(rows: pa.Table) -> list[str]:
    return [name for name in rows.column_names if name in HELPERS]


def _titled(chunk: RawChunk) -> pa.Table:
    """Return what the rows that count say of their items, where it is not blank."""
    is_good = ~np.logical_or.reduce([np.zeros(chunk.rows.num_rows, dtype=np.bool_), *chunk.refused.values()])
    names = {"item_id": "item_id", "item_title": "title", "category": "category", "brand": "brand"}
    said = {new: chunk.rows[old].cast(pa.string()) for old, new in names.items() if old in chunk.rows.column_names}
    for name, texts in said.items():
        trimmed = pc.utf8_trim_whitespace(texts)
        said[name] = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    return pa.table(said).filter(pa.array(is_good))


def _refuse_unknown_words(path: Path, names: pa.ChunkedArray) -> None:
    """Stop where nearly every word for an event means nothing here: the mapping is wrong, not the rows.

    Raises:
        SourceFileError: with the words, how often each occurs, and the lines that the mapping needs.
    """
    counts = Counter({pair["values"]: pair["counts"] for pair in names.value_counts().to_pylist()})
    unknown = Counter({word: rows for word, rows in counts.items() if word and word.strip() not in EVENT_NAMES})
    if counts.total() < MIN_ROWS_JUDGED or unknown.total() <= MAX_UNKNOWN_SHARE * counts.total():
        return
    common = [word for word, _ in unknown.most_common(WORDS_SHOWN)]
    said = ", ".join(f"{word!r} ({unknown[word]:,})" for word in common)
    more = f" and {len(unknown) - len(common)} more" if len(unknown) > len(common) else ""
    proposal = ", ".join(f"{word!r}: {EVENT_OF_WORD.get(event_word(word), '?')}" for word in common)
    raise unreadable(
        path,
        why=f"nearly all of its rows have words for events that are no event names: {said}{more}",
        fix=f"say in the mapping, under event_name, what each means: values: {{{proposal}}}; "
        f"the names are {', '.join(EVENT_NAMES)}",
    )


def _with_pieces_numbered(chunk: RawChunk, repeats: RepeatCounter) -> RawChunk:
    counted = chunk.rows["is_counted"].fill_null(False).to_numpy()
    numbers = np.zeros(chunk.rows.num_rows, dtype=np.int64)
    numbers[counted] = repeats.number(chunk.rows["row_hash"].to_numpy()[counted])
    return replace(chunk, rows=chunk.rows.append_column("line_number", pa.array(numbers)))
