"""Reads UCI's Online Retail (I and II): the invoices of a British gift shop, a product a row.

``C…`` invoices are refunds. A row without customer belongs to an actor of its own invoice, for nothing ties two such
invoices together. Postage, fees, vouchers and test rows have stock codes that are no products, and rows without price
and customer are corrections of stock: both are quarantined. Times have no zone; they are read as UTC.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow.compute as pc

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.catalogue import Catalogue
from shopsight.ingestion.formats.tables import read_table
from shopsight.ingestion.formats.translation import mapped, one_of
from shopsight.ingestion.readers.chunks import RawChunk

NAMES_OF_I: Final = {"InvoiceNo": "Invoice", "UnitPrice": "Price", "CustomerID": "Customer ID"}
"""Columns that the first edition names otherwise."""
REQUIRED: Final = ("StockCode", "Description", "Quantity", "InvoiceDate", "Country")
NO_PRODUCT: Final = "POST|DOT|C2|C3|M|D|S|B|CRUK|ADJUST.*|BANK CHARGES|AMAZONFEE|TEST.*|GIFT.*"
COUNTRIES: Final = {
    "United Kingdom": "GB", "EIRE": "IE", "Germany": "DE", "France": "FR", "Netherlands": "NL", "Spain": "ES",
    "Switzerland": "CH", "Belgium": "BE", "Portugal": "PT", "Sweden": "SE", "Italy": "IT", "Australia": "AU",
    "Channel Islands": "GB", "Austria": "AT", "Cyprus": "CY", "Greece": "GR", "Denmark": "DK", "Norway": "NO",
    "Finland": "FI", "United Arab Emirates": "AE", "USA": "US", "Poland": "PL", "Malta": "MT", "Japan": "JP",
    "Lithuania": "LT", "Singapore": "SG", "RSA": "ZA", "Bahrain": "BH", "Hong Kong": "HK", "Thailand": "TH",
    "Israel": "IL", "Iceland": "IS", "Korea": "KR", "Brazil": "BR", "Canada": "CA", "Nigeria": "NG", "Lebanon": "LB",
    "Bermuda": "BM", "Czech Republic": "CZ", "Saudi Arabia": "SA", "European Community": "", "Unspecified": "",
    "West Indies": "",
}  # fmt: skip
QUERY: Final = f"""
    WITH rows_of_invoices AS (
        SELECT
            upper(trim(Invoice)) AS invoice,
            trim(StockCode) AS code,
            starts_with(upper(trim(Invoice)), 'C') AS is_refund,
            TRY_CAST(Quantity AS DOUBLE) AS pieces,
            nullif(regexp_replace(trim("Customer ID"::VARCHAR), '\\.0$', ''), '') AS customer,
            coalesce(TRY_CAST(InvoiceDate AS TIMESTAMP), try_strptime(InvoiceDate::VARCHAR, '%m/%d/%Y %H:%M'))
                AS moment,
            *
        FROM native
    )
    SELECT
        CASE WHEN is_refund THEN 'refund' ELSE 'purchase' END AS event_name,
        coalesce(strftime(moment, '%Y-%m-%dT%H:%M:%SZ'), InvoiceDate::VARCHAR) AS event_timestamp,
        customer AS user_id,
        CASE WHEN customer IS NULL THEN 'invoice ' || invoice END AS anonymous_id,
        invoice AS session_id,
        invoice AS order_id,
        code AS item_id,
        CASE WHEN is_refund AND pieces < 0 THEN (-pieces)::VARCHAR ELSE Quantity::VARCHAR END AS quantity,
        Price::VARCHAR AS price,
        'GBP' AS currency,
        nullif({one_of("Country", COUNTRIES)}, '') AS country,
        -- Small letters are remarks of the stockroom: "damaged?".
        CASE WHEN Description <> lower(Description) THEN trim(Description) END AS title,
        regexp_full_match(upper(code), '{NO_PRODUCT}') AS is_no_product,
        NOT is_refund AND customer IS NULL AND TRY_CAST(Price AS DOUBLE) = 0 AS is_no_sale
    FROM rows_of_invoices
"""


def read_uci_online_retail(path: Path) -> Iterator[RawChunk]:
    """Yield purchases and refunds in canonical columns, then the products that were described.

    Args:
        path: CSV or Parquet with the columns of either edition.
    """
    catalogue = Catalogue()
    with utc_connection() as connection:
        for chunk in read_table(path, required=REQUIRED):
            names = [NAMES_OF_I.get(name, name) for name in chunk.rows.column_names]
            chunk = mapped(connection, replace(chunk, rows=chunk.rows.rename_columns(names)), QUERY)
            refused = {
                reason: chunk.rows[name].fill_null(False).to_numpy()
                for reason, name in (("not_a_product", "is_no_product"), ("not_a_sale", "is_no_sale"))
            }
            catalogue.note(chunk.rows.filter(pc.invert(chunk.rows["is_no_product"])))
            rows = chunk.rows.drop_columns(["title", "is_no_product", "is_no_sale"])
            yield replace(chunk, rows=rows, refused=refused, arrived_when_happened=True)
    yield catalogue.chunk(path.name)
