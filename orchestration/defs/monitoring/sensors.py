"""A champion whose inputs drifted, or that keeps less than its card promises, starts the retraining of its family."""

import dagster as dg

from orchestration.defs.jobs import weekly_retraining
from orchestration.run_keys import next_run_key
from orchestration.staleness import reasons_to_retrain, retraining_of, why_wait
from shopsight.clock import utc_now
from shopsight.families import FAMILIES
from shopsight.settings import Settings


@dg.sensor(
    job=weekly_retraining,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the retraining of a family whose champion drifted, or keeps less than it promised.",
)
def stale_champions(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request one retraining per stale champion, and again after each cool-down while that champion serves.

    A training whose candidate was refused leaves the work undone: newer rows may make the next one good enough.
    """
    from models.registry.registry import ModelRegistry

    registry = ModelRegistry.of(settings)
    requests, waits = [], []
    for family in FAMILIES:
        champion = registry.champion(family, verified=False)
        reasons = reasons_to_retrain(settings, champion) if champion is not None else []
        if champion is None or not reasons:
            continue
        wait = why_wait(settings, context.instance, registry.versions(family), family, now=utc_now())
        work = f"retraining:{family}:{champion.version}"
        key = next_run_key(context.instance, work) if wait is None else None
        if key is None:
            waits.append(f"{family} ({'; '.join(reasons)}): {wait or 'its last retraining failed minutes ago'}")
        else:
            requests.append(retraining_of(champion, reasons, work=work, key=key))
    if requests:
        return dg.SensorResult(run_requests=requests)
    return dg.SkipReason("; ".join(waits) or "no champion's inputs drifted, and none keeps less than it promised")
