"""Writes what tracking tools export: GA4, Segment, PostHog, Amplitude, Matomo and Snowplow."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from generated_exports.exports import Delivery, Export, truth_of
from generated_exports.flat_rows import BLANKS, NO_DEVICE, NO_USER
from generated_exports.known_shop import Order, Person, Refund, Style, known_shop
from generated_exports.wrappings import delivered, packed, pick_packing, split
from shopsight.ingestion.formats.snowplow import FIELDS

REFUNDS = ("whole", "order_amount", "pieces", "item_price")
STYLES = {
    "ga4": Style(refunds=("whole", "order_amount", "pieces", "item_price"), line_discounts=False),
    "segment": Style(refunds=("whole", "order_amount", "pieces", "item_price"), line_discounts=False),
    "posthog": Style(refunds=("whole", "order_amount", "pieces", "item_price"), line_discounts=False, nobodies=False),
    "amplitude": Style(refunds=("whole", "order_amount", "pieces", "item_price"), line_discounts=False),
    "matomo": Style(refunds=(), line_discounts=False),
    "snowplow": Style(refunds=("whole", "order_amount"), line_discounts=False),
}
Said = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One tracked call."""

    id: str
    kind: str
    """``view``, ``purchase``, ``update``, ``refund``, ``cancel`` or ``identify``."""
    at: datetime
    person: Person
    said: Said = field(default_factory=dict)
    """Properties of the e-commerce spec, with Decimals as amounts."""


def calls_export(rng: Random, number: int, format_name: str) -> Export:
    """Return one export of a tracking tool."""
    style = STYLES[format_name]
    faults: list[str] = []
    shop = known_shop(rng, number, style)
    amounts = rng.choice(("products", "revenue", "all", "discount", "bare"))
    for order in shop.orders:
        if amounts == "bare" and len(order.lines) > 1:  # what one line of several brought is then nowhere said
            order.refunds = [refund for refund in order.refunds if refund.line is None]
    truth = truth_of(shop)
    if len({order.currency for order in shop.orders}) > 1:
        faults.append("currencies: several")
    calls: list[Call] = []
    for order in shop.orders:
        calls += _calls_of(rng, number, order, amounts, faults, format_name)
    if any(order.discount for order in shop.orders):
        faults.append("discounts: of orders")
    calls, seen = _with_views(rng, number, shop.people, shop.orders[0], calls, format_name)
    truth.people |= seen
    calls = _orphaned(rng, truth.orders, calls, faults)
    calls = _told_again(rng, calls, faults)
    if format_name == "segment":
        calls = _updated(rng, calls, faults)
    calls = _repeated(rng, calls, faults)
    if rng.random() > 0.7 and any(call.kind in ("refund", "cancel") for call in calls):
        faults.append("refunds: before the purchase")
        calls = sorted(calls, key=lambda call: call.kind not in ("refund", "cancel"))
    spell = _speller(rng, faults) if format_name != "posthog" else _as_they_are
    write: Callable[..., tuple[str, bytes]] = {
        "ga4": _ga4, "segment": _segment, "posthog": _posthog, "amplitude": _amplitude, "matomo": _matomo,
        "snowplow": _snowplow,
    }[format_name]  # fmt: skip
    deliveries = _deliveries(rng, calls, faults, lambda some: write(rng, some, faults, spell))
    return Export(format_name=format_name, deliveries=deliveries, truth=truth, faults=faults, source=format_name)


def _calls_of(rng: Random, number: int, order: Order, amounts: str, faults: list[str], format_name: str) -> list[Call]:
    has_prices = amounts != "bare"
    products = [
        {"product_id": line.item, "name": line.title, "quantity": line.quantity}
        | ({"price": line.price} if has_prices else {})
        for line in order.lines
    ]
    said: Said = {"order_id": order.number, "currency": order.currency, "products": products}
    listed = sum((line.price * line.quantity for line in order.lines), Decimal(0))
    if amounts in ("revenue", "all", "bare") or (order.discount and amounts == "products"):
        said["revenue"] = order.revenue
    if amounts in ("all", "discount") and order.discount:
        said["discount"] = order.discount
    if amounts == "all":
        said |= {"shipping": order.shipping, "tax": Decimal(0), "total": order.revenue + order.shipping}
        said["subtotal"] = order.revenue if rng.random() > 0.5 or not order.discount else listed
    calls = [Call(id=f"{number}-{order.number}", kind="purchase", at=order.at, person=order.person, said=said)]
    for place, refund in enumerate(order.refunds):
        calls.append(_refund_call(rng, number, order, refund, place, faults, format_name))
    return calls


