"""Drift of a champion's inputs starts the retraining of its family, once per champion."""

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
    description="Starts the retraining of a family when its champion's inputs drifted.",
)
def drifted_features(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request one retraining per drifted champion: the next one waits for a new champion, not for a new day.

    A retraining that failed is asked for again, for its work is undone.

    A judgement counts where it names the present champion: one of the data before it says nothing of its rows, and the
    times of files change when a home is copied.
    """
    drifted = [champion for family in FAMILIES if (champion := drifted_champion(settings, family)) is not None]
    if not drifted:
        return dg.SkipReason("no champion's inputs drifted")
    requests = [request for champion in drifted if (request := _retraining(context.instance, *champion)) is not None]
    return dg.SensorResult(run_requests=requests) if requests else dg.SkipReason("a retraining failed minutes ago")


def drifted_champion(settings: Settings, family: str) -> tuple[str, str] | None:
    """Return a family and its champion's version where the inputs of just that version drifted."""
    from models.registry.registry import ModelRegistry

    judged = settings.reports_dir / "drift" / f"{family}.json"
    champion = ModelRegistry.of(settings).champion(family, verified=False)
    if champion is None or not judged.exists():
        return None
    judgement = json.loads(judged.read_text())
    # Judgements that were written before they named a champion are passed over until the next refresh.
    drifted = judgement["status"] == "drifted" and judgement.get("champion") == champion.version
    return (family, champion.version) if drifted else None


def _retraining(instance: dg.DagsterInstance, family: str, version: str) -> dg.RunRequest | None:
    work = f"drift:{family}:{version}"
    key = next_run_key(instance, work) if last_run_failed(instance, work) else work
    if key is None:
        return None
    steps = ("training_set", "drift", "candidate", "evaluation", "champion", "bento")
    return dg.RunRequest(
        run_key=key, tags={WORK_TAG: work}, asset_selection=[dg.AssetKey(f"{family}_{step}") for step in steps]
    )
