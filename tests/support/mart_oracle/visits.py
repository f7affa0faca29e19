"""What the marts of visits and shoppers have to say, worked out from a log in plain Python."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from mart_oracle.log import (
    INTERACTIONS,
    Event,
    Log,
    Mart,
    by_user,
    count,
    day_end,
    first,
    grouped,
    last,
    ratio,
    values_of,
)


def sessions(log: Log) -> Mart:
    return [
        {
            "session_id": session,
            "user_id": session_user(rows),
            "started_at": rows[0]["event_timestamp"],
            "started_on": rows[0]["event_date"],
            "ended_at": rows[-1]["event_timestamp"],
            "duration_seconds": (rows[-1]["event_timestamp"] - rows[0]["event_timestamp"]).total_seconds(),
            "events": len(rows),
            "views": count(rows, "view_item"),
            "carts": count(rows, "add_to_cart"),
            "checkouts": len({row["event_id"] for row in rows if row["event_name"] == "begin_checkout"}),
            "purchases": count(rows, "purchase"),
            "revenue": sum(row["revenue"] for row in rows if row["event_name"] == "purchase"),
            **{
                name: first(values_of(rows, name))
                for name in ("channel", "device", "country", "platform", "campaign_id")
            },
            "is_bot": any(row["is_bot"] for row in rows),
            "converted": count(rows, "purchase") > 0,
            "entry_event_name": rows[0]["event_name"],
            "entry_item_id": first(values_of(rows, "item_id")),
            "exit_event_name": rows[-1]["event_name"],
            "exit_item_id": last(values_of(rows, "item_id")),
            "is_bounce": len({(row["event_id"], row["event_name"]) for row in rows}) == 1,
            "searches": count(rows, "search"),
        }
        for session, rows in log.sessions.items()
    ]


def session_user(rows: list[Event]) -> str:
    """Return whose session it is: the last known user's, or else the last shopper's."""
    return str(last([row["user_id"] for row in rows if row["is_identified"]]) or rows[-1]["user_id"])


def users(log: Log) -> Mart:
    bought = grouped((row for row in log.events if row["event_name"] == "purchase"), lambda row: row["user_id"])
    mart = []
    for user in log.users.keys() | log.accounts.keys():
        account, activity = log.accounts.get(user, {}), log.users.get(user, {})
        rows = bought.get(user, [])
        orders = len({row["order_id"] or row["event_id"] for row in rows})
        last_seen = activity.get("last_seen_at")
        consent = activity.get("consent") or account.get("consent") or "granted"
        mart.append(
            {
                "user_id": user,
                "created_at": account.get("created_at"),
                "country": activity.get("country") or account.get("country"),
                "age_band": account.get("age_band"),
                "gender": account.get("gender"),
                "consent": consent,
                "first_seen_at": activity.get("first_seen_at"),
                "last_seen_at": last_seen,
                "is_bot": activity.get("is_bot", False),
                "orders": orders,
                "revenue": sum(row["revenue"] for row in rows),
                "segment": _segment(
                    activity.get("is_bot", False),
                    consent,
                    orders,
                    (log.newest_at.date() - rows[-1]["event_date"]).days if rows else None,
                    (log.newest_at.date() - last_seen.date()).days if last_seen else None,
                ),
            }
        )
    return mart


def _segment(is_bot: bool, consent: str, orders: int, order_age: int | None, visit_age: int | None) -> str:
    if is_bot:
        return "bot"
    if consent != "granted":
        return "not_profiled"
    if order_age is None:
        return "prospect" if visit_age is not None and visit_age <= 30 else "dormant_visitor"
    if order_age > 90:
        return "lost" if order_age > 180 else "at_risk"
    if orders >= 4 and order_age <= 30:
        return "champion"
    return "loyal" if orders >= 2 else "new_customer"


def identities(log: Log) -> Mart:
    mart = []
    seen = grouped((row for row in log.events if row["anonymous_id"]), lambda row: row["anonymous_id"])
    for device, rows in seen.items():
        people = {row["user_id"] for row in rows} - {device}
        mart.append(
            {
                "anonymous_id": device,
                "user_id": next(iter(people)) if len(people) == 1 else device,
                "status": ("unknown", "linked", "shared")[min(len(people), 2)],
                "known_users": len(people),
                "linked_at": log.links.get(device, {}).get("linked_at"),
                "events": len(rows),
                "sessions": len({row["session_id"] for row in rows}),
                "platforms": ",".join(sorted(set(values_of(rows, "platform")))) or None,
                "devices": ",".join(sorted(set(values_of(rows, "device")))) or None,
                "first_seen_at": rows[0]["event_timestamp"],
                "last_seen_at": rows[-1]["event_timestamp"],
            }
        )
    return mart


def events(log: Log) -> Mart:
    columns = (
        *("source", "event_id", "line_number", "event_name", "event_timestamp", "created_timestamp", "event_date"),
        *("user_id", "anonymous_id", "is_identified", "is_bot", "session_id", "item_id", "category", "brand"),
        *("quantity", "price", "currency", "value", "order_id", "query", "list_id", "list_position", "placement"),
        *("recommendation_id", "campaign_id", "channel", "device", "country", "platform", "consent"),
    )
    return [{column: row.get(column) for column in columns} for row in log.events]


STEPS = ("view_item", "add_to_cart", "begin_checkout", "purchase")


def funnel_daily(log: Log) -> Mart:
    days = grouped(_entries(log), lambda entry: entry["event_date"])
    return [{"event_date": day} | step for day, entries in days.items() for step in _steps(log, day, entries)]


def funnel_breakdown_daily(log: Log) -> Mart:
    visits = {visit["session_id"]: visit for visit in sessions(log)}
    mart = []
    for dimension in ("channel", "device", "country"):
        entries = [entry | {"value": visits[entry["session_id"]][dimension] or "(none)"} for entry in _entries(log)]
        for (day, value), own in grouped(entries, lambda entry: (entry["event_date"], entry["value"])).items():
            place = {"event_date": day, "dimension": dimension, "value": value}
            mart += [place | step for step in _steps(log, day, own)]
    return mart


def _entries(log: Log) -> list[Event]:
    """Return each shopper's first view of each day, with the number of steps that were reached from it."""
    window = timedelta(days=log.variables["conversion_days"])
    entries = []
    for rows in by_user(log.behaviour).values():
        views = [row for row in rows if row["event_name"] == "view_item"]
        for of_day in grouped(views, lambda row: row["event_date"]).values():
            entered = moment = of_day[0]["event_timestamp"]
            reached = 0
            for step in STEPS:
                times = [row["event_timestamp"] for row in rows if row["event_name"] == step]
                in_reach = [at for at in times if moment <= at < entered + window]
                if not in_reach:
                    break
                moment = in_reach[0]
                reached += 1
            entries.append(of_day[0] | {"reached": reached})
    return entries


