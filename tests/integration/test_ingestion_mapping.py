"""Files in a shop's own columns: the mapping, its mistakes, and the guess of one."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from cli.app import app
from shopsight.events import EVENT_NAMES
from shopsight.ingestion.formats.mapping import ColumnMapping, Mapping
from shopsight.ingestion.formats.mapping_file import MappingError, read_mapping
from shopsight.ingestion.guessing.guess import guess_mapping
from shopsight.ingestion.guessing.values import time_shape
from shopsight.ingestion.guessing.words import EVENT_OF_WORD, snake_case
from shopsight.ingestion.importers import import_file
from shopsight.ingestion.landing import import_pending, pending
from shopsight.ingestion.log.event_log import Receipt
from shopsight.ingestion.log.quarantine import read_quarantine
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.settings import REPO_ROOT, Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAPPING = """\
source: hats
history: false
columns:
  event_name: {column: Aktion, values: {gesehen: view_item, gekauft: purchase}}
  event_timestamp: {column: Zeit, format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}
  user_id: Kunde
  item_id: Artikel
  order_id: {column: Bon, only: [purchase, refund]}
  quantity: Menge
  price: {column: Preis, decimal: ","}
  currency: {constant: EUR}
  category: {column: Gruppe, separator: /}
properties: [Filiale]
unique_per_actor: [order_id]
negative_quantity_is_refund: true
"""
TABLE = """\
Zeit;Kunde;Aktion;Artikel;Bon;Menge;Preis;Gruppe;Filiale;Name
01.02.2026 10:00;7;gesehen;H1;1;1;1.019,90;Mode/Hut;Bonn;Maya
01.07.2025 10:00;7;gekauft;H1;1;2;19,90;Mode/Hut;;Maya
01.07.2025 10:05;8;gekauft;H1;1;-2;19,90;Mode;;Jo
gestern;8;gesehen;H1;;1;19,90;Mode;;Jo
01.07.2025 10:06;8;probiert;H1;;1;19,90;Mode;;Jo
"""


def write(folder: Path, *, mapping: str = MAPPING, table: str = TABLE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hats.yml").write_text(mapping)
    (folder / "hats.csv").write_text(table)
    return folder / "hats.csv"


def accepted(settings: Settings, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    files = str(settings.event_log_dir / "arrival_date=*" / "batch=*" / "events" / "part-*.parquet")
    return duckdb.sql(f"SELECT {columns} FROM '{files}' WHERE {where} ORDER BY ALL").fetchall()


def counts(receipt: Receipt) -> tuple[int, int, int, int]:
    return receipt.received, receipt.accepted, receipt.duplicates, receipt.quarantined


def test_a_mapping_turns_a_shops_own_table_into_events(home: Settings, tmp_path: Path) -> None:
    receipt = import_file(home, "mapped", write(tmp_path), received_at=ARRIVAL)
    assert counts(receipt) == (5, 3, 0, 2)
    assert receipt.reasons == {"event_timestamp_invalid": 1, "event_name_unknown": 1}
    columns = "event_name, event_timestamp AT TIME ZONE 'UTC', quantity, price::DOUBLE, category, currency, source"
    assert accepted(home, columns) == [
        ("purchase", datetime(2025, 7, 1, 8), 2, 19.9, "Mode > Hut", "EUR", "hats"),
        ("refund", datetime(2025, 7, 1, 8, 5), 2, 19.9, "Mode", "EUR", "hats"),
        ("view_item", datetime(2026, 2, 1, 9), 1, 1019.9, "Mode > Hut", "EUR", "hats"),
    ]
    assert accepted(home, "order_id IS NULL OR order_id = user_id || '-1'") == [(True,)] * 3
    assert accepted(home, "properties", "properties IS NOT NULL") == [('{"Filiale":"Bonn"}',)]
    assert "Maya" not in str(accepted(home, "*"))
    assert [row["raw"].decode() for row in read_quarantine(home).to_pylist()] == TABLE.splitlines()[4:]


def test_the_same_table_as_parquet_and_json_lines_is_the_same(home: Settings, tmp_path: Path) -> None:
    write(tmp_path)
    rows = duckdb.sql(f"FROM read_csv('{tmp_path / 'hats.csv'}', delim=';', all_varchar=true)").to_arrow_table()
    pq.write_table(rows, tmp_path / "hats.parquet")
    (tmp_path / "hats.jsonl").write_text("\n".join(json.dumps(row) for row in rows.to_pylist()))
    for name, expected in [("hats.csv", (5, 3, 0, 2)), ("hats.parquet", (5, 0, 3, 2)), ("hats.jsonl", (5, 0, 3, 2))]:
        receipt = import_file(home, "mapped", tmp_path / name, mapping=tmp_path / "hats.yml", received_at=ARRIVAL)
        assert counts(receipt) == expected


@pytest.mark.parametrize(
    ("column", "unit_or_zone", "expected"),
    [
        (pa.array([1772359200000]), {"unit": "ms"}, datetime(2026, 3, 1, 10)),
        (pa.array([1772359200.0]), {"unit": "s"}, datetime(2026, 3, 1, 10)),
        (pa.array([1772359200000000]), {"unit": "us"}, datetime(2026, 3, 1, 10)),
        (pa.array([datetime(2026, 3, 1, 10)]), {}, datetime(2026, 3, 1, 10)),
        (pa.array([datetime(2026, 3, 1, 11)]), {"zone": "Europe/Berlin"}, datetime(2026, 3, 1, 10)),
        (pa.array([datetime(2026, 3, 1, 10, tzinfo=UTC)]), {}, datetime(2026, 3, 1, 10)),
        (pa.array([datetime(2026, 2, 28).date()]), {"zone": "UTC"}, datetime(2026, 2, 28)),
        (pa.array(["2026-03-01 05:00:00 -0500"]), {"format": "%Y-%m-%d %H:%M:%S %z"}, datetime(2026, 3, 1, 10)),
        (pa.array(["2026-03-01T10:00:00.250Z"]), {}, datetime(2026, 3, 1, 10, 0, 0, 250_000)),
    ],
)
def test_times_are_read_in_every_type_unit_and_zone(
    home: Settings, tmp_path: Path, column: pa.Array, unit_or_zone: dict[str, str], expected: datetime
) -> None:
    pq.write_table(pa.table({"when": column, "who": [7.0], "what": ["i1"]}), tmp_path / "t.parquet")
    columns = {
        "event_name": {"constant": "view_item"}, "event_timestamp": {"column": "when", **unit_or_zone},
        "user_id": "who", "item_id": "what",
    }  # fmt: skip
    (tmp_path / "t.yml").write_text(yaml.safe_dump({"columns": columns}))
    receipt = import_file(home, "mapped", tmp_path / "t.parquet", received_at=ARRIVAL)
    assert receipt.reasons == {}
    assert accepted(home, "event_timestamp AT TIME ZONE 'UTC'") == [(expected,)]


def test_repeats_are_pieces_only_where_the_mapping_says_so(home: Settings, tmp_path: Path) -> None:
    table = TABLE + TABLE.splitlines()[2] + "\n" + TABLE.splitlines()[1] + "\n"
    file = write(tmp_path, mapping=MAPPING + "repeats_are_pieces: [purchase]\n", table=table)
    assert counts(import_file(home, "mapped", file, received_at=ARRIVAL)) == (7, 4, 1, 2)


TITLED = """\
source: hats
columns:
  event_name: {constant: purchase}
  event_timestamp: {column: time, zone: UTC}
  user_id: customer
  item_id: sku
  order_id: order
  price: price
  category: group
