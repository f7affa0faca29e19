"""Drift: do the newest rows still look like those that the model in use was trained on?"""

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg

from orchestration.metadata import OWNER
from shopsight.families import FAMILIES, resolve
from shopsight.settings import Settings

REFERENCE_FILE = "drift_reference.parquet"
STAGES_DOWNSTREAM = ("candidate", "evaluation", "champion", "bento")
"""What is made of a training set: a culprit in it is in all of them."""


def drift_asset(family: str) -> dg.AssetsDefinition:
    """Return the asset that judges the drift of one model family's inputs."""
    name = f"{family}_drift"

    @dg.asset(
        name=name,
        group_name="monitoring",
        kinds={"python"},
        owners=[OWNER],
        deps=[f"{family}_training_set"],
        check_specs=[
            dg.AssetCheckSpec(
                name="inputs_are_stable",
                asset=name,
                description="The newest two weeks look like the newest that the champion was trained on; "
                "'not evaluable' does not pass.",
            )
        ],
        description=(
            f"What moved in the inputs of the {family} model since its champion was trained (before the first "
            "champion: within the training set), with Evidently's report; the gate and the retraining sensor read it."
        ),
    )
    def drift(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        import pandas as pd

        from models.evaluation.drift.findings import DriftConfig
        from models.evaluation.drift.judgement import DriftJudgement, judge_drift
        from models.evaluation.drift.periods import ShopCalendar
        from models.evaluation.drift.report import write_report
        from models.evaluation.drift.windows import (
            MAX_REFERENCE_ROWS,
            columns_read,
            comparable_columns,
            like_period,
            newest_window,
            one_row_of_each,
            split_windows,
        )
        from models.registry.registry import ModelRegistry

        inputs = resolve(FAMILIES[family].drift_columns)
        config = DriftConfig()
        folder = settings.training_dir / family
        rows = inputs.watched(pd.read_parquet(folder / "training_set.parquet"))
        newest = newest_window(rows, min_rows=config.min_rows)
        newest = one_row_of_each(newest, inputs.WATCHED_COLUMNS, seed=settings.seed).head(MAX_REFERENCE_ROWS)
        newest.to_parquet(folder / REFERENCE_FILE, index=False)
        older, current = split_windows(rows)
        champion = ModelRegistry.of(settings).champion(family)
        reference, columns = older, inputs.WATCHED_COLUMNS
        if champion is not None:
            learnt = pd.read_parquet(champion.path / REFERENCE_FILE)
            reference = newest_window(learnt, min_rows=config.min_rows)
            columns = columns_read(columns, champion.path)
        compared_with = f"champion {champion.version}" if champion else "the older part of the training set"
        if settings.calendar_path.exists() and not current.empty:
            # The champion's newest rows are of the weeks before: of an earlier sale the training set alone has rows.
            calendar = ShopCalendar.read(settings.calendar_path)
            like, note = like_period(older, current, calendar, min_rows=config.min_rows, zone=settings.zone)
            reference = reference if like is None else like
            compared_with = note or compared_with
        report = settings.reports_dir / "drift" / f"{family}.html"
        report.parent.mkdir(parents=True, exist_ok=True)
        if reference.empty or current.empty:
            judgement = DriftJudgement(
                status="not evaluable",
                reason="there are no rows in the reference or the current window",
                columns=(),
                drifted_share=0.0,
                reference_rows=len(reference),
                current_rows=len(current),
            )
        else:
            columns = comparable_columns(columns, reference, current)
            judgement = judge_drift(reference, current, columns=columns, config=config, seed=settings.seed)
        write_report(reference, current, judgement, columns=columns, config=config, seed=settings.seed, path=report)
        judgement = replace(judgement, champion=champion.version if champion else None)
        judgement.write(report.with_suffix(".json"))
        context.log.info("%s: %s", judgement.status, judgement.reason)
        yield dg.MaterializeResult(
            metadata={
                "status": judgement.status,
                "reason": judgement.reason,
                "compared with": compared_with,
                "culprits": ", ".join(c.column for c in judgement.columns if c.alerts) or "none",
                "assets downstream": ", ".join(f"{family}_{stage}" for stage in STAGES_DOWNSTREAM),
                "drifted share": judgement.drifted_share,
                "reference rows": judgement.reference_rows,
                "current rows": judgement.current_rows,
                "report": dg.MetadataValue.url(f"http://{settings.host}:{settings.reports_port}/drift/{report.name}"),
                "report file": dg.MetadataValue.path(report),
                "columns": dg.MetadataValue.md(
                    "\n".join(f"- **{c.status}** {c.column}: {c.reason}" for c in judgement.columns) or "none"
                ),
            },
        )
        yield dg.AssetCheckResult(
            check_name="inputs_are_stable",
            passed=judgement.status == "stable",
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"reason": judgement.reason},
        )

    return drift


drifts = [drift_asset(family) for family in FAMILIES]
