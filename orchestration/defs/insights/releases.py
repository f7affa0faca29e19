"""What came of the lists of a version under release: one that surely loses clicks or orders is stopped."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.metadata import OWNER
from shopsight.contracts import RELEASE_POLICY
from shopsight.settings import Settings

FAMILY = "recommender"


@dg.asset(
    group_name="insights",
    kinds={"duckdb"},
    owners=[OWNER],
    deps=["list_feedback"],
    output_required=False,
)
def released_lists_feedback(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Whether fewer lists of the version under release lead to clicks and orders than the champion's of the same time.

    A version that surely loses more than its plan allows is withdrawn; where it is champion by now, the one before
    serves again. Nothing where no recommender is under release, or only in its shadow.
    """
    from models.registry.registry import ModelRegistry
    from serving.feedback.released_lists import released_lists
    from serving.running.release_plan import ReleasePlan

    registry = ModelRegistry.of(settings)
    version = registry.released(FAMILY)
    canary = next((step for step in version.steps if step.step == "canary"), None) if version else None
    if version is None or canary is None:
        context.log.info("no recommender is in a canary, or watched after one")
        return
    plan = ReleasePlan.model_validate(version.plan)
    others = [one for one in registry.versions(FAMILY) if one.status == "champion" and one.version != version.version]
    former = [one for one in registry.versions(FAMILY) if one.status == "approved" and one.approval is not None]
    beside = others or sorted(former, key=lambda one: one.approval.record if one.approval else 0)[-1:]
    if not beside:
        context.log.info("no other version served beside %s", version.version)
        return
    lists = released_lists(
        settings,
        version=version.version,
        champion=beside[0].version,
        since=datetime.fromisoformat(canary.at),
        worst=plan.lost_clicks,
        alpha=plan.false_alarms,
    )
    if lists.status == "worse":
        who: dict[str, Any] = {"approver": RELEASE_POLICY, "reason": lists.sentence, "at": datetime.now(UTC)}
        if version.status == "champion":
            registry.rollback(FAMILY, **who)
        else:
            registry.step(FAMILY, version.version, "withdraw", **who)
        context.log.warning("%s %s is withdrawn: %s", FAMILY, version.version, lists.sentence)
    yield dg.MaterializeResult(
        metadata={
            "version": version.version,
            "champion": beside[0].version,
            "verdict": lists.status.replace("_", " "),
            "feedback": lists.sentence,
        }
    )
