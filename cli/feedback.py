"""``shopsight feedback``: what came of the lists that were shown, by placement and model version."""

from typing import Any

from rich.table import Table

from cli.console import err, out, print_json
from shopsight.clock import utc_now
from shopsight.settings import Settings


def show_feedback(*, as_json: bool) -> None:
    """Join the prediction log with the warehouse's events, write the tables, and print what came of the lists.

    Raises:
        ShopsightError: no list was shown yet, or the warehouse cannot be read.
    """
    from serving.feedback.feedback import make_feedback

    with err.status("joining the prediction log with the events"):
        report = make_feedback(Settings(), now=utc_now())
    if as_json:
        print_json(report)
        return
    _warn(report)
    if not report["placements"]:
        out.print("no list is counted yet: the events after it have to be imported, and `shopsight run`")
        return
    out.print(_placements(report["placements"]))
    out.print("[dim]rates are of the items shown, with their 95% intervals; corrected: as if all stood first[/]")
    for placement, bias in report["position_bias"].items():
        if bias["not_evaluable"]:
            out.print(f"{placement}: position bias is not estimated: {bias['not_evaluable']}")
    if report["promise"]:
        out.print(_promise(report["promise"]))
    _print_expected(report["expected"])


def _warn(report: dict[str, Any]) -> None:
    log, left_out = report["log"], report["answers_left_out"]
    out.print(f"{log['answers']:,} answers in the log; events until {report['events_until'] or '–'}")
    for count, words in (
        (log["damaged"], "lines are damaged"),
        (log["unreadable"], "rows are no answers of the recommender"),
    ):
        if count:
            err.print(f"[yellow]warning[/] {count:,} {words}, such as {log['lines'][0]}", soft_wrap=True)
    for reason, answers in left_out.items():
        if answers:
            out.print(f"  {answers:,} left out: {reason}")
    if report["orders_without_a_rate"]:
        items = f"{report['orders_without_a_rate']:,} ordered items"
        err.print(f"[yellow]warning[/] money of {items} has no exchange rate: it is in no revenue", soft_wrap=True)


def _placements(groups: list[dict[str, Any]]) -> Table:
    table = Table(title="what came of the lists", title_justify="left")
    for column in ("lists", "shown", "clicked", "corrected", "carts", "ordered", "revenue"):
        table.add_column(column)
    for group in groups:
        version = group["model_version"] + (f" ({group['baseline']})" if group["baseline"] else "")
        table.add_row(
            f"{group['placement']}\n[dim]{version}[/]",
            f"{group['impressions']:,}",
            f"{group['clicked']:,} = {_rate(group['click_through'])}",
            _rate(group["corrected_click_through"]),
            f"{group['carts']:,}",
            f"{group['ordered']:,} = {_rate(group['conversion'])}",
            f"{group['revenue']:,.2f}",
        )
    return table


def _promise(days: list[dict[str, Any]]) -> Table:
    table = Table(title="the card's promise, day by day", title_justify="left")
    for column in ("day", "version", "figure", "contacts", "measured", "promised", "verdict"):
        table.add_column(column)
    for day in days:
        figures = (_rate(day["measured"]), _rate(day["promised"]))
        table.add_row(day["day"], day["model_version"], day["metric"], f"{day['contacts']:,}", *figures, day["verdict"])
    return table


def _print_expected(expected: dict[str, Any]) -> None:
    """Print the estimates of the days whose windows are not over, and how wrong such estimates were."""
    for day in expected["days"]:
        bounds = "" if day["low"] is None else f" ({day['low']:.2%} to {day['high']:.2%})"
        items = f"{day['impressions']:,} items shown"
        out.print(f"{day['day']}: expected click-through {day['expected']:.2%}{bounds}, of {items}", soft_wrap=True)
    if expected["days"] and expected["error"] is not None:
        errors = (
            f"{expected['error']:.1%} off in the mean, the last known figure {expected['error_of_carrying_over']:.1%}"
        )
        out.print(f"[dim]of {expected['judged']} past days such an estimate was {errors}[/]", soft_wrap=True)
    if expected["not_evaluable"]:
        out.print(f"[dim]expected click-through: {expected['not_evaluable']}[/]", soft_wrap=True)


def _rate(estimate: dict[str, float] | None) -> str:
    if estimate is None:
        return "–"
    return f"{estimate['value']:.2%}\n[dim]{estimate['low']:.2%} to {estimate['high']:.2%}[/]"
