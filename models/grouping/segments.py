"""Segments made by rules: ``segments.yml``, in the words of ``shopsight ask``; counted before anybody uses them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.asking.answer import catalogue
from models.asking.grammar import parse_population
from models.asking.question import RefusedQuestionError
from models.asking.rows import case_rows, log_span
from shopsight.errors import ShopsightError

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A rule-made segment."""

    name: str
    who: str
    """In the words of ``shopsight ask``, of the past alone."""
    strategy: str
    """What the shop does with them, in its own words."""


def read_segments(document: Any, *, file: str) -> tuple[list[Segment], dict[int, str]]:
    """Return the segments, and the strategy of each behaviour group by its id, that a file's YAML holds.

    Raises:
        ShopsightError: it is built otherwise; each wrong place is named.
    """
    if document is None:
        return [], {}
    wrong = []
    if not isinstance(document, dict) or set(document) - {"segments", "groups"}:
        wrong.append("the file has the keys `segments` and `groups`, and no other")
        document = {}
    rows = document.get("segments") or []
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], start=1):
        if not isinstance(row, dict) or not {"name", "who"} <= set(row) <= {"name", "who", "strategy"}:
            wrong.append(f"segment {number} has `name`, `who` and perhaps `strategy`")
    names = [row.get("name") for row in rows if isinstance(row, dict)]
    wrong += [f"two segments are called {name!r}" for name in dict.fromkeys(names) if names.count(name) > 1]
    strategies = document.get("groups") or {}
    if not isinstance(strategies, dict) or not all(isinstance(key, int) for key in strategies):
        wrong.append("`groups` names strategies by the number of the group")
    if wrong:
        raise ShopsightError(f"{file} cannot be used", why="; ".join(wrong), fix="see docs/groups.md for an example")
    segments = [
        Segment(name=str(row["name"]), who=str(row["who"]), strategy=str(row.get("strategy", ""))) for row in rows
    ]
    return segments, {key: str(text) for key, text in strategies.items()}


def count_segments(connection: "duckdb.DuckDBPyConnection", segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Return each segment with how many shoppers it holds today, and how it was understood.

    Raises:
        ShopsightError: a segment is not understood.
    """
    counted = []
    names, today = catalogue(connection), log_span(connection)[1]
    everybody = len(case_rows(connection, parse_population("shoppers", names), [today])) if segments else 0
    for segment in segments:
        try:
            question = parse_population(segment.who, names)
        except RefusedQuestionError as error:
            raise ShopsightError(
                f"the segment {segment.name!r} is not understood: {error.what}", why=error.why, fix=error.fix
            ) from None
        shoppers = len(case_rows(connection, question, [today]))
        counted.append(
            {
                "name": segment.name,
                "understood": question.population.replace("before the cut-off", "before today"),
                "shoppers": shoppers,
                "share": round(shoppers / max(everybody, 1), 4),
                "strategy": segment.strategy,
            }
        )
    return counted
