"""What waits for a decision is told to those who may decide, and shown anew when it changes."""

import dagster as dg

from orchestration.defs.promotion.waiting import LIST_SHOWN, fingerprint, waiting_approvals
from orchestration.notifications.dispatch import notify
from orchestration.run_keys import WORK_TAG, next_run_key
from orchestration.waiting import waiting_candidates
from shopsight.clock import utc_now
from shopsight.settings import Settings


@dg.sensor(
    target=[waiting_approvals],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends what there is to say of candidates and decisions, reminders too, and shows anew what waits.",
)
def decisions_waited_for(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request a run where the list in the catalogue is not the present one."""
    now = utc_now()
    for trouble in notify(settings, now):
        context.log.warning("not delivered: %s", trouble)
    present = fingerprint(waiting_candidates(settings, now))
    if shown_list(context.instance) == present:
        return dg.SkipReason("the catalogue shows what waits")
    work = f"waiting:{present}"
    key = next_run_key(context.instance, work)
    if key is None:
        return dg.SkipReason("a run shows it, or failed minutes ago")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key, tags={WORK_TAG: work})])


def shown_list(instance: dg.DagsterInstance) -> str | None:
    """Return what stands for the list that the catalogue shows."""
    event = instance.get_latest_materialization_event(dg.AssetKey("waiting_approvals"))
    if event is None or event.asset_materialization is None:
        return None
    return str(event.asset_materialization.metadata[LIST_SHOWN].value)
