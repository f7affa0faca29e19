"""Drift of a champion's inputs starts a retraining, once per champion."""

import json

import dagster as dg

from orchestration.defs.jobs import weekly_retraining
from orchestration.run_keys import WORK_TAG, last_run_failed, next_run_key
from shopsight.families import FAMILIES
from shopsight.settings import Settings


@dg.sensor(
    job=weekly_retraining,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the retraining when a champion's inputs drifted.",
)
def drifted_features(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """Request one retraining per set of drifted champions: the next one waits for a new champion, not for a new day.

    A retraining that failed is asked for again, for its work is undone.

    A judgement counts where it names the present champion: one of the data before it says nothing of its rows, and the
    times of files change when a home is copied.
    """
    from models.registry.registry import ModelRegistry

    registry = ModelRegistry.of(settings)
    drifted = []
    for family in FAMILIES:
        judged = settings.reports_dir / "drift" / f"{family}.json"
        champion = registry.champion(family)
        if champion is None or not judged.exists():
            continue
        judgement = json.loads(judged.read_text())
        # Judgements that were written before they named a champion are passed over until the next refresh.
        if judgement["status"] == "drifted" and judgement.get("champion") == champion.version:
            drifted.append(f"{family}:{champion.version}")
    if not drifted:
        return dg.SkipReason("no champion's inputs drifted")
    work = "drift:" + ",".join(drifted)
    key = next_run_key(context.instance, work) if last_run_failed(context.instance, work) else work
    if key is None:
        return dg.SkipReason("a retraining failed minutes ago")
    return dg.RunRequest(run_key=key, tags={WORK_TAG: work})