def _steps(log: Log, day: date, entries: list[Event]) -> Mart:
    window = timedelta(days=log.variables["conversion_days"])
    counts = [sum(entry["reached"] > number for entry in entries) for number in range(len(STEPS))]
    return [
        {
            "step_number": number + 1,
            "step": STEPS[number],
            "shoppers": shoppers,
            "step_rate": ratio(shoppers, counts[number - 1]) if number else None,
            "overall_rate": shoppers / counts[0],
            "is_complete": day_end(day) + window <= log.newest_at,
        }
        for number, shoppers in enumerate(counts)
    ]


def bot_scores(log: Log) -> Mart:
    columns = ("user_id", "events", "pages_in_a_minute", "pages_in_a_day", "intents", "purchases", "is_bot")
    mart = []
    for user in log.users.values():
        speed = min(user["pages_in_a_minute"] / log.variables["bot_pages_per_minute"], 1)
        volume = min(user["pages_in_a_day"] / log.variables["bot_pages_per_day"], 1)
        passivity = 0 if user["purchases"] or user["intents"] else 1
        score = 0 if user["purchases"] else max(speed, volume) * (1 if passivity else 0.5)
        scores = {"speed_score": speed, "volume_score": volume, "passivity_score": passivity, "bot_score": score}
        mart.append({column: user[column] for column in columns} | scores)
    return mart


