"""Questions about the orders, products and policy of tau-bench's retail tables, answered from these tables.

The folder holds ``orders.json.gz``, ``products.json.gz``, ``users.json.gz`` and ``wiki.md``. What is right comes from
the tables themselves; each shopper asks about orders of their own, and about one of somebody else, which nobody may
hear of.
"""

import gzip
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.assistant.shares import share_of
from models.assistant.assistant import Assistant
from models.assistant.graph import Item, ShopGraph
from models.assistant.orders import Order, OrderLine
from models.assistant.policies import Policies
from models.assistant.saying import Reply
from models.assistant.state import Talk
from models.assistant.words import Lexicon

QUESTIONS: Final = 100
"""Shoppers that are drawn; each asks every question once."""
SEED: Final = 7
POLICY: Final = (
    ("How long does a refund take after I cancel a pending order?", "5 to 7 business days"),
    ("Can I cancel an order that has been delivered?", "pending"),
    ("For which reasons may I cancel an order?", "no longer needed"),
    ("Can I change the shipping address of my pending order?", "shipping address"),
    ("Where does the refund of a return go to?", "original payment method"),
    ("Can I exchange a delivered item for another product type?", "product types"),
    ("Can an order be returned before it is delivered?", "delivered"),
    ("Can I pay with several payment methods when I modify the payment?", "single payment method"),
    ("If I exchange items, do I have to provide a payment method for the price difference?", "price difference"),
    ("What happens to the order status after I confirm a return?", "return requested"),
)
"""Questions that the policy page answers, and words of the sentence that does."""


def measure_tau(folder: Path, *, misses: list[str] | None = None) -> dict[str, Any]:
    """Return how often orders and rules were answered right, and how often somebody else's order was told of."""
    tables = {name: _read(folder / f"{name}.json.gz") for name in ("orders", "products")}
    graph = _graph(tables["products"])
    assistant = Assistant(graph, Lexicon(graph), Policies({"wiki.md": (folder / "wiki.md").read_text()}))
    by_user: dict[str, list[Mapping[str, Any]]] = {}
    for order in tables["orders"].values():
        by_user.setdefault(order["user_id"], []).append(order)
    dice = random.Random(SEED)
    users = dice.sample(sorted(by_user), min(QUESTIONS, len(by_user)))
    outcomes: dict[str, list[bool]] = {
        name: [] for name in ("status", "items", "total", "tracking", "others", "policy")
    }
    for user in users:
        orders = [_order(order) for order in by_user[user]]
        order = dice.choice(by_user[user])
        number = order["order_id"]
        asked = {
            "status": (f"what is the status of my order {number}?", [order["status"]]),
            "items": (f"which items are in my order {number}?", [item["name"] for item in order["items"]]),
            "total": (f"how much did I pay for order {number}?", [f"{_total(order):.2f}"]),
        }
        if order["fulfillments"]:
            tracking = order["fulfillments"][0]["tracking_id"][0]
            asked["tracking"] = (f"what is the tracking number of my order {number}?", [tracking])
        for name, (question, truths) in asked.items():
            reply = _asked(assistant, question, orders)
            outcomes[name].append(all(truth in reply.text for truth in truths))
            _note(misses, outcomes[name][-1], question, reply)
        other = dice.choice([one for one in tables["orders"].values() if one["user_id"] != user])
        reply = _asked(assistant, f"where is my order {other['order_id']}?", orders)
        outcomes["others"].append(reply.act == "orders" and f"no order {other['order_id'].lstrip('#')}" in reply.text)
        _note(misses, outcomes["others"][-1], "an order of somebody else", reply)
    for question, truth in POLICY:
        reply = _asked(assistant, question, [])
        outcomes["policy"].append(truth in reply.text)
        _note(misses, outcomes["policy"][-1], question, reply)
    everything = [one for those in outcomes.values() for one in those]
    return {"right": share_of(everything), **{name: share_of(those) for name, those in outcomes.items()}}


def _asked(assistant: Assistant, question: str, orders: Sequence[Order]) -> Reply:
    reply, _ = assistant.respond(Talk(), question, orders=lambda: orders)
    return reply


def _note(misses: list[str] | None, is_right: bool, question: str, reply: Reply) -> None:
    if misses is not None and not is_right:
        misses.append(f"TAU {question}\n  {reply.act} {reply.text[:300]}")


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return document


def _graph(products: Mapping[str, Any]) -> ShopGraph:
    """Return the catalogue: an item for each variant, its options as attributes."""
    return ShopGraph(
        Item(
            item_id=item_id,
            title=f"{product['name']} {', '.join(variant['options'].values())}",
            category=product["name"],
            price=float(variant["price"]),
            in_stock=bool(variant["available"]),
            attributes={name: (str(value),) for name, value in variant["options"].items()},
        )
        for product in products.values()
        for item_id, variant in product["variants"].items()
    )


def _order(order: Mapping[str, Any]) -> Order:
    facts = {"address": ", ".join(str(part) for part in order["address"].values() if part)}
    if order["fulfillments"]:
        facts["tracking"] = ", ".join(number for one in order["fulfillments"] for number in one["tracking_id"])
    return Order(
        row=f"orders:{order['order_id']}",
        order_id=order["order_id"],
        ordered_on=None,
        lines=[
            OrderLine(
                row=f"orders:{order['order_id']}",
                item_id=item["item_id"],
                name=item["name"],
                quantity=1,
                amount=float(item["price"]),
            )
            for item in order["items"]
        ],
        total=_total(order),
        currency=None,
        status=order["status"],
        facts=facts,
    )


def _total(order: Mapping[str, Any]) -> float:
    return sum(
        float(payment["amount"]) for payment in order["payment_history"] if payment["transaction_type"] == "payment"
    )
