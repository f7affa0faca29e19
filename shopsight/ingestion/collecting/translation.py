"""Turns what tools and shop systems send over HTTP into canonical events, by the importers of their exports.

A call or a webhook is written as a file of the format and read by the importer of that format: so an event that was
sent and the same event in an export that is imported later are one event of one source.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from shopsight.clock import rfc3339
from shopsight.errors import ShopsightError
from shopsight.ingestion.collecting.door import as_json
from shopsight.ingestion.collecting.group_commit import Request
from shopsight.ingestion.collecting.items import ItemChange
from shopsight.ingestion.formats import FORMATS
from shopsight.ingestion.readers.chunks import RawChunk

SHOPIFY_ORDERS: Final = ("orders/create", "orders/updated", "orders/edited", "orders/paid", "orders/cancelled")
SHOPIFY_PRODUCTS: Final = ("products/create", "products/update")
WOOCOMMERCE_ORDERS: Final = ("order.created", "order.updated")
WOOCOMMERCE_PRODUCTS: Final = ("product.created", "product.updated")
TOPICS: Final[Mapping[str, tuple[str, ...]]] = {
    "shopify": SHOPIFY_ORDERS + SHOPIFY_PRODUCTS,
    "woocommerce": WOOCOMMERCE_ORDERS + WOOCOMMERCE_PRODUCTS,
}
"""What each shop system may send. Refunds come with the order that they are of, as its update."""


class UnreadableWebhookError(ShopsightError):
    """What a shop system sent is not what it says it is."""


@dataclass(kw_only=True)
class _Translation:
    """What is gathered of the importer's chunks."""

    events: list[object] = field(default_factory=list)
    left_out: dict[int, list[str]] = field(default_factory=dict)
    items: list[ItemChange] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What one request brings of Segment's calls."""

    calls: Sequence[object]
    """Objects with ``type``, and whatever else was sent in the place of one."""
    received_at: datetime
    """When a call without a time happened; aware."""


@dataclass(frozen=True, kw_only=True)
class TranslatedCalls:
    """Calls as events."""

    request: Request
    origins: tuple[int, ...]
    """Of each event the place of the call that it is from: a call with several products gives several events."""


def segment_requests(group: Sequence[Calls]) -> list[TranslatedCalls]:
    """Return what the calls of several requests bring: reading many takes hardly longer than reading one."""
    whole = [
        (number, place, _timed(call, rfc3339(one.received_at)))
        for number, one in enumerate(group)
        for place, call in enumerate(one.calls)
        if isinstance(call, dict)
    ]
    lines = b"".join(as_json(call).encode() + b"\n" for *_, call in whole)
    translation = _translation("segment", "calls.jsonl", lines) if whole else _Translation()
    of_each = [_Translation() for _ in group]
    for at, (event, line) in enumerate(zip(translation.events, translation.lines, strict=True)):
        number, place, _ = whole[line - 1]
        if at in translation.left_out:
            of_each[number].left_out[len(of_each[number].events)] = translation.left_out[at]
        of_each[number].events.append(event)
        of_each[number].lines.append(place)
    for one, own in zip(group, of_each, strict=True):
        others = [(place, call) for place, call in enumerate(one.calls) if not isinstance(call, dict)]
        own.lines += [place for place, _ in others]
        own.events += [call for _, call in others]
    of_each[0].items = translation.items  # what a shop calls its items belongs to no request
    return [TranslatedCalls(request=_request(own), origins=tuple(own.lines)) for own in of_each]


def shopify_request(topic: str, document: Mapping[str, Any]) -> Request:
    """Return what a webhook of Shopify brings.

    Raises:
        UnreadableWebhookError: the document is no order or product, or the topic is none of :data:`TOPICS`.
    """
    _require_topic("shopify", topic)
    if topic in SHOPIFY_ORDERS:
        translation = _read("shopify", "export.csv", _as_csv(list(_shopify_lines(document))))
        return _request(_of_version(translation, document.get("updated_at")))
    return _request(_read("shopify", "export.csv", _as_csv(list(_shopify_variants(document))), is_catalogue=True))


def woocommerce_request(topic: str, document: Mapping[str, Any]) -> Request:
    """Return what a webhook of WooCommerce brings; see :func:`shopify_request`."""
    _require_topic("woocommerce", topic)
    if topic in WOOCOMMERCE_ORDERS:
        translation = _read("woocommerce", "orders.json", as_json([document]).encode())
        changed = document.get("date_modified_gmt")
        return _request(_of_version(translation, f"{changed}Z" if isinstance(changed, str) else None))
    product = _as_csv([_woocommerce_product(document)])
    return _request(_read("woocommerce", "products.csv", product, is_catalogue=True))


def _of_version(translation: _Translation, changed_at: object) -> _Translation:
    """Have events count as known since their order changed: webhooks overtake each other, and the newest counts."""
    if isinstance(changed_at, str):
        translation.events = [
            event | {"created_timestamp": changed_at} if isinstance(event, dict) else event
            for event in translation.events
        ]
    return translation


def _require_topic(system: str, topic: str) -> None:
    if topic not in TOPICS[system]:
        raise UnreadableWebhookError(
            f"the topic {topic!r} is not taken",
            why="a refund alone names no order number: the update of its order says it"
            if "refund" in topic
            else "nothing here says what it means",
            fix=f"send one of {', '.join(TOPICS[system])}",
        )


