"""Writes what shop systems export: Shopify, WooCommerce and Magento."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal
from random import Random

from generated_exports.exports import Delivery, Export, Truth, truth_of
from generated_exports.known_shop import CENT, Order, Person, Refund, Shop, Style, known_shop
from generated_exports.wrappings import Sheet, delivered, packed, pick_packing, text_of, workbook_of

PLAIN = Style(
    refunds=("whole", "order_amount"), refunds_of_an_order=1, devices=False, is_one_currency=True, line_discounts=True
)
STYLES = {
    "shopify": replace(PLAIN, order_number="#{}", is_one_currency=False),
    "woocommerce": replace(PLAIN, line_discounts=False, is_one_currency=False),
    "magento": replace(PLAIN, refunds=("whole", "order_amount", "item_amount"), order_number="{:0>9}"),
}


def shop_system_export(rng: Random, number: int, format_name: str) -> Export:
    """Return one export of a shop system."""
    faults: list[str] = []
    shop = known_shop(rng, number, STYLES[format_name])
    person_of = {"shopify": _by_mail}.get(format_name, _by_number)
    if format_name == "woocommerce" and rng.random() > 0.8:
        faults.append("amounts: no cents")
        _without_cents(shop)
    for order in shop.orders:
        order.person = person_of(order.person)
        order.refunds = [_known_refund(rng, order, refund, format_name) for refund in order.refunds]
        faults += [f"refunds: {refund.kind}" for refund in order.refunds]
    shop.orders.sort(key=lambda order: order.number)
    if any(order.discount for order in shop.orders):
        faults.append("discounts: of orders")
    if any(line.discount for order in shop.orders for line in order.lines):
        faults.append("discounts: of lines")
    if len({order.currency for order in shop.orders}) > 1:
        faults.append("currencies: several")
    truth = truth_of(shop)
    orders = shop.orders
    unpaid = _unpaid(rng, orders, truth, faults) if format_name != "shopify" else set()

    def write(some: list[Order]) -> Delivery:
        if format_name == "shopify":
            return _shopify(rng, some, faults)
        return (_woocommerce if format_name == "woocommerce" else _magento)(rng, some, faults, unpaid)

    deliveries = _deliveries(rng, orders, faults, write)
    return Export(
        format_name=format_name, deliveries=deliveries, truth=truth, faults=faults, source=format_name,
        by_design=("order_not_paid", "part_of_another_line"),
    )  # fmt: skip


def _without_cents(shop: Shop) -> None:
    """Make every amount of a shop a whole number, as where a currency has no cents."""
    for order in shop.orders:
        order.lines = [
            replace(line, price=Decimal(int(line.price) + 1), discount=Decimal(0), share=Decimal(0))
            for line in order.lines
        ]
        order.discount, order.shipping = Decimal(0), Decimal(int(order.shipping))
        order.refunds = [
            replace(refund, amount=Decimal(int(refund.amount) + 1) if refund.amount else None)
            for refund in order.refunds
        ]


def _by_mail(person: Person) -> Person:
    """Shopify knows a customer by the e-mail address; without one, nobody."""
    return Person(user=person.email if person.user else None, email=person.email if person.user else None)


def _by_number(person: Person) -> Person:
    """WooCommerce and Magento know a customer by number, a guest by e-mail address."""
    if person.user and person.user.isdigit():
        return Person(user=person.user, email=person.email)
    return Person(user=person.email, email=person.email) if person.user else Person()


def _known_refund(rng: Random, order: Order, refund: Refund, format_name: str) -> Refund:
    """Return a refund at the time that the export gives it: the cancellation where it says that, else the order's."""
    has_time = format_name == "shopify" and refund.kind == "whole" and rng.random() > 0.5
    pieces = refund.pieces
    if refund.kind == "item_amount" and refund.line:
        pieces = 1
        refund = replace(refund, amount=(refund.line.amount / refund.line.quantity).quantize(CENT))
    return replace(refund, at=refund.at.replace(microsecond=0) if has_time else order.at, pieces=pieces)


