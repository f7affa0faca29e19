"""A new champion, by approval or rollback, is shown in the catalogue and packaged."""

import dagster as dg

from orchestration.decisions import deployment_of
from orchestration.defs.jobs import deploy
from orchestration.run_keys import WORK_TAG, next_run_key
from shopsight.families import FAMILIES
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
    description="Shows a new champion in the catalogue, and builds its Bento where there is none yet.",
)
def new_approvals(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request a run per decision, again while its work is undone.

    After a rollback the Bento is there, and the catalogue shows the other version.
    """
    from models.registry.registry import ModelRegistry
    from serving.packaging.bento import find_bento

    if context.instance.get_runs_count(dg.RunsFilter(statuses=IN_PROGRESS)):
        return dg.SkipReason("a run is in progress, and may package the champion itself")
    registry = ModelRegistry.of(settings)
    champions = [champion for champion in map(registry.champion, FAMILIES) if champion is not None]
    undone = [
        deployment_of(champion)
        for champion in champions
        if shown_version(context.instance, champion.family) != champion.version
        or find_bento(settings, champion) is None
    ]
    undone += [
        deployment_of(released)
        for released in map(registry.released, FAMILIES)
        if released is not None and released.status == "releasing" and find_bento(settings, released) is None
    ]
    if not undone:
        return dg.SkipReason("every champion is shown and has its Bento")
    requests = [
        request.with_replaced_attrs(run_key=key)
        for request in undone
        if (key := next_run_key(context.instance, request.tags[WORK_TAG])) is not None
    ]
    return dg.SensorResult(run_requests=requests) if requests else dg.SkipReason("a deployment failed minutes ago")


def shown_version(instance: dg.DagsterInstance, family: str) -> str | None:
    """Return the champion's version that the catalogue shows."""
    event = instance.get_latest_materialization_event(dg.AssetKey(f"{family}_champion"))
    if event is None or event.asset_materialization is None:
        return None
    return str(event.asset_materialization.metadata["version"].value)
