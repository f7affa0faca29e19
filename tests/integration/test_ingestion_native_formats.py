"""The public data sets: rows generated in each native format, with every trap that the format is known for."""

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopsight.ingestion.importers import import_file
from shopsight.ingestion.landing import import_pending, pending
from shopsight.ingestion.log.event_log import EventLog, Receipt
from shopsight.ingestion.log.quarantine import read_quarantine
from shopsight.ingestion.readers.source_files import SourceFileError
from shopsight.settings import Settings

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)


def accepted(settings: Settings, columns: str) -> list[tuple[Any, ...]]:
    files = str(settings.event_log_dir / "arrival_date=*" / "batch=*" / "events" / "part-*.parquet")
    order = "ORDER BY event_timestamp, item_id, line_number, event_name"
    return duckdb.sql(f"SELECT {columns} FROM '{files}' {order}").fetchall()


def catalogue(settings: Settings) -> dict[str, dict[str, Any]]:
    files = settings.event_log_dir.glob("arrival_date=*/batch=*/items.parquet")
    return {row["item_id"]: row for file in files for row in pq.read_table(file).to_pylist()}


def counts(receipt: Receipt) -> tuple[int, int, int, int]:
    return receipt.received, receipt.accepted, receipt.duplicates, receipt.quarantined


def take(settings: Settings, format_name: str, path: Path, *lines: str) -> Receipt:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return import_file(settings, format_name, path, received_at=ARRIVAL)


def as_lines(rows: Iterable[dict[str, Any]]) -> list[str]:
    return [json.dumps(row) for row in rows]


# REES46 -----------------------------------------------------------------------------------------------------------

REES46_HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
CART = "2019-10-01 00:00:07 UTC,cart,1004,205,electronics.audio.headphone,sony,99.90,u1,s1"
BOUGHT = CART.replace("00:07", "00:09").replace("cart", "purchase")


def test_rees46_codes_become_paths_and_a_session_is_an_order(home: Settings, tmp_path: Path) -> None:
    receipt = take(home, "rees46", tmp_path / "2019-Oct.csv", REES46_HEADER, CART, BOUGHT)
    assert counts(receipt) == (2, 2, 0, 0)
    assert accepted(home, "event_name, session_id, order_id, category, brand, price::DOUBLE, properties")[1] == (
        "purchase", "s1", accepted(home, "user_id || '-s1'")[1][0], "electronics > audio > headphone", "sony", 99.9,
        '{"category_id":"205"}',
    )  # fmt: skip
    moments = accepted(home, "epoch(event_timestamp)::BIGINT, created_timestamp = event_timestamp")
    assert moments == [(1569888007, True), (1569888009, True)]


def test_repeated_rows_of_rees46_are_pieces_and_repeated_views_are_one(home: Settings, tmp_path: Path) -> None:
    view = CART.replace("cart", "view")
    lines = [REES46_HEADER, *[BOUGHT] * 3, CART, CART, view, view]
    receipt = take(home, "rees46", tmp_path / "2019-Oct.csv", *lines)
    assert counts(receipt) == (7, 6, 1, 0)
    assert accepted(home, "line_number") == [(0,), (0,), (1,), (0,), (1,), (2,)]
    again = take(home, "rees46", tmp_path / "again.csv", REES46_HEADER, *lines[:0:-1])
    assert counts(again) == (7, 0, 7, 0)


def test_missing_category_brand_and_session_of_rees46_stay_missing(home: Settings, tmp_path: Path) -> None:
    bare = "2019-10-01 00:00:09 UTC,purchase,1004,205,,,99.90,u1,"
    receipt = take(home, "rees46", tmp_path / "2019-Oct.csv", REES46_HEADER, bare, bare.replace(",u1,", ",u2,"))
    assert counts(receipt) == (2, 2, 0, 0)
    assert accepted(home, "category, brand, session_id") == [(None, None, None)] * 2
    assert len(set(accepted(home, "order_id"))) == 2


