"""``shopsight release``: approved versions become champion step by step, watched, and are stopped by themselves."""

import shutil
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.markup import escape

from cli.console import AsJson, explained, out, print_json
from shopsight.clock import utc_now
from shopsight.families import FAMILIES
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    from models.registry.version import ModelVersion
    from serving.releases.orders import Seen
    from serving.running.release_plan import ReleaseBook, ReleasePlan

release_app = typer.Typer(help="Approved versions become champion step by step, watched.", no_args_is_help=True)


@release_app.command(name="start")
def release_start(
    family: Annotated[str, typer.Argument(help=", ".join(FAMILIES))],
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence; kept for good.")],
    by: Annotated[str, typer.Option("--by", help="Who decides; default: you.")] = "",
    version: Annotated[str, typer.Option(help="The candidate's version; default: the newest eligible.")] = "",
    as_json: AsJson = False,
) -> None:
    """Approve a candidate, in your name, and have it become champion step by step: shadow, canary, champion."""
    with explained():
        from cli.decide import decide

        decide("release", family, version or None, by=by, reason=reason, as_json=as_json)


@release_app.command(name="status")
def release_status(as_json: AsJson = False) -> None:
    """Show what is under release: its step, what was counted so far, and what it waits for."""
    with explained():
        from models.registry.registry import ModelRegistry

        settings = Settings()
        registry = ModelRegistry.of(settings)
        rows = {
            family: _status(settings, released)
            for family in FAMILIES
            if (released := registry.released(family) or _last_released(registry.versions(family))) is not None
        }
        if as_json:
            print_json(rows)
            return
        if not rows:
            out.print("no version was released step by step: `shopsight release start FAMILY`, or `release apply FILE`")
        for family, row in rows.items():
            _show(family, row)


@release_app.command(name="check")
def release_check(file: Annotated[Path, typer.Argument(help="A YAML file of plans, by family.")]) -> None:
    """Say whether a releases file is valid; every wrong line is named."""
    with explained():
        _print_plans(_read(file))


@release_app.command(name="apply")
def release_apply(file: Annotated[Path, typer.Argument(help="A YAML file of plans, by family.")]) -> None:
    """Put a valid releases file in force: from now on an approval of these families begins a release."""
    with explained():
        book, target = _read(file), Settings().releases_path
        with replaced(target) as staging:
            shutil.copyfile(file, staging)
        _print_plans(book)
        out.print(f"in force: {target}")


def _read(file: Path) -> "ReleaseBook":
    from serving.running.release_plan import read_releases

    return read_releases(file)


def _print_plans(book: "ReleaseBook") -> None:
    for family, plan in book.root.items():
        steps = ", ".join(f"{step} {plan.minutes(step):g} minutes" for step in plan.steps_after("approved"))
        out.print(f"{family}: {steps}; {plan.canary_share:.0%} of the shoppers are the canary's")


def _last_released(versions: "list[ModelVersion]") -> "ModelVersion | None":
    return next((version for version in reversed(versions) if version.plan), None)


def _status(settings: Settings, version: "ModelVersion") -> dict[str, Any]:
    from models.evaluation.release.judgement import compare
    from serving.releases.orders import Seen, read_seen
    from serving.running.release_plan import ReleasePlan
    from serving.running.states import read_states

    plan, last = ReleasePlan.model_validate(version.plan), version.steps[-1]
    is_under_way = version.status == "releasing" or version.is_watched
    seen = read_seen(settings, version.family, last.record)
    if seen is None and last.evidence:
        seen = Seen.of(last.evidence)
    return {
        "version": version.version,
        "status": version.status,
        "step": last.step,
        "since": last.at,
        "reason": last.reason,
        "by": last.by,
        "steps": [{"step": one.step, "at": one.at, "by": one.by, "reason": one.reason} for one in version.steps],
        "seen": asdict(seen) if seen else None,
        "comparisons": [one.sentence() for one in compare(seen.candidate, seen.champion, plan.limits)] if seen else [],
        "waits_for": _waits_for(plan, version, seen) if is_under_way else None,
        "note": read_states(settings)[version.family].note if is_under_way else "",
    }


def _waits_for(plan: "ReleasePlan", version: "ModelVersion", seen: "Seen | None") -> str:
    from models.evaluation.release.judgement import doubts

    answers = seen.candidate.answers if seen else 0
    last = version.steps[-1]
    if last.step == "approved":
        return "its Bento and its start: `make up` starts it once it is built"
    left = plan.minutes(last.step) - (utc_now() - datetime.fromisoformat(last.at)).total_seconds() / 60
    waits = [f"{left:.0f} more minutes"] if left > 0 else []
    if answers < plan.min_answers:
        waits.append(f"answers: not enough yet, {answers:,} of {plan.min_answers:,}")
    if seen is not None and (open_ := doubts(seen.candidate, seen.champion, plan.limits, doubt=plan.doubt)):
        waits.append(f"answers that rule out that too many {' or '.join(open_)}")
    return "; ".join(waits) or "the next look of `make up`"


def _show(family: str, row: dict[str, Any]) -> None:
    colour = {"withdrawn": "red", "champion": "green"}.get(cast(str, row["status"]), "yellow")
    out.print(
        f"[bold]{family} {row['version']}[/]  [{colour}]{row['step']}[/] since {row['since'][:19]}, by {row['by']}"
    )
    out.print(f"  {escape(row['reason'])}", soft_wrap=True)
    for sentence in row["comparisons"]:
        out.print(f"  {escape(sentence)}", soft_wrap=True)
    if (seen := row["seen"]) is not None and seen["agreement"] is not None:
        out.print(f"  its lists and the champion's agree by {seen['agreement']:.0%}, of {seen['compared']:,} compared")
    if row["waits_for"]:
        out.print(f"  waits for {escape(row['waits_for'])}", soft_wrap=True)
    if row["note"]:
        out.print(f"  {escape(row['note'])}", soft_wrap=True)
