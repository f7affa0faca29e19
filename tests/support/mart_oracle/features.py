"""What the daily features and labels have to say, worked out from a log in plain Python."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
from mart_oracle.log import (
    INTERACTIONS,
    Event,
    Log,
    Mart,
    by_user,
    count,
    day_end,
    grouped,
    hour,
    last,
    mean,
    microseconds,
    purchases,
    ratio,
    values_of,
    weekday,
)

HORIZON_DAYS = 28


def _days(rows: list[Event]) -> list[date]:
    return sorted({row["event_date"] for row in rows})


def _in_days(rows: list[Event], day: date, days: int) -> list[Event]:
    """Return the events of the last so many days up to a day, with it."""
    return [row for row in rows if 0 <= (day - row["event_date"]).days < days]


def _up_to(rows: list[Event], day: date) -> list[Event]:
    return [row for row in rows if row["event_date"] <= day]


def _days_since(rows: list[Event], place: int, day: date) -> float | None:
    return (day_end(day) - rows[place]["event_timestamp"]).total_seconds() / 86400 if rows else None


def _orders(rows: list[Event]) -> dict[str, Event]:
    """Return the first purchase of each order."""
    begun: dict[str, Event] = {}
    for row in purchases(rows):
        begun.setdefault(row["order_id"] or row["event_id"], row)
    return begun


def _revenue(rows: list[Event]) -> Decimal:
    return sum((row["revenue"] for row in purchases(rows)), Decimal(0))


def _preferred(values: list[Any]) -> list[Any]:
    """Return the values, the most frequent first, and of equals the smallest."""
    return sorted(set(values), key=lambda value: (-values.count(value), value))


def user_features_daily(log: Log) -> Mart:
    mart = []
    for user, rows in by_user(log.personal).items():
        starts = {session: own[0]["event_date"] for session, own in grouped(rows, lambda r: r["session_id"]).items()}
        for day in _days(rows):
            month, so_far = _in_days(rows, day, 28), _up_to(rows, day)
            mart.append(
                {
                    "user_id": user,
                    "feature_timestamp": day_end(day),
                    "created_timestamp": max(row["known_at"] for row in so_far),
                    "events_7d": len(_in_days(rows, day, 7)),
                    "views_28d": count(month, "view_item"),
                    "carts_28d": count(month, "add_to_cart"),
                    "purchases_28d": count(month, "purchase"),
                    "sessions_28d": sum(0 <= (day - start).days < 28 for start in starts.values()),
                    "revenue_28d": _revenue(month),
                    "distinct_items_28d": len(set(values_of(month, "item_id"))),
                    "mean_price_28d": mean(values_of(month, "price")),
                    "orders_total": len(_orders(so_far)),
                    "days_since_first_event": _days_since(so_far, 0, day),
                    "days_since_last_event": _days_since(so_far, -1, day),
                    "days_since_last_order": _days_since(purchases(so_far), -1, day),
                    "favourite_category": next(iter(_preferred(values_of(month, "category"))), None),
                }
            )
    return mart


def user_history_daily(log: Log) -> Mart:
    mart = []
    for user, rows in by_user(log.personal).items():
        done = [row for row in rows if row["item_id"] and row["event_name"] in INTERACTIONS]
        for day in _days(done):
            history = _up_to(done, day)[-log.variables["history_length"] :]
            mart.append(
                {
                    "user_id": user,
                    "feature_timestamp": day_end(day),
                    "created_timestamp": max(row["known_at"] for row in history),
                    "item_ids": [row["item_id"] for row in history],
                    "event_names": [row["event_name"] for row in history],
                }
            )
    return mart


def user_purchases(log: Log) -> Mart:
    mart = []
    for user, rows in by_user(log.personal).items():
        bought = [row for row in rows if row["item_id"] and row["event_name"] == "purchase"]
        newest: dict[str, Event] = {}
        for row in sorted(bought, key=lambda row: row["event_timestamp"]):
            known_at = max(row["known_at"], newest.get(row["item_id"], row)["known_at"])
            newest[row["item_id"]] = {**row, "known_at": known_at}
        latest = sorted(newest.values(), key=lambda row: (row["event_timestamp"], row["item_id"]))
        latest = latest[-log.variables["purchases_length"] :]
        if latest:
            mart.append(
                {
                    "user_id": user,
                    "feature_timestamp": day_end(max(row["event_date"] for row in latest)),
                    "created_timestamp": max(row["known_at"] for row in latest),
                    "bought_item_ids": [row["item_id"] for row in latest],
                    "bought_us": [str(microseconds(row["event_timestamp"])) for row in latest],
                }
            )
    return mart


def user_order_history_daily(log: Log) -> Mart:
    mart = []
    for user, rows in by_user(log.personal).items():
        order_days = sorted({row["event_date"] for row in _orders(rows).values()})
        for day in _days(rows):
            past = [of_day for of_day in order_days if of_day <= day][-log.variables["history_length"] :]
            bought = [purchases(_in_days(rows, of_day, 1)) for of_day in past]
            if past:
                mart.append(
                    {
                        "user_id": user,
                        "feature_timestamp": day_end(day),
                        "created_timestamp": max(row["known_at"] for row in _up_to(rows, day)),
                        "last_seen_us": microseconds(_in_days(rows, day, 1)[-1]["event_timestamp"]),
                        "ordered_us": [str(microseconds(lines[-1]["event_timestamp"])) for lines in bought],
                        "order_values": [str(float(_revenue(lines))) for lines in bought],
                    }
                )
    return mart


def user_taste_features_daily(log: Log) -> Mart:
    mart = []
    for user, rows in by_user(log.personal).items():
        discounted = _discounted(rows)
        for day in _days(rows):
            month, days = _in_days(rows, day, 28), _days(_in_days(rows, day, 28))
            sessions = {(row["event_date"], row["session_id"]) for row in month}
            categories, brands, prices = (values_of(month, column) for column in ("category", "brand", "price"))
            quartiles = np.quantile([float(price) for price in prices], (0.25, 0.5, 0.75)) if prices else [None] * 3
            priced = [row for row in purchases(month) if row["price"] is not None]
            given = values_of([row for row in _up_to(rows, day) if row["event_name"] == "rate_item"], "value")
            hours, weekdays = ([function(row) for row in month] for function in (hour, weekday))

            def share(*names: str, rows: list[Event] = month) -> float:
                return count(rows, *names) / len(rows)

            mart.append(
                {
                    "user_id": user,
                    "feature_timestamp": day_end(day),
                    "created_timestamp": max(row["known_at"] for row in _up_to(rows, day)),
                    "active_days_28d": len(days),
                    "days_between_visits_28d": ratio((day - days[0]).days, len(days) - 1),
                    "events_per_session_28d": len(month) / len(sessions),
                    "top_categories": _preferred(categories)[:3] or None,
                    "category_share_28d": _largest_share(categories),
                    "top_brands": _preferred(brands)[:3] or None,
                    "brand_share_28d": _largest_share(brands),
                    **dict(zip(("price_low_28d", "price_median_28d", "price_high_28d"), quartiles, strict=True)),
                    "discount_share_28d": ratio(sum(row["hash"] in discounted for row in priced), len(priced)),
                    "favourite_hour": _preferred(hours)[0],
                    "favourite_weekday": _preferred(weekdays)[0],
                    "evening_share_28d": sum(hour >= 18 for hour in hours) / len(month),
                    "weekend_share_28d": sum(weekday >= 6 for weekday in weekdays) / len(month),
                    "mean_rating_given": mean(given),
                    "search_share_28d": share("search"),
                    "question_share_28d": share("ask_question"),
                    "review_share_28d": share("rate_item"),
                    "buying_share_28d": share("add_to_cart", "begin_checkout", "purchase"),
                }
            )
    return mart


def _largest_share(values: list[Any]) -> float | None:
    return max((values.count(value) for value in values), default=0) / len(values) if values else None


def _discounted(rows: list[Event]) -> set[Any]:
    """Return the purchases below a price at which the shopper had seen the item before."""
    dearest: dict[str, Decimal] = {}
    below = set()
    for row in rows:
        if row["price"] is not None:
            if row["event_name"] == "purchase" and row["price"] < dearest.get(row["item_id"], Decimal(0)):
                below.add(row["hash"])
            dearest[row["item_id"]] = max(dearest.get(row["item_id"], Decimal(0)), row["price"])
    return below


def user_category_features_daily(log: Log) -> Mart:
    mart = []
    placed = [row for row in log.personal if row["category"]]
    for (user, category), rows in grouped(placed, lambda row: (row["user_id"], row["category"])).items():
        for day in _days(rows):
            month, so_far = _in_days(rows, day, 28), _up_to(rows, day)
            mart.append(
                {
                    "user_id": user,
                    "category": category,
                    "feature_timestamp": day_end(day),
                    "created_timestamp": max(row["known_at"] for row in so_far),
                    "category_events_total": len(so_far),
                    "category_purchases_total": count(so_far, "purchase"),
                    "category_events_28d": len(month),
                    "category_views_28d": count(month, "view_item"),
                    "category_carts_28d": count(month, "add_to_cart"),
                    "category_purchases_28d": count(month, "purchase"),
                    "category_revenue_28d": _revenue(month),
                }
            )
    return mart


def category_price_features_daily(log: Log) -> Mart:
    mart = []
    priced = [row for row in log.behaviour if row["category"] and row["price"] is not None]
    for category, rows in grouped(priced, lambda row: row["category"]).items():
        for day in _days(rows):
            prices = values_of(_in_days(rows, day, 28), "price")
            mart.append(
                {
                    "category": category,
                    "feature_timestamp": day_end(day),
                    "created_timestamp": max(row["created_timestamp"] for row in _up_to(rows, day)),
                    "category_price_min_28d": min(prices),
                    "category_price_mean_28d": mean(prices),
                    "category_price_max_28d": max(prices),
                    "category_prices_28d": len(prices),
                }
            )
    return mart


def _of_items(log: Log) -> dict[str, list[Event]]:
    """Return the events of each item; a refund of a whole order is one of each item of which pieces were left."""
    rows = []
    for row in log.behaviour:
        pieces = [line["item_id"] for line in row.get("lines", []) if line["pieces"] > 0]
        rows += [row] if row["item_id"] else [row | {"item_id": item} for item in pieces]
    return grouped(rows, lambda row: row["item_id"])


def item_features_daily(log: Log) -> Mart:
    mart = []
    for item, rows in _of_items(log).items():
        for day in _days(rows):
            week, month, so_far = _in_days(rows, day, 7), _in_days(rows, day, 28), _up_to(rows, day)
            stars = values_of([row for row in so_far if row["event_name"] == "rate_item"], "value")
            recent = [row for row in _in_days(rows, day, 56) if row["event_name"] in INTERACTIONS]
            mart.append(
                {
                    "item_id": item,
                    "feature_timestamp": day_end(day),
                    "created_timestamp": max(row["created_timestamp"] for row in so_far),
                    "views_7d": count(week, "view_item"),
                    "carts_7d": count(week, "add_to_cart"),
                    "purchases_7d": count(week, "purchase"),
                    "views_28d": count(month, "view_item"),
                    "carts_28d": count(month, "add_to_cart"),
                    "purchases_28d": count(month, "purchase"),
                    "popularity": sum(_millionths((day - row["event_date"]).days) for row in recent) / 1e6,
                    "cart_rate_28d": ratio(count(month, "add_to_cart"), count(month, "view_item")),
                    "conversion_rate_28d": ratio(count(month, "purchase"), count(month, "view_item")),
                    "mean_price_28d": mean(values_of(month, "price")),
                    "rating_mean": mean(stars),
                    "rating_count": len(stars),
                    "days_since_first_event": _days_since(so_far, 0, day),
                }
            )
    return mart


def _millionths(days: int) -> int:
    """Return the weight of something so many days old, in whole millionths (a half rounds up)."""
    return int(1e6 * 0.5 ** (days / 7) + 0.5)


def item_quality_features_daily(log: Log) -> Mart:
    mart = []
    for item, rows in _of_items(log).items():
        for day in _days(rows):
            month, so_far = _in_days(rows, day, 28), _up_to(rows, day)
            price, highest = last(values_of(so_far, "price")), max(values_of(month, "price"), default=None)
            mart.append(
                {
                    "item_id": item,
                    "feature_timestamp": day_end(day),
                    "created_timestamp": max(row["created_timestamp"] for row in so_far),
                    "purchases_total": count(so_far, "purchase"),
                    "refunds_total": count(so_far, "refund"),
                    "return_rate": ratio(count(so_far, "refund"), count(so_far, "purchase")),
                    "view_momentum": ratio(count(_in_days(rows, day, 7), "view_item"), count(month, "view_item")),
                    "days_since_last_purchase": _days_since(purchases(so_far), -1, day),
                    "last_price": price,
                    "price_to_highest_28d": ratio(price, highest) if price is not None else None,
                }
            )
    return mart


def churn_labels(log: Log) -> Mart:
    active = _days(log.personal)
    as_of_days = [
        day
        for day in active
        if (active[-1] - day).days % 7 == 0 and (active[-1] - day).days <= log.variables["churn_label_days"]
    ]
    mart = []
    for user, rows in by_user(log.personal).items():
        order_days = sorted({row["event_date"] for row in _orders(rows).values()})
        for day in (day for day in as_of_days if order_days and order_days[0] <= day):
            later = [of_day for of_day in order_days if of_day > day]
            in_reach = [of_day for of_day in later if (of_day - day).days <= HORIZON_DAYS]
            mart.append(
                {
                    "user_id": user,
                    "event_timestamp": day_end(day),
                    "observed_days": (active[-1] - day).days,
                    "days_to_next_order": (later[0] - day).days - 1 if later else None,
                    "revenue_after": sum(_revenue(_in_days(rows, of_day, 1)) for of_day in in_reach),
                    "horizon_days": HORIZON_DAYS,
                }
            )
    return mart


FEATURES: dict[str, Callable[[Log], Mart]] = {
    oracle.__name__: oracle
    for oracle in (
        user_features_daily,
        user_history_daily,
        user_purchases,
        user_order_history_daily,
        user_taste_features_daily,
        user_category_features_daily,
        category_price_features_daily,
        item_features_daily,
        item_quality_features_daily,
        churn_labels,
    )
}
"""What makes each mart, by its name."""