@pytest.mark.slow
def test_the_real_rees46_slice_lands_to_the_row(home: Settings, shared_data: Path) -> None:
    receipt = import_file(home, "rees46", shared_data / "rees46" / "2019-Oct.csv", received_at=ARRIVAL)
    assert counts(receipt) == (1_000, 1_000, 0, 0)
    names = [name for (name,) in accepted(home, "event_name")]
    assert [names.count(name) for name in ("view_item", "add_to_cart", "purchase")] == [987, 3, 10]


# Taobao -----------------------------------------------------------------------------------------------------------

FIRST, LAST = 1511539200, 1512316799
"""2017-11-25 00:00:00 and 2017-12-03 23:59:59 in UTC+8."""


def test_taobao_has_no_header_and_its_days_are_chinese(home: Settings, tmp_path: Path) -> None:
    lines = [f"1,{item},30,{name},{FIRST + item}" for item, name in enumerate(["pv", "fav", "cart", "buy"])]
    edges = [f"1,9,30,pv,{second}" for second in (FIRST - 1, LAST, LAST + 1, 0)]
    receipt = take(home, "taobao", tmp_path / "UserBehavior.csv", *lines, *edges)
    assert counts(receipt) == (8, 5, 0, 3)
    assert receipt.reasons == {"event_timestamp_outside_the_data_set": 3, "event_timestamp_out_of_range": 1}
    assert [name for (name,) in accepted(home, "event_name")] == [
        "view_item", "add_to_wishlist", "add_to_cart", "purchase", "view_item",
    ]  # fmt: skip
    assert accepted(home, "event_timestamp AT TIME ZONE 'UTC'")[0] == (datetime(2017, 11, 24, 16),)


def test_what_a_person_of_taobao_buys_in_one_second_is_one_order(home: Settings, tmp_path: Path) -> None:
    lines = [f"{user},{item},30,buy,{FIRST}" for user, item in [(1, 1), (1, 2), (2, 1)]]
    take(home, "taobao", tmp_path / "UserBehavior.csv", *lines)
    orders = accepted(home, "order_id, user_id || '-1511539200'")
    assert len({order for order, _ in orders}) == 2
    assert all(order == expected for order, expected in orders)


def test_unknown_words_and_broken_stamps_of_taobao_are_quarantined(home: Settings, tmp_path: Path) -> None:
    bad = [f"1,2,30,click,{FIRST}", "1,2,30,pv,soon", "1,2,30,pv,-5", f",2,30,pv,{FIRST}", f"1,2,pv,{FIRST}"]
    receipt = take(home, "taobao", tmp_path / "UserBehavior.csv", *bad)
    assert counts(receipt) == (5, 0, 0, 5)
    assert receipt.reasons == {
        "event_name_unknown": 1, "event_timestamp_invalid": 2, "actor_missing": 1, "wrong_number_of_fields": 1,
    }  # fmt: skip
    assert [row["line"] for row in read_quarantine(home).to_pylist()] == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_the_real_taobao_file_lands_to_the_row(home: Settings, shared_data: Path) -> None:
    file = shared_data / "taobao_userbehavior" / "UserBehavior.csv"
    receipt = import_file(home, "taobao", file, received_at=ARRIVAL)
    assert counts(receipt) == (10_000, 9_996, 0, 4)
    assert receipt.reasons == {"event_timestamp_outside_the_data_set": 4}
    assert counts(import_file(home, "taobao", file, received_at=ARRIVAL)) == (10_000, 0, 9_996, 4)


# OTTO -------------------------------------------------------------------------------------------------------------


def otto(session: int, *events: tuple[int, int, str]) -> str:
    return json.dumps({"session": session, "events": [{"aid": a, "ts": t, "type": k} for a, t, k in events]})