def _read(system: str, name: str, content: bytes, *, is_catalogue: bool = False) -> _Translation:
    try:
        return _translation(system, name, content, is_catalogue=is_catalogue)
    except ShopsightError as error:
        raise UnreadableWebhookError(
            f"this is no order or product of {system}", why=error.why, fix="send what the shop system sends, unchanged"
        ) from error


def _translation(format_name: str, name: str, content: bytes, *, is_catalogue: bool = False) -> _Translation:
    """Return what an importer reads in a file of its format, of the catalogue or of events."""
    translation = _Translation()
    with tempfile.TemporaryDirectory(prefix="shopsight-collector-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        for chunk in FORMATS[format_name](path):
            _note(translation, chunk, source=format_name, is_catalogue=is_catalogue)
    return translation


def _note(translation: _Translation, chunk: RawChunk, *, source: str, is_catalogue: bool) -> None:
    rows = [{name: value for name, value in row.items() if value is not None} for row in chunk.rows.to_pylist()]
    if chunk.table == "items":
        # What stands in an order of an item is what it was then: of the catalogue only a file of products says all.
        kind: Literal["describe", "mention"] = "describe" if is_catalogue else "mention"
        translation.items += [
            ItemChange(line=orjson.dumps({"source": source} | row, default=str), kind=kind) for row in rows
        ]
        return
    for place, row in enumerate(rows):
        reasons = [reason for reason, is_refused in chunk.refused.items() if is_refused[place]]
        if chunk.left_out is not None and chunk.left_out[place]:
            reasons = reasons or ["left_out_by_design"]
        if reasons:
            translation.left_out[len(translation.events)] = reasons
        translation.events.append({"source": source} | row)
        translation.lines.append(int(chunk.lines[place]))


def _request(translation: _Translation) -> Request:
    return Request(events=translation.events, left_out=translation.left_out, items=tuple(translation.items))


def _timed(call: dict[str, Any], moment: str) -> dict[str, Any]:
    has_time = any(call.get(name) for name in ("timestamp", "originalTimestamp", "sentAt", "receivedAt"))
    return call if has_time else call | {"timestamp": moment}


def _as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _shopify_lines(order: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row per line, under the header of the admin's export of orders."""
    items = _objects(order.get("line_items"))
    for item in items or [{}]:
        yield {
            "Name": order.get("name"),
            "Created at": order.get("created_at"),
            "Email": order.get("email") or order.get("contact_email") or _within(order, "customer", "email"),
            "Phone": order.get("phone") or _within(order, "customer", "phone"),
            "Financial Status": order.get("financial_status"),
            "Cancelled at": order.get("cancelled_at"),
            "Currency": order.get("currency"),
            "Shipping": _within(order, "total_shipping_price_set", "shop_money", "amount"),
            "Taxes": order.get("total_tax"),
            "Total": order.get("total_price"),
            "Discount Amount": order.get("total_discounts"),
            "Refunded Amount": _sum(
                transaction.get("amount")
                for refund in _objects(order.get("refunds"))
                for transaction in _objects(refund.get("transactions"))
                if transaction.get("kind") == "refund" and transaction.get("status") == "success"
            ),
            "Source": order.get("source_name"),
            "Shipping Country": _within(order, "shipping_address", "country_code"),
            "Billing Country": _within(order, "billing_address", "country_code"),
            "Lineitem sku": item.get("sku"),
            "Lineitem name": item.get("name") or item.get("title"),
            "Lineitem quantity": item.get("quantity"),
            "Lineitem price": item.get("price"),
            "Lineitem discount": _sum(one.get("amount") for one in _objects(item.get("discount_allocations"))),
            "Vendor": item.get("vendor"),
        }


def _shopify_variants(product: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row per variant, under the header of the admin's export of products."""
    images = _objects(product.get("images"))
    for variant in _objects(product.get("variants")) or [{}]:
        yield {
            "Handle": product.get("handle") or product.get("id"),
            "Title": product.get("title"),
            "Body (HTML)": product.get("body_html"),
            "Vendor": product.get("vendor"),
            "Type": product.get("product_type"),
            "Option1 Value": variant.get("option1"),
            "Option2 Value": variant.get("option2"),
            "Option3 Value": variant.get("option3"),
            "Variant SKU": variant.get("sku"),
            "Variant Price": variant.get("price"),
            "Image Src": images[0].get("src") if images else None,
        }


def _woocommerce_product(product: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a product, under the header of the usual export."""

    def names(key: str) -> str:
        return ", ".join(str(one.get("name", "")) for one in _objects(product.get(key)))

    images = _objects(product.get("images"))
    return {
        "ID": product.get("id"),
        "Type": product.get("type") or "simple",
        "SKU": product.get("sku"),
        "Name": product.get("name"),
        "Short description": product.get("short_description"),
        "Description": product.get("description"),
        "Categories": names("categories"),
        "Brands": names("brands"),
        "Sale price": product.get("sale_price") or product.get("price"),
        "Regular price": product.get("regular_price"),
        "Images": images[0].get("src") if images else None,
    }


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _within(document: Mapping[str, Any], *keys: str) -> Any:
    value: Any = document
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _sum(amounts: Iterable[Any]) -> str | None:
    """Return the sum of amounts, or None where there are none; a word that is no amount makes the order unreadable."""
    texts = [str(amount) for amount in amounts]
    if not texts:
        return None
    try:
        return f"{sum(float(text) for text in texts):.4f}"
    except ValueError as error:
        raise UnreadableWebhookError(
            "an amount of the order is no number", why=f"it is one of {', '.join(texts)}", fix="send amounts as numbers"
        ) from error