def searches_of(log: Log) -> list[dict[str, Any]]:
    searches = []
    for rows in grouped(log.behaviour, lambda row: row["session_id"]).values():
        actions = [row for row in rows if row["event_name"] in ("search", "select_item", "view_item")]
        for row, following in pairwise([*actions, None]):
            if row is not None and row["event_name"] == "search" and row["query"]:
                query = row["query"].lower()
                is_search = following is not None and following["event_name"] == "search"
                other = (following["query"] or query).lower() if following is not None and is_search else query
                clicked = following is not None and not is_search
                item_id = following["item_id"] if following is not None and clicked else None
                searches.append(
                    row | {"query": query, "clicked": clicked, "refined": other != query, "clicked_item_id": item_id}
                )
    return searches


def search_clicks(log: Log) -> Mart:
    columns = ("session_id", "event_timestamp", "user_id", "query", "search_results", "clicked_item_id")
    return [
        {column: row[column] for column in columns} | {"is_clicked": row["clicked"], "is_refined": row["refined"]}
        for row in searches_of(log)
    ]


def search_performance(log: Log) -> Mart:
    mart = []
    for (day, query), rows in grouped(searches_of(log), lambda row: (row["event_date"], row["query"])).items():
        counted = values_of(rows, "search_results")
        mart.append(
            {
                "event_date": day,
                "query": query,
                "searches": len(rows),
                "shoppers": len({row["user_id"] for row in rows}),
                "clicked": sum(row["clicked"] for row in rows),
                "refined": sum(row["refined"] for row in rows),
                "click_through_rate": sum(row["clicked"] for row in rows) / len(rows),
                "refinement_rate": sum(row["refined"] for row in rows) / len(rows),
                "counted": len(counted),
                "zero_results": counted.count(0),
                "zero_result_rate": ratio(counted.count(0), len(counted)),
            }
        )
    return mart


def placement_performance(log: Log) -> Mart:
    places = []
    for row in log.behaviour:
        kind = {"promotion": "promotion", "item": "list", "item_list": "list"}.get(row["event_name"].partition("_")[2])
        if kind and row["event_name"] not in ("view_item", "rate_item"):
            places.append(row | {"kind": kind, "campaign_id": row["campaign_id"] if kind == "promotion" else None})
    columns = ("event_date", "kind", "campaign_id", "placement", "list_id", "list_position")
    mart = []
    for place, rows in grouped(places, lambda row: tuple(row[column] for column in columns)).items():
        clicks = count(rows, "select_item", "select_promotion")
        impressions = len(rows) - clicks
        figures = {"impressions": impressions, "clicks": clicks, "click_through_rate": ratio(clicks, impressions)}
        mart.append(dict(zip(columns, place, strict=True)) | figures)
    return mart


def interactions(log: Log) -> Mart:
    columns = ("user_id", "item_id", "event_name", "event_timestamp", "created_timestamp", "session_id", "price")
    mart = []
    for rows in by_user(log.personal).values():
        done = [row for row in rows if row["item_id"] and row["event_name"] in INTERACTIONS]
        mart += [{column: row[column] for column in columns} | {"nth": nth} for nth, row in enumerate(done, start=1)]
    return mart


VISITS: dict[str, Callable[[Log], Mart]] = {
    oracle.__name__: oracle
    for oracle in (
        sessions,
        users,
        identities,
        events,
        funnel_daily,
        funnel_breakdown_daily,
        bot_scores,
        search_clicks,
        search_performance,
        placement_performance,
        interactions,
    )
}
"""What makes each mart, by its name."""