def test_a_line_of_otto_is_a_session_of_events(home: Settings, tmp_path: Path) -> None:
    start = 1659304800025
    first = otto(7, (1, start, "clicks"), (2, start + 5, "carts"), (2, start + 9, "orders"), (3, start + 9, "orders"))
    receipt = take(home, "otto", tmp_path / "train.jsonl", first, otto(8, (1, start, "clicks"), (1, start, "clicks")))
    assert counts(receipt) == (6, 5, 1, 0)
    rows = accepted(home, "event_name, item_id, session_id, epoch_ms(event_timestamp), user_id")
    assert rows[0] == ("view_item", "1", "7", start, None)
    assert [row[0] for row in rows] == ["view_item", "view_item", "add_to_cart", "purchase", "purchase"]
    assert len(set(accepted(home, "order_id"))) == 2  # none, and one for both orders of the same moment


def test_one_bad_event_of_a_session_leaves_the_others(home: Settings, tmp_path: Path) -> None:
    start = 1659304800025
    mixed = otto(7, (1, start, "clicks"), (2, start, "hover"), (3, start, "clicks"))
    lines = [mixed, '{"session": 9, "events": []}', '{"session": 9}', "{"]
    receipt = take(home, "otto", tmp_path / "train.jsonl", *lines)
    assert counts(receipt) == (6, 2, 0, 4)
    assert receipt.reasons["event_name_unknown"] == 1
    rows = read_quarantine(home).to_pylist()
    assert [(row["line"], row["raw"].decode()) for row in rows] == list(enumerate(lines, start=1))


@pytest.mark.slow
def test_the_real_otto_file_lands_to_the_row(home: Settings, shared_data: Path) -> None:
    receipt = import_file(home, "otto", shared_data / "otto" / "train.jsonl", received_at=ARRIVAL)
    assert counts(receipt) == (862, 862, 0, 0)
    assert len(set(accepted(home, "anonymous_id"))) == 20


# YooChoose --------------------------------------------------------------------------------------------------------

CLICKS = [
    "1,2014-04-07T10:51:09.277Z,214536502,0",
    "1,2014-04-07T10:54:09.868Z,214536500,S",
    "2,2014-04-07T13:56:37.614Z,214662742,12",
    "2,2014-04-07T13:57:19.373Z,214662742,2089046430",
]
BUYS = ["1,2014-04-07T10:59:00.314Z,214536502,12462,2", "1,2014-04-07T10:59:00.325Z,214536500,0,0"]


def write_yoochoose(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "yoochoose-clicks.dat").write_text("\n".join(CLICKS))
    (folder / "yoochoose-buys.dat").write_text("\n".join(BUYS))


@pytest.mark.parametrize("name", ["", "yoochoose-clicks.dat", "yoochoose-buys.dat"])
def test_yoochoose_is_read_from_both_files_whichever_is_named(home: Settings, tmp_path: Path, name: str) -> None:
    write_yoochoose(tmp_path / "data")
    receipt = import_file(home, "yoochoose", tmp_path / "data" / name, received_at=ARRIVAL)
    assert counts(receipt) == (6, 6, 0, 0)
    assert accepted(home, "event_name, category, brand, quantity, price::DOUBLE, order_id, user_id") == [
        ("view_item", None, None, None, None, None, None),
        ("view_item", "special offer", None, None, None, None, None),
        ("purchase", None, None, 2, 12462.0, "1", None),
        ("purchase", None, None, None, None, "1", None),
        ("view_item", "12", None, None, None, None, None),
        ("view_item", None, "2089046430", None, None, None, None),
    ]


def test_half_of_yoochoose_is_refused(home: Settings, tmp_path: Path) -> None:
    write_yoochoose(tmp_path)
    (tmp_path / "yoochoose-buys.dat").unlink()
    with pytest.raises(SourceFileError, match=r"no yoochoose-buys\.dat"):
        import_file(home, "yoochoose", tmp_path / "yoochoose-clicks.dat", received_at=ARRIVAL)
    assert EventLog.open(home).totals().batches == 0


