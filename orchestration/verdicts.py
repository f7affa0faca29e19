"""What an approver reads first of a candidate: one card, and each baseline with what became of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from models.evaluation.approval import DriftState, DriftSummary, Verdict
from models.evaluation.results import Evaluation
from models.registry.version import ModelVersion
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.evaluation.drift.judgement import DriftJudgement

FIGURES = 3
"""Metrics on the card; all of them stand in the table below it."""


class DriftNotJudgedError(ShopsightError):
    """Nobody looked at drift since the present champion serves."""


def drift_summary(judgement: "DriftJudgement") -> DriftSummary:
    """Return what the gate wants to know of a drift judgement."""
    states: dict[str, DriftState] = {"stable": "no drift", "drifted": "drift", "not evaluable": "not evaluable"}
    return DriftSummary(state=states[judgement.status], detail=judgement.reason)


def drift_beside(settings: Settings, family: str, champion: ModelVersion | None) -> DriftSummary | None:
    """Return what was last judged of drift since the rows of the present champion; None before the first champion.

    Raises:
        DriftNotJudgedError: it was never judged beside that champion.
    """
    from models.evaluation.drift.judgement import DriftJudgement

    if champion is None:
        return None
    path = settings.reports_dir / "drift" / f"{family}.json"
    judgement = DriftJudgement.read(path) if path.exists() else None
    if judgement is None or judgement.champion != champion.version:
        raise DriftNotJudgedError(
            f"{family} cannot be judged beside {champion.version}",
            why="drift was not looked at since that model serves",
            fix=f"materialise {family}_drift first: the job `daily_refresh` does, or `shopsight run`",
        )
    return drift_summary(judgement)


def verdict_card(
    version: str, evaluation: Evaluation, verdict: Verdict, *, champion: ModelVersion | None, approve_at: str
) -> dg.MarkdownMetadataValue:
    """Return the verdict, three figures beside the champion's, and the way to approve.

    Args:
        version: the candidate's version.
        evaluation: its figures.
        verdict: what the gate says of it.
        champion: the version that serves now; ``None`` before the first.
        approve_at: address of the web UI's form that approves this candidate.
    """
    return dg.MetadataValue.md("\n".join(_card(version, evaluation, verdict, champion=champion, approve_at=approve_at)))


def _card(
    version: str, evaluation: Evaluation, verdict: Verdict, *, champion: ModelVersion | None, approve_at: str
) -> Iterator[str]:
    name = f"{evaluation.family} {version} ({evaluation.candidate})"
    yield f"### {name} {'may be approved' if verdict.eligible else 'may not be approved'}"
    yield ""
    yield from (f"- {reason}" for reason in verdict.reasons)
    if verdict.eligible:
        yield f"- every rule of the gate holds: [approve it]({approve_at})"
    yield ""
    if not evaluation.metrics:
        return
    before = champion.evaluation.metrics if champion else {}
    yield f"| metric | {version} | champion {champion.version if champion else '(none yet)'} | difference |"
    yield "|---|---:|---:|---:|"
    for metric, estimate in sorted(evaluation.metrics.items(), key=lambda one: one[0] != evaluation.primary_metric)[
        :FIGURES
    ]:
        present = before.get(metric)
        cells = ["–", "–"] if present is None else [f"{present.value:.4f}", f"{estimate.value - present.value:+.4f}"]
        yield f"| {metric} | {estimate} | {' | '.join(cells)} |"


def baseline_outcomes(evaluation: Evaluation) -> dict[str, str]:
    """Return every baseline and losing contender, with whether the candidate beats it; those to beat come first."""
    metric = evaluation.primary_metric
    outcomes = {}
    for name, gain in evaluation.gains.items():
        outcome = "beaten" if gain.low > 0 else "better than the candidate" if gain.high < 0 else "tied"
        outcomes[name] = f"{outcome}: the gain in {metric} is {gain}"
    for name, metrics in evaluation.baselines.items():
        if name not in outcomes:
            figure = metrics.get(metric)
            outcomes[name] = "not required" + (f": its {metric} is {figure}" if figure is not None else "")
    return outcomes
