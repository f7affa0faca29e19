"""Feedback of a home: the prediction log joined with the warehouse's events, as tables and as a report."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from models.evaluation.bootstrap import Estimate
from models.evaluation.position_bias import PositionBias
from models.registry.registry import ModelRegistry
from serving.feedback.daily import as_numbers, by_version, feedback_daily, position_biases
from serving.feedback.expected import expected_click_through
from serving.feedback.matching import match, open_warehouse
from serving.feedback.promise import DayOfPromise, promise_by_day
from serving.feedback.shown_lists import LogReading, write_shown_lists
from shopsight.clock import rfc3339
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES
from shopsight.locking import exclusive
from shopsight.marts import export_path, open_duckdb
from shopsight.refusals import read_refusals
from shopsight.settings import Settings
from shopsight.whole_files import replaced, write_json

if TYPE_CHECKING:
    import duckdb

FAMILY: Final = FAMILIES["recommender"].name
SHOWN_LISTS, LIST_FEEDBACK, FEEDBACK_DAILY = "shown_lists", "list_feedback", "feedback_daily"

SHOWN_TO_KEEP: Final = """
    with refusing as (
        select recommendation_id
        from shoppers
        where shopper in (from refused_users)
        union
        select recommendation_id
        from shown
        where user_id in (from refused_users) or session_id in (from refused_sessions)
    )
    select * replace (
        case when recommendation_id not in (from refusing) then user_id end as user_id,
        case when recommendation_id not in (from refusing) then session_id end as session_id
    )
    from shown
    order by answered_at, recommendation_id, position
"""
"""The lists of whoever refuses personal use are there, and nothing says whose they were."""


class NoFeedbackYetError(ShopsightError):
    """No list was shown yet."""


def log_folder(settings: Settings) -> Path:
    """Return the recommender's part of the prediction log."""
    return settings.predictions_dir / FAMILY


def report_path(settings: Settings) -> Path:
    """Return the file of the report that was made last."""
    return settings.reports_dir / "feedback.json"


def make_feedback(settings: Settings, *, now: datetime) -> dict[str, Any]:
    """Write ``shown_lists``, ``list_feedback`` and ``feedback_daily`` beside the marts, and return the report.

    All is made anew from the log and the marts, so an event that comes late or a refund changes the day it belongs to.

    Raises:
        NoFeedbackYetError: no list was shown yet.
        ShopsightError: the warehouse cannot be read.
        ResourceBusyError: another process is making them.
    """
    window = timedelta(hours=settings.feedback_window_hours)
    with tempfile.TemporaryDirectory() as folder, open_duckdb() as connection:
        raw = Path(folder) / "raw.parquet"
        reading = write_shown_lists(log_folder(settings), raw)
        if not reading.answers:
            raise NoFeedbackYetError(
                "there is no feedback yet",
                why=f"the prediction log {log_folder(settings)} has no list that was shown "
                f"({reading.empty} were empty, {reading.lost} lines could not be read)",
                fix="start the services with `make up` and ask for lists, then try again",
            )
        with exclusive(settings.exports_dir.parent / "feedback.lock", what="the feedback", wait_seconds=60):
            open_warehouse(connection, settings)
            match(connection, raw, window=window, zone=settings.zone)
            biases = position_biases(connection)
            days = promise_by_day(connection, _promises(settings), window=window, zone=settings.zone)
            _write_tables(connection, settings, biases)
            findings = {
                "made_at": rfc3339(now),
                "window_hours": settings.feedback_window_hours,
                "log": _log(connection, reading),
                **_counts(connection),
                "placements": by_version(connection, biases),
                "position_bias": {placement: _bias(bias) for placement, bias in biases.items()},
                "promise": [_day(day) for day in days],
                "expected": asdict(expected_click_through(connection, window=window)),
            }
            # As a program reads it: days and moments are texts.
            report: dict[str, Any] = json.loads(json.dumps(findings, default=str))
            write_json(report_path(settings), report)
    return report