def _refund_call(
    rng: Random, number: int, order: Order, refund: Refund, place: int, faults: list[str], format_name: str
) -> Call:
    said: Said = {"order_id": order.number, "currency": order.currency}
    kind = "refund"
    faults.append(f"refunds: {refund.kind}")
    if refund.kind == "whole":
        kind = "cancel" if rng.random() > 0.5 and format_name not in ("ga4", "snowplow") else "refund"
        if kind == "cancel" and rng.random() > 0.5:  # as the spec has it: with everything that the order had
            said["products"] = [{"product_id": line.item, "quantity": line.quantity} for line in order.lines]
            said["revenue"] = order.revenue
    elif refund.amount is not None:
        said["revenue"] = refund.amount
        if rng.random() > 0.7:
            faults.append("refunds: negative")
            said["revenue"] = -refund.amount
    elif refund.line is not None:
        product: Said = {"product_id": refund.line.item, "quantity": refund.pieces}
        if refund.kind == "item_price":
            product["price"] = refund.line.price
        said["products"] = [product]
    return Call(id=f"{number}-{order.number}-r{place}", kind=kind, at=refund.at, person=order.person, said=said)


def _with_views(
    rng: Random, number: int, people: list[Person], first: Order, calls: list[Call], format_name: str
) -> tuple[list[Call], set[Person]]:
    seen = set()
    for place, person in enumerate(people):
        if (person.user or person.device) and rng.random() > 0.5:
            seen.add(person)
            line = first.lines[0]
            said = {"product_id": line.item, "name": line.title, "price": line.price, "currency": first.currency}
            at = first.at - timedelta(minutes=9, seconds=place)
            calls.append(Call(id=f"{number}-v{place}", kind="view", at=at, person=person, said=said))
        if person.user and person.device and rng.random() > 0.5 and format_name in ("segment", "posthog", "amplitude"):
            seen.add(person)
            at = first.at - timedelta(minutes=5, seconds=place)
            calls.append(Call(id=f"{number}-i{place}", kind="identify", at=at, person=person))
    return calls, seen


def _orphaned(rng: Random, orders: Any, calls: list[Call], faults: list[str]) -> list[Call]:
    given_back = sorted({call.said["order_id"] for call in calls if call.kind in ("refund", "cancel")})
    if rng.random() < 0.85 or not given_back:
        return calls
    faults.append("refunds: without a purchase")
    lost = rng.choice(given_back)
    orders[lost].rows[:] = [row for row in orders[lost].rows if row["event_name"] == "refund"]
    return [call for call in calls if call.kind != "purchase" or call.said["order_id"] != lost]


def _told_again(rng: Random, calls: list[Call], faults: list[str]) -> list[Call]:
    if rng.random() < 0.6:
        return calls
    faults.append("duplicates: told again")
    later = rng.choice((timedelta(seconds=1), timedelta(minutes=3), timedelta(days=9)))
    is_dearer = rng.random() > 0.6
    again = []
    for call in calls:
        if call.kind == "purchase" and rng.random() > 0.4:
            said = call.said
            if is_dearer:
                said = said | {
                    "products": [p | ({"price": p["price"] + 5} if "price" in p else {}) for p in said["products"]]
                }
            again.append(replace(call, id=f"{call.id}-again", at=call.at + later, said=said))
    return calls + again


def _updated(rng: Random, calls: list[Call], faults: list[str]) -> list[Call]:
    """Let some orders be completed with other pieces, and then updated to what they are."""
    if rng.random() < 0.7 or "duplicates: told again" in faults:
        return calls
    faults.append("corrections: Order Updated")
    out = []
    for call in calls:
        if call.kind != "purchase" or rng.random() < 0.4:
            out.append(call)
            continue
        products = [p | {"quantity": p["quantity"] + 1} for p in call.said["products"]]
        said = {
            **call.said,
            "products": [*products, {"product_id": "gone", "name": "Gone", "quantity": 1, "price": Decimal(9)}],
        }
        out += [
            replace(call, id=f"{call.id}-first", at=call.at - timedelta(minutes=2), said=said),
            replace(call, kind="update"),
        ]
    return out