def _unpaid(rng: Random, orders: list[Order], truth: Truth, faults: list[str]) -> set[str]:
    """Let one order never have been paid: it is none."""
    candidates = [order for order in orders if not order.refunds]
    if rng.random() < 0.8 or not candidates or len(orders) == 1:
        return set()
    faults.append("orders: unpaid")
    lost = candidates[rng.randrange(len(candidates))]
    del truth.orders[lost.number]
    truth.people = {order.person for order in orders if order is not lost}
    return {lost.number}


def _deliveries(
    rng: Random, orders: list[Order], faults: list[str], write: Callable[[list[Order]], Delivery]
) -> list[Delivery]:
    how = rng.random()
    if how > 0.8 and len(orders) > 1:
        faults.append("duplicates: overlapping files")
        half = 1 + rng.randrange(len(orders) - 1)
        return [write(orders[: half + 1]), write(orders[half:])]
    if how > 0.7 and any(order.refunds for order in orders):
        # Exported again after money was given back: what was a plain order then is none any more.
        faults.append("duplicates: exported again after refunds")
        return [write([replace(order, refunds=[]) for order in orders]), write(orders)]
    delivery = write(orders)
    if how > 0.6:
        faults.append("duplicates: same file twice")
        return [delivery, delivery]
    return [delivery]


def _money(rng: Random, faults: list[str]) -> Callable[[Decimal], str]:
    """Return how amounts are written in one file."""
    style = rng.choice(("plain", "plain", "four", "comma", "thousands", "german", "sign"))
    if "amounts: no cents" in faults:
        style = rng.choice(("whole", "whole german"))
    if style != "plain":
        faults.append(f"amounts: {style}")

    def said(amount: Decimal) -> str:
        if style.startswith("whole"):
            return f"{amount:,.0f}".replace(",", "." if style == "whole german" else "")
        if style == "four":
            return f"{amount:.4f}"
        if style == "comma":
            return f"{amount:.2f}".replace(".", ",")
        if style == "thousands":
            return f"{amount:,.2f}"
        if style == "german":
            return f"{amount:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")
        return f"€{amount:.2f}" if style == "sign" else f"{amount:.2f}"

    return said


def _shopify(rng: Random, orders: list[Order], faults: list[str]) -> Delivery:
    names = ["Name", "Email", "Financial Status", "Currency", "Subtotal", "Shipping", "Taxes", "Total",
             "Discount Amount", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price",
             "Lineitem sku", "Cancelled at", "Refunded Amount", "Lineitem discount", "Notes"]  # fmt: skip
    tax_style = rng.choice(("none", "included", "on top"))
    says_all = rng.random() > 0.5
    offset = timezone(timedelta(hours=rng.choice((-5, 0, 1))))
    if tax_style != "none":
        faults.append(f"amounts: tax {tax_style}")
    rows = []
    for order in orders:
        on_lines = sum((line.discount for line in order.lines), Decimal(0))
        tax = (order.revenue / 10).quantize(CENT) if tax_style != "none" else Decimal(0)
        total = order.revenue + order.shipping + (tax if tax_style == "on top" else 0)
        refund = order.refunds[0] if order.refunds else None
        is_whole = refund is not None and refund.kind == "whole"
        is_cancelled = is_whole and refund is not None and refund.at != order.at
        status = "refunded" if is_whole else "partially_refunded" if refund else "paid"
        for place, line in enumerate(order.lines):
            of_line = [str(line.quantity), line.title, f"{line.price:.2f}", line.item]
            head = {
                "Name": order.number,
                "Email": order.person.email or "",
                "Created at": order.at.astimezone(offset).strftime("%Y-%m-%d %H:%M:%S %z"),
            }
            if not place:
                head |= {
                    "Financial Status": "voided" if is_cancelled and rng.random() > 0.5 else status,
                    "Currency": order.currency,
                    "Subtotal": f"{order.revenue:.2f}",
                    "Shipping": f"{order.shipping:.2f}",
                    "Taxes": f"{tax:.2f}",
                    "Total": f"{total:.2f}",
                    "Discount Amount": f"{order.discount + (on_lines if says_all else 0):.2f}",
                    "Refunded Amount": f"{total if is_whole else refund.amount if refund else 0:.2f}",
                    "Notes": rng.choice(("", "ring twice,\nplease", 'the "blue" one')),
                }
                if is_cancelled and refund:
                    head["Cancelled at"] = refund.at.astimezone(offset).strftime("%Y-%m-%d %H:%M:%S %z")
            head |= dict(zip(names[10:14], of_line, strict=True)) | {"Lineitem discount": f"{line.discount:.2f}"}
            rows.append([str(head.get(name, "")) for name in names])
    return _as_file(rng, Sheet(names=names, rows=rows), "orders_export", faults)


