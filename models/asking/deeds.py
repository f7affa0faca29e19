"""SQL of what shoppers did: each kind of action as rows of one shape, from the marts that say it.

Columns: ``user_id, at, known_at, unit, item_id, category, brand, price, money, stars``. ``unit`` names what is counted
once (an order with ten lines is one order); ``known_at`` is when the row arrived, where its mart says so.
"""

from collections.abc import Mapping
from typing import Final

from models.asking.question import Action, Bound, Filter, Kind

_INTERACTIONS: Final = """
    select rows.user_id, rows.event_timestamp as at, greatest(rows.event_timestamp, rows.created_timestamp) as known_at,
        rows.item_id || '@' || rows.event_timestamp::varchar as unit, rows.item_id, items.category, items.brand,
        rows.price, rows.price as money, null::double as stars
    from interactions as rows left join items using (item_id) where rows.event_name = '{}'
"""
_ORDERS: Final = """
    select user_id, ordered_at as at, ordered_at as known_at, order_key as unit, item_id, category, brand,
        (gross_revenue / greatest(quantity, 1))::double as price, gross_revenue::double as money, null::double as stars
    from order_items where ordered_at is not null
"""
_REFUNDS: Final = """
    select user_id, refunded_at as at, refunded_at as known_at, order_key || '@' || coalesce(item_id, '') as unit,
        item_id, category, brand, (gross_revenue / greatest(quantity, 1))::double as price,
        refunded_revenue::double as money, null::double as stars
    from order_items where refunded_at is not null
"""
_SESSIONS: Final = """
    select user_id, started_at as at, started_at as known_at, session_id as unit, null::varchar as item_id,
        null::varchar as category, null::varchar as brand, null::double as price, null::double as money,
        null::double as stars
    from sessions where not is_bot and {}
"""
_UTTERANCES: Final = """
    select user_id, event_timestamp as at, greatest(event_timestamp, created_timestamp) as known_at,
        utterance_id as unit, null::varchar as item_id, null::varchar as category, null::varchar as brand,
        null::double as price, null::double as money, null::double as stars
    from utterances where channel = '{}'
"""
_REVIEWS: Final = """
    select rows.user_id, rows.event_timestamp as at, greatest(rows.event_timestamp, rows.created_timestamp) as known_at,
        rows.review_id as unit, rows.item_id, rows.category, items.brand, items.price, null::double as money, rows.stars
    from reviews as rows left join items using (item_id)
"""

SQL: Final[Mapping[Kind, str]] = {
    "order": _ORDERS,
    "refund": _REFUNDS,
    "view": _INTERACTIONS.format("view_item"),
    "cart": _INTERACTIONS.format("add_to_cart"),
    "wishlist": _INTERACTIONS.format("add_to_wishlist"),
    "rating": _INTERACTIONS.format("rate_item"),
    "checkout": _SESSIONS.format("checkouts > 0"),
    "visit": _SESSIONS.format("true"),
    "search": _UTTERANCES.format("search"),
    "question": _UTTERANCES.format("question"),
    "review": _REVIEWS,
}
MARTS: Final = ("interactions", "items", "order_items", "sessions", "utterances", "reviews", "users")
"""Marts that the SQL reads."""
WITHOUT_ITEMS: Final = frozenset({"visit", "search", "question", "checkout"})
"""Kinds whose rows name no item."""
WITHOUT_STARS: Final = frozenset(SQL) - {"review"}
"""Kinds whose rows tell no stars: a rating without words is in no mart with its stars."""


def rows_of(action: Action) -> str:
    """Return SQL for the rows that count for an action, whenever they happened."""
    return f"select * from ({SQL[action.kind]}) as deeds where {_condition(action.items)}"


def _condition(items: Filter) -> str:
    parts = ["true"]
    if items.categories:
        parts.append(f"category in ({', '.join(map(_quoted, items.categories))})")
    if items.brand:
        parts.append(f"brand = {_quoted(items.brand)}")
    if items.item_id:
        parts.append(f"item_id = {_quoted(items.item_id)}")
    parts += [f"stars >= {items.min_stars}"] if items.min_stars is not None else []
    parts += [f"stars <= {items.max_stars}"] if items.max_stars is not None else []
    parts += _within("price", items.min_price, items.max_price)
    return " and ".join(parts)


def holds(action: Action, times: str, money: str) -> str:
    """Return the SQL condition that an action was done, from its count of times and its sum of money."""
    parts = [f"{times} >= {action.min_times}"]
    parts += [f"{times} <= {action.max_times}"] if action.max_times is not None else []
    parts += _within(money, action.min_money, action.max_money)
    condition = f"({' and '.join(parts)})"
    return f"not {condition}" if action.negated else condition


def _within(column: str, low: Bound | None, high: Bound | None) -> list[str]:
    parts = [] if low is None else [f"{column} {'>=' if low.included else '>'} {low.amount}"]
    return parts + ([] if high is None else [f"{column} {'<=' if high.included else '<'} {high.amount}"])


def counted(action: Action) -> str:
    """Return the column whose different values are the times of an action."""
    return "item_id" if action.counts_items else "unit"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
