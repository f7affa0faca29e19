"""What came of the recommender's lists: the prediction log joined with the events, as tables beside the marts."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from orchestration.feedback_charts import feedback_pictures, promise_picture
from orchestration.metadata import OWNER, parquet_metadata
from shopsight.marts import export_path, read_mart
from shopsight.settings import Settings


@dg.asset(
    group_name="insights",
    kinds={"duckdb", "parquet"},
    owners=[OWNER],
    # It reads the warehouse's file, which dbt alone may have open while it writes.
    pool="duckdb",
    deps=[
        dg.AssetKey(["marts", mart])
        for mart in ("events", "identities", "interactions", "order_items", "sessions", "users")
    ],
    output_required=False,
)
def list_feedback(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """What came of each list that the recommender answered with: clicks, carts, orders and revenue by place.

    Written to `warehouse/exports/{shown_lists,list_feedback,feedback_daily}.parquet` and `reports/feedback.json`;
    `shopsight feedback` prints it. Nothing before the first list.
    """
    from serving.feedback.feedback import FEEDBACK_DAILY, LIST_FEEDBACK, NoFeedbackYetError, make_feedback, report_path
    from shopsight.clock import utc_now

    try:
        report = make_feedback(settings, now=utc_now())
    except NoFeedbackYetError as error:
        context.log.info("%s", error)
        return
    log = report["log"]
    lost = log["damaged"] + log["unreadable"]
    if lost:
        context.log.warning("%d lines of the prediction log could not be read, such as %s", lost, log["lines"][0])
    yield dg.MaterializeResult(
        metadata={
            **parquet_metadata(export_path(settings, LIST_FEEDBACK)),
            "report": dg.MetadataValue.path(report_path(settings)),
            "events until": report["events_until"] or "none",
            "answers": log["answers"],
            "lines that could not be read": lost,
            **{f"answers left out/{reason}": answers for reason, answers in report["answers_left_out"].items()},
            "by version": dg.MetadataValue.md(_by_version(report["placements"])),
            "promise": dg.MetadataValue.md(_promise(report["promise"])),
            "expected": dg.MetadataValue.md(_expected(report["expected"])),
            **promise_picture([day | {"day": date.fromisoformat(day["day"])} for day in report["promise"]]),
            **feedback_pictures(read_mart(settings, FEEDBACK_DAILY).to_pylist()),
        }
    )


def _by_version(groups: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "| placement | version | shown | clicked | orders | revenue | click-through | corrected |",
        "|---|---|---:|---:|---:|---:|---|---|",
    ]
    for group in groups:
        counts = (f"{group[name]:,}" for name in ("impressions", "clicked", "orders"))
        rates = (_rate(group[name]) for name in ("click_through", "corrected_click_through"))
        cells = (group["placement"], group["model_version"], *counts, f"{group['revenue']:,.2f}", *rates)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _promise(days: Sequence[Mapping[str, Any]]) -> str:
    lines = ["| day | version | figure | contacts | measured | promised | verdict |", "|---|---|---|---:|---|---|---|"]
    for day in days:
        cells = (day["day"], day["model_version"], day["metric"], f"{day['contacts']:,}")
        lines.append(
            f"| {' | '.join(cells)} | {_rate(day['measured'])} | {_rate(day['promised'])} | {day['verdict']} |"
        )
    return "\n".join(lines)


def _expected(expected: Mapping[str, Any]) -> str:
    lines = ["| day | shown | expected click-through | nine days of ten |", "|---|---:|---:|---|"]
    for day in expected["days"]:
        bounds = "–" if day["low"] is None else f"{day['low']:.2%} to {day['high']:.2%}"
        lines.append(f"| {day['day']} | {day['impressions']:,} | {day['expected']:.2%} | {bounds} |")
    if expected["error"] is not None:
        carried = f"taking the last known figure, {expected['error_of_carrying_over']:.1%}"
        lines += [
            "",
            f"On {expected['judged']} past days they were {expected['error']:.1%} off in the mean; {carried}.",
        ]
    if expected["not_evaluable"]:
        lines += ["", f"Not evaluable: {expected['not_evaluable']}."]
    return "\n".join(lines)


def _rate(estimate: Mapping[str, float] | None) -> str:
    return "–" if estimate is None else f"{estimate['value']:.2%} ({estimate['low']:.2%} to {estimate['high']:.2%})"
