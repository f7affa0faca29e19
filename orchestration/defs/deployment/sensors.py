"""A new champion, by approval or rollback, starts the packaging of its Bento."""

import dagster as dg

from orchestration.defs.jobs import deploy
from shopsight.contracts import MODEL_FAMILIES
from shopsight.settings import Settings

IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.sensor(
    job=deploy,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds the Bento of a champion that has none yet.",
)
def new_approvals(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request one packaging run per champion version."""
    from models.registry.registry import ModelRegistry
    from serving.packaging.bento import find_bento

    if context.instance.get_runs_count(dg.RunsFilter(statuses=IN_PROGRESS)):
        return dg.SkipReason("a run is in progress, and may package the champion itself")
    registry = ModelRegistry(settings.registry_dir)
    requests = []
    for family in MODEL_FAMILIES:
        champion = registry.champion(family)
        if champion is not None and find_bento(settings, family, champion.version) is None:
            keys = [dg.AssetKey(f"{family}_{part}") for part in ("champion", "bento")]
            requests.append(dg.RunRequest(run_key=f"{family}:{champion.version}", asset_selection=keys))
    if not requests:
        return dg.SkipReason("every champion has its Bento")
    return dg.SensorResult(run_requests=requests)
