"""Writes tables in a shop's own columns, which ``shopsight map`` has to understand."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from generated_exports.exports import Delivery, Export, Truth, truth_of
from generated_exports.flat_rows import repeated, spelled, told_again
from generated_exports.known_shop import CENT, Person, Row, Shop, Style, known_shop
from generated_exports.wrappings import Sheet, delivered, packed, pick_packing, split, text_of, workbook_of

NAMES = {
    "order_id": ("order_id", "Order Number", "invoice_no", "OrderID", "transaction_id"),
    "event_timestamp": ("order_date", "created_at", "Order Date", "timestamp", "purchase_date"),
    "user_id": ("customer_id", "Customer ID", "user_id", "client_id", "customer"),
    "anonymous_id": ("visitor_id", "device_id"),
    "item_id": ("sku", "product_id", "StockCode", "article_id", "item_id"),
    "title": ("product_name", "title", "Description"),
    "quantity": ("quantity", "qty", "Units"),
    "price": ("price", "unit_price", "item_price", "Unit Price"),
    "price_cents": ("price_cents", "unit_price_cents"),
    "value": ("line_total", "row_total", "amount", "revenue", "Total Price"),
    "order_total": ("order_total", "grand_total", "order_amount", "Order Total"),
    "order_discount": ("discount", "order_discount", "discount_amount", "coupon_amount"),
    "currency": ("currency", "currency_code", "Currency"),
    "status": ("status", "order_status"),
    "order_refund": ("refund_amount", "refunded_amount", "refund_total"),
    "event_name": ("event", "event_type", "action"),
}
WORDS = {"purchase": ("purchase", "buy", "order"), "refund": ("refund", "return"), "view_item": ("view", "pv")}
SIGNS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥"}
MONEY = {
    "price": ("price",),
    "line": ("value",),
    "both": ("price", "value"),
    "price and total": ("price", "order_total"),
    "total": ("order_total",),
    "price and paid": ("price", "order_total"),
    "price and discount": ("price", "order_discount"),
    "cents": ("price_cents",),
    "whole prices": ("price",),
}


OF_ORDERS = ("order_total", "order_discount", "order_refund")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How one shop's table looks."""

    money: str
    given_back: str
    """``none``, ``negative`` rows, a ``column`` of amounts, ``status`` words or ``events`` of their own."""
    currency: str
    """``column``, ``sign`` or ``none``."""
    is_on_first: bool
    """Whether amounts of an order stand on its first line alone."""


def own_columns_export(rng: Random, number: int, format_name: str) -> Export:
    """Return a table of a shop's own, imported as ``shopsight map`` proposes."""
    faults: list[str] = []
    layout = Layout(
        money=rng.choice(tuple(MONEY)),
        given_back=rng.choice(("none", "none", "negative", "column", "status", "events")),
        currency=rng.choice(("column", "none", "sign")),
        is_on_first=rng.random() > 0.7,
    )
    if layout.money == "cents" and layout.currency == "sign":  # cents are written without one
        layout = replace(layout, currency="column")
    shop = known_shop(rng, number, _style(layout))
    _settle(shop, layout)
    faults.append(f"amounts: {layout.money}")
    if layout.is_on_first and (set(MONEY[layout.money]) & set(OF_ORDERS) or layout.given_back == "column"):
        faults.append("lines: order's amounts on the first")
    if any(order.discount for order in shop.orders):
        faults.append("discounts: of orders")
    if any(line.discount for order in shop.orders for line in order.lines):
        faults.append("discounts: of lines")
    currencies = {order.currency for order in shop.orders}
    if layout.currency == "column" and len(currencies) > 1:
        faults.append("currencies: several")
    if layout.currency == "sign":
        faults.append("currencies: by sign")
    truth = truth_of(shop)
    rows = _rows(rng, shop, layout, truth, faults)
    if layout.given_back == "events":
        rows, seen = _views(rng, shop, rows)
        truth.people |= seen
    if layout.given_back == "column" and rng.random() > 0.6:
        return _exported_twice(rng, rows, layout, truth, faults, number)
    rows = told_again(rng, rows, faults, has_seconds=False)
    rows = repeated(rng, rows, faults)
    rows = spelled(rng, rows, faults, ("user_id", "order_id", "item_id"))
    deliveries = _deliveries(rng, _sheets(rng, [rows], layout, faults)[0], faults)
    return Export(
        format_name=format_name,
        deliveries=deliveries,
        truth=truth,
        faults=faults,
        source=f"own-{number}",
        by_design=("left_out_by_mapping",),
    )


