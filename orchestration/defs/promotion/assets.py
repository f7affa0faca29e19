"""Champions: a candidate becomes one by a person's word, or by the policy where that is switched on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import dagster as dg
from pydantic import Field

from models.registry.journal import JournalHead
from orchestration.metadata import OWNER, evaluation_table, metric_metadata
from shopsight.contracts import APPROVAL_POLICY
from shopsight.families import FAMILIES
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.registry.registry import ModelRegistry

JOURNAL: Final = "journal"
"""Metadata of a champion: what stands for all decisions when it was shown."""


class Promotion(dg.Config):
    """Whether this run may make a candidate the champion."""

    approve_by_policy: bool = Field(
        default=True,
        description="Let the policy approve the newest candidate, where SHOPSIGHT_APPROVAL_POLICY is automatic; a run "
        "that follows a person's decision leaves it as it is.",
    )


def champion_asset(family: str) -> dg.AssetsDefinition:
    """Return the asset that stands for the champion of one model family."""

    @dg.asset(
        name=f"{family}_champion",
        group_name="models/promotion",
        kinds={"python"},
        owners=[OWNER],
        deps=[f"{family}_evaluation"],
        output_required=False,
        description=(
            f"The {family} version that is approved to serve. A person approves with the job `approve_candidate`; "
            "nothing is here, and nothing after it runs, until then."
        ),
    )
    def champion(
        context: dg.AssetExecutionContext, config: Promotion, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult[None]]:
        from models.registry.registry import ModelRegistry
        from models.registry.requirements import why_stale
        from orchestration.decisions import let_serve
        from orchestration.release_table import release_table

        registry, now = ModelRegistry.of(settings), datetime.now(UTC)
        if seen := _head_in_the_catalogue(context):
            registry.confirm(seen, by=f"the catalogue's {family}_champion")
        candidate = registry.latest_candidate(family)
        current, released = registry.champion(family), registry.released(family)
        if candidate is None:
            context.log.info("no %s candidate waits for a decision", family)
        elif not candidate.eligible:
            context.log.info("%s %s is not eligible: %s", family, candidate.version, "; ".join(candidate.reasons))
        elif why := why_stale(candidate, current, now, days=registry.verdict_days):
            context.log.info("%s %s has to be judged anew: %s", family, candidate.version, why)
        elif released is not None and released.status == "releasing":
            context.log.info("%s %s waits until the release of %s is over", family, candidate.version, released.version)
        elif config.approve_by_policy and settings.approval_policy == "automatic" and policy_may(registry, family):
            why = "stands in for a model" if candidate.evaluation.is_baseline else "passed every rule of the gate"
            reason = f"{why}, and SHOPSIGHT_APPROVAL_POLICY is automatic"
            let_serve(settings, family, candidate.version, approver=APPROVAL_POLICY, reason=reason)
        else:
            context.log.info("%s %s waits for a person: start the job approve_candidate", family, candidate.version)
        current = registry.champion(family)
        if current is None or current.approval is None:
            return
        yield dg.MaterializeResult(
            metadata={
                **metric_metadata(current.evaluation.metrics, first=current.evaluation.primary_metric),
                "version": current.version,
                "model": current.evaluation.candidate,
                "approved as": "baseline" if current.evaluation.is_baseline else "model",
                "approved by": current.approval.who,
                "reason": current.approval.reason,
                JOURNAL: str(registry.head()),
                "side by side": evaluation_table(current.evaluation),
                "releases": release_table(settings, registry.versions(family)),
            }
        )

    return champion


def policy_may(registry: "ModelRegistry", family: str) -> bool:
    """Return whether nothing in the file of approvers forbids the policy to approve a family."""
    directory = registry.approvers.read()
    return directory is None or family in directory[0].automatic


def _head_in_the_catalogue(context: dg.AssetExecutionContext) -> JournalHead | None:
    """Return how far the journal went when the champion was last shown; a shorter one has lost decisions since."""
    event = context.instance.get_latest_materialization_event(context.asset_key)
    entry = event.asset_materialization.metadata.get(JOURNAL) if event and event.asset_materialization else None
    return JournalHead.parse(str(entry.value)) if entry else None


champions = [champion_asset(family) for family in FAMILIES]