def _repeated(rng: Random, calls: list[Call], faults: list[str]) -> list[Call]:
    if rng.random() < 0.7:
        return calls
    faults.append("duplicates: exact")
    return calls + [call for call in calls if rng.random() > 0.5]


def _speller(rng: Random, faults: list[str]) -> Callable[[str | None, str], str | None]:
    is_float, is_blank, has_words = rng.random() > 0.8, rng.random() > 0.8, rng.random() > 0.6

    def spell(text: str | None, name: str) -> str | None:
        if text is None:
            words = NO_USER if name == "user_id" else NO_DEVICE
            word = rng.choice(words) if has_words else None
            if word:
                faults.append("ids: words for nobody")
            return word
        if is_float and text.isdigit() and rng.random() > 0.4:
            faults.append("ids: 17850.0")
            return f"{text}.0"
        if is_blank and rng.random() > 0.6:
            faults.append("ids: blanks")
            return rng.choice(BLANKS).format(text)
        return text

    return spell


def _as_they_are(text: str | None, name: str) -> str | None:
    """Leave an id: what PostHog's ids mean depends on whether two of them are equal."""
    del name
    return text


def _deliveries(
    rng: Random, calls: list[Call], faults: list[str], write: Callable[[list[Call]], tuple[str, bytes]]
) -> list[Delivery]:
    how = rng.random()
    if how > 0.85 and len(calls) > 1:
        faults.append("wrapping: folder of shards")
        files = {}
        for place, some in enumerate(split(rng, calls, faults)):
            name, data = write(some)
            files[f"export/{place:012d}-{name}"] = data
        return [Delivery(name="export", files=files)]
    if how > 0.7 and len(calls) > 1 and "corrections: Order Updated" not in faults:
        faults.append("duplicates: overlapping files")
        half = 1 + rng.randrange(len(calls) - 1)
        return [delivered(*write(some)) for some in (calls[: half + 1], calls[half:])]
    delivery = delivered(*write(calls))
    if how > 0.6:
        faults.append("duplicates: same file twice")
        return [delivery, delivery]
    return [delivery]


def _plain(value: Any, numbers: str) -> Any:
    """Return a value for JSON; amounts as numbers or as text."""
    if isinstance(value, Decimal):
        return float(value) if numbers == "float" else str(value)
    if isinstance(value, dict):
        return {key: _plain(one, numbers) for key, one in value.items()}
    return [_plain(one, numbers) for one in value] if isinstance(value, list) else value


def _lines(
    rng: Random, objects: list[Said], name: str, faults: list[str], *, as_list: bool = False
) -> tuple[str, bytes]:
    ascii_only = rng.random() > 0.5
    if as_list:
        data = json.dumps(objects, ensure_ascii=ascii_only, indent=rng.choice((None, 1))).encode()
    else:
        data = "\n".join(json.dumps(one, ensure_ascii=ascii_only) for one in objects).encode() + b"\n"
    return packed(data, name, pick_packing(rng, faults))


def _names(kind: str, rng: Random) -> str:
    names = {
        "view": ("Product Viewed", "product_viewed", "view_item"),
        "purchase": ("Order Completed", "order_completed", "purchase"),
        "update": ("Order Updated",),
        "refund": ("Order Refunded", "order_refunded", "refund"),
        "cancel": ("Order Cancelled", "order_cancelled"),
    }
    return rng.choice(names[kind])