def test_the_landing_folder_waits_for_both_files_of_yoochoose(home: Settings) -> None:
    folder = home.landing_dir / "yoochoose"
    write_yoochoose(folder)
    (folder / "yoochoose-buys.dat").rename(folder / ".yoochoose-buys.dat.part")
    assert pending(home) == []
    (folder / ".yoochoose-buys.dat.part").rename(folder / "yoochoose-buys.dat")
    (receipt,) = import_pending(home, received_at=ARRIVAL)
    assert counts(receipt) == (6, 6, 0, 0)
    assert list(folder.iterdir()) == []


# Amazon reviews ---------------------------------------------------------------------------------------------------

REVIEW_2014 = {
    "reviewerID": "A1", "asin": "B01", "reviewerName": "Jane Example", "helpful": [2, 3], "reviewText": "Smells fine",
    "overall": 5.0, "summary": "Nice", "unixReviewTime": 1252800000, "reviewTime": "09 13, 2009",
}  # fmt: skip
REVIEW_2018 = {
    "overall": 4.0, "verified": True, "reviewTime": "09 1, 2016", "reviewerID": "A2", "asin": "B02", "vote": "1,234",
    "style": {"Size:": " 7.0 oz"}, "reviewerName": "Joe", "summary": "Only a headline", "unixReviewTime": 1472688000,
}  # fmt: skip
REVIEW_2023 = {
    "rating": 1.0, "title": "Write to jane@example.com", "text": "Broke", "images": [], "asin": "B03-RED",
    "parent_asin": "B03", "user_id": "A3", "timestamp": 1588687728923, "helpful_vote": 7, "verified_purchase": True,
}  # fmt: skip


def test_the_three_years_of_amazon_reviews_say_the_same_things(home: Settings, tmp_path: Path) -> None:
    lines = as_lines([REVIEW_2014, REVIEW_2018, REVIEW_2023, REVIEW_2014])
    receipt = take(home, "amazon_reviews", tmp_path / "reviews.json", *lines)
    assert counts(receipt) == (4, 3, 1, 0)
    columns = 'event_name, item_id, "value", "text", epoch_ms(event_timestamp)'
    assert accepted(home, columns) == [
        ("rate_item", "B01", 5.0, "Smells fine", 1252800000000),
        ("rate_item", "B02", 4.0, "Only a headline", 1472688000000),
        ("rate_item", "B03", 1.0, "Broke", 1588687728923),
    ]
    properties = [json.loads(text) for (text,) in accepted(home, "properties")]
    assert properties == [
        {"summary": "Nice", "helpful_votes": "2"},
        {"summary": "Only a headline", "verified": "true", "helpful_votes": "1,234", "style": {"Size:": " 7.0 oz"}},
        {"summary": "Write to [email]", "verified": "true", "helpful_votes": "7", "variant": "B03-RED"},
    ]
    assert "Jane" not in str(accepted(home, "*"))