item_title: product
where: {status: {skip: [cancelled]}}
"""
ORDERS = """\
time,customer,sku,order,price,group,product,status
2026-01-01 10:00:00,7,h1,1,20,Hats,Straw hat,paid
2026-01-02 10:00:00,8,h1,2,20,Hats, Straw hat ,paid
2026-01-03 10:00:00,8,h1,3,20,,damaged,paid
2026-01-03 10:00:00,8,h2,3,30,,"Bowler, black",paid
2026-01-04 10:00:00,9,h3,4,30,,,paid
2026-01-05 10:00:00,9,h4,5,30,,Cap,cancelled
2026-01-06 10:00:00,9,,6,30,,Gift card,paid
"""


def test_items_get_the_titles_that_their_orders_mostly_give_them(home: Settings, tmp_path: Path) -> None:
    path = write(tmp_path, mapping=TITLED, table=ORDERS)
    receipt = import_file(home, "mapped", path, received_at=ARRIVAL)
    assert (receipt.received, receipt.accepted) == (7, 5)
    assert (receipt.items, receipt.distinct_items, receipt.companions_quarantined) == (2, 2, 0)
    rows = pq.read_table(next(home.event_log_dir.glob(f"*/batch={receipt.batch_id}/items.parquet"))).to_pylist()
    assert [(row["item_id"], row["title"], row["category"], row["source"]) for row in rows] == [
        ("h1", "Straw hat", "Hats", "hats"),
        ("h2", "Bowler, black", None, "hats"),
    ]
    # A catalogue that the shop sends, whenever, is newer than what orders call their items.
    assert {row["valid_from"] for row in rows} == {datetime(1970, 1, 1, tzinfo=UTC)}
    events = pq.read_table(next(home.event_log_dir.glob(f"*/batch={receipt.batch_id}/events")), partitioning=None)
    assert "item_title" not in events.column_names


def test_what_was_guessed_of_an_export_with_titles_imports_both_and_says_how_many(
    home: Settings, tmp_path: Path
) -> None:
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID"]
    lines += [
        f"{order},8{item},LANTERN NO {item},2,12/{order}/2010 8:26,2.75,{17000 + order % 5}"
        for order in range(1, 29)
        for item in range(order % 3 + 1)
    ]
    path = tmp_path / "my export.csv"
    path.write_text("\n".join(lines) + "\n")
    mapping = str(tmp_path / "m.yml")
    run = CliRunner()
    assert run.invoke(app, ["map", str(path), "--write", mapping]).exit_code == 0
    imported = run.invoke(app, ["import", "mapped", str(path), "--mapping", mapping])
    assert imported.exit_code == 0, imported.output
    assert "items: 3 rows of 3 items" in imported.output
    items = next(home.event_log_dir.glob("*/batch=2*/items.parquet"))
    assert sorted(pq.read_table(items)["title"].to_pylist()) == ["LANTERN NO 0", "LANTERN NO 1", "LANTERN NO 2"]


@pytest.mark.usefixtures("home")
def test_a_file_of_items_says_how_many_rows_and_items_it_had(tmp_path: Path) -> None:
    mapping = "table: items\nsource: hats\ncolumns: {item_id: sku, title: name}\n"
    path = write(tmp_path, mapping=mapping, table="sku,name\na,Cap\na,Red cap\nb,Bowler\n,Nameless\n")
    imported = CliRunner().invoke(app, ["import", "mapped", str(path)])
    assert imported.exit_code == 0, imported.output
    assert "items: 3 rows of 2 items" in imported.output
    assert "quarantined: 1 rows of items, users or inventory" in imported.output


def test_a_title_without_an_item_is_refused(tmp_path: Path) -> None:
    mapping = "columns: {event_name: {constant: search}, event_timestamp: t, user_id: u, query: q}\nitem_title: name\n"
    write(tmp_path, mapping=mapping)
    with pytest.raises(MappingError, match="item_title"):
        read_mapping(tmp_path / "hats.yml")


def test_times_without_a_zone_are_guessed_to_be_the_shops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPSIGHT_ZONE", "Asia/Shanghai")
    path = write(tmp_path, table="time,user_id,item_id,event\n2026-03-01 10:00:00,u,i,view\n")
    guessed = CliRunner().invoke(app, ["map", str(path), "--json"])
    assert json.loads(guessed.stdout)["mapping"]["columns"]["event_timestamp"]["zone"] == "Asia/Shanghai"


def test_items_are_mapped_too(home: Settings, tmp_path: Path) -> None:
    mapping = (
        "table: items\nsource: hats\ncolumns: {item_id: Artikel, title: Name, price: Preis}\nproperties: [Farbe]\n"
    )
    file = write(tmp_path, mapping=mapping, table="Artikel,Name,Preis,Farbe\nH1,Hut,9.5,rot\n")
    receipt = import_file(home, "mapped", file, received_at=ARRIVAL)
    assert (receipt.received, receipt.items) == (0, 1)
    item = pq.read_table(next(home.event_log_dir.glob(f"*/batch={receipt.batch_id}/items.parquet"))).to_pylist()[0]
    assert (item["title"], item["attributes"], item["source"]) == ("Hut", '{"Farbe":"rot"}', "hats")


MISTAKES = [
    ("  user_id: Kunde", "  user_id: {colum: Kunde}", "line 6: columns.user_id.colum: Extra inputs"),
    ("zone: Europe/Berlin", "zone: Mars/Base", "line 5: columns.event_timestamp: zone Mars/Base is not known"),
    (", zone: Europe/Berlin", "", "columns.event_timestamp: the format has no zone"),
    ("gekauft: purchase", "gekauft: bought", "columns.event_name: bought is none of"),
    ("  user_id: Kunde\n", "", "columns: user_id or anonymous_id is missing"),
    ("  item_id: Artikel", "  product: Artikel", "product is no column of events"),
    ("  item_id: Artikel", "  item_id: {column: Artikel, constant: x}", "line 7: columns.item_id: give either column"),
    ("  item_id: Artikel", "  item_id: {column: Artikel, unit: ms}", "columns.item_id: unit, format and zone are for"),
    ("only: [purchase, refund]", "only: [bought]", "line 8: columns.order_id: only: bought is no event name"),
    ("source: hats", "sauce: hats", "line 1: sauce: Extra inputs"),
    ("  item_id: Artikel", "  user_id: Artikel", "the key user_id is given twice"),
    ("properties: [Filiale]", "properties: [Filiale", "line 13"),
    (MAPPING, "", "line 1"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES)
def test_a_mistake_in_a_mapping_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    write(tmp_path, mapping=MAPPING.replace(right, wrong))
    with pytest.raises(MappingError, match="cannot use the mapping") as error:
        read_mapping(tmp_path / "hats.yml")
    assert said in error.value.why


def test_a_mapping_that_is_missing_or_names_a_missing_column_is_refused(home: Settings, tmp_path: Path) -> None:
    file = write(tmp_path, mapping=MAPPING.replace("Artikel", "Ware"))
    with pytest.raises(SourceFileError, match="no column Ware"):
        import_file(home, "mapped", file, received_at=ARRIVAL)
    (tmp_path / "hats.yml").unlink()
    with pytest.raises(MappingError, match="shopsight map FILE"):
        import_file(home, "mapped", file, received_at=ARRIVAL)


def test_the_mapping_in_the_documentation_is_one(tmp_path: Path) -> None:
    page = (REPO_ROOT / "docs" / "events.md").read_text()
    (tmp_path / "events.yml").write_text(page.split("```yaml\n")[1].split("```")[0])
    assert read_mapping(tmp_path / "events.yml").source == "hats"
    keys = {*Mapping.model_fields, *ColumnMapping.model_fields} - {"columns"}
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_a_mapped_file_waits_in_the_landing_folder_for_its_mapping(home: Settings) -> None:
    folder = home.landing_dir / "mapped"
    (write(folder).parent / "hats.yml").rename(folder / ".hats.yml")
    assert pending(home) == []
    (folder / ".hats.yml").rename(folder / "hats.yml")
    assert [counts(receipt) for receipt in import_pending(home, received_at=ARRIVAL)] == [(5, 3, 0, 2)]
    assert list(folder.iterdir()) == []


# The guess --------------------------------------------------------------------------------------------------------

SAME = (
    "event_name, event_timestamp, created_timestamp, user_id, anonymous_id, session_id, item_id, quantity, price, "
    "order_id, category, brand"
)


def import_by_guess(settings: Settings, file: Path, mapping: Path) -> Receipt:
    result = CliRunner().invoke(app, ["map", str(file), "--write", str(mapping), "--source", "guessed", "--json"])
    assert result.exit_code == 0, result.output
    return import_file(settings, "mapped", file, mapping=mapping, received_at=ARRIVAL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format_name", "name"), [("retailrocket", "retailrocket/events.csv"), ("rees46", "rees46/2019-Oct.csv")]
)
def test_the_guessed_mapping_says_what_the_native_importer_says(
    home: Settings, tmp_path: Path, shared_data: Path, format_name: str, name: str
) -> None:
    native = import_file(home, format_name, shared_data / name, received_at=ARRIVAL)
    guessed = import_by_guess(home, shared_data / name, tmp_path / "guess.yml")
    assert counts(guessed) == counts(native)
    mine, theirs = (accepted(home, SAME, f"source = '{source}'") for source in ("guessed", format_name))
    assert mine == theirs


@pytest.mark.slow
def test_guessed_invoices_of_known_customers_are_the_native_ones(
    home: Settings, tmp_path: Path, shared_data: Path
) -> None:
    whole = shared_data / "uci_online_retail" / "online_retail_II_2009_2010.parquet"
    file = tmp_path / "retail.parquet"
    pq.write_table(pq.read_table(whole).slice(0, 20_000), file)
    import_file(home, "uci_online_retail", file, received_at=ARRIVAL)
    guessed = import_by_guess(home, file, tmp_path / "guess.yml")
    assert set(guessed.reasons) <= {"actor_missing", "quantity_out_of_range", "price_negative"}
    products = "user_id IS NOT NULL AND regexp_full_match(item_id, '[0-9]{5}.*|DCGS.*|PADS|SP1002')"
    columns = SAME.replace("session_id, ", "")
    mine, theirs = (
        accepted(home, columns, f"{products} AND source = '{source}'") for source in ("guessed", "uci_online_retail")
    )
    assert mine == theirs
    assert len(mine) > 10_000


def test_a_guess_says_how_sure_it_is_and_why(tmp_path: Path) -> None:
    table = "ts,cust,what,sku,email\n" + "".join(f"177235920{i},{i},view,s{i},m{i}@x.de\n" for i in range(9))
    guess = guess_mapping(write(tmp_path, table=table))
    columns = {column.name: column for column in guess.columns}
    assert (columns["event_timestamp"].column, columns["event_timestamp"].confidence > 0.9) == ("ts", True)
    assert "epoch in s" in columns["event_timestamp"].evidence
    assert (columns["event_name"].column, columns["event_name"].confidence < 0.5) == ("what", True)
    assert guess.unused == ["email"]


@pytest.mark.parametrize(("personal", "plain"), [("customer_email", "customer_id"), ("user_phone", "user_id")])
def test_a_personal_column_never_stands_for_the_shopper_whose_name_it_carries(
    tmp_path: Path, personal: str, plain: str
) -> None:
    rows = "".join(f"177235920{i},m{i},s{i}\n" for i in range(9))
    guess = guess_mapping(write(tmp_path, table=f"ts,{plain},sku\n{rows}"))
    assert [column.column for column in guess.columns if column.name == "user_id"] == [plain]
    with pytest.raises(SourceFileError, match="a shopper"):
        guess_mapping(write(tmp_path, table=f"ts,{personal},sku\n{rows}"))


def test_a_file_without_header_gets_names_and_is_guessed_by_its_values(home: Settings, tmp_path: Path) -> None:
    rows = [f"{i % 5 + 1},{i},30,{'buy' if i % 7 == 0 else 'pv'},{1511600000 + i}" for i in range(50)]
    file = write(tmp_path, table="\n".join(rows))
    guess = guess_mapping(file)
    assert guess.document["header"] == [f"column_{i}" for i in range(1, 6)]
    receipt = import_by_guess(home, file, tmp_path / "guess.yml")
    assert counts(receipt) == (50, 50, 0, 0)
    assert sorted({name for (name,) in accepted(home, "event_name")}) == ["purchase", "view_item"]


def test_a_file_in_which_nothing_looks_like_a_time_or_a_shopper_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, table="a,b\nx,y\n")
    with pytest.raises(SourceFileError, match="looks like event_timestamp nor like a shopper"):
        guess_mapping(file)


def test_a_mapping_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    file = write(tmp_path)
    result = CliRunner().invoke(app, ["map", str(file), "--write", str(tmp_path / "hats.yml")])
    assert result.exit_code == 1
    assert (tmp_path / "hats.yml").read_text() == MAPPING


def test_what_is_written_can_be_read_and_shows_its_reasons(tmp_path: Path) -> None:
    file = write(tmp_path, table="event_time,event_type,user_id,sku\n2026-03-01 10:00:00,pv,1,2\n")
    result = CliRunner().invoke(app, ["map", str(file), "--write", str(tmp_path / "new.yml")])
    assert result.exit_code == 0, result.output
    text = (tmp_path / "new.yml").read_text()
    assert "#   event_name: 0.99, named event_type" in text
    assert read_mapping(tmp_path / "new.yml").columns["event_timestamp"].zone == "UTC"


@pytest.mark.parametrize(
    ("values", "unit", "form", "zone"),
    [
        (["1511848894"], "s", None, None),
        (["1430623510000"], "ms", None, None),
        (["2019-10-01 00:00:00 UTC"], None, None, None),
        (["2009-12-01 07:45:00"], None, None, "UTC"),
        (["12/13/2010 8:26", "1/4/2010 9:00"], None, "%m/%d/%Y %H:%M", "UTC"),
        (["13/12/2010 8:26", "1/4/2010 9:00"], None, "%d/%m/%Y %H:%M", "UTC"),
        (["31.12.2010"], None, "%d.%m.%Y", "UTC"),
    ],
)
def test_the_way_a_column_writes_its_times_is_seen(values: list[str], unit: str, form: str, zone: str) -> None:
    shape = time_shape(values)
    assert shape is not None
    assert (shape.unit, shape.format, shape.zone) == (unit, form, zone)


def test_a_day_that_may_be_a_month_is_said_to_be_uncertain() -> None:
    shape = time_shape(["1/4/2010 9:00"])
    assert shape is not None
    assert "would do too" in shape.said
    assert time_shape(["535.10"]) is None


def test_every_word_for_an_event_leads_to_a_canonical_name() -> None:
    assert set(EVENT_OF_WORD.values()) <= set(EVENT_NAMES)
    assert [snake_case(name) for name in ("InvoiceDate", "Customer ID", "t_dat")] == [
        "invoice_date",
        "customer_id",
        "t_dat",
    ]
