"""``shopsight experiment``: a shop's experiments on its lists, and what they say."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.console import AsJson, err, explained, out, print_json
from shopsight.clock import utc_now
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.evaluation.experiments.judgement import ArmFinding
    from serving.recommender.experiments.book import Experiment, ExperimentBook
    from serving.recommender.experiments.report import Report

experiment_app = typer.Typer(help="Experiments on the shop's lists: put in force, watch, judge.", no_args_is_help=True)

COLOURS = {"better": "green", "worse": "red", "guard_rail_broken": "red", "changed": "red", "sample_ratio_off": "red"}


@experiment_app.command(name="check")
def experiment_check(
    file: Annotated[Path, typer.Argument(help="A YAML file of experiments.")], as_json: AsJson = False
) -> None:
    """Say whether an experiments file is valid; every wrong line is named."""
    with explained():
        from serving.recommender.experiments.book import ExperimentBook

        _show(file, ExperimentBook.read(file), as_json=as_json)


@experiment_app.command(name="apply")
def experiment_apply(file: Annotated[Path, typer.Argument(help="A YAML file of experiments.")]) -> None:
    """Put a valid experiments file in force; running services take it up within seconds."""
    with explained():
        from serving.recommender.experiments.changing import put_in_force

        settings = Settings()
        book = put_in_force(settings, file.read_bytes(), source=file)
        out.print(f"{len(book.experiments)} experiments are in force: {settings.experiments_path}")


@experiment_app.command(name="stop")
def experiment_stop(name: Annotated[str, typer.Argument(help="The experiment.")]) -> None:
    """End an experiment at once: no further list takes part, and its report stays."""
    with explained():
        from serving.recommender.experiments.changing import stop

        stopped = stop(Settings(), name, now=utc_now())
        out.print(f"{stopped.name} is stopped; `shopsight experiment report {stopped.name}` says what it showed")


@experiment_app.command(name="list")
def experiment_list(as_json: AsJson = False) -> None:
    """Show the experiments in force: those that run, those to come, and those that are over."""
    with explained():
        path = Settings().experiments_path
        _show(path, book_in_force(path), as_json=as_json)


@experiment_app.command(name="report")
def experiment_report(
    name: Annotated[str, typer.Argument(help="The experiment, or hold_out.")], as_json: AsJson = False
) -> None:
    """Say what an experiment shows so far: arms, intervals that hold at every look, and a verdict."""
    with explained():
        from serving.recommender.experiments.report import experiment_of, report_on

        settings = Settings()
        experiment = experiment_of(book_in_force(settings.experiments_path), name)
        report = report_on(settings, experiment, now=utc_now())
        if as_json:
            print_json(report.as_document())
        else:
            print_report(report)


def book_in_force(path: Path) -> "ExperimentBook":
    """Return the shop's experiments; none where there is no file.

    Raises:
        UnusableExperimentsError: the file is not valid.
    """
    from serving.recommender.experiments.book import ExperimentBook

    return ExperimentBook.read(path) if path.exists() else ExperimentBook()


def _show(path: Path, book: "ExperimentBook", *, as_json: bool) -> None:
    now = utc_now()
    warnings = _warnings(book)
    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "state": _state(one, now),
            "placements": sorted(one.where) if one.placements != "all" else "all",
            "arms": {arm.name: arm.share for arm in one.arms},
            "start": one.start,
            "end": one.end,
            "metric": one.metric,
        }
        for one in book.experiments
    ]
    hold_out = book.hold_out.model_dump(mode="json") if book.hold_out else None
    if as_json:
        print_json({"experiments": rows, "hold_out": hold_out, "warnings": warnings})
        return
    if not rows and hold_out is None:
        out.print(f"no experiments: `shopsight experiment apply FILE` writes {path}; docs/experiments.md has one")
        return
    table = Table("experiment", "state", "placements", "arms", "first day", "last day", "metric")
    for row in rows:
        where = row["placements"] if row["placements"] == "all" else ", ".join(row["placements"])
        arms = ", ".join(f"{name} {share:g}" for name, share in row["arms"].items())
        table.add_row(row["name"], row["state"], where, arms, str(row["start"]), str(row["end"]), row["metric"])
    out.print(table)
    if book.hold_out:
        out.print(f"hold-out: {book.hold_out.share:.1%} of the shoppers are in no experiment")
    for warning in warnings:
        err.print(f"[yellow]warning[/] {escape(warning)}", highlight=False)


def _warnings(book: "ExperimentBook") -> list[str]:
    """Return what the arms name that there is not; nothing before the first approval, when there is no catalogue."""
    from models.catalogue import Catalogue
    from models.registry.registry import ModelRegistry
    from serving.items.rules import RuleBook, RulesInForce
    from serving.recommender.experiments.in_force import warnings_of

    settings = Settings()
    champion = ModelRegistry.of(settings).champion("recommender")
    if champion is None:
        return []
    rules = RuleBook.read(settings.rules_path) if settings.rules_path.exists() else RuleBook()
    return warnings_of(book, RulesInForce(rules, Catalogue.read(champion.path / "catalogue.parquet")))


def _state(experiment: "Experiment", now: datetime) -> str:
    if experiment.stopped_at is not None and experiment.stopped_at <= now:
        return "stopped"
    return "to come" if now.date() < experiment.start else "over" if now.date() > experiment.end else "runs"


def print_report(report: "Report") -> None:
    """Print a report as a table, the verdict first."""
    judgement, metric = report.judgement, report.experiment.metric
    colour = COLOURS.get(judgement.outcome, "yellow")
    out.print(f"[{colour}]{escape(judgement.verdict)}[/]")
    table = Table("arm", "exposed", "measured", metric, "interval", "difference", "its interval")
    for arm in judgement.arms:
        table.add_row(arm.name, f"{arm.exposed:,}", f"{arm.measured:,}", *_cells(arm))
    out.print(table)
    p_value = judgement.sample_ratio_p
    out.print(f"sample ratio: p = {p_value:.3g}" if p_value is not None else "sample ratio: no shopper yet")
    for arm in judgement.arms:
        for line in _details(arm, report.experiment.shoppers):
            out.print(f"{arm.name}: {line}")
    for note in report.notes:
        out.print(f"  [dim]{escape(note)}[/]")


def _details(arm: "ArmFinding", planned: int) -> list[str]:
    """Return what else is known of an arm, a line each."""
    lines = []
    if arm.detectable_when_done is not None and arm.variance_left is not None:
        lines += [
            f"{planned:,} shoppers show a difference of {arm.detectable_when_done:.3g} four times in five",
            f"what shoppers did before explains {1 - arm.variance_left:.0%} of the variance",
        ]
    for rail in arm.guard_rails:
        change = f", {rail.change:+.1%} now" if rail.change is not None else ""
        lines.append(f"guard rail {rail.metric} is {rail.status} (at worst -{rail.worst:.0%}{change})")
    for part in arm.segments:
        low, high = part.interval
        interval = f"{part.difference:+.3g} ({low:.3g} to {high:.3g})"
        lines.append(f"difference among {part.measured:,} who {part.segment}: {interval}")
    return lines


def _cells(arm: "ArmFinding") -> list[str]:
    def pair(interval: tuple[float, float] | None) -> str:
        return "" if interval is None else f"{interval[0]:.4g} to {interval[1]:.4g}"

    figures = [arm.metric, arm.difference]
    shown_figures = ["" if figure is None else f"{figure:.4g}" for figure in figures]
    return [shown_figures[0], pair(arm.interval), shown_figures[1], pair(arm.difference_interval)]
