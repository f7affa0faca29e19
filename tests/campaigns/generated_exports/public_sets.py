"""Writes files in the shape of public data sets: REES46's shop log and UCI's invoices."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

from generated_exports.exports import Delivery, Export, TrueOrder, Truth, truth_of
from generated_exports.flat_rows import BLANKS
from generated_exports.known_shop import Order, Person, Row, Style, known_shop
from generated_exports.wrappings import Sheet, delivered, packed, pick_packing, split, text_of

REES46 = Style(
    refunds=(), order_discounts=False, line_discounts=False, devices=False, nobodies=False, currencies=("EUR",),
    order_number="s-{}",
)  # fmt: skip
UCI = Style(
    refunds=("pieces",), refunds_of_an_order=1, order_discounts=False, line_discounts=False, devices=False,
    currencies=("GBP",),
)  # fmt: skip


def rees46_export(rng: Random, number: int, format_name: str) -> Export:
    """Return a month of a shop log: a row is a piece, a session an order."""
    faults: list[str] = []
    shop = known_shop(rng, number, REES46)
    for order in shop.orders:
        order.currency = "EUR"
    truth = truth_of(shop, per_actor=True)
    names = ["event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price", "user_id",
             "user_session"]  # fmt: skip
    rows = []
    for order in shop.orders:
        for line in order.lines:
            at = (order.at + timedelta(seconds=line.number)).strftime("%Y-%m-%d %H:%M:%S UTC")
            row = [line.item, "205", "home.kitchen", "acme", f"{line.price:.2f}", order.person.user or "", order.number]
            view = [at, "view", *row]
            rows += [view, view] if rng.random() > 0.7 else [view]
            rows += [[at, "purchase", *row]] * line.quantity
    if any(line.quantity > 1 for order in shop.orders for line in order.lines):
        faults.append("lines: a row a piece")
    if rng.random() > 0.7:
        faults.append("ids: 17850.0")
        rows = [[*row[:7], f"{row[7]}.0" if row[7].isdigit() else row[7], row[8]] for row in rows]
    data = text_of(rng, Sheet(names=names, rows=rows), faults)
    delivery = delivered(*packed(data, "2026-Mar.csv", pick_packing(rng, faults)))
    is_twice = rng.random() > 0.7
    if is_twice:
        faults.append("duplicates: same file twice")
    return Export(
        format_name=format_name, deliveries=[delivery] * (1 + is_twice), truth=truth, faults=faults, source=format_name
    )


def uci_export(rng: Random, number: int, format_name: str) -> Export:
    """Return invoices; what comes back is an invoice of its own, whose number begins with C."""
    faults: list[str] = []
    shop = known_shop(rng, number, UCI)
    orders: list[Order] = []
    notes: list[tuple[Order, Row]] = []
    for order in shop.orders:
        order.currency = "GBP"
        order.number = str(500_000 + int(order.number))
        user = order.person.user if order.person.user and order.person.user.isdigit() else None
        order.person = Person(user=user, device=None if user else f"invoice {order.number}")
        for refund in order.refunds:
            faults.append("refunds: credit notes")
            assert refund.line is not None
            note = replace(order, number=f"C{order.number}", at=refund.at, refunds=[], lines=[])
            note.person = Person(user=user, device=None if user else f"invoice C{order.number}")
            row = {
                "event_name": "refund", "event_timestamp": refund.at.replace(second=0), "order_id": note.number,
                "item_id": refund.line.item, "line_number": 0, "quantity": refund.pieces, "price": refund.line.price,
                "value": None, "currency": "GBP",
            }  # fmt: skip
            notes.append((note, row))
        order.refunds = []
        order.at = order.at.replace(second=0)
        orders.append(order)
    truth = truth_of(shop)
    for note, row in notes:
        truth.orders[note.number] = TrueOrder(rows=[row], person=note.person)
        truth.people.add(note.person)
    return _uci_file(rng, format_name, orders, notes, faults, truth)


def _uci_file(
    rng: Random, format_name: str, orders: list[Order], notes: list[tuple[Order, Row]], faults: list[str], truth: Truth
) -> Export:
    is_first = rng.random() > 0.5
    names = (["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
             if is_first else
             ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
             )  # fmt: skip
    time = "%-m/%-d/%Y %H:%M" if is_first else "%Y-%m-%d %H:%M:%S"
    is_float, is_blank = rng.random() > 0.6, rng.random() > 0.8
    rows = []

    def row_of(invoice: str, order: Order, item: str, title: str, pieces: int, price: Decimal) -> list[str]:
        customer = order.person.user or ""
        if customer and is_float:
            faults.append("ids: 17850.0")
            customer = f"{customer}.0"
        elif customer and is_blank:
            faults.append("ids: blanks")
            customer = rng.choice(BLANKS).format(customer)
        return [invoice, item, title.upper(), str(pieces), order.at.strftime(time), f"{price:.2f}", customer,
                "United Kingdom"]  # fmt: skip

    for order in orders:
        rows += [row_of(order.number, order, line.item, line.title, line.quantity, line.price) for line in order.lines]
        if rng.random() > 0.8:
            faults.append("lines: postage")
            rows.append(row_of(order.number, order, "POST", "Postage", 1, Decimal(18)))
    for note, row in notes:
        rows.append(row_of(note.number, note, row["item_id"], "Back", -row["quantity"], row["price"]))
    if rng.random() > 0.7:
        faults.append("duplicates: exact")
        rows += [row for row in rows if rng.random() > 0.5]
    name = "online_retail.csv"
    if rng.random() > 0.8 and len(rows) > 1:
        faults.append("wrapping: folder of shards")
        parts = split(rng, rows, faults)
        files = {
            f"uci/part-{k}.csv": text_of(rng, Sheet(names=names, rows=part), faults) for k, part in enumerate(parts)
        }
        deliveries = [Delivery(name="uci", files=files)]
    else:
        data = text_of(rng, Sheet(names=names, rows=rows), faults, encodings=("cp1252",))
        deliveries = [delivered(*packed(data, name, pick_packing(rng, faults)))]
    return Export(
        format_name=format_name, deliveries=deliveries, truth=truth, faults=faults, source=format_name,
        by_design=("not_a_product", "not_a_sale"),
    )  # fmt: skip
