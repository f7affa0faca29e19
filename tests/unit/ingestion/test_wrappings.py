import bz2
import gzip
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopsight.ingestion.duck import utc_connection
from shopsight.ingestion.formats.ga4 import read_ga4
from shopsight.ingestion.formats.tables import read_table
from shopsight.ingestion.formats.uci_online_retail import read_uci_online_retail
from shopsight.ingestion.readers.chunks import RawChunk, chunk_of_rows
from shopsight.ingestion.readers.rest import gather_rest
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.ingestion.validation.validate import validate

TEXT = b"shopper,item\nu1,i1\nu2,i2\n"
ROWS = [{"shopper": "u1", "item": "i1"}, {"shopper": "u2", "item": "i2"}]
ARRIVAL = datetime(2026, 11, 1, tzinfo=UTC)


def rows_of(path: Path) -> list[dict[str, object]]:
    return [row for chunk in read_table(path) for row in chunk.rows.to_pylist()]


def write_packed(path: Path) -> None:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(TEXT))
    elif path.suffix == ".bz2":
        path.write_bytes(bz2.compress(TEXT))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("__MACOSX/._sales.csv", b"\x00")
            archive.writestr("sales.csv", TEXT)
    else:
        with pa.output_stream(path, compression="zstd") as out:
            out.write(TEXT)


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".zip", ".zst"])
def test_a_packed_file_is_read_whatever_its_name_says(tmp_path: Path, ending: str) -> None:
    packed = tmp_path / f"sales.csv{ending}"
    write_packed(packed)
    assert rows_of(packed) == ROWS
    assert rows_of(packed.rename(tmp_path / "sales.csv")) == ROWS


def test_an_archive_of_several_files_is_refused_with_their_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "sales.zip", "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", TEXT)
    with pytest.raises(SourceFileError, match=r"zip archive of 2 files: a\.csv, b\.csv"):
        rows_of(tmp_path / "sales.zip")


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".zst"])
def test_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path, ending: str) -> None:
    packed = tmp_path / f"sales.csv{ending}"
    write_packed(packed)
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(SourceFileError, match="not whole"):
        rows_of(packed)


def test_parquet_is_known_by_its_bytes(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "sales.parquet.snappy")
    assert rows_of(tmp_path / "sales.parquet.snappy") == ROWS


def test_a_folder_of_shards_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").write_bytes(b"")
    (tmp_path / "sales_000000000000.csv.gz").write_bytes(gzip.compress(b"shopper,item\nu1,i1\n"))
    (tmp_path / "sales_000000000001.csv.gz").write_bytes(gzip.compress(b"shopper,item\nu2,i2\n"))
    assert rows_of(tmp_path) == ROWS


def test_the_folders_of_a_partitioned_table_are_columns(tmp_path: Path) -> None:
    for day in ("2026-03-01", "2026-03-02"):
        folder = tmp_path / f"event_date={day}"
        folder.mkdir()
        pq.write_table(pa.table({"shopper": ["u1"]}), folder / "part-0.parquet")
    assert [row["event_date"] for row in rows_of(tmp_path)] == ["2026-03-01", "2026-03-02"]


def test_a_workbook_is_read_as_its_sheets(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["shopper", "item", "at"])
    book.active.append([17850.0, "i1", datetime(2026, 3, 1, 10)])
    book.save(tmp_path / "sales.xlsx")
    assert rows_of(tmp_path / "sales.xlsx") == [{"shopper": "17850", "item": "i1", "at": "2026-03-01 10:00:00"}]


def test_a_workbook_that_cannot_be_read_is_called_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "sales.csv", "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(SourceFileError, match=r"(?s)Excel workbook.*save the sheet as CSV UTF-8"):
        rows_of(tmp_path / "sales.csv")


def test_invoices_that_are_whole_numbers_read_as_the_text_they_are(tmp_path: Path) -> None:
    table = pa.table(
        {
            "InvoiceNo": pa.array([536365], pa.int64()),
            "StockCode": pa.array([71053], pa.int64()),
            "Description": ["LANTERN"],
            "Quantity": pa.array([6], pa.int32()),
            "InvoiceDate": pa.array([datetime(2010, 12, 1, 8, 26)], pa.timestamp("ns")),
            "UnitPrice": [3.39],
            "CustomerID": [17850.0],
            "Country": ["France"],
        }
    )
    pq.write_table(table, tmp_path / "sales.parquet")
    row = next(read_uci_online_retail(tmp_path / "sales.parquet")).rows.to_pylist()[0]
    assert (row["order_id"], row["item_id"], row["user_id"]) == ("536365", "71053", "17850")
    assert (row["event_timestamp"], row["quantity"], row["price"]) == ("2010-12-01T08:26:00Z", "6", "3.39")


def test_ga4_comes_as_parquet_too(tmp_path: Path) -> None:
    event = {
        "event_name": "purchase",
        "event_timestamp": 1772359500000000,
        "user_pseudo_id": "d1.2",
        "ecommerce": {"transaction_id": "T1"},
        "items": [{"item_id": "i1", "price": 5.0, "quantity": 2}, {"item_id": "i2", "price": 1.0, "quantity": 1}],
    }
    pq.write_table(pa.Table.from_pylist([event]), tmp_path / "events_20260301.parquet")
    rows = next(read_ga4(tmp_path / "events_20260301.parquet")).rows.to_pylist()
    assert [(row["order_id"], row["item_id"], row["quantity"]) for row in rows] == [
        ("T1", "i1", "2"),
        ("T1", "i2", "1"),
    ]


def test_columns_that_differ_only_in_capitals_stay_apart() -> None:
    rows = pa.table({"price": ["10.00"], "Price": ["99.00"], "PRICE": ["7"]})
    with utc_connection() as connection:
        gathered = gather_rest(connection, rows, known=("price",), into="properties").to_pylist()
    assert gathered == [{"price": "10.00", "properties": '{"Price":"99.00","PRICE":"7"}'}]


def chunk_at(moment: str) -> RawChunk:
    row = {"event_name": "view_item", "event_timestamp": moment, "user_id": "u1", "item_id": "i1"}
    return chunk_of_rows(pa.Table.from_pylist([row]), first_line=1)


@pytest.mark.parametrize(
    "moment",
    [
        "2026-03-01 10:05:00 -0500",
        "2026-03-01 15:05:00+00",
        "2026-03-01 16:05:00 +01",
        "2026-03-01T20:35:00+0530",
        "1772377500000000000",
        "1772377500000000",
        "1772377500",
    ],
)
def test_times_are_read_as_tools_write_them(moment: str) -> None:
    with utc_connection() as connection:
        good = validate(connection, chunk_at(moment), source_name="shop", received_at=ARRIVAL).good
    assert good["event_timestamp"].to_pylist() == [datetime(2026, 3, 1, 15, 5, tzinfo=UTC)]


@pytest.mark.parametrize("moment", ["46082.416", "20260301100000", "20260301"])
def test_numbers_that_are_no_epoch_are_refused(moment: str) -> None:
    with utc_connection() as connection:
        judged = validate(connection, chunk_at(moment), source_name="shop", received_at=ARRIVAL)
    assert judged.reasons == [["event_timestamp_out_of_range"]]