def _segment(rng: Random, calls: list[Call], faults: list[str], spell: Any) -> tuple[str, bytes]:
    numbers = rng.choice(("float", "text"))
    objects = []
    for call in calls:
        is_identify = call.kind == "identify"
        objects.append(
            {
                "type": "identify" if is_identify else "track",
                "messageId": call.id,
                "timestamp": call.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "receivedAt": (call.at + timedelta(seconds=40)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "userId": spell(call.person.user, "user_id"),
                "anonymousId": spell(call.person.device, "anonymous_id"),
                "properties": _plain(call.said, numbers),
            }
            | ({} if is_identify else {"event": _names(call.kind, rng)})
        )
    return _lines(rng, objects, "calls.jsonl", faults)


def _posthog(rng: Random, calls: list[Call], faults: list[str], spell: Any) -> tuple[str, bytes]:
    numbers = rng.choice(("float", "text"))
    objects = []
    for call in calls:
        user, device = spell(call.person.user, "user_id"), spell(call.person.device, "anonymous_id")
        own: Said = {"$lib": "web"} | _plain(call.said, numbers)
        if device:
            own["$device_id"] = device
        if user:
            own["$user_id"] = user
            own["$is_identified"] = True
        if call.kind == "identify":
            own["$anon_distinct_id"] = device
        name = "$identify" if call.kind == "identify" else _names(call.kind, rng)
        objects.append(
            {
                "uuid": call.id,
                "event": name,
                "distinct_id": user or device,
                "timestamp": call.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "properties": own,
            }
        )
    how = rng.choice(("jsonl", "results", "parquet"))
    if how == "results":
        data = json.dumps({"results": objects, "next": None}).encode()
        return packed(data, "events.json", pick_packing(rng, faults))
    if how == "parquet":
        faults.append("wrapping: Parquet")
        return "events.parquet", _parquet([one | {"properties": json.dumps(one["properties"])} for one in objects])
    return _lines(rng, objects, "events.jsonl", faults)


def _amplitude(rng: Random, calls: list[Call], faults: list[str], spell: Any) -> tuple[str, bytes]:
    numbers = rng.choice(("float", "text"))
    objects = [
        {
            "$insert_id": call.id,
            "uuid": f"u-{call.id}",
            "event_type": "$identify" if call.kind == "identify" else _names(call.kind, rng),
            "user_id": spell(call.person.user, "user_id"),
            "device_id": spell(call.person.device, "anonymous_id"),
            "event_time": call.at.strftime("%Y-%m-%d %H:%M:%S.000000"),
            "server_received_time": (call.at + timedelta(seconds=40)).strftime("%Y-%m-%d %H:%M:%S.000000"),
            "event_properties": _plain(call.said, numbers),
        }
        for call in calls
    ]
    return _lines(rng, objects, "1234_2026-03-01_10#0.json", faults)


def _matomo(rng: Random, calls: list[Call], faults: list[str], spell: Any) -> tuple[str, bytes]:
    visits = []
    for call in calls:
        action: Said = {"timestamp": int(call.at.timestamp())}
        if call.kind == "view":
            action |= {
                "type": "action",
                "productViewSku": call.said["product_id"],
                "productViewName": call.said["name"],
                "productViewPrice": call.said["price"],
            }
        else:
            said = call.said
            action |= {
                "type": "ecommerceOrder",
                "orderId": said["order_id"],
                "itemDetails": [
                    {"itemSKU": p["product_id"], "itemName": p["name"], "quantity": p["quantity"]}
                    | ({"price": p["price"]} if "price" in p else {})
                    for p in said["products"]
                ],
            }
            names = {"total": "revenue", "revenue": "revenueSubTotal", "discount": "revenueDiscount",
                     "shipping": "revenueShipping", "tax": "revenueTax"}  # fmt: skip
            action |= {other: said[name] for name, other in names.items() if name in said}
        visits.append(
            {
                "idVisit": call.id,
                "visitorId": spell(call.person.device, "anonymous_id"),
                "userId": spell(call.person.user, "user_id"),
                "siteCurrency": call.said["currency"],
                "serverTimestamp": int(call.at.timestamp()),
                "actionDetails": [action],
            }
        )
    plain = [_plain(visit, rng.choice(("float", "text"))) for visit in visits]
    return _lines(rng, plain, "visits.json", faults, as_list=True)


def _snowplow(rng: Random, calls: list[Call], faults: list[str], spell: Any) -> tuple[str, bytes]:
    numbers = rng.choice(("float", "text"))
    rows = []
    place = "iglu:com.snowplowanalytics.snowplow.ecommerce"
    for call in calls:
        said = _plain(call.said, numbers)
        kinds = {"view": "product_view", "purchase": "transaction", "refund": "refund"}
        entities = []
        if call.kind == "view":
            products = [said | {"quantity": 1}]
        else:
            products = said.get("products", [])
            names = {"order_id": "transaction_id", "currency": "currency", "revenue": "revenue", "tax": "tax",
                     "shipping": "shipping", "discount": "discount_amount"}  # fmt: skip
            if call.kind == "refund":
                names |= {"revenue": "refund_amount"}
            about = {other: said[name] for name, other in names.items() if name in said}
            name = "transaction" if call.kind == "purchase" else "refund"
            entities.append({"schema": f"{place}/{name}/jsonschema/1-0-0", "data": about})
        entities += [
            {
                "schema": f"{place}/product/jsonschema/1-0-0",
                "data": {"id": p["product_id"], "currency": said["currency"]}
                | {key: p[key] for key in ("name", "price", "quantity") if key in p},
            }
            for p in products
        ]
        own = {"type": kinds[call.kind]}
        rows.append(
            {
                "platform": "web",
                "event": "unstruct",
                "event_id": call.id,
                "user_id": spell(call.person.user, "user_id") or "",
                "domain_userid": spell(call.person.device, "anonymous_id") or "",
                "collector_tstamp": (call.at + timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S.000"),
                "derived_tstamp": call.at.strftime("%Y-%m-%d %H:%M:%S.000"),
                "event_name": "snowplow_ecommerce_action",
                "contexts": json.dumps({"schema": "iglu:contexts", "data": entities}, ensure_ascii=False),
                "unstruct_event": json.dumps(
                    {"schema": "iglu:unstruct", "data": {"schema": f"{place}/action/jsonschema/1-0-2", "data": own}}
                ),
            }
        )
    if rng.random() > 0.6:
        faults.append("wrapping: Parquet")
        return "atomic.parquet", _parquet(rows)
    text = "\n".join("\t".join(row.get(name, "") for name in FIELDS) for row in rows) + "\n"
    return packed(text.encode(), "enriched.tsv", pick_packing(rng, faults))


def _param(key: str, value: Any) -> Said:
    kinds: Said = {"string_value": None, "int_value": None, "double_value": None}
    kind = "string_value" if isinstance(value, str) else "double_value"
    return {"key": key, "value": kinds | {kind: value}}


def _ga4(rng: Random, calls: list[Call], faults: list[str], spell: Any) -> tuple[str, bytes]:
    events = []
    for call in calls:
        said = _plain(call.said, "float")
        products = [said] if call.kind == "view" else said.get("products", [])
        names = {"view": "view_item", "purchase": "purchase", "refund": "refund"}
        params = [_param("currency", said["currency"])]
        ecommerce: Said = {}
        if call.kind != "view":
            ecommerce = {"transaction_id": said["order_id"], "purchase_revenue": None, "refund_value": None,
                         "shipping_value": said.get("shipping"), "tax_value": said.get("tax")}  # fmt: skip
            if call.kind == "refund":
                ecommerce["refund_value"] = said.get("revenue")
            else:
                ecommerce["purchase_revenue"] = said.get("revenue")
            params += [_param("transaction_id", said["order_id"])]
            params += [_param("value", said["revenue"])] if "revenue" in said else []
            params += [_param("discount", said["discount"])] if "discount" in said else []
        events.append(
            {
                "event_date": call.at.strftime("%Y%m%d"),
                "event_timestamp": int(call.at.timestamp()) * 1_000_000,
                "event_name": names[call.kind],
                "user_id": spell(call.person.user, "user_id"),
                "user_pseudo_id": spell(call.person.device, "anonymous_id"),
                "event_params": params,
                "ecommerce": ecommerce or {"transaction_id": None, "purchase_revenue": None, "refund_value": None,
                                           "shipping_value": None, "tax_value": None},
                "items": [
                    {"item_id": p["product_id"], "item_name": p.get("name"), "price": p.get("price"),
                     "quantity": p.get("quantity", 1)}
                    for p in products
                ],
            }
        )  # fmt: skip
    if rng.random() > 0.5:
        faults.append("wrapping: Parquet")
        return "events.parquet", _parquet(events)
    are_texts = rng.random() > 0.5  # BigQuery writes its integers as text
    if are_texts:
        events = [event | {"event_timestamp": str(event["event_timestamp"])} for event in events]
    return _lines(rng, events, "events.jsonl", faults)


def _parquet(objects: list[Said]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(objects), sink)
    return bytes(sink.getvalue())