def _as_file(rng: Random, sheet: Sheet, name: str, faults: list[str]) -> Delivery:
    if rng.random() > 0.9:
        faults.append("wrapping: xlsx")
        return delivered(f"{name}.xlsx", workbook_of(rng, sheet, {"Lineitem quantity", "Lineitem price", "Total"}))
    return delivered(*packed(text_of(rng, sheet, faults), f"{name}.csv", pick_packing(rng, faults)))


def _woocommerce(rng: Random, orders: list[Order], faults: list[str], unpaid: set[str]) -> Delivery:
    return (_woo_json if rng.random() > 0.5 else _woo_csv)(rng, orders, faults, unpaid)


def _status(rng: Random, order: Order, unpaid: set[str]) -> str:
    if order.number in unpaid:
        return rng.choice(("pending", "failed", "checkout-draft"))
    if any(refund.kind == "whole" for refund in order.refunds):
        return rng.choice(("refunded", "cancelled"))
    return rng.choice(("completed", "processing", "on-hold"))


def _customer(order: Order) -> str:
    return order.person.user if order.person.user and order.person.user.isdigit() else "0"


def _woo_json(rng: Random, orders: list[Order], faults: list[str], unpaid: set[str]) -> Delivery:
    objects = []
    for order in orders:
        partial = [refund for refund in order.refunds if refund.amount is not None]
        objects.append(
            {
                "id": int(order.number),
                "number": order.number,
                "status": _status(rng, order, unpaid),
                "currency": order.currency,
                "date_created": (order.at + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"),
                "date_created_gmt": order.at.strftime("%Y-%m-%dT%H:%M:%S"),
                "discount_total": f"{order.discount:.2f}",
                "shipping_total": f"{order.shipping:.2f}",
                "total": f"{order.revenue + order.shipping:.2f}",
                "total_tax": "0.00",
                "customer_id": int(_customer(order)),
                "billing": {"email": order.person.email or "", "country": "DE"},
                "line_items": [
                    {"id": place, "name": line.title, "product_id": 93, "variation_id": 0, "quantity": line.quantity,
                     "subtotal": f"{line.price * line.quantity:.2f}", "total": f"{line.amount:.2f}", "sku": line.item,
                     "price": float(line.amount / line.quantity)}
                    for place, line in enumerate(order.lines)
                ],
                "refunds": [{"id": 1, "reason": "", "total": f"{-(refund.amount or 0):.2f}"} for refund in partial],
            }
        )  # fmt: skip
    data = json.dumps(objects, ensure_ascii=rng.random() > 0.5).encode()
    return delivered(*packed(data, "orders.json", pick_packing(rng, faults)))


def _woo_csv(rng: Random, orders: list[Order], faults: list[str], unpaid: set[str]) -> Delivery:
    names = ["Order Number", "Order Status", "Order Date", "Email (Billing)", "Customer User ID",
             "Cart Discount Amount", "Order Shipping Amount", "Order Total Amount", "Order Refund Amount",
             "Order Currency", "SKU", "Item Name", "Quantity", "Item Cost"]  # fmt: skip
    money = _money(rng, faults)
    on_first_only = rng.random() > 0.7
    rows = []
    for order in orders:
        back = sum((refund.amount or Decimal(0) for refund in order.refunds), Decimal(0))
        status = _status(rng, order, unpaid)
        for place, line in enumerate(order.lines):
            head = [status.capitalize(), order.at.strftime("%Y-%m-%d %H:%M:%S"), order.person.email or "",
                    _customer(order), money(order.discount), money(order.shipping),
                    money(order.revenue + order.shipping), money(back), order.currency]  # fmt: skip
            if on_first_only and place:
                head = [""] * len(head)
            rows.append([order.number, *head, line.item, line.title, str(line.quantity), money(line.price)])
    return _as_file(rng, Sheet(names=names, rows=rows), "orders", faults)


def _magento(rng: Random, orders: list[Order], faults: list[str], unpaid: set[str]) -> Delivery:
    heads: list[list[str]] = []
    lines: list[list[str]] = []
    has_parts = rng.random() > 0.6
    if has_parts:
        faults.append("lines: parts of a line")
    for entity, order in enumerate(orders, start=1):
        is_whole = any(refund.kind == "whole" for refund in order.refunds)
        back = sum((refund.amount or Decimal(0) for refund in order.refunds), Decimal(0))
        state = "complete"
        if order.number in unpaid:
            state = "pending_payment"
        elif is_whole:
            state = rng.choice(("closed", "canceled"))
        customer = _customer(order)
        heads.append(
            [str(entity), state, rng.choice(("", "0")) if customer == "0" else customer, order.person.email or "",
             order.currency, order.currency, order.number, f"{order.revenue + order.shipping:.4f}",
             f"{back:.4f}" if back else "", order.at.strftime("%Y-%m-%d %H:%M:%S")]
        )  # fmt: skip
        for place, line in enumerate(order.lines):
            own = [refund for refund in order.refunds if refund.line is line]
            pieces = sum(refund.pieces or 0 for refund in own)
            amount = sum((refund.amount or Decimal(0) for refund in own), Decimal(0))
            # Magento gives back before discount, and says beside it how much of that the discount was.
            off = line.discount + line.share
            off_back = off if pieces == line.quantity else (off * pieces / line.quantity).quantize(CENT)
            number = str(entity * 100 + place * 2)
            lines.append(
                [number, str(entity), "", "configurable" if has_parts else "simple", line.item, line.title,
                 f"{line.quantity}.0000", f"{pieces}.0000", f"{line.price:.4f}",
                 f"{line.price * line.quantity:.4f}", f"{off:.4f}", f"{amount + off_back if own else 0:.4f}",
                 f"{off_back if own else 0:.4f}", order.at.strftime("%Y-%m-%d %H:%M:%S")]
            )  # fmt: skip
            if has_parts:
                lines.append(
                    [str(int(number) + 1), str(entity), number, "simple", line.item, f"{line.title} S",
                     f"{line.quantity}.0000", "0.0000", "0.0000", "0.0000", "0.0000", "0.0000", "0.0000",
                     order.at.strftime("%Y-%m-%d %H:%M:%S")]
                )  # fmt: skip
    head = Sheet(
        names=["entity_id", "state", "customer_id", "customer_email", "base_currency_code", "order_currency_code",
               "increment_id", "grand_total", "total_refunded", "created_at"],
        rows=heads,
    )  # fmt: skip
    line_sheet = Sheet(
        names=["item_id", "order_id", "parent_item_id", "product_type", "sku", "name", "qty_ordered", "qty_refunded",
               "price", "row_total", "discount_amount", "amount_refunded", "discount_refunded", "created_at"],
        rows=lines,
    )  # fmt: skip
    files = {
        "magento/sales_order.csv": text_of(rng, head, faults),
        "magento/sales_order_item.csv": text_of(rng, line_sheet, faults),
    }
    return Delivery(name="magento", files=files)
