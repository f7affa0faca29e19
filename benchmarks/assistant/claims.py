"""Which claims of an answer no row supports: every number, name and quotation is looked up in the rows it names.

The rows are read by SQL of the benchmark's own, and the policy pages are cut here again.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from shopsight.marts import open_marts
from shopsight.settings import Settings

KEYS: Final = {
    "items": "item_id",
    "reviews": "review_id",
    "review_summary": "item_id",
    "orders": "order_key",
    "order_items": "order_key || ':' || item_id",
    "graph_nodes": "node_id",
    "graph_edges": "source_id || '|' || relation || '|' || target_id",
}
"""The key of each mart's rows, as the assistant names them."""
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_QUOTED: Final = re.compile("“([^”]*)”")
_ABSENT: Final = re.compile("(?:mention|没有提到) ?“([^”]*)”")
"""What a sentence says that its rows do not hold: they must not."""
ECHOES: Final = ("fails on", "问题在于", "You have no order", "您没有订单")
"""Beginnings of what repeats the shopper's own words."""
STOCK: Final = {"in stock": True, "有货": True, "sold out": False, "已售完": False}
CHEAPER: Final = (re.compile(r"^(.*) is cheaper than (.*)\.$"), re.compile(r"^(.*)比(.*)便宜。$"))


class ClaimChecker:
    """Knows every row that may be named."""

    def __init__(self, settings: Settings) -> None:
        """Read the marts and pages of a home."""
        self._rows: dict[str, str] = {}
        self._items: dict[str, dict[str, Any]] = {}
        with open_marts(settings) as marts:
            for mart, key in KEYS.items():
                table = marts.sql(f"select {key} as row_key, * from {mart}").to_arrow_table()
                for row in table.to_pylist():
                    row_key = row.pop("row_key")
                    self._rows[f"{mart}:{row_key}"] = _content(row)
                    if mart == "items":
                        self._items[row_key] = row
        for path in sorted(settings.policies_dir.rglob("*.md")):
            name = path.relative_to(settings.policies_dir).as_posix()
            self._rows[f"policies:{name}"] = " ".join(re.sub(r"[#*_`]", " ", path.read_text()).split())
        titles = {row["title"] for row in self._items.values()}
        values = {
            content.split("|")[2]
            for row, content in self._rows.items()
            if row.startswith(("graph_nodes:attribute:", "graph_nodes:brand:"))
            for content in [f"||{row.rpartition('=')[2] if '=' in row else row.rpartition(':')[2]}"]
        }
        names = sorted({one for one in titles | values if len(one) > 2}, key=len, reverse=True)
        self._name = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names), re.ASCII)
        self._prices = {row["title"]: row["price"] for row in self._items.values()}

    def unsupported(self, answer: Mapping[str, Any], said: Sequence[str]) -> list[str]:
        """Return the sentences of an answer that claim what their rows do not hold.

        Args:
            answer: the service's.
            said: what the shopper has said so far.
        """
        return [one["text"] for one in answer["sentences"] if not self._holds(one["text"], one["rows"], said)]

    def _holds(self, text: str, rows: Sequence[str], said: Sequence[str]) -> bool:
        if not rows or any(self._content(row) is None for row in rows):
            return False
        if all(row.startswith("statements:") for row in rows):
            allowed = " ".join(said) if any(echo in text for echo in ECHOES) else "assistant"
            return all(number in allowed for number in _NUMBER.findall(text))
        content = " ".join(str(self._content(row)) for row in rows)
        content += " ".join(self._titles_in(rows))
        if any(echo in text for echo in ECHOES):
            content += " ".join(said)
        plain = _plain(content)
        bare = text
        for absent in _ABSENT.findall(text):
            if _plain(absent) in plain:
                return False
            bare, text = (one.replace(f"“{absent}”", "") for one in (bare, text))
        for quote in _QUOTED.findall(text):
            if _plain(quote.rstrip("…")) not in plain and not all(_plain(p) in plain for p in quote.split(" – ")):
                return False
            bare = bare.replace(quote, "")
        return self._names_and_numbers(bare, content) and self._stock(bare, rows) and self._cheaper(bare)

    def _names_and_numbers(self, text: str, content: str) -> bool:
        folded = content.casefold()
        if any(match.group().casefold() not in folded for match in self._name.finditer(text)):
            return False
        text = self._name.sub(" ", text)
        numbers = {float(number) for number in _NUMBER.findall(content)}
        rounded = {round(number, digits) for number in numbers for digits in (0, 1, 2)}
        return all(float(number) in numbers | rounded for number in _NUMBER.findall(text))

    def _stock(self, text: str, rows: Sequence[str]) -> bool:
        items = [self._items[row.removeprefix("items:")] for row in rows if row.startswith("items:")]
        for words, is_there in STOCK.items():
            if words in text and not any(echo in text for echo in (*ECHOES, "What meets this", "符合条件")):
                return all(item["is_available"] == is_there for item in items)
        return True

    def _cheaper(self, text: str) -> bool:
        for pattern in CHEAPER:
            if (match := pattern.match(text)) is not None:
                return bool(self._prices[match.group(1)] < self._prices[match.group(2)])
        return True

    def _content(self, row: str) -> str | None:
        if row.startswith("statements:"):
            return row
        if row.startswith("policies:"):
            return self._rows.get(row.partition("#")[0])
        return self._rows.get(row)

    def _titles_in(self, rows: Iterable[str]) -> list[str]:
        """Return the titles of the items that rows are about by their ids alone, as edges and reviews are."""
        ids = {item_id for row in rows for item_id in re.findall(r"item-\d+", f"{row} {self._content(row)}")}
        return [f" {self._items[one]['title']} " for one in ids if one in self._items]


def _content(row: Mapping[str, Any]) -> str:
    return " | ".join(f"{name} {value}" for name, value in row.items() if value is not None)


def _plain(text: str) -> str:
    return "".join(re.findall(r"\w+", text)).casefold()