def read_promise(settings: Settings) -> list[DayOfPromise]:
    """Return the days beside their promise, as the report that was made last has them; none before the first report."""
    if not report_path(settings).exists():
        return []
    return [
        DayOfPromise(
            **day
            | {"day": date.fromisoformat(day["day"])}
            | {name: Estimate(**day[name]) if day[name] else None for name in ("measured", "promised")}
        )
        for day in json.loads(report_path(settings).read_text())["promise"]
    ]


def _write_tables(
    connection: "duckdb.DuckDBPyConnection", settings: Settings, biases: Mapping[str, PositionBias]
) -> None:
    refusals = read_refusals(settings)
    for name, ids in (("refused_users", refusals.users), ("refused_sessions", refusals.sessions)):
        connection.register(name, pa.table({"id": pa.array(sorted(ids), pa.string())}))
    for name, query in ((SHOWN_LISTS, SHOWN_TO_KEEP), (LIST_FEEDBACK, "from list_feedback")):
        with replaced(export_path(settings, name)) as staging:
            target = str(staging).replace("'", "''")
            connection.execute(f"copy ({query}) to '{target}' (format parquet, compression zstd)")
    with replaced(export_path(settings, FEEDBACK_DAILY)) as staging:
        pq.write_table(feedback_daily(connection, biases), staging, compression="zstd")


def _promises(settings: Settings) -> Callable[[str], Mapping[str, Estimate]]:
    versions = {version.version: version.evaluation.metrics for version in ModelRegistry.of(settings).versions(FAMILY)}

    def promises(version: str) -> Mapping[str, Estimate]:
        return versions.get(version, {})

    return promises


def _log(connection: "duckdb.DuckDBPyConnection", reading: LogReading) -> dict[str, Any]:
    (answers,) = connection.execute("select count(distinct recommendation_id) from shown").fetchall()[0]
    return {
        "answers": answers,
        "repeated": reading.answers - answers,
        "empty": reading.empty,
        "damaged": reading.damaged,
        "unreadable": reading.unreadable,
        "reasons": dict(reading.reasons),
        "lines": reading.lines,
    }


def _counts(connection: "duckdb.DuckDBPyConnection") -> dict[str, Any]:
    """Return until when there are events, which answers were left out, and by which rule events found their list."""
    ((until,),) = connection.execute("select max(events_until) from counted").fetchall()
    left_out = "select left_out, count(distinct recommendation_id) from counted where left_out is not null group by 1"
    rules = """
        select kind, rule, count(*)
        from matched semi join list_feedback
            on matched.shown_by = list_feedback.recommendation_id and matched.position = list_feedback.position
        group by all
        union all
        select kind, 'list not in the log', count(*)
        from actions
        where recommendation_id is not null and recommendation_id not in (select shown.recommendation_id from shown)
        group by all
    """
    matched: dict[str, dict[str, int]] = {
        kind: {"recommendation_id": 0, "window": 0, "list not in the log": 0} for kind in ("click", "cart", "order")
    }
    for kind, rule, events in connection.execute(rules).fetchall():
        matched[kind][rule] = events
    unconverted = """
        select count(*)
        from matched
        inner join order_items as items on matched.order_key = items.order_key and matched.item_id = items.item_id
        where items.unconverted_lines > 0
    """
    ((without_rate,),) = connection.execute(unconverted).fetchall()
    return {
        "events_until": None if until is None else rfc3339(until),
        "answers_left_out": {"bot": 0, "no consent": 0, "no events yet": 0}
        | dict(connection.execute(left_out).fetchall()),
        "matched": matched,
        "orders_without_a_rate": without_rate,
    }


def _bias(bias: PositionBias) -> dict[str, Any]:
    return {
        "not_evaluable": bias.not_evaluable,
        "clicks": bias.clicks,
        "items": bias.items,
        "examination": {str(place): as_numbers(one) for place, one in bias.examination.items()},
    }


def _day(day: DayOfPromise) -> dict[str, Any]:
    return vars(day) | {"measured": as_numbers(day.measured), "promised": as_numbers(day.promised)}
