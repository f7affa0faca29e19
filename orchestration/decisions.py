"""What a person decides about a model, and the road from there to its Bento: one for the web UI and the command line.

A decision is a record in the registry. What it means for what serves is the job ``deploy``'s affair: it shows the
champion in the catalogue and packages it. The web UI's jobs are followed by a sensor that starts it, the command line
runs it at once; both take the request that :func:`deployment_of` makes.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import dagster as dg
import yaml

from models.registry.names import are_alike
from models.registry.registry import Approval, IllegalTransitionError, ModelRegistry, ModelVersion
from orchestration.run_keys import WORK_TAG
from serving.packaging.journal_heads import confirm_journal
from shopsight.contracts import APPROVAL_POLICY, RELEASE_POLICY, TRAINING_RUN
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES
from shopsight.settings import Settings

DEPLOY = "deploy"
"""Name of the job that packages champions."""


APPROVE_CANDIDATE = "approve_candidate"
"""Name of the job in which a person approves."""


class NoCandidateError(ShopsightError):
    """A decision was asked for, and there is nothing to decide about."""


def approve(settings: Settings, family: str, version: str | None, *, approver: str, reason: str) -> ModelVersion:
    """Make a candidate the champion: at once, or step by step where ``releases.yml`` names its family.

    Args:
        settings: the home.
        family: the model family.
        version: the candidate; ``None``: the newest that its gate found eligible.
        approver: who decides.
        reason: why, in a sentence.

    Raises:
        ShopsightError: there is no such candidate, its gate said no, or the decision is not the approver's to take.
    """
    _require_person(approver)
    registry = _whole_registry(settings, family)
    version = version or _newest_candidate(registry, family, "approve", eligible=True).version
    return let_serve(settings, family, version, approver=approver, reason=reason)


def let_serve(settings: Settings, family: str, version: str, *, approver: str, reason: str) -> ModelVersion:
    """Record an approval: the candidate is champion at once, or begins its release where the family has a plan.

    Without a champion there is nothing to release it beside.

    Raises:
        ShopsightError: its gate said no, the decision is not the approver's to take, or the plan is not valid.
    """
    from serving.running.release_plan import plan_in_force

    registry, plan = ModelRegistry.of(settings), plan_in_force(settings, family)
    decision = _decision(approver, reason)
    if plan is None or registry.champion(family, verified=False) is None:
        return registry.approve(family, version, **decision)
    return registry.release(family, version, **decision, plan=plan.model_dump())


def release(
    settings: Settings,
    family: str,
    version: str | None,
    *,
    approver: str,
    reason: str,
    steps: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Approve a candidate, and have it become the champion step by step, whatever the family's other versions do.

    Args:
        settings: the home.
        family: the model family.
        version: the candidate; ``None``: the newest that its gate found eligible.
        approver: who decides.
        reason: why, in a sentence.
        steps: lines of the plan that this release has in place of the usual ones.

    Raises:
        ShopsightError: as :func:`approve` raises it; or nothing serves yet, another release is under way, or the steps
            are not valid.
    """
    from serving.running.release_plan import ReleasePlan, plan_in_force, plan_with

    _require_person(approver)
    registry = _whole_registry(settings, family)
    version = version or _newest_candidate(registry, family, "release", eligible=True).version
    plan = plan_with(plan_in_force(settings, family) or ReleasePlan(), steps or {})
    return registry.release(family, version, **_decision(approver, reason), plan=plan.model_dump())


def _decision(approver: str, reason: str) -> dict[str, Any]:
    """Return who lets a candidate serve, why and when, as the registry takes it."""
    return {"approver": approver, "reason": reason, "at": datetime.now(UTC), "requester": TRAINING_RUN}


def reject(settings: Settings, family: str, version: str | None, *, approver: str, reason: str) -> ModelVersion:
    """Turn a candidate down; ``None``: the newest.

    Raises:
        ShopsightError: there is no such candidate, or a name or the reason is missing.
    """
    _require_person(approver)
    registry = _whole_registry(settings, family)
    version = version or _newest_candidate(registry, family, "reject", eligible=False).version
    return registry.reject(
        family, version, approver=approver, reason=reason, at=datetime.now(UTC), requester=TRAINING_RUN
    )


def roll_back(settings: Settings, family: str, version: str | None, *, approver: str, reason: str) -> ModelVersion:
    """Withdraw the champion; ``None``: the version before it serves again, otherwise the named former champion.

    A version that is under release is what is withdrawn, and the champion goes on; a former champion that is named
    serves again as well.

    Returns:
        The champion from now on.

    Raises:
        ShopsightError: there is no such former champion, or a name or the reason is missing.
    """
    known_family(family)
    _require_person(approver)
    registry = _whole_registry(settings, family)
    released = registry.released(family)
    if released is not None and released.status == "releasing":
        _stop_release(settings, registry, released, approver=approver, reason=reason)
        champion = registry.champion(family)
        if champion is not None and version in (None, champion.version):
            return champion
    return registry.rollback(family, to=version, approver=approver, reason=reason, at=datetime.now(UTC))


