"""What the marts of items, prices and texts have to say, worked out from a log in plain Python."""

import statistics
from collections.abc import Callable

from mart_oracle.log import Event, Log, Mart, count, day_end, first, grouped, last, values_of


def _sightings(log: Log) -> list[Event]:
    """Return every event of an item; a refund of a whole order once for each of its items."""
    seen = []
    for row in log.events:
        if row["item_id"]:
            seen.append(row | {"units": sum(line["pieces"] for line in row.get("lines", [])), "money": row["revenue"]})
            continue
        parts = [line for line in row.get("lines", []) if line["item_id"]]
        seen += [row | {"item_id": line["item_id"], "units": line["pieces"], "money": line["amount"]} for line in parts]
    return seen


def items(log: Log) -> Mart:
    seen = grouped(_sightings(log), lambda row: row["item_id"])
    latest = max(rows[-1]["event_timestamp"] for rows in seen.values())
    mart = []
    for item in seen.keys() | log.catalogue.keys():
        listed, rows = log.catalogue.get(item, {}), seen.get(item, [])
        begins, ends = listed.get("valid_from"), listed.get("valid_to")
        is_listed = ends is None or ends > begins
        mart.append(
            {
                "item_id": item,
                "title": listed.get("title") or item,
                "description": listed.get("description"),
                "category": listed.get("category") or last(values_of(rows, "sent_category")),
                "brand": listed.get("brand") or last(values_of(rows, "sent_brand")),
                "price": listed.get("price") or last(values_of(rows, "price")),
                "currency": listed.get("currency") or last(values_of(rows, "currency")),
                "is_available": listed.get("is_available", True) and is_listed and (ends is None or ends > latest),
                "is_listed": is_listed,
                "described_at": begins,
                "first_seen_at": rows[0]["event_timestamp"] if rows else None,
                "last_seen_at": rows[-1]["event_timestamp"] if rows else None,
            }
        )
    return mart


def item_demand_daily(log: Log) -> Mart:
    about = {row["item_id"]: row for row in items(log)}
    people = [row for row in _sightings(log) if not row["is_bot"]]
    mart = []
    for (item, day), rows in grouped(people, lambda row: (row["item_id"], row["event_date"])).items():
        prices = values_of([row for row in rows if row["event_name"] != "refund"], "price")
        bought, back = ([row for row in rows if row["event_name"] == name] for name in ("purchase", "refund"))
        mart.append(
            {
                "item_id": item,
                "event_date": day,
                "category": about[item]["category"],
                "brand": about[item]["brand"],
                "impressions": count(rows, "view_item_list", "view_promotion"),
                "views": count(rows, "view_item"),
                "wishlists": count(rows, "add_to_wishlist"),
                "carts": count(rows, "add_to_cart"),
                "purchases": len(bought),
                "units": sum(row["units"] for row in bought),
                "gross_revenue": sum(row["money"] for row in bought),
                "refunded_units": sum(row["units"] for row in back),
                "refunded_revenue": sum(row["money"] for row in back),
                "lowest_price": min(prices, default=None),
                "highest_price": max(prices, default=None),
                "mean_price": statistics.mean(prices) if prices else None,
                "priced_events": len(prices),
            }
        )
    return mart


def category_demand_daily(log: Log) -> Mart:
    sums = ("impressions", "views", "carts", "purchases", "units", "gross_revenue", "refunded_revenue")
    mart = []
    for (category, day), rows in grouped(
        item_demand_daily(log), lambda row: (row["category"] or "(none)", row["event_date"])
    ).items():
        figures = {column: sum(row[column] for row in rows) for column in sums}
        place = {"category": category, "department": category.split(" > ")[0], "event_date": day}
        mart.append(place | {"items": len(rows)} | figures)
    return mart