def test_packed_reviews_are_unpacked_and_half_a_package_is_refused(home: Settings, tmp_path: Path) -> None:
    packed = gzip.compress("\n".join(as_lines({**REVIEW_2014, "asin": f"B{i}"} for i in range(2_000))).encode())
    (tmp_path / "reviews.jsonl.gz").write_bytes(packed)
    receipt = import_file(home, "amazon_reviews", tmp_path / "reviews.jsonl.gz", received_at=ARRIVAL)
    assert counts(receipt) == (2_000, 2_000, 0, 0)
    (tmp_path / "half.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(SourceFileError, match="not whole gzip"):
        import_file(home, "amazon_reviews", tmp_path / "half.jsonl.gz", received_at=ARRIVAL)


def test_a_review_without_stars_and_words_is_quarantined(home: Settings, tmp_path: Path) -> None:
    empty = {name: value for name, value in REVIEW_2014.items() if name not in ("overall", "reviewText", "summary")}
    receipt = take(home, "amazon_reviews", tmp_path / "r.json", *as_lines([empty, {**REVIEW_2014, "overall": 0}]))
    assert receipt.reasons == {"rating_missing": 1, "rating_out_of_range": 1}


@pytest.mark.slow
def test_the_real_reviews_land_to_the_row(home: Settings, shared_data: Path) -> None:
    file = shared_data / "amazon_reviews_5core" / "All_Beauty_5.json"
    receipt = import_file(home, "amazon_reviews", file, received_at=ARRIVAL)
    # Of 1,053 rows that name a review that is known, 26 say something else of it, such as other words.
    assert counts(receipt) == (5_269, 4_216, 1_027, 0)
    assert receipt.corrected == 26


# UCI Online Retail ------------------------------------------------------------------------------------------------

INVOICES: list[tuple[Any, ...]] = [
    ("489434", "85048", "CHRISTMAS GLASS BALL", 12, "2009-12-01 07:45:00", 6.95, 13085.0, "United Kingdom"),
    ("489434", "85048", "wet boxes", 12, "2009-12-01 07:45:00", 6.95, 13085.0, "United Kingdom"),
    ("489435", "22041", 'RECORD FRAME 7" SINGLE SIZE', 1, "2009-12-01 07:46:00", 2.1, None, "EIRE"),
    ("489436", "22041", 'RECORD FRAME 7" SINGLE SIZE', 1, "2009-12-01 07:47:00", 2.1, None, "EIRE"),
    ("C489437", "22041", 'RECORD FRAME 7" SINGLE SIZE', -1, "2009-12-01 08:00:00", 2.1, 13085.0, "France"),
    ("489438", "POST", "POSTAGE", 1, "2009-12-01 08:01:00", 18.0, 13085.0, "France"),
    ("489439", "85123A", "damaged?", -20, "2009-12-01 08:02:00", 0.0, None, "United Kingdom"),
    ("A506401", "B", "Adjust bad debt", 1, "2009-12-01 08:03:00", -53594.36, None, "United Kingdom"),
]  # fmt: skip
INVOICE_COLUMNS = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]


def write_invoices(path: Path) -> Path:
    columns = zip(INVOICE_COLUMNS, zip(*INVOICES, strict=True), strict=True)
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns}), path)
    return path


def write_invoices_of_the_first_edition(path: Path) -> Path:
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    for invoice, code, title, quantity, moment, price, customer, country in INVOICES:
        american = f"{datetime.fromisoformat(moment):%-m/%-d/%Y %-H:%M}"
        quoted = '"' + title.replace('"', '""') + '"'
        lines.append(f"{invoice},{code},{quoted},{quantity},{american},{price},{int(customer or 0) or ''},{country}")
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("edition", ["first", "second"])
def test_invoices_become_purchases_and_refunds(home: Settings, tmp_path: Path, edition: str) -> None:
    if edition == "first":
        file = write_invoices_of_the_first_edition(tmp_path / "Online Retail.csv")
    else:
        file = write_invoices(tmp_path / "online_retail.parquet")
    receipt = import_file(home, "uci_online_retail", file, received_at=ARRIVAL)
    assert counts(receipt) == (8, 4, 1, 3)
    assert receipt.reasons == {"not_a_product": 2, "not_a_sale": 1, "quantity_out_of_range": 1, "price_negative": 1}
    assert accepted(
        home, "event_name, order_id, quantity, price::DOUBLE, currency, country, epoch(event_timestamp)"
    ) == [
        ("purchase", "489434", 12, 6.95, "GBP", "GB", 1259653500.0),
        ("purchase", "489435", 1, 2.1, "GBP", "IE", 1259653560.0),
        ("purchase", "489436", 1, 2.1, "GBP", "IE", 1259653620.0),
        ("refund", "C489437", 1, 2.1, "GBP", "FR", 1259654400.0),
    ]
    titles = {item: row["title"] for item, row in catalogue(home).items()}
    assert titles == {"85048": "CHRISTMAS GLASS BALL", "22041": 'RECORD FRAME 7" SINGLE SIZE'}