def _stop_release(
    settings: Settings, registry: ModelRegistry, version: ModelVersion, *, approver: str, reason: str
) -> None:
    from serving.releases.orders import read_seen

    seen = read_seen(settings, version.family, version.steps[-1].record)
    registry.step(
        version.family,
        version.version,
        "withdraw",
        approver=approver,
        reason=reason,
        at=datetime.now(UTC),
        evidence=asdict(seen) if seen else None,
    )


def judge_again(settings: Settings, family: str, version: str | None) -> ModelVersion:
    """Have the gate judge a candidate beside what serves now, by the figures it was registered with.

    Nothing is trained or measured: what is new is the model it is compared with, and the drift that was judged last.

    Args:
        settings: the home.
        family: the model family.
        version: the candidate; ``None``: the newest.

    Raises:
        ShopsightError: there is no such candidate, it is a baseline, or drift was judged beside another champion.
    """
    from models.evaluation.approval import gate
    from orchestration.verdicts import drift_beside

    registry = _whole_registry(settings, family)
    version = version or _newest_candidate(registry, family, "judge", eligible=False).version
    candidate, champion = registry.version(family, version), registry.champion(family)
    if candidate.evaluation.is_baseline:
        raise IllegalTransitionError(
            f"{family} {version} is not judged anew.",
            why="it is a baseline: it stands in for a model that was refused, and is judged with it",
            fix="train a candidate with `shopsight run`",
        )
    drift = drift_beside(settings, family, champion)
    verdict = gate(candidate.evaluation, champion.evaluation if champion else None, drift)
    return registry.judge(family, version, verdict=verdict, at=datetime.now(UTC), beside=champion)


def last_decision(registry: ModelRegistry, model: ModelVersion) -> Approval | None:
    """Return the newest decision that left a model as it is: about itself, or to stop what was to follow it."""
    last_steps = [step for version in registry.versions(model.family) for step in version.steps[-1:]]
    stopped = [step.decision for step in last_steps if step.step == "withdrawn"]
    made = [one for one in (model.rejection, model.approval, *stopped) if one is not None]
    return max(made, key=lambda one: one.record, default=None)


def deployment_of(champion: ModelVersion) -> dg.RunRequest:
    """Return the run that shows a champion in the catalogue and packages it.

    Its key names the decision, so that a version that was champion before gets a run of its own; and a run that follows
    a decision decides nothing by itself: it leaves the policy out.
    """
    decision = champion.approval.record if champion.approval else 0
    work = f"{champion.family}:{champion.version}:{decision}"
    asset = f"{champion.family}_champion"
    return dg.RunRequest(
        run_key=work,
        tags={WORK_TAG: work},
        run_config={"ops": {asset: {"config": {"approve_by_policy": False}}}},
        asset_selection=[dg.AssetKey(asset), dg.AssetKey(f"{champion.family}_bento")],
    )


def prefilled(op: str, *, family: str, version: str = "") -> dict[str, Any]:
    """Return the config of a deciding job with the reason left for a person to write."""
    return {"ops": {op: {"config": {"family": family, "version": version, "reason": ""}}}}


def approval_form(settings: Settings, family: str, version: str, *, op: str = "approve") -> str:
    """Return the address of the web UI's form that decides about a candidate, filled in but for the reason.

    Args:
        settings: the home.
        family: the model family.
        version: the candidate.
        op: what is decided: ``approve``, ``release`` or ``reject``.
    """
    config = yaml.safe_dump(prefilled(op, family=family, version=version), sort_keys=False)
    page = f"locations/shopsight/jobs/{op}_candidate/playground/setup"
    return f"http://{settings.host}:{settings.dagster_port}/{page}?config={quote(config)}"


def known_family(family: str) -> str:
    """Return the family's name.

    Raises:
        ShopsightError: no family is called so.
    """
    if family not in FAMILIES:
        raise ShopsightError(
            f"no model family is called {family!r}",
            why="the name is unknown",
            fix=f"use one of: {', '.join(FAMILIES)}",
        )
    return family


def _whole_registry(settings: Settings, family: str) -> ModelRegistry:
    """Return the registry, of which no decision about the family is missing that a Bento or an answer saw."""
    confirm_journal(settings, known_family(family))
    return ModelRegistry.of(settings)


def _require_person(approver: str) -> None:
    if any(are_alike(approver, service) for service in (APPROVAL_POLICY, RELEASE_POLICY, TRAINING_RUN)):
        raise IllegalTransitionError(
            f"{approver} is no person.",
            why="shopsight itself signs with this name: the policies, and the runs that train",
            fix="give your own name",
        )


def _newest_candidate(registry: ModelRegistry, family: str, decision: str, *, eligible: bool) -> ModelVersion:
    candidates = [version for version in registry.versions(known_family(family)) if version.status == "candidate"]
    if not candidates:
        raise NoCandidateError(
            f"{family} has no candidate to {decision}",
            why="none was trained since the last decision",
            fix="train one with `shopsight run`",
        )
    suitable = [version for version in candidates if version.eligible or not eligible]
    # Where the gate refused all of them, the registry says so of the newest, with the gate's own reasons.
    return (suitable or candidates)[-1]
