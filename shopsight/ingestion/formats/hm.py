"""Reads H&M's transactions: ``t_dat,customer_id,article_id,price,sales_channel_id``.

Days without an hour, read as midnight UTC; a repeated row is another piece. There are no order ids: what a customer
buys on one day in one channel is one order. Prices are scaled by the publisher, so they have no currency.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.repeats import RepeatCounter
from shopsight.ingestion.formats.tables import read_text_table
from shopsight.ingestion.formats.translation import mapped, one_of
from shopsight.ingestion.readers.chunks import RawChunk, TableName
from shopsight.ingestion.readers.source_files import unreadable

COLUMNS: Final = ("t_dat", "customer_id", "article_id", "price", "sales_channel_id")
CHANNELS: Final = {"1": "store", "2": "web"}
ARTICLE: Final = "repeat('0', 10 - length(article_id::varchar)) || article_id::varchar"
"""Ten digits; the first is a zero, which is lost where a table went through numbers on its way."""
EVENTS_QUERY: Final = f"""
    select
        'purchase' as event_name,
        coalesce(strftime(try_cast(t_dat as date), '%Y-%m-%dT00:00:00Z'), t_dat::varchar) as event_timestamp,
        customer_id as user_id,
        nullif({ARTICLE}, '0000000000') as item_id,
        price,
        {one_of("sales_channel_id::varchar", CHANNELS)} as channel,
        concat_ws('-', t_dat::varchar, sales_channel_id::varchar) as order_id,
        hash({", ".join(COLUMNS)}) as row_hash
    from native
"""
ITEMS_QUERY: Final = f"""
    select
        nullif({ARTICLE}, '0000000000') as item_id,
        prod_name as title,
        detail_desc as description,
        concat_ws(' > ', nullif(index_group_name, ''), nullif(product_group_name, ''), nullif(product_type_name, ''))
            as category,
        json_object('colour', colour_group_name, 'department', department_name)::varchar as attributes
    from native
"""
USERS_QUERY: Final = """
    select
        customer_id as user_id,
        case when try_cast(age as integer) >= 10
             then format('{0}-{1}', age::integer // 10 * 10, age::integer // 10 * 10 + 9) end as age_band
    from native
"""
ITEM_COLUMNS: Final = (
    "article_id", "prod_name", "detail_desc", "index_group_name", "product_group_name", "product_type_name",
    "colour_group_name", "department_name",
)  # fmt: skip


def read_hm(path: Path) -> Iterator[RawChunk]:
    """Yield the articles and customers that lie beside the transactions, then the transactions.

    Args:
        path: ``transactions_train.csv``, its folder, or any of the data set's tables by itself.

    Raises:
        SourceFileError: a table cannot be read or lacks a column.
    """
    for file in hm_files(path):
        yield from read_hm_table(file)


def read_hm_table(path: Path) -> Iterator[RawChunk]:
    """Yield the rows of one table; its name says which it is."""
    table: TableName = "items" if "articles" in path.name else "users" if "customers" in path.name else "events"
    required = {"events": COLUMNS, "items": ITEM_COLUMNS, "users": ("customer_id", "age")}[table]
    query = {"events": EVENTS_QUERY, "items": ITEMS_QUERY, "users": USERS_QUERY}[table]
    pieces = RepeatCounter()
    with utc_connection() as connection:
        for chunk in read_text_table(path, required=required):
            chunk = mapped(connection, chunk, query)
            if table == "events":
                numbers = pieces.number(chunk.rows["row_hash"].to_numpy())
                rows = chunk.rows.drop_columns(["row_hash"]).append_column("line_number", pa.array(numbers))
                chunk = replace(chunk, rows=rows, per_actor=("order_id",), arrived_when_happened=True)
            yield replace(chunk, table=table)


def hm_files(path: Path) -> list[Path]:
    """Return the tables that belong to a path: articles and customers before the transactions."""
    folder = path if path.is_dir() else path.parent
    if not path.is_dir() and "transactions" not in path.name:
        return [path]
    beside = sorted(file for file in folder.iterdir() if file.is_file())
    transactions = [file for file in beside if "transactions" in file.name] if path.is_dir() else [path]
    if not transactions:
        raise unreadable(path, why="the folder holds no transactions_train.csv", fix="give the file, or name it so")
    companions = [file for name in ("articles", "customers") for file in beside if file.name.startswith(name)]
    return [*companions, *transactions]