def test_an_invoice_without_customer_is_an_actor_of_its_own(home: Settings, tmp_path: Path) -> None:
    import_file(home, "uci_online_retail", write_invoices(tmp_path / "r.parquet"), received_at=ARRIVAL)
    actors = accepted(home, "user_id IS NULL, anonymous_id")
    assert [nameless for nameless, _ in actors] == [False, True, True, False]
    assert len({anonymous for _, anonymous in actors if anonymous}) == 2


@pytest.mark.slow
def test_the_real_invoices_land_to_the_row(home: Settings, shared_data: Path) -> None:
    file = shared_data / "uci_online_retail" / "online_retail_II_2009_2010.parquet"
    receipt = import_file(home, "uci_online_retail", file, received_at=ARRIVAL)
    assert counts(receipt) == (525_461, 512_017, 6_853, 6_591)
    assert receipt.reasons == {
        "not_a_product": 2_966, "quantity_out_of_range": 2_121, "not_a_sale": 3_656, "price_negative": 3,
    }  # fmt: skip
    assert receipt.items == 4_246


# H&M --------------------------------------------------------------------------------------------------------------

HM_HEADER = "t_dat,customer_id,article_id,price,sales_channel_id"
HM_ROW = "2018-09-20,000058a12d5b43e6,0663713001,0.050830508474576264,2"


def test_articles_of_hm_keep_their_zero_and_repeats_are_pieces(home: Settings, tmp_path: Path) -> None:
    rows = [HM_ROW, HM_ROW, HM_ROW.replace("0663713001", "0541518023"), HM_ROW.removesuffix("2") + "1"]
    receipt = take(home, "hm", tmp_path / "transactions_train.csv", HM_HEADER, *rows)
    assert counts(receipt) == (4, 4, 0, 0)
    columns = "item_id, line_number, channel, price::DOUBLE, currency, epoch(event_timestamp)::BIGINT"
    assert sorted(accepted(home, columns)) == [
        ("0541518023", 0, "web", 0.0508, None, 1537401600),
        ("0663713001", 0, "store", 0.0508, None, 1537401600),
        ("0663713001", 0, "web", 0.0508, None, 1537401600),
        ("0663713001", 1, "web", 0.0508, None, 1537401600),
    ]
    assert len(set(accepted(home, "order_id"))) == 2
    assert "000058a12d5b43e6" not in str(accepted(home, "*"))


def test_articles_that_went_through_numbers_get_their_zero_back(home: Settings, tmp_path: Path) -> None:
    day, customer, article, price, channel = HM_ROW.split(",")
    row = {"t_dat": datetime.fromisoformat(day).date(), "customer_id": customer, "article_id": int(article)}
    row |= {"price": float(price), "sales_channel_id": int(channel)}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "transactions.parquet")
    import_file(home, "hm", tmp_path / "transactions.parquet", received_at=ARRIVAL)
    from_csv = take(home, "hm", tmp_path / "transactions_train.csv", HM_HEADER, HM_ROW)
    assert counts(from_csv) == (1, 0, 1, 0)
    assert accepted(home, "item_id, channel") == [("0663713001", "web")]


def test_articles_and_customers_of_hm_come_along(home: Settings, tmp_path: Path) -> None:
    names = "article_id,prod_name,detail_desc,index_group_name,product_group_name,product_type_name"
    article = "0663713001,Strap top,Jersey top.,Ladieswear,Garment Upper body,Vest top,Black,Jersey Basic"
    (tmp_path / "articles.csv").write_text(f"{names},colour_group_name,department_name\n{article}\n")
    (tmp_path / "customers.csv").write_text("customer_id,age,postal_code\n000058a12d5b43e6,49.0,52043ee2\nx,,1\n")
    receipt = take(home, "hm", tmp_path / "transactions_train.csv", HM_HEADER, HM_ROW)
    assert (receipt.accepted, receipt.items, receipt.users) == (1, 1, 2)
    item = catalogue(home)["0663713001"]
    assert (item["title"], item["category"]) == ("Strap top", "Ladieswear > Garment Upper body > Vest top")
    batch = next(home.event_log_dir.glob(f"*/batch={receipt.batch_id}"))
    users = pq.read_table(batch / "users.parquet").to_pylist()
    assert (users[0]["user_id"], users[0]["age_band"]) == (accepted(home, "user_id")[0][0], "40-49")
    assert "52043ee2" not in str(users)


