"""What the shop's experiments show so far."""

from typing import TYPE_CHECKING

import dagster as dg

from orchestration.drawing import picture
from orchestration.metadata import OWNER
from shopsight.drawing import Axis, Drawing, line_chart
from shopsight.settings import Settings
from shopsight.whole_files import write_json

if TYPE_CHECKING:
    from serving.recommender.experiments.report import Look, Report

READ = ("users", "identities", "sessions", "orders", "events")


@dg.asset(
    group_name="insights",
    kinds={"python", "duckdb"},
    owners=[OWNER],
    deps=[dg.AssetKey(["marts", mart]) for mart in READ],
    # Clicks are read from the warehouse's own file, which one process at a time may write.
    pool="duckdb",
)
def experiments(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[None]:
    """What each experiment of experiments.yml shows so far: arms, intervals that hold at every look, and a verdict.

    Written to `reports/experiments.json` as `shopsight experiment report NAME --json` prints it. Experiments to come
    are left out.
    """
    from serving.recommender.experiments.book import ExperimentBook
    from serving.recommender.experiments.report import report_on
    from shopsight.clock import utc_now

    now, path = utc_now(), settings.experiments_path
    book = ExperimentBook.read(path) if path.exists() else ExperimentBook()
    begun = [one for one in book.experiments if one.start <= now.date()]
    if book.hold_out is not None and book.hold_out.since <= now.date():
        begun.append(book.hold_out.experiment())
    reports = [report_on(settings, experiment, now=now) for experiment in begun]
    file = settings.reports_dir / "experiments.json"
    write_json(file, {report.experiment.name: report.as_document() for report in reports})
    verdicts = "\n".join(f"- **{one.experiment.name}**: {one.judgement.verdict}" for one in reports)
    pictures = {
        f"{report.experiment.name}/{arm.name}": _picture(report, arm.name)
        for report in reports
        for arm in report.judgement.arms
        if any(look.arm == arm.name for look in report.looks)
    }
    return dg.MaterializeResult(
        metadata={
            "verdicts": dg.MetadataValue.md(verdicts or "no experiment has begun"),
            **{report.experiment.name: dg.MetadataValue.md(_table(report)) for report in reports},
            **pictures,
            "path": dg.MetadataValue.path(file),
        }
    )


def _table(report: "Report") -> str:
    lines = [
        f"**{report.judgement.verdict}**",
        "",
        f"| arm | exposed | measured | {report.experiment.metric} | difference | its interval |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for arm in report.judgement.arms:
        interval = arm.difference_interval
        figures = ["–" if one is None else f"{one:.4g}" for one in (arm.metric, arm.difference)]
        pair = "–" if interval is None else f"{interval[0]:.4g} to {interval[1]:.4g}"
        lines.append(f"| {arm.name} | {arm.exposed:,} | {arm.measured:,} | {figures[0]} | {figures[1]} | {pair} |")
    p_value = report.judgement.sample_ratio_p
    return "\n".join([*lines, "", f"Sample ratio: p = {p_value:.3g}" if p_value is not None else "No shopper yet."])


def _picture(report: "Report", arm: str) -> dg.MarkdownMetadataValue:
    """Return the difference by day with its interval; where the dashed lines leave 0, the difference is seen."""
    looks = [look for look in report.looks if look.arm == arm]
    rows = [[str(look.day), f"{look.difference:.4g}", f"{look.low:.4g}", f"{look.high:.4g}"] for look in looks]
    return picture(
        f"{arm} minus control, {report.experiment.metric}",
        [_chart(looks, report.experiment.metric)],
        ("day", "difference", "low", "high"),
        rows,
    )


def _chart(looks: "list[Look]", metric: str) -> Drawing:
    days = [float((look.day - looks[0].day).days) for look in looks]
    low, high = min(0.0, *(look.low for look in looks)), max(0.0, *(look.high for look in looks))
    bounds = [(day, look.low) for day, look in zip(days, looks, strict=True)]
    bounds += [(day, look.high) for day, look in zip(days, looks, strict=True)][::-1]
    last = max(days[-1], 1.0)
    return line_chart(
        [(day, look.difference) for day, look in zip(days, looks, strict=True)],
        x=Axis(label="days since the first look", low=0.0, high=last, ticks=(0.0, last), number_format=".0f"),
        y=Axis(label=f"difference in {metric}", low=low, high=high, ticks=tuple(sorted({low, 0.0, high}))),
        reference=bounds,
    )
