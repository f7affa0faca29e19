"""What an approver reads first of a candidate: one card, and each baseline with what became of it."""

from collections.abc import Iterator

import dagster as dg

from models.evaluation.approval import Verdict
from models.evaluation.results import Evaluation
from models.registry.version import ModelVersion

FIGURES = 3
"""Metrics on the card; all of them stand in the table below it."""


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