# GA4 --------------------------------------------------------------------------------------------------------------


def ga4(name: str, *items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "event_date": "20210131",
        "event_timestamp": "1612069510766593",
        "event_server_timestamp_offset": "2000000",
        "event_name": name,
        "event_params": [
            {"key": "ga_session_id", "value": {"string_value": None, "int_value": "661084800"}},
            {"key": "currency", "value": {"string_value": "USD"}},
            {"key": "search_term", "value": {"string_value": "blue hat"}},
        ],
        "user_id": None,
        "user_pseudo_id": "1026454.4271112504",
        "device": {"category": "mobile"},
        "geo": {"country": "Germany"},
        "traffic_source": {"name": "(direct)", "medium": "organic"},
        "privacy_info": {"analytics_storage": None, "ads_storage": "No"},
        "ecommerce": {"transaction_id": "T 1"},
        "platform": "WEB",
        "items": list(items),
    } | changes


HAT = {"item_id": "H1", "item_name": "Blue hat", "item_brand": "(not set)", "item_category": "Apparel",
       "item_category2": "Hats", "price": 19.5, "quantity": 2, "item_list_index": "3"}  # fmt: skip
SOCK = {"item_id": "S1", "item_name": "Sock", "price": "4", "quantity": "1"}


def test_products_of_ga4_are_exploded_into_line_numbers(home: Settings, tmp_path: Path) -> None:
    receipt = take(home, "ga4", tmp_path / "events.jsonl", *as_lines([ga4("purchase", HAT, SOCK, HAT)]))
    assert counts(receipt) == (3, 3, 0, 0)
    assert accepted(home, "item_id, line_number, price::DOUBLE, quantity, currency, order_id, category, brand") == [
        ("H1", 0, 19.5, 2, "USD", "T 1", "Apparel > Hats", None),
        ("H1", 2, 19.5, 2, "USD", "T 1", "Apparel > Hats", None),
        ("S1", 1, 4.0, 1, "USD", "T 1", None, None),
    ]
    circumstances = "device, country, channel, campaign_id, platform, consent, list_position"
    assert accepted(home, circumstances)[0] == ("mobile", "Germany", "organic", None, "WEB", "analytics_only", 3)
    assert catalogue(home)["H1"]["title"] == "Blue hat"
    times = "epoch_us(event_timestamp), epoch_us(created_timestamp)"
    assert accepted(home, times)[0] == (1612069510766593, 1612069512766593)


def test_sessions_of_ga4_belong_to_their_device(home: Settings, tmp_path: Path) -> None:
    lines = as_lines([ga4("page_view"), ga4("page_view", user_id="maya"), ga4("page_view", user_pseudo_id="other")])
    take(home, "ga4", tmp_path / "events.jsonl", *lines)
    sessions = accepted(home, "session_id, anonymous_id || '-661084800'")
    assert all(session == expected for session, expected in sessions)
    assert len(set(sessions)) == 2
    assert "1026454" not in str(sessions)


def test_ga4_names_that_say_nothing_here_are_quarantined_by_name(home: Settings, tmp_path: Path) -> None:
    names = ["view_search_results", "screen_view", "session_start", "scroll"]
    receipt = take(home, "ga4", tmp_path / "events.jsonl", *as_lines(ga4(name) for name in names))
    assert counts(receipt) == (4, 2, 0, 2)
    assert receipt.reasons == {"left_out_by_design": 2}
    assert sorted(accepted(home, "event_name, query"))[1] == ("search", "blue hat")