def item_versions(log: Log) -> Mart:
    content = ("title", "description", "category", "brand", "price", "currency", "is_available", "source")
    mart: Mart = []
    for item, rows in grouped(log.catalogue_rows, lambda row: row["item_id"]).items():
        of_moment = {}
        for row in sorted(rows, key=lambda row: (row["valid_from"], row["created_timestamp"])):
            of_moment[row["valid_from"]] = row
        sent = list(of_moment.values())
        versions: Mart = []
        for row, following in zip(sent, [*sent[1:], None], strict=True):
            ends = [at for at in (row["valid_to"], following and following["valid_from"]) if at]
            ends_at = min(ends, default=None)
            says = {column: row[column] for column in content}
            before = last(versions)
            if (
                before
                and all(before[column] == says[column] for column in content)
                and before["valid_to"] >= row["valid_from"]
            ):
                before["valid_to"] = ends_at
                before["created_timestamp"] = min(before["created_timestamp"], row["created_timestamp"])
                continue
            place = {
                "item_id": item,
                "version": len(versions) + 1,
                "valid_from": row["valid_from"],
                "valid_to": ends_at,
            }
            versions.append(place | says | {"created_timestamp": row["created_timestamp"]})
        mart += versions
    return mart


def price_history(log: Log) -> Mart:
    listed = grouped(item_versions(log), lambda row: row["item_id"])
    days = [row for row in item_demand_daily(log) if row["priced_events"]]
    mart: Mart = []
    for item, rows in grouped(sorted(days, key=lambda row: row["event_date"]), lambda row: row["item_id"]).items():
        previous = None
        for row in rows:
            end = day_end(row["event_date"])
            prices = [
                version["price"]
                for version in listed.get(item, [])
                if version["valid_from"] < end and (version["valid_to"] is None or version["valid_to"] >= end)
            ]
            price = first([price for price in prices if price is not None])
            list_price = float(price or row["highest_price"])
            columns = ("item_id", "event_date", "lowest_price", "mean_price", "highest_price", "priced_events")
            mart.append(
                {column: row[column] for column in columns}
                | {
                    "list_price_source": "events" if price is None else "catalogue",
                    "list_price": list_price,
                    "previous_list_price": previous,
                    "deepest_discount": max(1 - float(row["lowest_price"]) / list_price, 0),
                    "mean_discount": max(1 - float(row["mean_price"]) / list_price, 0),
                }
            )
            previous = list_price
    return mart


def reviews(log: Log) -> Mart:
    return [
        {
            "review_id": _named(row),
            "user_id": row["user_id"],
            "item_id": row["item_id"],
            "category": row["category"],
            "event_timestamp": row["event_timestamp"],
            "created_timestamp": row["created_timestamp"],
            "stars": row["value"],
            "text": row["text"],
        }
        for row in log.behaviour
        if row["event_name"] == "rate_item" and row["text"]
    ]


def _named(row: Event) -> str:
    name = None if row["event_name"] == "search" else row["event_name"]
    parts = (row["source"], row["event_id"], row["line_number"], name, row["item_id"], row["order_id"])
    return ":".join(str(part) for part in parts if part is not None)


def review_summary(log: Log) -> Mart:
    mart = []
    rated = [row for row in log.behaviour if row["event_name"] == "rate_item"]
    for item, rows in grouped(rated, lambda row: row["item_id"]).items():
        stars = values_of(rows, "value")
        mart.append(
            {
                "item_id": item,
                "reviews": len(rows),
                "ratings": len(stars),
                "rating_mean": statistics.mean(stars) if stars else None,
                **{f"stars_{number}": stars.count(number) for number in range(1, 6)},
                "written": len(values_of(rows, "text")),
                "first_review_at": rows[0]["event_timestamp"],
                "last_review_at": rows[-1]["event_timestamp"],
            }
        )
    return mart


def utterances(log: Log) -> Mart:
    kinds = {
        "search": ("search", "search_product"),
        "ask_question": ("question", "ask_question"),
        "rate_item": ("review", "leave_review"),
    }
    mart = []
    for row in log.behaviour:
        text = (row["query"] if row["event_name"] == "search" else None) or row["text"]
        if row["event_name"] in kinds and text:
            channel, label = kinds[row["event_name"]]
            mart.append(
                {
                    "utterance_id": _named(row),
                    "user_id": row["user_id"],
                    "event_timestamp": row["event_timestamp"],
                    "created_timestamp": row["created_timestamp"],
                    "channel": "agent" if row["channel"] == "agent" else channel,
                    "text": text,
                    "label": row["intent_label"] or label,
                    "label_source": "shop" if row["intent_label"] else "channel",
                }
            )
    return mart


CATALOGUE: dict[str, Callable[[Log], Mart]] = {
    oracle.__name__: oracle
    for oracle in (
        items,
        item_demand_daily,
        category_demand_daily,
        item_versions,
        price_history,
        reviews,
        review_summary,
        utterances,
    )
}
"""What makes each mart, by its name."""
