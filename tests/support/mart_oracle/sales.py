"""What the marts of orders and customers have to say, worked out from a log in plain Python."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from mart_oracle.log import (
    Event,
    Log,
    Mart,
    by_user,
    count,
    first,
    grouped,
    in_time,
    last,
    ratio,
    values_of,
)
from mart_oracle.visits import sessions


def order_items(log: Log) -> Mart:
    mart = []
    for (order_key, item), lines in grouped(log.lines, lambda row: (row["event"]["order_key"], row["item_id"])).items():
        rows = sorted((line["event"] for line in lines), key=lambda row: (row["event_name"] == "refund", in_time(row)))
        bought = [line for line in lines if line["event"]["event_name"] == "purchase"]
        back = [line for line in lines if line["event"]["event_name"] == "refund"]
        gross, refunded = (sum((line["amount"] for line in part), Decimal(0)) for part in (bought, back))
        mart.append(
            {
                "order_key": order_key,
                "item_id": item,
                "order_id": rows[0]["order_id"],
                "source": rows[0]["source"],
                "user_id": rows[0]["user_id"],
                "session_id": rows[0]["session_id"],
                "ordered_at": min((line["event"]["event_timestamp"] for line in bought), default=None),
                "ordered_on": min((line["event"]["event_date"] for line in bought), default=None),
                "refunded_at": max((line["event"]["event_timestamp"] for line in back), default=None),
                "refunded_on": max((line["event"]["event_date"] for line in back), default=None),
                **{column: first(values_of(rows, column)) for column in ("category", "brand", "currency")},
                "quantity": sum(line["pieces"] for line in bought),
                "refunded_quantity": sum(line["pieces"] for line in back),
                "gross_revenue": gross,
                "refunded_revenue": refunded,
                "net_revenue": gross - refunded,
                "unconverted_lines": 0,
            }
        )
    return mart


def orders(log: Log) -> Mart:
    sums = ("quantity", "refunded_quantity", "gross_revenue", "refunded_revenue", "net_revenue", "unconverted_lines")
    told_again = [name[0] + ":" + (name[4] or name[1]) for name in log.repeats]  # type: ignore[index]
    visits = {row["session_id"]: row for row in sessions(log)}
    mart = []
    for key, items in grouped(order_items(log), lambda row: row["order_key"]).items():
        latest = datetime.max.replace(tzinfo=UTC)
        items.sort(key=lambda row: (row["ordered_at"] is None, row["ordered_at"] or latest, row["item_id"] or ""))
        visit = visits[items[0]["session_id"]]
        mart.append(
            {
                **{column: items[0][column] for column in ("order_key", "order_id", "source", "user_id", "session_id")},
                "ordered_at": items[0]["ordered_at"],
                "ordered_on": items[0]["ordered_on"],
                "refunded_at": max(values_of(items, "refunded_at"), default=None),
                "refunded_on": max(values_of(items, "refunded_on"), default=None),
                "items": sum(row["quantity"] > 0 for row in items),
                **{column: sum(row[column] for row in items) for column in sums},
                "currency": min(values_of(items, "currency"), default=None),
                **{column: visit[column] for column in ("channel", "campaign_id", "device", "country")},
                "repeated_lines": told_again.count(key),
                "order_number": None,
                "days_since_previous_order": None,
            }
        )
    placed = [row for row in mart if row["ordered_at"]]
    for rows in grouped(
        sorted(placed, key=lambda row: (row["ordered_at"], row["order_key"])), lambda r: r["user_id"]
    ).values():
        for number, row in enumerate(rows, start=1):
            row["order_number"] = number
            if number > 1:
                pause = row["ordered_at"] - rows[number - 2]["ordered_at"]
                row["days_since_previous_order"] = pause.total_seconds() / 86400
    return mart


def repeat_intervals(log: Log) -> Mart:
    numbered = grouped((row for row in orders(log) if row["order_number"]), lambda row: row["order_number"])
    mart = []
    for number, rows in numbered.items():
        pauses = values_of(rows, "days_since_previous_order")
        quartiles = [float(np.quantile(pauses, share)) if pauses else None for share in (0.25, 0.5, 0.75)]
        before = len(numbered.get(number - 1, [])) or None
        mart.append(
            {
                "order_number": number,
                "customers": len(rows),
                "customers_before": before,
                "repeat_rate": ratio(len(rows), before),
                **dict(zip(("days_p25", "days_median", "days_p75"), quartiles, strict=True)),
            }
        )
    return mart


def rfm(log: Log) -> Mart:
    personal = (row for row in orders(log) if log.users[row["user_id"]]["is_personal"])
    customers = []
    for user, rows in grouped(personal, lambda row: row["user_id"]).items():
        ordered = values_of(rows, "ordered_at")
        if ordered:
            net = sum(row["net_revenue"] for row in rows)
            customers.append(
                {"user_id": user, "last_order_at": max(ordered), "orders": len(ordered), "net_revenue": net}
            )
    columns = {"recency_score": "last_order_at", "frequency_score": "orders", "monetary_score": "net_revenue"}
    for customer in customers:
        for score, column in columns.items():
            below = sum(other[column] < customer[column] for other in customers)
            customer[score] = min(5 * below // max(len(customers) - 1, 1), 4) + 1
        customer["recency_days"] = (log.newest_at.date() - customer["last_order_at"].date()).days
        customer["life_cycle_stage"] = _stage(
            customer["orders"], customer["recency_score"], customer["frequency_score"]
        )
    return customers


def _stage(orders: int, recency: int, frequency: int) -> str:
    if recency >= 4 and orders == 1:
        return "new"
    if recency >= 4 and frequency >= 4:
        return "champion"
    if recency >= 3:
        return "loyal" if frequency >= 3 else "promising"
    if frequency >= 3:
        return "at_risk"
    return "hibernating" if recency == 2 else "lost"


def attribution(log: Log) -> Mart:
    reach = timedelta(days=log.variables["attribution_days"])
    visits = sorted(sessions(log), key=lambda row: (row["started_at"], row["session_id"]))
    mart = []
    for order in (row for row in orders(log) if row["ordered_at"]):
        touches = [
            visit
            for visit in visits
            if visit["user_id"] == order["user_id"]
            and timedelta() <= order["ordered_at"] - visit["started_at"] <= reach
        ]
        row = {column: order[column] for column in ("order_key", "user_id", "ordered_at", "ordered_on", "net_revenue")}
        row["touches"] = len(touches)
        for place, touch in (("first", first(touches)), ("last", last(touches))):
            row[f"{place}_touch_at"] = touch and touch["started_at"]
            row[f"{place}_channel"] = touch and touch["channel"]
            row[f"{place}_campaign_id"] = touch and touch["campaign_id"]
        mart.append(row)
    return mart


def basket_affinity(log: Log) -> Mart:
    bought = grouped((row for row in order_items(log) if row["quantity"] > 0), lambda row: row["order_key"])
    baskets = [{row["item_id"] for row in rows} for rows in bought.values()]
    baskets = [basket for basket in baskets if len(basket) <= log.variables["largest_basket"]]
    items = sorted(set().union(*baskets))
    mart = []
    for item in items:
        for other in items:
            together, with_item, with_other = (
                sum(wanted <= basket for basket in baskets) for wanted in ({item, other}, {item}, {other})
            )
            if item != other and together >= log.variables["fewest_baskets_together"]:
                mart.append(
                    {
                        "item_id": item,
                        "other_item_id": other,
                        "baskets_together": together,
                        "item_baskets": with_item,
                        "other_item_baskets": with_other,
                        "all_baskets": len(baskets),
                        "support": together / len(baskets),
                        "confidence": together / with_item,
                        "lift": (together / with_item) / (with_other / len(baskets)),
                    }
                )
    return mart


def cohorts(log: Log) -> Mart:
    purchases = [row for row in log.behaviour if row["event_name"] == "purchase"]
    return [
        {"cohort": cohort, "period": period} | cell
        for cohort, rows in (("first_visit", log.behaviour), ("first_purchase", purchases))
        for period in ("week", "month")
        for cell in _cohorts_of(rows, period)
    ]


def _cohorts_of(rows: list[Event], period: str) -> Mart:
    begin = {user: _begin(own[0]["event_date"], period) for user, own in by_user(rows).items()}
    cells: dict[tuple[date, date], list[Event]] = {}
    for row in rows:
        cells.setdefault((begin[row["user_id"]], _begin(row["event_date"], period)), []).append(row)
    mart = []
    for (start, current), inside in cells.items():
        size, active = list(begin.values()).count(start), len({row["user_id"] for row in inside})
        months = (current.year - start.year) * 12 + current.month - start.month
        mart.append(
            {
                "cohort_start": start,
                "period_number": (current - start).days // 7 if period == "week" else months,
                "cohort_size": size,
                "shoppers": active,
                "retention_rate": active / size,
                "purchases": count(inside, "purchase"),
                "revenue": sum(row["revenue"] for row in inside if row["event_name"] == "purchase"),
            }
        )
    return mart


def _begin(day: date, period: str) -> date:
    return day - timedelta(days=day.weekday()) if period == "week" else day.replace(day=1)


def campaign_performance(log: Log) -> Mart:
    placed = grouped((row for row in orders(log) if row["ordered_at"]), lambda row: row["session_id"])
    visits = []
    carrying = [row for row in log.behaviour if row["campaign_id"]]
    for (campaign, session), rows in grouped(carrying, lambda row: (row["campaign_id"], row["session_id"])).items():
        responses = [row["event_timestamp"] for row in rows if row["event_name"] != "view_promotion"]
        later = [o for o in placed.get(session, []) if responses and o["ordered_at"] >= responses[0]]
        visits.append(
            {
                "campaign_id": campaign,
                "event_date": rows[0]["event_date"],
                "user_id": min(row["user_id"] for row in rows),
                "views": count(rows, "view_promotion"),
                "clicks": count(rows, "select_promotion"),
                "responds": bool(responses),
                "orders": later,
            }
        )
    mart = []
    for (campaign, day), rows in grouped(visits, lambda row: (row["campaign_id"], row["event_date"])).items():
        views, clicks, responding = (sum(row[name] for row in rows) for name in ("views", "clicks", "responds"))
        converting = sum(bool(row["orders"]) for row in rows)
        bought = [order for row in rows for order in row["orders"]]
        mart.append(
            {
                "campaign_id": campaign,
                "event_date": day,
                "sessions": len(rows),
                "shoppers": len({row["user_id"] for row in rows}),
                "promotion_views": views,
                "promotion_clicks": clicks,
                "click_through_rate": ratio(clicks, views),
                "responding_sessions": responding,
                "converting_sessions": converting,
                "conversion_rate": ratio(converting, responding),
                "orders": len(bought),
                "net_revenue": sum(order["net_revenue"] for order in bought),
            }
        )
    return mart


def daily_kpis(log: Log) -> Mart:
    visits = [visit for visit in sessions(log) if not visit["is_bot"]]
    placed = [row | {"day": row["ordered_on"] or row["refunded_on"]} for row in orders(log)]
    back = [line for line in log.lines if line["event"]["event_name"] == "refund"]
    given_back = grouped(back, lambda line: line["event"]["event_date"])
    days = [visit["started_on"] for visit in visits] + [row["day"] for row in placed] + list(given_back)
    mart = []
    for day in (min(days) + timedelta(days=past) for past in range((max(days) - min(days)).days + 1)):
        own = [visit for visit in visits if visit["started_on"] == day]
        people = {visit["user_id"] for visit in own}
        seen_before = {visit["user_id"] for visit in visits if visit["started_on"] < day}
        sales = [row for row in placed if row["day"] == day]
        bought = [row for row in sales if row["ordered_on"]]
        bounces, converting = (sum(visit[flag] for visit in own) for flag in ("is_bounce", "converted"))
        gross = sum((row["gross_revenue"] for row in sales), Decimal(0))
        mart.append(
            {
                "event_date": day,
                "visitors": len(people),
                "new_visitors": len(people - seen_before),
                "sessions": len(own),
                "bounces": bounces,
                "bounce_rate": ratio(bounces, len(own)),
                "product_views": sum(visit["views"] for visit in own),
                "carts": sum(visit["carts"] for visit in own),
                "checkouts": sum(visit["checkouts"] for visit in own),
                "converting_sessions": converting,
                "conversion_rate": ratio(converting, len(own)),
                "orders": len(bought),
                "buyers": len({row["user_id"] for row in bought}),
                "units": sum(row["quantity"] for row in sales),
                "refunded_units": sum(row["refunded_quantity"] for row in sales),
                "gross_revenue": gross,
                "refunded_revenue": sum(row["refunded_revenue"] for row in sales),
                "net_revenue": sum(row["net_revenue"] for row in sales),
                "given_back": sum((line["amount"] for line in given_back.get(day, [])), Decimal(0)),
                "average_order_value": ratio(gross, len(bought)),
            }
        )
    return mart


SALES: dict[str, Callable[[Log], Mart]] = {
    oracle.__name__: oracle
    for oracle in (
        order_items,
        orders,
        repeat_intervals,
        rfm,
        attribution,
        basket_affinity,
        cohorts,
        campaign_performance,
        daily_kpis,
    )
}
"""What makes each mart, by its name."""
