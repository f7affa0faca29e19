"""What a service shows at ``/metrics``, and what the page of the documentation says that it does."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from shopsight.settings import REPO_ROOT

PAGE: Final = REPO_ROOT / "docs" / "observability.md"
ROW: Final = re.compile(r"^\| `(shopsight_\w+)` \| (\w+) \|([^|]*)\| ([^|]+) \|$", re.MULTILINE)
PARTS: Final = {"counter": {"_total"}, "gauge": {""}, "histogram": {"_bucket", "_sum", "_count"}}


@dataclass(frozen=True)
class Name:
    """A promised metric."""

    kind: str
    labels: frozenset[str]
    text: str


def promised() -> dict[str, Name]:
    """Return what the page promises, by name."""
    rows = ROW.findall(PAGE.read_text())
    return {name: Name(kind, frozenset(re.findall(r"`(\w+)`", labels)), text) for name, kind, labels, text in rows}


def promised_of(*headings: str) -> set[str]:
    """Return the names in the tables below some of the page's headings."""
    text = PAGE.read_text()
    return {name for heading in headings for name, *_ in ROW.findall(text.split(f"\n{heading}:\n")[1].split("\n\n")[0])}


def families_in(text: str) -> dict[str, Any]:
    """Return the families that a service shows under our names, by the name that the page has them under."""
    families = {family.name + ("_total" if family.type == "counter" else ""): family for family in parsed(text)}
    return {name: family for name, family in families.items() if name.startswith("shopsight_")}


def parsed(text: str) -> Iterator[Any]:
    """Yield everything that is shown."""
    yield from text_string_to_metric_families(text)


def value(text: str, name: str, **labels: str) -> float:
    """Return one value; 0 where there is none."""
    rows = [row for family in parsed(text) for row in family.samples if row.name == name and row.labels == labels]
    return float(rows[0].value) if rows else 0.0
