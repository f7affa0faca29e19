"""What `map` makes of the columns of real layouts: the money, orders, people and times are right, or it asks."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from cli.app import app
from shopsight.ingestion.formats.mapped import read_mapped
from shopsight.ingestion.formats.mapping_file import read_mapping
from shopsight.ingestion.guessing.guess import Guess, guess_mapping
from shopsight.ingestion.guessing.numbers import number_of, number_shape
from shopsight.ingestion.guessing.values import time_shape
from shopsight.ingestion.readers.source_files import SourceFileError

AT = "2026-02-01T10:00:00Z"


def table(folder: Path, header: str, *rows: str, name: str = "export.csv") -> Path:
    (folder / name).write_text("\n".join([header, *rows]) + "\n")
    return folder / name


def revenue(path: Path, guess: Guess) -> float:
    """Return what the purchases of a file bring by a guessed mapping, less what was given back."""
    mapping = guess.mapping()
    if mapping.orders:
        orders = mapping.orders.model_copy(update={"file": path.parent / mapping.orders.file})
        mapping = mapping.model_copy(update={"orders": orders})
    total = 0.0
    for chunk in read_mapped(path, mapping):
        for i, row in enumerate(chunk.rows.to_pylist()):
            if any(mask[i] for mask in chunk.refused.values()):
                continue
            value, price, pieces = row.get("value"), row.get("price"), row.get("quantity")
            amount = float(value) if value else float(price or 0) * float(pieces or 1)
            total += {"purchase": amount, "refund": -amount}.get(row["event_name"], 0.0)
    return round(total, 2)


def notes(guess: Guess) -> str:
    return " | ".join(guess.warnings)


HEADER = "order_id,created_at,customer_id,product_id,quantity"


def lines_of(orders: dict[str, list[tuple[int, str]]]) -> list[str]:
    """Return lines of orders: pieces and further columns of each line, by order."""
    return [
        f"{order},{AT},c{i % 4},p{i}{j},{pieces},{rest}"
        for i, (order, lines) in enumerate(orders.items())
        for j, (pieces, rest) in enumerate(lines)
    ]


# Money ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["revenue", "order_total", "price", "amount"])
def test_an_amount_that_all_lines_of_an_order_share_is_the_orders_whatever_its_name(tmp_path: Path, name: str) -> None:
    orders = {f"T{i}": [(1, f"{90 + i}.50")] * 3 for i in range(5)}
    path = table(tmp_path, f"{HEADER},{name}", *lines_of(orders))
    guess = guess_mapping(path)
    assert guess.document["order_total"] == name
    assert f"{name} is what the whole order cost" in notes(guess)
    assert revenue(path, guess) == 462.5


def test_one_price_for_everything_is_no_orders_total(tmp_path: Path) -> None:
    path = table(tmp_path, f"{HEADER},price", *lines_of({f"T{i}": [(2, "5.00")] * 3 for i in range(5)}))
    guess = guess_mapping(path)
    assert guess.document["columns"]["price"] == "price"
    assert revenue(path, guess) == 150.0


@pytest.mark.parametrize("total", ["line_total", "row_total", "Total", "net_amount", "item_revenue"])
def test_a_discounted_line_total_beats_the_price_of_a_piece(tmp_path: Path, total: str) -> None:
    orders = {"a": [(2, "20.00,36.00"), (1, "5.00,5.00")], "b": [(3, "10.00,24.00")]}
    path = table(tmp_path, f"{HEADER},unit_price,{total}", *lines_of(orders))
    guess = guess_mapping(path)
    assert (guess.document["columns"]["value"], guess.document["columns"]["price"]) == (total, "unit_price")
    assert revenue(path, guess) == 65.0


def test_a_total_that_is_the_price_again_is_left_out(tmp_path: Path) -> None:
    path = table(tmp_path, f"{HEADER},price,total", *lines_of({f"o{i}": [(3, f"{i}.00,{i}.00")] for i in range(1, 5)}))
    guess = guess_mapping(path)
    assert "total is price again" in notes(guess)
    assert revenue(path, guess) == 30.0


def test_orders_totals_say_whether_an_amount_is_a_pieces_or_a_lines(tmp_path: Path) -> None:
    for name, amounts in (("price", ["20.00", "5.00", "30.00"]), ("amount", ["10.00", "5.00", "10.00"])):
        a, b, c = amounts
        orders = {"x": [(2, f"{a},25.00"), (1, f"{b},25.00")], "y": [(3, f"{c},30.00")], "z": [(1, "7.00,7.00")]}
        path = table(tmp_path, f"{HEADER},{name},order_total", *lines_of(orders))
        guess = guess_mapping(path)
        assert "order_total is the sum" in notes(guess)
        assert revenue(path, guess) == 62.0


def test_a_discount_of_the_order_is_taken_off(tmp_path: Path) -> None:
    orders = {"a": [(1, "40.00,10.00"), (1, "60.00,10.00")], "b": [(1, "30.00,5.00"), (1, "20.00,5.00")]}
    path = table(tmp_path, f"{HEADER},price,discount_amount", *lines_of(orders))
    guess = guess_mapping(path)
    assert guess.document["order_discount"] == "discount_amount"
    assert revenue(path, guess) == 135.0


def test_a_discount_that_may_be_a_lines_or_a_percentage_is_asked_about(tmp_path: Path) -> None:
    orders = {"a": [(1, "40.00,5"), (1, "60.00,10")], "b": [(1, "30.00,0"), (1, "20.00,5")]}
    assert "discount is not taken off" in notes(
        guess_mapping(table(tmp_path, f"{HEADER},price,discount", *lines_of(orders)))
    )


def test_an_orders_total_below_its_lines_is_spread_and_one_with_shipping_left_out(tmp_path: Path) -> None:
    orders = {"a": [(1, "40.00,90.00"), (1, "60.00,90.00")], "b": [(1, "30.00,50.00"), (1, "20.00,50.00")]}
    path = table(tmp_path, f"{HEADER},price,order_total", *lines_of(orders))
    assert revenue(path, guess_mapping(path)) == 140.0
    lines = [line.replace("b,", "b ,", 1) for line in lines_of(orders)[:-1]]
    path = table(tmp_path, f"{HEADER},price,order_total", *lines, lines_of(orders)[-1])
    assert revenue(path, guess_mapping(path)) == 140.0  # an order's number in two spellings is one order
    orders["b"] = [(1, "30.00,54.90"), (1, "20.00,54.90")]
    path = table(tmp_path, f"{HEADER},price,order_total", *lines_of(orders))
    guess = guess_mapping(table(tmp_path, f"{HEADER},price,order_total", *lines_of(orders)))
    assert "order_total is an amount of the whole order and left out" in notes(guess)
    assert revenue(path, guess) == 150.0


def test_lines_that_are_told_again_do_not_make_an_order_cost_more_than_its_total(tmp_path: Path) -> None:
    orders = {"a": [(1, "40.00,104.90"), (1, "60.00,104.90")], "b": [(1, "30.00,50.00"), (1, "20.00,50.00")]}
    again = [line.replace(AT, "2026-02-03T10:00:00Z") for line in lines_of(orders)]
    for rows in (lines_of(orders) * 2, [*lines_of(orders), *again]):
        guess = guess_mapping(table(tmp_path, f"{HEADER},price,order_total", *rows))
        assert "order_total" not in guess.document
        assert "order_total is an amount of the whole order and left out" in notes(guess)


def test_a_refund_without_a_price_does_not_make_a_price_the_orders(tmp_path: Path) -> None:
    header = "order_id,created_at,customer_id,product_id,quantity,action,price,line_total"
    rows = [f"{order},{AT},c1,p1,2,buy,{price},{2 * price}" for order, price in (("a", 40), ("b", 30))]
    rows += [f"{order},2026-02-09T10:00:00Z,c1,,,refund,,5" for order in "ab"]
    path = table(tmp_path, header, *rows)
    guess = guess_mapping(path)
    assert guess.document["columns"]["price"] == "price"
    assert revenue(path, guess) == 130.0


def test_refunded_amounts_become_refunds(tmp_path: Path) -> None:
    orders = {"a": [(1, "40.00,15.00"), (1, "60.00,15.00")], "b": [(1, "30.00,50.00"), (1, "20.00,50.00")]}
    path = table(tmp_path, f"{HEADER},price,refunded_amount", *lines_of(orders))
    guess = guess_mapping(path)
    assert guess.document["order_refund"] == "refunded_amount"
    assert revenue(path, guess) == 85.0
    assert "refunded_amount" not in notes(guess)


def test_an_amount_given_back_that_one_order_alone_has_on_all_its_lines_is_asked_about(tmp_path: Path) -> None:
    orders = {"a": [(1, "40.00,15.00"), (1, "60.00,15.00")], "b": [(1, "30.00,0.00")], "c": [(2, "9.00,4.00")]}
    path = table(tmp_path, f"{HEADER},price,refunded_amount", *lines_of(orders))
    guess = guess_mapping(path)
    assert revenue(path, guess) == 40 + 60 - 15 + 30 + 18 - 4
    assert "if each line gave back as much, map it as line_refund" in notes(guess)
    orders["a"][1] = (1, "60.00,20.00")
    guess = guess_mapping(table(tmp_path, f"{HEADER},price,refunded_amount", *lines_of(orders)))
    assert guess.document["line_refund"] == "refunded_amount"
    assert "refunded_amount" not in notes(guess)


def test_an_item_id_that_is_another_number_in_every_row_is_asked_about(tmp_path: Path) -> None:
    path = table(tmp_path, f"order_id,created_at,customer_id,item_id,product_name,price\na,{AT},c1,7,Mug,5",
                 f"a,{AT},c1,9,Pan,8", f"b,{AT},c2,8,Mug,5")  # fmt: skip
    assert guess_mapping(path).document["columns"]["item_id"] == "product_name"
    assert "if it is the product, say item_id: item_id" in notes(guess_mapping(path))
    with path.open("a") as file:
        file.write(f"c,{AT},c2,8,Mug,5\n")
    assert guess_mapping(path).document["columns"]["item_id"] == "item_id"


def test_workbooks_and_folders_are_guessed_as_files_are(tmp_path: Path) -> None:
    rows = [f"{HEADER},price", f"a,{AT},c1,p1,2,5.00", f"b,{AT},c2,p2,1,7.50"]
    (tmp_path / "shards").mkdir()
    for place, row in enumerate(rows[1:]):
        (tmp_path / "shards" / f"part-{place}.csv").write_text(f"{rows[0]}\n{row}\n")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row.split(","))
    book.save(tmp_path / "orders.xlsx")
    for path in (tmp_path / "shards", tmp_path / "orders.xlsx"):
        assert revenue(path, guess_mapping(path)) == 17.5


@pytest.mark.parametrize(
    ("column", "prices", "total", "said"),
    [
        ("price_cents", ["1299", "501"], 18.0, "read in units of 1/100"),
        ("amount_minor", ["1299", "501"], 18.0, "read in units of 1/100"),
        ("price", ["12990", "5010"], 18_000.0, "if cents, scale: 100"),
        ("price", ["12.99", "5.01"], 18.0, ""),
    ],
)
def test_cents_are_read_where_the_name_says_so_and_asked_about_where_amounts_do(
    tmp_path: Path, column: str, prices: list[str], total: float, said: str
) -> None:
    path = table(tmp_path, f"{HEADER},{column}", *lines_of({f"o{i}": [(1, p)] for i, p in enumerate(prices)}))
    guess = guess_mapping(path)
    assert said in notes(guess)
    assert revenue(path, guess) == total


def test_purchases_without_money_and_money_that_is_not_taken_are_said(tmp_path: Path) -> None:
    assert "no column says what was paid" in notes(guess_mapping(table(tmp_path, HEADER, f"o1,{AT},c,p,1")))
    guess = guess_mapping(table(tmp_path, f"{HEADER},price,freight_value,tax", f"o1,{AT},c,p,1,5.00,2.00,1.00"))
    assert "freight_value, tax: looks like money, and is not taken" in notes(guess)
    orders = {str(i): [(1, price)] for i, price in enumerate(["5", "6", "7", "?"])}
    guess = guess_mapping(table(tmp_path, f"{HEADER},price", *lines_of(orders)))
    assert "price looks like money, but 25% of it is no number" in notes(guess)


def test_a_rating_beside_an_order_is_no_money(tmp_path: Path) -> None:
    path = table(tmp_path, f"{HEADER},price,rating", f"o1,{AT},c,p,1,20.00,5")
    assert revenue(path, guess_mapping(path)) == 20.0


SPELLINGS = {
    "1234.50": ["1234.50", "7.25"], "1,234.50": ["1,234.50", "7.25"], "1.234,50": ["1.234,50", "7,25"],
    "1 234,50": ["1 234,50", "7,25"], "1\u202f234,50": ["1\u202f234,50", "7,25"], "1'234.50": ["1'234.50", "7.25"],
    "1’234.50": ["1’234.50", "7.25"], "$1,234.50": ["$1,234.50", "$7.25"], "1.234,50 €": ["1.234,50 €", "7,25 €"],
    "EUR 1.234,50": ["EUR 1.234,50", "EUR 7,25"], "1 234.50": ["1 234.50", "7.25"],
    "R$ 1.234,50": ["R$ 1.234,50", "R$ 7,25"],
}  # fmt: skip


@pytest.mark.parametrize("texts", SPELLINGS.values(), ids=SPELLINGS)
def test_a_price_is_the_same_however_a_shop_writes_it(tmp_path: Path, texts: list[str]) -> None:
    orders = {f"o{i}": [(1, f'"{text}"')] for i, text in enumerate([*texts, *texts])}
    path = table(tmp_path, f"{HEADER},price", *lines_of(orders))
    assert revenue(path, guess_mapping(path)) == 2 * 1241.75
    assert [number_of(text, number_shape(texts)) for text in texts] == [1234.5, 7.25]


# Orders, lines, people --------------------------------------------------------------------------------------------


def test_a_line_and_its_parts_count_once_and_the_item_is_the_product_not_the_line(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "item_id,order_id,parent_item_id,sku,qty_ordered,price,created_at,customer_id",
        f"1,0000101,,SHIRT-M,2.0000,29.0000,{AT},7", f"2,0000101,1,SHIRT-M,2.0000,0.0000,{AT},7",
        f"3,0000101,,CAP,1.0000,10.0000,{AT},7",
    )  # fmt: skip
    guess = guess_mapping(path)
    assert guess.document["columns"]["item_id"] == "sku"
    assert guess.document["part_of"] == {"column": "parent_item_id", "line": "item_id"}
    assert revenue(path, guess) == 68.0


def test_item_ids_that_number_products_stay(tmp_path: Path) -> None:
    path = table(tmp_path, "time,user_id,item_id", *(f"{AT},u{i},{i}" for i in range(5)))
    assert guess_mapping(path).document["columns"]["item_id"] == "item_id"


@pytest.mark.parametrize(
    ("sessions", "is_own"),
    [(["1", "1", "2", "2"], True), (["s-a", "s-a", "s-b", "s-c"], True), (["s-a", "s-b", "s-c", "s-d"], False)],
)
def test_sessions_of_several_shoppers_are_taken_for_each_shoppers_own(
    tmp_path: Path, sessions: list[str], is_own: bool
) -> None:
    rows = [f"{AT},u{i % 2},i{i},{session}" for i, session in enumerate(sessions)]
    guess = guess_mapping(table(tmp_path, "time,user_id,item_id,session_id", *rows))
    assert ("session_id" in guess.document.get("unique_per_actor", [])) == is_own
    assert ("have several shoppers" in notes(guess)) == is_own


def test_a_rare_session_of_two_shoppers_is_only_mentioned(tmp_path: Path) -> None:
    rows = [f"{AT},u{i},i{i},s-{i}" for i in range(40)] + [f"{AT},u9,i9,s-1"]
    guess = guess_mapping(table(tmp_path, "time,user_id,item_id,session_id", *rows))
    assert "unique_per_actor" not in guess.document
    assert "1 of 40 sessions have several shoppers" in notes(guess)


def test_order_numbers_that_every_shopper_has_are_their_own_unless_an_orders_amount_says_otherwise(
    tmp_path: Path,
) -> None:
    rows = [f"{number},{AT},c{c},p{c}{number},1,5.{c}0" for c in range(3) for number in (1, 2)]
    assert guess_mapping(table(tmp_path, f"{HEADER},price", *rows)).document["unique_per_actor"] == ["order_id"]


def test_orders_that_came_to_nothing_are_skipped_and_the_other_words_named(tmp_path: Path) -> None:
    words = ["wc-completed", "wc-cancelled", "wc-failed", "wc-refunded"]
    rows = [f"{i},{AT},c{i},p{i},1,5.00,{word}" for i, word in enumerate(words)]
    path = table(tmp_path, f"{HEADER},price,Order Status", *rows)
    guess = guess_mapping(path)
    assert guess.document["where"] == {"Order Status": {"skip": ["wc-cancelled", "wc-failed"]}}
    assert "counted as bought: wc-completed, wc-refunded" in notes(guess)
    assert revenue(path, guess) == 10.0


# Times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["March 3, 2026 5:05 PM"], ("%B %d, %Y %I:%M %p", None)),
        (["Mar 3, 2026 5:05 PM"], ("%b %d, %Y %I:%M %p", None)),
        (["3 Mar 2026"], ("%d %b %Y", None)),
        (["2014-12-01 00"], ("%Y-%m-%d %H", None)),
        (["20260301100000"], ("%Y%m%d%H%M%S", None)),
        (["1772359200000000000"], (None, "ns")),
        (["46082.4375", "46083"], (None, "days")),
        (["03/01/2026 10:00", "05/01/2026 10:00", "02/02/2026 10:00"], ("%d/%m/%Y %H:%M", None)),  # in order so
    ],
)
def test_times_are_known_in_the_ways_that_shops_write_them(values: list[str], expected: tuple[Any, Any]) -> None:
    shape = time_shape(values)
    assert shape is not None
    assert (shape.format, shape.unit) == expected


def test_one_day_far_down_decides_between_day_and_month() -> None:
    shape = time_shape(["01/02/2025 10:00"] * 9_001 + ["25/02/2025 10:00"])
    assert shape is not None
    assert shape.format == "%d/%m/%Y %H:%M"


def test_prices_are_no_days_of_a_spreadsheet(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="no column looks like event_timestamp"):
        guess_mapping(table(tmp_path, "user_id,item_id,price", "u1,i1,46082", "u2,i2,46083"))


def test_a_zone_by_option_or_by_column_counts_the_hours_in_doubt(tmp_path: Path) -> None:
    path = table(tmp_path, "time,user_id,item_id", *(f"2025-{day} 02:30:00,u,i" for day in ("03-30", "10-26", "10-25")))
    assert "map --zone" in notes(guess_mapping(path))
    guess = guess_mapping(path, zone="Europe/Berlin")
    assert "1 values: a local time that no clock showed" in notes(guess)
    assert "1 values: a local time that clocks showed twice" in notes(guess)
    path = table(tmp_path, "time,user_id,item_id,tz", "2025-03-30 02:30:00,u,i,Europe/Berlin")
    assert guess_mapping(path).document["columns"]["event_timestamp"] == {"column": "time", "zone": "Europe/Berlin"}
    result = CliRunner().invoke(app, ["map", str(path), "--zone", "Mars/Base"])
    assert (result.exit_code, "no time zone is called Mars/Base" in result.output) == (1, True)


# Layouts ----------------------------------------------------------------------------------------------------------


def test_olist_lines_find_their_orders_beside_them(tmp_path: Path) -> None:
    lines = [f'"o{i // 2}",{i % 2 + 1},"p{i}","s0",2017-09-05 09:45:35,58.90,13.29' for i in range(8)]
    header = '"order_id","order_item_id","product_id","seller_id","shipping_limit_date","price","freight_value"'
    status = ["delivered", "delivered", "delivered", "canceled"]
    orders = [f'"o{i}","c{i}",{status[i]},2017-09-0{i + 1} 10:56:33' for i in range(4)]
    table(
        tmp_path, '"order_id","customer_id","order_status","order_purchase_timestamp"', *orders, name="olist_orders.csv"
    )
    table(tmp_path, "order_id,payment_sequential,payment_value", "o0,1,99.00", name="olist_payments.csv")
    path = table(tmp_path, header, *lines, name="olist_items.csv")
    guess = guess_mapping(path)
    origins = guess.document["columns"]
    assert (origins["user_id"], origins["item_id"]) == ("orders.customer_id", "product_id")
    assert origins["event_timestamp"]["column"] == "orders.order_purchase_timestamp"
    assert guess.document["where"] == {"orders.order_status": {"skip": ["canceled"]}}
    assert revenue(path, guess) == 353.4
    away = tmp_path / "mappings"
    away.mkdir()
    result = CliRunner().invoke(app, ["map", str(path), "--write", str(away / "m.yml"), "--json"])
    assert result.exit_code == 0, result.output
    assert len(list(read_mapped(path, read_mapping(away / "m.yml")))) == 1


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("order_id,user_id,order_number,order_dow,order_hour_of_day", "1,1,1,2,08", "event_timestamp"),  # Instacart
        ("order_id,product_id,add_to_cart_order,reordered", "2,33120,1,1", "a shopper or visitor"),
        ("user_id,item_id,brand_id,time_stamp,action_type", "1,2,3,0511,0", "time_stamp is named like a time"),  # Tmall
        ("order_id,customer_id,order_purchase_timestamp", "o1,c1,2017-09-05 09:45:35", "no column looks like an item"),
    ],
)
def test_layouts_without_a_time_or_a_person_are_refused_saying_so(
    tmp_path: Path, header: str, row: str, said: str
) -> None:
    with pytest.raises(SourceFileError) as error:
        guess_mapping(table(tmp_path, header, row, row))
    assert said in error.value.why


def test_an_orders_file_beside_never_stands_in_for_a_time_of_the_lines_own_that_is_in_doubt(tmp_path: Path) -> None:
    table(tmp_path, "order_id,customer_id,order_purchase_timestamp", "o1,c9,2017-09-05 09:45:35", name="orders.csv")
    days = ("25/12/2025 10:00", "12/25/2025 11:00")  # day and month in either order
    path = table(tmp_path, HEADER.replace("created_at", "date"), *(f"o1,{day},c1,p1,1" for day in days), name="own.csv")
    with pytest.raises(SourceFileError, match="date is named like a time"):
        guess_mapping(path)


def test_a_session_stands_for_the_visitor_where_the_shopper_is_not_known(tmp_path: Path) -> None:
    rows = [f"s{i},{'u1' if i == 0 else ''},p{i % 3},2016-05-09" for i in range(6)]
    guess = guess_mapping(table(tmp_path, "sessionId,userId,itemId,eventdate", *rows))
    assert (guess.document["columns"]["user_id"], guess.document["columns"]["anonymous_id"]) == ("userId", "sessionId")
    assert "83.3% of the rows have no userId: their sessionId stands for a visitor" in notes(guess)
    rows = [f"1,{user},p1,2016-05-09" for user in ("u1", "u2", "")]  # a session that strangers share is no visitor
    guess = guess_mapping(table(tmp_path, "sessionId,userId,itemId,eventdate", *rows))
    assert "anonymous_id" not in guess.document["columns"]
    assert "33.3% of the rows have no userId: they will be quarantined" in notes(guess)


@pytest.mark.parametrize(
    ("header", "row", "format_name"),
    [
        ("uuid,event,distinct_id,timestamp,properties", "1,$pageview,d1,2026-03-01T10:00:00Z,{}", "posthog"),
        ("app_id,collector_tstamp,event_id,domain_userid", "shop,2026-03-01 10:00:00.000,e1,d1", "snowplow"),
        ("timestamp,visitorid,event,itemid,transactionid", "1433221332117,257597,view,355908,", "retailrocket"),
    ],
)
def test_an_export_of_a_tool_that_is_read_by_name_says_which(
    tmp_path: Path, header: str, row: str, format_name: str
) -> None:
    path = table(tmp_path, header, row, row)
    try:
        said = notes(guess_mapping(path))
    except SourceFileError as error:
        said = error.fix or ""
    assert f"shopsight import {format_name}" in said


def test_what_an_item_is_called_is_found_and_a_persons_name_is_not(tmp_path: Path) -> None:
    header = "InvoiceNo,StockCode,Description,Name,Quantity,InvoiceDate,UnitPrice,CustomerID"
    rows = [
        "1,84406B,CREAM CUPID HANGER,Ann,2,12/13/2010 8:26,2.75,17850",
        "1,22752,SET OF 7 BOXES,Ann,1,12/13/2010 8:26,7.65,17850",
        "2,84406B,CREAM CUPID HANGER,Bob,2,12/14/2010 8:26,2.75,17851",
        "3,84406B,CREAM CUPID HANGER,Cleo,2,12/14/2010 9:26,2.75,17852",
    ]
    guess = guess_mapping(table(tmp_path, header, *rows))
    assert guess.document["item_title"] == "Description"
    assert "Name" in guess.unused
    (title,) = (column for column in guess.columns if column.name == "item_title")
    assert (title.column, title.confidence) == ("Description", 0.95)
    assert "100% of an item's rows agree" in title.evidence


def test_what_differs_between_the_rows_of_an_item_is_no_title(tmp_path: Path) -> None:
    header = "order_id,sku,description,qty,created_at,price,customer_id"
    rows = [f"{n},a,note {n % 3},1,2026-01-0{n + 1} 10:00:00,2.5,c{n}" for n in range(6)]
    guess = guess_mapping(table(tmp_path, header, *rows))
    assert "item_title" not in guess.document
    assert "description" in guess.unused


def test_tabs_without_a_header_are_seen(tmp_path: Path) -> None:
    rows = [f"{u}\t10{u}\tpv\t177235920{u}" for u in range(5)]
    guess = guess_mapping(table(tmp_path, rows[0], *rows[1:], name="log.tsv"))
    assert guess.document["header"] == ["column_1", "column_2", "column_3", "column_4"]
    assert guess.document["columns"]["event_timestamp"]["column"] == "column_4"


@pytest.mark.parametrize(
    ("header", "row", "layout"),
    [
        ("user_id,sku_id,time,model_id,type,cate,brand", "{u},10{u},2016-02-01 10:00:00,0,{n},8,30", "JData"),
        ("user_id,item_id,behavior_type,item_category,time", "{u},10{u},{n},20,2014-12-01 05", "Tianchi"),
    ],
)
def test_numbered_actions_are_asked_about_with_what_they_mean_elsewhere(
    tmp_path: Path, header: str, row: str, layout: str
) -> None:
    guess = guess_mapping(table(tmp_path, header, *(row.format(u=u, n=u % 4 + 1) for u in range(1, 13))))
    assert "nothing is imported until event_name has values" in notes(guess)
    assert f"in {layout}" in notes(guess)
    assert "4: purchase" in notes(guess)


def test_kuairec_is_views_of_videos(tmp_path: Path) -> None:
    rows = [f"{u},14{u},4000,6067,2020-07-05 05:27:00.324,1593898048.324,0.7" for u in range(5)]
    header = "user_id,video_id,play_duration,video_duration,time,timestamp,watch_ratio"
    origins = guess_mapping(table(tmp_path, header, *rows)).document["columns"]
    assert (origins["item_id"], origins["event_name"]) == ("video_id", {"constant": "view_item"})


def test_woocommerce_lines_have_their_price_and_their_status(tmp_path: Path) -> None:
    rows = [
        f'70{i // 2},2026-03-0{i + 1} 09:00,wc-completed,{21 + i // 2},Tea,TEA-{i},1,"12,90 €",25.80' for i in range(6)
    ]
    header = "Order ID,Order Date,Order Status,Customer User ID,Item Name,SKU,Quantity,Item Cost,Order Total"
    path = table(tmp_path, header, *rows)
    guess = guess_mapping(path)
    assert guess.document["columns"]["user_id"] == "Customer User ID"
    assert "Order Total is the sum of an order's lines" in notes(guess)
    assert revenue(path, guess) == 77.4


def test_a_flattened_ga4_export_has_the_items_revenue_and_not_the_orders(tmp_path: Path) -> None:
    stamp = 1772359200123456
    rows = [f"{stamp + i},view_item,d{i % 3},,SKU{i},3.00,,," for i in range(6)]
    bought = {"8.00": [("3.00", 1), ("2.50", 2)], "11.00": [("3.00", 2), ("5.00", 1)]}
    for total, lines in bought.items():
        for i, (price, pieces) in enumerate(lines):
            line = f"SKU{i},{price},{pieces},{float(price) * pieces:.2f}"
            rows.append(f"{stamp + 10},purchase,d{total},T{total},{line},{total}")
    header = "event_timestamp,event_name,user_pseudo_id,transaction_id,item_id,price,quantity,item_revenue"
    path = table(tmp_path, f"{header},purchase_revenue", *rows)
    guess = guess_mapping(path)
    assert guess.document["columns"]["value"] == "item_revenue"
    assert "purchase_revenue is the sum of an order's lines" in notes(guess)
    assert revenue(path, guess) == 19.0


def test_kaggles_cosmetics_shop_is_its_sessions_orders(tmp_path: Path) -> None:
    names = ["view", "cart", "remove_from_cart", "purchase"]
    rows = [
        f"2019-11-01 00:00:0{i} UTC,{name},580{i},148,,runail,2.62,56{i % 2},s{i % 2}" for i, name in enumerate(names)
    ]
    header = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
    path = table(tmp_path, header, *rows)
    guess = guess_mapping(path)
    assert guess.document["columns"]["order_id"]["column"] == "user_session"
    assert revenue(path, guess) == 2.62


def test_the_cases_with_known_answers_come_out_right(shared_cases: Path) -> None:
    expected = {
        "08-map-us-thousands-as-decimal-comma/sales.csv": 23_120.94,
        "15-magento-parent-and-child-lines/sales_order_item.csv": 68.0,
        "25-guest-zero-as-user/orders.csv": 167.7,
        "26-price-with-currency-sign/orders.csv": 10_167.2,
        "40-order-total-on-every-line/orders.csv": 1_045.0,
        "23-map-public-formats/woocommerce_orders.csv": 387.0,
    }
    revenues = {name: revenue(shared_cases / name, guess_mapping(shared_cases / name)) for name in expected}
    assert revenues == expected
