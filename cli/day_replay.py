"""``shopsight replay --days``: what a candidate would have changed in the lists, or the verdicts, of the last days."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import typer
from rich.progress import Progress
from rich.table import Table

from cli.console import CHECKS_FAILED, err, out, print_json
from shopsight.clock import utc_now
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

SHOWN_ITEMS: Final = 10


def run_lists(days: int, *, rules: Path | None, version: str, as_json: bool) -> None:
    """Say what other rules or another version would have changed.

    Raises:
        ShopsightError: the rules are not valid, there is no such version, or no list was shown in those days.
        typer.Exit: a row is damaged.
    """
    from serving.audit.days import FAMILY, replay_days, rows_of_days
    from serving.items.rules import RuleBook

    settings = Settings()
    book = RuleBook.read(rules) if rules else None
    rows, damaged = rows_of_days(settings, days=days, until=utc_now().date())
    if not rows and not damaged:
        raise ShopsightError(
            f"no list was shown in the last {days} days",
            why=f"the prediction log {settings.predictions_dir / FAMILY} has no rows of them",
            fix="name more days with --days, or start the services with `make up` and ask for lists",
        )
    with Progress(console=err, transient=True) as progress:
        task = progress.add_task("making lists again", total=len(rows))
        result = replay_days(
            rows,
            settings,
            rules=book,
            version=version or None,
            report=lambda done: progress.update(task, completed=done),
        )
    if as_json:
        print_json(vars(result) | {"days": days, "damaged": damaged})
    else:
        out.print(f"{result.asked:,} lists of the last {days} days made again, as they were and by the candidate")
        stays = f"{result.share_kept:.1%} of a list's items stay"
        out.print(f"  {result.changed:,} change, {result.shorter:,} get shorter; {stays}")
        for name, groups in (("day", result.by_day), ("placement", result.by_placement)):
            table = Table(name, "lists", "change")
            for group, counts in sorted(groups.items()):
                table.add_row(group, f"{counts['asked']:,}", f"{counts['changed']:,}")
            out.print(table)
        for heading, items in (("gain impressions", result.gain), ("lose impressions", result.lose)):
            named = ", ".join(f"{item_id} ({count:,})" for item_id, count in items.most_common(SHOWN_ITEMS))
            out.print(f"{heading}: {named or 'none'}")
        for name, estimate in result.estimates.items():
            out.print(f"{name} per shown item: {_estimate(estimate)}")
        for reason, count in result.not_replayable.most_common():
            out.print(f"not made again: {count:,}: {reason}")
        for place in damaged:
            out.print(f"damaged: {place}")
    if damaged:
        raise typer.Exit(CHECKS_FAILED)


def run_gate(days: int, *, limits: Path, as_json: bool) -> None:
    """Say which verdicts of the last days would have come out otherwise.

    Raises:
        ShopsightError: the file holds no limits of a gate.
    """
    from serving.audit.gates import read_policy, replay_gate

    result = replay_gate(Settings(), policy=read_policy(limits), since=utc_now() - timedelta(days=days))
    if as_json:
        print_json(vars(result) | {"days": days})
        return
    out.print(f"{result.asked:,} verdicts of the last {days} days asked for again: {result.same:,} stay")
    if result.otherwise:
        table = Table("family", "version", "was eligible", "would be", "why")
        for one in result.otherwise:
            yes = {True: "yes", False: "no"}
            table.add_row(one["family"], one["version"], yes[one["was"]], yes[one["becomes"]], " ".join(one["why"]))
        out.print(table)
    for reason, count in result.not_replayable.most_common():
        out.print(f"not asked for again: {count:,}: {reason}")


def _estimate(estimate: dict[str, Any]) -> str:
    if "not_estimable" in estimate:
        logged = f" (the lists as shown: {estimate['logged']:.4f})" if "logged" in estimate else ""
        return f"not estimable, because {estimate['not_estimable']}{logged}"
    candidate, difference = (
        "{value:.4f} [{low:.4f}, {high:.4f}]".format(**estimate[name]) for name in ("candidate", "difference")
    )
    return f"{candidate}, as shown {estimate['logged']:.4f}; difference {difference}"
