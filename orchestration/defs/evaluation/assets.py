"""Each candidate before its gate: figures beside baselines and champion, a verdict, and an entry in the registry."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from models.evaluation.curves import Curves
from models.training import BASELINE_FOLDER, beside_file, read_card, read_evaluation
from orchestration.attribution import launcher_of_run
from orchestration.charts import curves_metadata
from orchestration.decisions import approval_form
from orchestration.defs.monitoring.assets import REFERENCE_FILE
from orchestration.metadata import OWNER, evaluation_table, metric_metadata
from orchestration.papers import judged, papers_of
from orchestration.tracking import track
from orchestration.verdicts import baseline_outcomes, drift_summary, verdict_card
from shopsight import __version__
from shopsight.clock import utc_now
from shopsight.contracts import TRAINING_RUN
from shopsight.families import FAMILIES
from shopsight.settings import Settings
from shopsight.warehouse import noted_models

if TYPE_CHECKING:
    from models.evaluation.approval import Verdict
    from models.evaluation.results import Evaluation
    from models.registry.registry import ModelRegistry
    from models.registry.version import ModelVersion


def evaluation_asset(family: str) -> dg.AssetsDefinition:
    """Return the asset that judges and registers the candidates of one model family."""
    name = f"{family}_evaluation"

    @dg.asset(
        name=name,
        group_name="models/evaluation",
        kinds={"python"},
        owners=[OWNER],
        deps=[f"{family}_candidate", f"{family}_drift"],
        check_specs=[
            dg.AssetCheckSpec(
                name="beats_its_baselines",
                asset=name,
                description="The gain over every baseline to beat has a 95% interval above zero.",
            ),
            dg.AssetCheckSpec(
                name="passes_its_gate",
                asset=name,
                description="Every rule of the gate holds, so that somebody may approve the candidate.",
            ),
        ],
        description=(
            f"The newest {family} candidate in the registry, with its figures beside the baselines' and the verdict "
            "of the gate; whoever approves reads this first. Where the gate refuses it and no model serves, the "
            "baseline that stands in is registered, too."
        ),
    )
    def register_and_judge(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from models.evaluation.approval import gate, gate_of_baseline
        from models.evaluation.drift.judgement import DriftJudgement
        from models.registry.registry import ModelRegistry

        folder = settings.training_dir / family / "candidate"
        evaluation = read_evaluation(folder)
        drift = DriftJudgement.read(settings.reports_dir / "drift" / f"{family}.json")
        registry = ModelRegistry.of(settings)
        champion = registry.champion(family)
        serving = _figures_of(champion, folder)
        summary = drift_summary(drift)
        verdict = gate(evaluation, serving, summary)
        papers = papers_of(settings, family) | {"provenance": provenance_of(context, settings, family)}
        origin = _Origin(
            champion=champion,
            papers=papers | judged(verdict, summary),
            launched_by=launcher_of_run(settings, context.run.run_id, context.run.tags),
        )
        version = _register(registry, folder, evaluation, verdict, origin)
        if settings.tracking_uri is not None:
            failure = track(settings, registry.version(family, version.version))
            if failure is not None:
                context.log.warning("%s", failure)
        for rule in verdict.rules:
            context.log.info("%s: %s: %s", rule.outcome, rule.rule, rule.sentence)
        stands_in = None
        baseline = folder.with_name(BASELINE_FOLDER)
        if baseline.exists() and not verdict.eligible and (serving is None or serving.is_baseline):
            figures = read_evaluation(baseline)
            stand = gate_of_baseline(figures, serving, refused=verdict)
            beside = replace(origin, papers=papers | judged(stand, summary))
            stands_in = _register(registry, baseline, figures, stand, beside)
            context.log.info("%s %s (%s) stands in for the model", family, stands_in.version, figures.candidate)
        yield dg.MaterializeResult(
            metadata={
                "verdict": verdict_card(
                    version.version,
                    evaluation,
                    verdict,
                    champion=champion,
                    approve_at=approval_form(settings, family, version.version),
                ),
                "gate": dg.MetadataValue.md(
                    "\n".join(f"- **{rule.outcome}** {rule.rule}: {rule.sentence}" for rule in verdict.rules)
                ),
                "version": version.version,
                **({"baseline that stands in": stands_in.version} if stands_in else {}),
                "candidate": evaluation.candidate,
                "eligible": verdict.eligible,
                **({"champion measured on": serving.protocol} if serving else {}),
                "side by side": evaluation_table(evaluation),
                **metric_metadata(evaluation.metrics, first=evaluation.primary_metric),
                **curves_metadata(Curves.read(folder)),
            }
        )
        # A candidate that fell short is a result, not a fault of the run: the checks warn, the gate refuses.
        yield dg.AssetCheckResult(
            check_name="beats_its_baselines",
            passed=bool(evaluation.gains) and all(gain.low > 0 for gain in evaluation.gains.values()),
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{len(evaluation.gains)} of {len(baseline_outcomes(evaluation))} must be beaten.",
            metadata=baseline_outcomes(evaluation),
        )
        yield dg.AssetCheckResult(
            check_name="passes_its_gate",
            passed=verdict.eligible,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={rule.rule: rule.sentence for rule in verdict.rules},
        )

    return register_and_judge


def _figures_of(champion: "ModelVersion | None", folder: Path) -> "Evaluation | None":
    """Return a champion's figures: on the candidate's test cases where those are there, else its own."""
    from models.evaluation.results import Evaluation

    if champion is None:
        return None
    beside = folder / beside_file(champion.version)
    return Evaluation.read(beside) if beside.exists() else champion.evaluation


def provenance_of(context: dg.AssetExecutionContext, settings: Settings, family: str) -> dict[str, str | None]:
    """Return where a candidate comes from, for its card: runs, code, and the models that built the warehouse."""
    trained = context.instance.get_latest_materialization_event(dg.AssetKey(f"{family}_candidate"))
    return {
        "trained_in_run": trained.run_id if trained else None,
        "registered_in_run": context.run.run_id,
        "shopsight": __version__,
        "warehouse_models_sha256": noted_models(settings),
    }


@dataclass(frozen=True, kw_only=True)
class _Origin:
    champion: "ModelVersion | None"
    """What it was judged beside."""
    papers: Mapping[str, Any]
    """What completes the card."""
    launched_by: str | None


def _register(
    registry: "ModelRegistry", folder: Path, evaluation: "Evaluation", verdict: "Verdict", origin: _Origin
) -> "ModelVersion":
    """Register what was trained, its card completed by its papers, with what the gate says of it."""
    # The rows it was trained on go with it: drift is judged against them as long as it serves.
    shutil.copyfile(folder.parent / REFERENCE_FILE, folder / REFERENCE_FILE)
    now, family = utc_now(), evaluation.family
    card = read_card(folder) | dict(origin.papers)
    version = registry.register(
        family,
        folder,
        evaluation=evaluation,
        card=card,
        created_at=now,
        requester=TRAINING_RUN,
        launched_by=origin.launched_by,
    )
    registry.judge(family, version.version, verdict=verdict, at=now, beside=origin.champion)
    return version


evaluations = [evaluation_asset(family) for family in FAMILIES]
