"""How a shop writes its amounts is decided from the whole column."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import yaml

from shopsight.ingestion.guessing.guess import guess_mapping
from shopsight.ingestion.guessing.numbers import number_shape
from shopsight.ingestion.importers import import_file
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "decimal", "thousands"),
    [
        (["12.50", "1,234", "7.99"], ".", ","),
        (["12,50", "1.234", "7,99"], ",", "."),
        (["1,234.50", "10"], ".", ","),
        (["1.234,50", "10"], ",", "."),
        (["1,234,567", "10"], ".", ","),
        (["1.500", "990", "12.000"], ",", "."),
        (["0,950", "1,200"], ",", None),
        (["29.0000", "5.5"], ".", None),
        (["1 234,50", "3"], ",", None),
        (["€12.90", "€1,250.00"], ".", ","),
        (["4.711,98 EUR"], ",", "."),
        (["1", "20"], ".", None),
    ],
)
def test_the_signs_of_numbers_are_read_from_all_of_them(values: list[str], decimal: str, thousands: str | None) -> None:
    shape = number_shape(values)
    assert (shape.decimal, shape.thousands, shape.share) == (decimal, thousands, 1.0)


@pytest.mark.parametrize("values", [["1,234", "2,500"], ["1.234", "2.500"], ["12,50", "12.50"], ["1,234", "1.234"]])
def test_what_the_values_cannot_tell_is_asked(values: list[str]) -> None:
    shape = number_shape(values)
    assert shape.question
    assert shape.confidence <= 0.6


def test_weights_and_codes_are_no_amounts() -> None:
    assert number_shape(["12kg", "A-12", "12.50"]).share == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("prices", "total", "currency"),
    [
        (["12.50", '"1,234"', "7.99"], 1254.49, None),
        (['"12,50"', "1.234", '"7,99"'], 1254.49, None),
        (["£12.50", '"£1,234.00"', "£7.99"], 1254.49, "GBP"),
        (['"12,50 zł"', '"1 234,00 zł"', '"7,99 zł"'], 1254.49, "PLN"),
        (["$12.50", '"$1,234.00"', "$7.99"], 1254.49, None),
    ],
)
def test_prices_are_imported_as_the_guess_reads_them(
    home: Settings, tmp_path: Path, prices: list[str], total: float, currency: str | None
) -> None:
    rows = [f"{i},2026-02-0{i + 1} 10:00:00,c{i},s{i},{price}\n" for i, price in enumerate(prices)]
    path, mapping = tmp_path / "sales.csv", tmp_path / "sales.yml"
    path.write_text("order_id,order_date,customer_id,sku,price\n" + "".join(rows))
    mapping.write_text(yaml.safe_dump(guess_mapping(path).document, allow_unicode=True))
    assert import_file(home, "mapped", path, mapping=mapping, received_at=ARRIVAL).quarantined == 0
    files = str(home.event_log_dir / "arrival_date=*" / "batch=*" / "events" / "part-*.parquet")
    assert duckdb.sql(f"SELECT sum(price)::DOUBLE, any_value(currency) FROM '{files}'").fetchall() == [
        (total, currency)
    ]


def test_a_point_before_two_decimals_is_refused_under_a_decimal_comma(home: Settings, tmp_path: Path) -> None:
    path, mapping = tmp_path / "sales.csv", tmp_path / "sales.yml"
    path.write_text("o,t,c,s,p\n1,2026-02-01T10:00:00Z,c1,s1,12.50\n")
    mapping.write_text(
        "columns: {event_name: {constant: purchase}, order_id: o, event_timestamp: t, user_id: c, item_id: s, "
        'price: {column: p, decimal: ","}}\n'
    )
    assert import_file(home, "mapped", path, mapping=mapping, received_at=ARRIVAL).reasons == {"price_invalid": 1}
