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
from shopsight.ingestion.formats.tables import read_text_table
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
    with rows_of_invoices as (
        select
            upper(trim(Invoice)) as invoice,
            trim(StockCode) as code,
            starts_with(upper(trim(Invoice)), 'C') as is_refund,
            try_cast(Quantity as double) as pieces,
            nullif(regexp_replace(trim("Customer ID"::varchar), '\\.0$', ''), '') as customer,
            coalesce(try_cast(InvoiceDate as timestamp), try_strptime(InvoiceDate::varchar, '%m/%d/%Y %H:%M'))
                as moment,
            *
        from native
    )
    select
        case when is_refund then 'refund' else 'purchase' end as event_name,
        coalesce(strftime(moment, '%Y-%m-%dT%H:%M:%SZ'), InvoiceDate::varchar) as event_timestamp,
        customer as user_id,
        case when customer is null then 'invoice ' || invoice end as anonymous_id,
        invoice as session_id,
        invoice as order_id,
        code as item_id,
        case when is_refund and pieces < 0 then (-pieces)::varchar else Quantity::varchar end as quantity,
        Price::varchar as price,
        'GBP' as currency,
        nullif({one_of("Country", COUNTRIES)}, '') as country,
        -- Small letters are remarks of the stockroom: "damaged?".
        case when Description <> lower(Description) then trim(Description) end as title,
        regexp_full_match(upper(code), '{NO_PRODUCT}') as is_no_product,
        not is_refund and customer is null and try_cast(Price as double) = 0 as is_no_sale
    from rows_of_invoices
"""


def read_uci_online_retail(path: Path) -> Iterator[RawChunk]:
    """Yield purchases and refunds in canonical columns, then the products that were described.

    Args:
        path: CSV or Parquet with the columns of either edition.
    """
    catalogue = Catalogue()
    with utc_connection() as connection:
        for chunk in read_text_table(path, required=REQUIRED):
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