def _exported_twice(
    rng: Random, rows: list[Row], layout: Layout, truth: Truth, faults: list[str], number: int
) -> Export:
    """Return two exports of one table, of which the first says half of what was given back by the second."""
    faults.append("duplicates: exported again after refunds")
    some = [row | {"order_refund": row["order_refund"] and (row["order_refund"] / 2).quantize(CENT)} for row in rows]
    sheets = _sheets(rng, [rows, some], layout, faults)
    last, first = (
        delivered(*packed(text_of(rng, sheet, faults), "orders.csv", pick_packing(rng, faults))) for sheet in sheets
    )
    return Export(
        format_name="mapped", deliveries=[first, last], truth=truth, faults=faults, source=f"own-{number}",
        by_design=("left_out_by_mapping",),
    )  # fmt: skip


def _sheets(rng: Random, tables: list[list[Row]], layout: Layout, faults: list[str]) -> list[Sheet]:
    """Return tables as one shop writes them."""
    names = _names(rng, tables[0], layout)
    time = _times(rng, faults)
    say = _amounts(rng, faults, whole=layout.money in ("cents", "whole prices"))
    has_signs = layout.currency == "sign"
    return [
        Sheet(
            names=list(names.values()),
            rows=[[_cell(row, name, time, say, has_signs=has_signs) for name in names] for row in rows],
        )
        for rows in tables
    ]


def _style(layout: Layout) -> Style:
    of_events = "order_amount" if layout.money in ("price", "line", "both", "whole prices") else "whole"
    kinds = {"negative": "item_price", "column": "order_amount", "events": of_events, "status": "whole"}
    given_back = layout.given_back
    is_by_piece = layout.money in ("price", "line", "both", "cents", "whole prices")
    refunds = (kinds[given_back],) if given_back in kinds and (given_back != "negative" or is_by_piece) else ()
    return Style(
        refunds=refunds,  # type: ignore[arg-type]
        refunds_of_an_order=1,
        devices=False,
        order_discounts=layout.money in ("price and total", "total", "price and discount"),
        line_discounts=layout.money in ("line", "both") and given_back != "negative",
        is_one_currency=layout.currency != "column",
        currencies=("EUR",) if layout.currency == "none" else ("EUR", "USD", "GBP"),
    )


def _settle(shop: Shop, layout: Layout) -> None:
    """Make the shop one that its table can speak of."""
    for order in shop.orders:
        order.at = order.at.replace(second=0)
        if layout.given_back == "column":  # an amount beside the purchase has its time
            order.refunds = [replace(refund, at=order.at) for refund in order.refunds]
        order.refunds = [replace(refund, at=refund.at.replace(second=0)) for refund in order.refunds]
        if layout.money == "whole prices":
            order.lines = [replace(line, price=Decimal(int(line.price) + 1)) for line in order.lines]
            line_of = {line.item: line for line in order.lines}
            order.refunds = [
                replace(
                    refund,
                    amount=None if refund.amount is None else Decimal(int(refund.amount) + 1),
                    line=line_of[refund.line.item] if refund.line else None,
                )
                for refund in order.refunds
            ]


def _rows(rng: Random, shop: Shop, layout: Layout, truth: Truth, faults: list[str]) -> list[Row]:
    rows: list[Row] = []
    for order in shop.orders:
        is_undone = layout.given_back == "status" and bool(order.refunds)
        if is_undone:
            faults.append("refunds: cancelled by status")
            del truth.orders[order.number]
            order.refunds = []
        back = next((refund.amount for refund in order.refunds), None)
        extra = {
            "order_total": order.revenue + (order.shipping if layout.money == "price and paid" else 0),
            "order_discount": order.discount,
            "status": rng.choice(("cancelled", "Canceled")) if is_undone else rng.choice(("completed", "shipped")),
            "order_refund": back or Decimal(0),
        }
        for line, row in zip(order.lines, order.rows(), strict=False):
            of_order = extra | dict.fromkeys(OF_ORDERS) if layout.is_on_first and line.number else extra
            rows.append(row | of_order | {"title": line.title, "price_cents": int(line.price * 100)})
        for row in order.rows()[len(order.lines) :]:
            if layout.given_back == "negative":
                faults.append("refunds: negative rows")
                amount = row["price"] * row["quantity"]
                same = {"event_name": "purchase", "quantity": -row["quantity"], "value": -amount}
                rows.append(row | extra | same | {"title": "Back", "price_cents": int(row["price"] * 100)})
            elif layout.given_back == "events":
                faults.append("refunds: events")
                rows.append(row | dict.fromkeys(extra) | {"price": None})
            else:
                faults.append("refunds: column")
    truth.people = {
        order.person for order in shop.orders if layout.given_back != "status" or order.number in truth.orders
    }
    return rows


