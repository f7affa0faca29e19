"""What the knowledge graph has to say, worked out from a log in plain Python."""

import json
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

from mart_oracle.catalogue import item_versions, items, reviews
from mart_oracle.log import Log, Mart

from models.intent import aspects

EVIDENCE_ROWS = 3


def graph_edges(log: Log) -> Mart:
    listed = {row["item_id"]: row for row in items(log) if row["is_listed"]}
    versions: dict[str, int] = {}
    for row in item_versions(log):
        versions[row["item_id"]] = max(row["version"], versions.get(row["item_id"], 0))
    edges = []
    for item, row in listed.items():
        said_by = f"item_versions:{item}:{versions[item]}" if item in versions else f"items:{item}"
        for relation, target in _facts(row, log.catalogue.get(item, {}).get("attributes"), set(listed)):
            edges.append(_edge(item, relation, target, 1, None, [said_by]))
    spoken = defaultdict(list)
    for review in reviews(log):
        for aspect, pattern in aspects.PATTERNS.items():
            if review["item_id"] in listed and pattern.search(review["text"]):
                spoken[review["item_id"], aspect].append(review)
    for (item, aspect), rows in spoken.items():
        stars = [row["stars"] for row in rows if row["stars"] is not None]
        score = statistics.mean(stars) if stars else None
        edges.append(_edge(item, "speaks_of", f"aspect:{aspect}", len(rows), score, [r["review_id"] for r in rows]))
    return [*edges, *_pairs(log, listed)]


def graph_nodes(log: Log) -> Mart:
    titles = {f"item:{row['item_id']}": row["title"] for row in items(log) if row["is_listed"]}
    sources = defaultdict(set)
    for edge in graph_edges(log):
        sources[edge["target_id"]].add(edge["source_id"])
    mart = []
    for node in titles.keys() | sources.keys():
        kind, _, rest = node.partition(":")
        attribute, _, value = rest.partition("=") if kind == "attribute" else (None, "", rest)
        name = titles.get(node, value)
        mart.append({"node_id": node, "kind": kind, "attribute": attribute, "name": name, "items": len(sources[node])})
    return mart


def _facts(row: dict[str, Any], attributes: str | None, listed: set[str]) -> Iterator[tuple[str, str]]:
    if row["category"]:
        yield "in_category", f"category:{row['category']}"
    if row["brand"]:
        yield "of_brand", f"brand:{row['brand']}"
    for name, value in json.loads(attributes or "{}").items():
        for one in filter(None, value if isinstance(value, list) else [value]):
            if name != "compatible_with":
                yield "has_attribute", f"attribute:{name}={one}"
            else:
                yield name, f"item:{one}" if one in listed else f"category:{one}"


def _pairs(log: Log, listed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    places: dict[tuple[str, str], int] = defaultdict(int)
    orders = _orders_of_pairs(log, {item: row["category"] for item, row in listed.items() if row["category"]})
    for (relation, item, other), keys in sorted(orders.items(), key=lambda one: (*one[0][:2], -len(one[1]), one[0][2])):
        if len(keys) >= log.variables["fewest_baskets_together"]:
            places[relation, item] += 1
            if places[relation, item] <= log.variables["most_item_pairs"]:
                yield _edge(item, relation, f"item:{other}", len(keys), None, list(keys))


def _orders_of_pairs(log: Log, categories: dict[str, str]) -> dict[tuple[str, str, str], set[str]]:
    usable = {id(row) for row in log.behaviour}
    lines = {
        (line["event"]["order_key"], line["event"]["session_id"], line["item_id"])
        for line in log.lines
        if id(line["event"]) in usable and line["event"]["event_name"] == "purchase" and line["item_id"]
    }
    baskets, viewed = defaultdict(set), defaultdict(set)
    for order, _, item in lines:
        baskets[order].add(item)
    for row in log.behaviour:
        if row["event_name"] == "view_item" and row["item_id"]:
            viewed[row["session_id"]].add(row["item_id"])
    orders: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for order, basket in baskets.items():
        if len(basket) <= log.variables["largest_basket"]:
            for item, other in permutations(basket, 2):
                orders["bought_with", item, other].add(order)
    for order, session, other in lines:
        for item in viewed[session] - {other}:
            if item in categories and categories[item] == categories.get(other):
                orders["alternative_to", item, other].add(order)
    return orders


def _edge(item: str, relation: str, target: str, support: int, score: float | None, rows: list[str]) -> dict[str, Any]:
    return {
        "source_id": f"item:{item}",
        "relation": relation,
        "target_id": target,
        "support": support,
        "score": score,
        "evidence": sorted(rows)[:EVIDENCE_ROWS],
    }


GRAPH: dict[str, Callable[[Log], Mart]] = {oracle.__name__: oracle for oracle in (graph_edges, graph_nodes)}
"""What makes each mart, by its name."""