def test_ga4_words_for_nothing_are_nothing(home: Settings, tmp_path: Path) -> None:
    nothing = {"item_id": "(not set)", "item_name": "(not set)"}
    receipt = take(home, "ga4", tmp_path / "events.jsonl", *as_lines([ga4("view_item", nothing), ga4("view_item")]))
    assert receipt.reasons == {"item_id_missing": 2}
    assert catalogue(home) == {}


# Segment ----------------------------------------------------------------------------------------------------------


def segment(event: str | None, properties: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": event,
        "messageId": f"m-{event}",
        "timestamp": "2026-02-01T10:00:00.123Z",
        "receivedAt": "2026-02-01T10:00:05Z",
        "userId": "maya",
        "anonymousId": "cookie",
        "properties": properties or {},
        "context": {"campaign": {"name": "spring", "medium": "email"}, "traits": {"email": "maya@example.com"}},
    } | changes


def test_an_order_of_segment_is_exploded_and_late_arrival_is_kept(home: Settings, tmp_path: Path) -> None:
    products = [{"product_id": "p1", "name": "Hat", "price": 19, "quantity": 2}, {"sku": "p2", "price": "4.5"}]
    order = segment("Order Completed", {"order_id": "o1", "currency": "eur", "products": products})
    receipt = take(home, "segment", tmp_path / "calls.jsonl", *as_lines([order, order]))
    assert counts(receipt) == (4, 2, 2, 0)
    assert accepted(home, "event_id, line_number, item_id, quantity, price::DOUBLE, currency, order_id") == [
        ("m-Order Completed", 0, "p1", 2, 19.0, "EUR", "o1"),
        ("m-Order Completed", 1, "p2", None, 4.5, "EUR", "o1"),
    ]
    assert accepted(home, "created_timestamp - event_timestamp > INTERVAL 4 SECOND, campaign_id, channel")[0] == (
        True, "spring", "email",
    )  # fmt: skip
    assert catalogue(home)["p1"]["title"] == "Hat"
    assert "maya@example.com" not in str(accepted(home, "*"))


def test_every_call_of_segments_e_commerce_spec_has_a_name_here(home: Settings, tmp_path: Path) -> None:
    said = {
        "Product Viewed": "view_item", "Product Clicked": "select_item", "Product Added": "add_to_cart",
        "Product Removed": "remove_from_cart", "Product Added to Wishlist": "add_to_wishlist",
        "Products Searched": "search", "Product List Viewed": "view_item_list", "Cart Viewed": "view_cart",
        "Checkout Started": "begin_checkout", "Order Refunded": "refund", "Promotion Viewed": "view_promotion",
        "Promotion Clicked": "select_promotion", "Product Reviewed": "rate_item",
    }  # fmt: skip
    about = {"product_id": "p1", "order_id": "o", "query": "hat", "rating": 4, "review_body": "fits"}
    calls = [*(segment(name, about) for name in said), segment(None, type="page", messageId="p")]
    receipt = take(home, "segment", tmp_path / "calls.jsonl", *as_lines(calls))
    assert counts(receipt) == (14, 14, 0, 0)
    names = dict(accepted(home, "event_id, event_name"))
    assert names == {f"m-{call}": name for call, name in said.items()} | {"p": "page_view"}


def test_calls_of_segment_that_are_no_events_are_quarantined(home: Settings, tmp_path: Path) -> None:
    calls = [segment(None, type="group"), segment("Plan Upgraded"), segment(None, type="identify", userId=None)]
    receipt = take(home, "segment", tmp_path / "calls.jsonl", *as_lines(calls))
    assert receipt.reasons == {"left_out_by_design": 2, "event_name_unknown": 1}


def test_an_order_that_segment_calls_refunded_or_cancelled_is_given_back_whole(home: Settings, tmp_path: Path) -> None:
    calls = [segment(name, {"order_id": "o"}) for name in ("Order Refunded", "Order Cancelled")]
    take(home, "segment", tmp_path / "calls.jsonl", *as_lines(calls))
    assert accepted(home, "event_name, item_id, order_id") == [("refund", None, "o")] * 2