def _views(rng: Random, shop: Shop, rows: list[Row]) -> tuple[list[Row], set[Person]]:
    first = shop.orders[0]
    seen = {person for person in shop.people if person.user and rng.random() > 0.5}
    for person in sorted(seen, key=lambda one: one.user or ""):
        rows.append(
            dict.fromkeys(rows[0])
            | {"event_name": "view_item", "event_timestamp": first.at - timedelta(minutes=7), "user_id": person.user,
               "item_id": first.lines[0].item, "line_number": 0, "currency": first.currency}
        )  # fmt: skip
    return rows, seen


def _names(rng: Random, rows: list[Row], layout: Layout) -> dict[str, str]:
    wanted = ["order_id", "event_timestamp", "user_id", "item_id", "title", "quantity", *MONEY[layout.money]]
    wanted += ["currency"] if layout.currency == "column" else []
    wanted += {"status": ["status"], "column": ["order_refund"], "events": ["event_name"]}.get(layout.given_back, [])
    if layout.given_back == "events" and any(row["event_name"] == "refund" for row in rows):
        wanted += [] if "value" in wanted else ["value"] if layout.money in ("price", "whole prices") else []
    rng.shuffle(wanted)
    return {name: rng.choice(NAMES[name]) for name in wanted}


def _times(rng: Random, faults: list[str]) -> Callable[[datetime], str]:
    style = rng.choice(
        ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M",
         "%Y/%m/%d %H:%M", "%b %d, %Y %I:%M %p", "s", "ms", "serial")
    )  # fmt: skip
    if not style.startswith("%Y-"):
        faults.append(f"times: {style}")

    def said(moment: datetime) -> str:
        if style == "serial":
            return f"{25569 + moment.timestamp() / 86400:.6f}"
        if style in ("s", "ms"):
            return str(int(moment.timestamp()) * (1 if style == "s" else 1000))
        return moment.strftime(style)

    return said


def _amounts(rng: Random, faults: list[str], *, whole: bool) -> Callable[[Decimal, str], str]:
    style = rng.choice(("plain", "plain", "comma", "thousands", "german", "blank", "swiss"))
    if style != "plain":
        faults.append(f"amounts: {style}")
    is_before = rng.random() > 0.5
    digits = 0 if whole else 2

    def said(amount: Decimal, sign: str) -> str:
        text = f"{amount:,.{digits}f}"
        if style in ("plain", "comma"):
            text = text.replace(",", "")
        marks = {"comma": ("", ","), "german": (".", ","), "blank": (" ", ","), "swiss": ("'", ".")}
        if style in marks:
            between, decimal = marks[style]
            text = text.replace(",", "_").replace(".", decimal).replace("_", between)
        if not sign:
            return text
        return f"{sign}{text}" if is_before else f"{text} {sign}"

    return said


def _cell(
    row: Row,
    name: str,
    time: Callable[[datetime], str],
    say: Callable[[Decimal, str], str],
    *,
    has_signs: bool,
) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return time(value)
    if isinstance(value, Decimal):
        return say(value, SIGNS[row["currency"]] if has_signs else "")
    if name == "event_name":
        return WORDS[value][0]
    return str(value)


def _deliveries(rng: Random, sheet: Sheet, faults: list[str]) -> list[Delivery]:
    how = rng.random()
    if how > 0.9:
        faults.append("wrapping: xlsx")
        return [
            delivered("orders.xlsx", workbook_of(rng, sheet, {*NAMES["quantity"], *NAMES["price"], *NAMES["value"]}))
        ]
    if how > 0.8 and len(sheet.rows) > 1:
        faults.append("wrapping: folder of shards")
        parts = split(rng, sheet.rows, faults)
        files = {
            f"orders/part-{k}.csv": text_of(rng, Sheet(names=sheet.names, rows=part), faults)
            for k, part in enumerate(parts)
        }
        return [Delivery(name="orders", files=files)]
    delivery = delivered(
        *packed(text_of(rng, sheet, faults, encodings=("cp1252", "gb18030")), "orders.csv", pick_packing(rng, faults))
    )
    if how > 0.7:
        faults.append("duplicates: same file twice")
        return [delivery, delivery]
    return [delivery]
