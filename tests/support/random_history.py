"""A few shoppers' events at random, with everything that makes an incremental run hard."""

import random
from datetime import UTC, datetime, timedelta

from batches import Row

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = (
    "view_item",
    "view_item",
    "view_item",
    "view_item_list",
    "select_item",
    "view_promotion",
    "select_promotion",
    "refund",
    "search",
    "add_to_cart",
    "view_cart",
    "begin_checkout",
    "purchase",
    "purchase",
    "rate_item",
)


WITHOUT_ITEM = ("search", "view_cart", "view_promotion", "select_promotion")


def a_history(seed: int, *, rows: int = 400) -> list[Row]:
    """Shoppers who log in late, share a tablet, cross midnight, have sessions or not, and withhold consent at times."""
    rng = random.Random(seed)
    history: list[Row] = []
    for number in range(rows):
        who = rng.randrange(8)
        logs_in = rng.random() < 0.3
        at = FIRST_DAY + timedelta(
            days=rng.randrange(45), minutes=rng.choice((0, 10, 25, 40, 1425, 1435)) + rng.randrange(3)
        )
        name = rng.choice(NAMES)
        history.append(
            {
                "event_id": f"e{number}",
                "line_number": 0,
                "event_name": name,
                "event_timestamp": at,
                "created_timestamp": at + timedelta(minutes=rng.choice((0, 1, 3000))),
                "user_id": f"u_{who // 2}" if logs_in else None,
                # Device 7 is shared: it becomes nobody's when its second user shows up.
                "anonymous_id": f"a_{who if rng.random() < 0.97 else 7}" if not logs_in or rng.random() < 0.5 else None,
                "session_id": f"s-{who}-{at.day}" if who in (2, 7) else None,
                "item_id": None
                if name in ("search", "view_cart", "view_promotion", "select_promotion")
                else f"i{rng.randrange(12)}",
                "quantity": rng.choice((None, 1, 3)),
                "price": rng.choice((None, 10, 20)),
                "value": 4.0 if name == "rate_item" else None,
                "text": f"it holds, number {number}" if name == "rate_item" else None,
                "order_id": f"o{rng.randrange(20)}"
                if name == "refund" or (name == "purchase" and rng.random() < 0.7)
                else None,
                "query": rng.choice(("lamp", "Lamp", "rug")) if name == "search" else None,
                "list_id": "best" if name in ("view_item_list", "select_item") else None,
                "list_position": rng.choice((None, 1, 2)),
                "campaign_id": f"c{rng.randrange(2)}" if "promotion" in name or rng.random() < 0.1 else None,
                "channel": rng.choice((None, "email", "paid")),
                "platform": rng.choice(("web", "app")),
                "properties": '{"results": 0}' if name == "search" and rng.random() < 0.3 else None,
                "consent": rng.choices(("none", "analytics_only", "granted"), (5, 5, 90))[0],
                "source": "shop",
            }
        )
    return history


def an_item(item: str, category: str, valid_from: datetime) -> Row:
    return {
        "item_id": item,
        "category": category,
        "valid_from": valid_from,
        "source": "shop",
        "created_timestamp": valid_from,
    }


def a_user(user: str, consent: str, created_at: datetime) -> Row:
    return {"user_id": user, "consent": consent, "source": "shop", "created_timestamp": created_at}
