"""Reads the RecSys Challenge 2015 (YooChoose): two files without header, clicks and buys of anonymous sessions.

Clicks are ``session,time,item,category``; a category is ``0`` (unknown), ``S`` (special offer), 1 to 12, or the number
of a brand. Buys are ``session,time,item,price,quantity``, where 0 means unknown. A session buys once: one order, in
which an item that is bought at two moments has two lines.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.repeats import LineCounter
from shopsight.ingestion.formats.tables import read_text_table
from shopsight.ingestion.formats.translation import mapped
from shopsight.ingestion.readers.chunks import RawChunk
from shopsight.ingestion.readers.source_files import unreadable

CLICK_COLUMNS: Final = ("session", "moment", "item", "category")
BUY_COLUMNS: Final = ("session", "moment", "item", "price", "quantity")
CLICKS_QUERY: Final = r"""
    select
        'view_item' as event_name,
        moment as event_timestamp,
        session as anonymous_id,
        session as session_id,
        item as item_id,
        case when category = 'S' then 'special offer'
             when regexp_full_match(category, '[1-9]|1[0-2]') then category end as category,
        case when regexp_full_match(category, '\d{3,}') then category end as brand
    from native
"""
BUYS_QUERY: Final = """
    select
        'purchase' as event_name,
        moment as event_timestamp,
        session as anonymous_id,
        session as session_id,
        item as item_id,
        nullif(price, '0') as price,
        nullif(quantity, '0') as quantity,
        session as order_id,
        hash(session, item) as line_hash,
        hash(session, moment, item, price, quantity) as row_hash
    from native
"""


def read_yoochoose(path: Path) -> Iterator[RawChunk]:
    """Yield the clicks, then the buys, in canonical columns.

    Args:
        path: the folder with both files, or either of them: the other lies beside it.

    Raises:
        SourceFileError: one of the two is missing, or cannot be read.
    """
    for file in both_files(path):
        yield from read_yoochoose_file(file)


def read_yoochoose_file(path: Path) -> Iterator[RawChunk]:
    """Yield the rows of one of the two files; its name says which it is."""
    is_clicks = "clicks" in path.name
    columns, query = (CLICK_COLUMNS, CLICKS_QUERY) if is_clicks else (BUY_COLUMNS, BUYS_QUERY)
    lines = LineCounter()
    with utc_connection() as connection:
        for chunk in read_text_table(path, names=columns):
            chunk = mapped(connection, chunk, query)
            if not is_clicks:
                numbers = lines.number(chunk.rows["line_hash"].to_numpy(), chunk.rows["row_hash"].to_numpy())
                rows = chunk.rows.drop_columns(["line_hash", "row_hash"])
                chunk = replace(chunk, rows=rows.append_column("line_number", pa.array(numbers)))
            yield replace(chunk, arrived_when_happened=True)


def both_files(path: Path) -> tuple[Path, Path]:
    """Return the clicks file and the buys file that a path stands for.

    Raises:
        SourceFileError: one of them is missing.
    """
    if path.is_dir():
        files = sorted(path.iterdir())
        clicks = next((file for file in files if "clicks" in file.name), path / "yoochoose-clicks.dat")
    else:
        clicks = path.with_name(path.name.replace("buys", "clicks"))
    buys = clicks.with_name(clicks.name.replace("clicks", "buys"))
    missing = [file.name for file in (clicks, buys) if not file.is_file()]
    if missing or clicks == buys:
        raise unreadable(
            path,
            why=f"it has no {' and no '.join(missing)}" if missing else "its name has neither clicks nor buys in it",
            fix="put yoochoose-clicks.dat and yoochoose-buys.dat into one folder, and give the folder or either file",
        )
    return clicks, buys
