"""What the marts of sessions for models have to say, worked out from a log in plain Python."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

from mart_oracle.log import (
    Event,
    Log,
    Mart,
    count,
    grouped,
    hour,
    mean,
    microseconds,
    purchases,
    ratio,
    values_of,
    weekday,
)


def _checkout(log: Log, session: str) -> Any:
    """Return when a session went to its checkout, as far as personal use may read; None where it did not."""
    steps = [row for row in log.sessions[session] if row["event_name"] in ("begin_checkout", "purchase")]
    return min((row["event_timestamp"] for row in steps if row["is_personal"]), default=None)


def _before_checkout(log: Log) -> dict[str, list[Event]]:
    """Return the events of each session that say something about whether a purchase will come."""
    behaviour = grouped(log.personal, lambda row: row["session_id"])
    before = {}
    for session, rows in behaviour.items():
        checkout = _checkout(log, session)
        early = [row for row in rows if checkout is None or row["event_timestamp"] < checkout]
        if early:
            before[session] = early
    return before


def _moments(log: Log) -> list[tuple[str, int, list[Event]]]:
    """Return each session, the number of an instant, and the events up to and including it."""
    return [
        (session, position, [row for row in rows if row["event_timestamp"] <= moment])
        for session, rows in _before_checkout(log).items()
        for position, moment in enumerate(sorted({row["event_timestamp"] for row in rows}), start=1)
    ]


def _key(session: str, rows: list[Event]) -> dict[str, Any]:
    return {
        "session_id": session,
        "user_id": rows[-1]["user_id"],
        "event_timestamp": rows[-1]["event_timestamp"],
        "created_timestamp": max(row["created_timestamp"] for row in rows),
    }


def _pauses(rows: list[Event]) -> list[float]:
    times = [row["event_timestamp"] for row in rows]
    return [0.0, *((later - earlier).total_seconds() for earlier, later in pairwise(times))]


def session_features(log: Log) -> Mart:
    mart = []
    for session, _, rows in _moments(log):
        prices = values_of(rows, "price")
        mart.append(
            _key(session, rows)
            | {
                "events_so_far": len(rows),
                "views_so_far": count(rows, "view_item"),
                "searches_so_far": count(rows, "search"),
                "wishlists_so_far": count(rows, "add_to_wishlist"),
                "carts_so_far": count(rows, "add_to_cart"),
                "cart_removals_so_far": count(rows, "remove_from_cart"),
                "cart_views_so_far": count(rows, "view_cart"),
                "distinct_items_so_far": len(set(values_of(rows, "item_id"))),
                "distinct_categories_so_far": len(set(values_of(rows, "category"))),
                "seconds_since_start": sum(_pauses(rows)),
                "seconds_since_last_event": _pauses(rows)[-1],
                "min_price_so_far": min(prices, default=None),
                "mean_price_so_far": mean(prices),
                "max_price_so_far": max(prices, default=None),
                "hour_of_day": hour(rows[-1]),
                "day_of_week": weekday(rows[-1]),
                "last_event_name": rows[-1]["event_name"],
            }
        )
    return mart


def session_flow_features(log: Log) -> Mart:
    mart = []
    for session, _, rows in _moments(log):
        prices, positions = values_of(rows, "price"), values_of(rows, "list_position")
        mart.append(
            _key(session, rows)
            | {
                "mean_dwell_seconds": ratio(sum(_pauses(rows)), len(rows) - 1),
                "longest_dwell_seconds": max(_pauses(rows)),
                "deepest_position_so_far": max(positions, default=None),
                "price_spread_so_far": max(prices) - min(prices) if prices else None,
                "cart_rate_so_far": ratio(count(rows, "add_to_cart"), count(rows, "view_item")),
                "last_actions": [row["event_name"] for row in rows[-10:]],
                "last_items": values_of(rows[-10:], "item_id") or None,
            }
        )
    return mart


def session_state_features(log: Log) -> Mart:
    mart = []
    for session, rows in _before_checkout(log).items():
        checkout, prices = _checkout(log, session), values_of(rows, "price")
        key = ("event_id", "line_number", "source", "event_name")
        mart.append(
            {
                "session_id": session,
                "event_timestamp": checkout or rows[-1]["event_timestamp"],
                "created_timestamp": max(row["created_timestamp"] for row in rows),
                "is_checked_out": checkout is not None,
                "started_us": microseconds(rows[0]["event_timestamp"]),
                "last_us": microseconds(rows[-1]["event_timestamp"]),
                "events": len(rows),
                "views": count(rows, "view_item"),
                "searches": count(rows, "search"),
                "wishlists": count(rows, "add_to_wishlist"),
                "carts": count(rows, "add_to_cart"),
                "cart_removals": count(rows, "remove_from_cart"),
                "cart_views": count(rows, "view_cart"),
                "items_seen": sorted(set(values_of(rows, "item_id"))) or None,
                "categories_seen": sorted(set(values_of(rows, "category"))) or None,
                "price_sum": f"{sum(prices):.4f}" if prices else None,
                "prices": len(prices),
                "price_min": min(prices, default=None),
                "price_max": max(prices, default=None),
                "longest_pause": max(_pauses(rows)),
                "deepest_position": max(values_of(rows, "list_position"), default=None),
                "recent_actions": [row["event_name"] for row in rows[-10:]],
                "recent_items": [row["item_id"] or "" for row in rows[-10:]],
                "recent_keys": [
                    "|".join([*(str(row[part]) for part in key), row["item_id"] or ""]) for row in rows[-10:]
                ],
            }
        )
    return mart


def session_labels(log: Log) -> Mart:
    latest = max(row["event_timestamp"] for row in log.events)
    pause = timedelta(minutes=log.variables["session_gap_minutes"])
    mart = []
    for session, position, rows in _moments(log):
        everything = log.sessions[session]
        if everything[-1]["event_timestamp"] + pause <= latest:
            mart.append(
                {
                    "session_id": session,
                    "user_id": rows[-1]["user_id"],
                    "event_timestamp": rows[-1]["event_timestamp"],
                    "position": position,
                    "purchased": any(row["is_personal"] for row in purchases(everything)),
                    "session_started_at": everything[0]["event_timestamp"],
                }
            )
    return mart


SESSION_FEATURES: dict[str, Callable[[Log], Mart]] = {
    oracle.__name__: oracle
    for oracle in (session_features, session_flow_features, session_state_features, session_labels)
}
"""What makes each mart, by its name."""
