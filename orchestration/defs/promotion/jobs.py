"""Jobs a person starts from the web UI to decide on a candidate; name and reason are kept for good.

The name is that of who was logged in where the run was launched; a run that was launched otherwise decides nothing.
"""

from enum import Enum
from typing import TYPE_CHECKING, Final

import dagster as dg
from pydantic import Field

from orchestration import decisions
from orchestration.attribution import person_of_run
from shopsight.families import FAMILIES
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.registry.version import ModelVersion

    class Family(Enum):
        """A model family; its names are known when the records are read."""

else:
    Family = Enum("Family", {name: name for name in FAMILIES})

NO_RETRY: Final = {"dagster/max_retries": "0"}
"""A decision that was refused would be refused again."""


class Decision(dg.Config):
    """What is decided, and why."""

    family: Family = Field(description="The model family.")
    version: str = Field(
        default="",
        description="The version, such as v0002. Empty: to approve, the newest eligible candidate; to reject, the "
        "newest candidate; to roll back, the champion before the present one; to release, as to approve.",
    )
    reason: str = Field(description="Why, in a sentence.")


class Steps(dg.Config):
    """By which steps a version becomes champion; what is not said is as releases.yml has it, or else as usual."""

    shadow_minutes: float | None = Field(default=None, description="How long it answers unseen; 0 leaves it out.")
    canary_minutes: float | None = Field(default=None, description="How long it answers some shoppers; 0: not at all.")
    canary_share: float | None = Field(default=None, description="Of the shoppers, at most 0.5.")
    champion_minutes: float | None = Field(default=None, description="How long it is watched as champion.")
    min_answers: int | None = Field(default=None, description="Answers that each step takes at least.")
    doubt: float | None = Field(default=None, description="Share above a limit that a step must rule out to be over.")


class Release(Decision):
    """What is released, how, and why."""

    steps: Steps = Field(default=Steps(), description="Its steps, where they are to be other than usual.")


class Judging(dg.Config):
    """What is judged anew."""

    family: Family = Field(description="The model family.")
    version: str = Field(default="", description="The candidate, such as v0002. Empty: the newest.")


FIRST: Final = next(iter(FAMILIES))


def _person(context: dg.OpExecutionContext, settings: Settings) -> str:
    return person_of_run(settings, context.run_id, context.run_tags)


def _answer(context: dg.OpExecutionContext, settings: Settings, version: "ModelVersion", outcome: str) -> None:
    from models.registry.registry import ModelRegistry

    decision = decisions.last_decision(ModelRegistry.of(settings), version)
    who = decision.who if decision else "nobody"
    context.log.info("%s %s %s, by %s", version.family, version.version, outcome, who)
    if decision is not None and decision.approvers_sha256 is None:
        context.log.info("%s does not exist: whoever is let in decides", settings.approvers_path)


@dg.op(description="Make an eligible candidate the champion, or begin its release.")
def approve(context: dg.OpExecutionContext, config: Decision, settings: dg.ResourceParam[Settings]) -> None:
    """Approve; refused where the gate said no."""
    champion = decisions.approve(
        settings, config.family.value, config.version or None, approver=_person(context, settings), reason=config.reason
    )
    state = "is under release" if champion.status == "releasing" else "is the champion"
    _answer(context, settings, champion, state)


@dg.op(description="Approve a candidate, and have it become champion step by step.")
def release(context: dg.OpExecutionContext, config: Release, settings: dg.ResourceParam[Settings]) -> None:
    """Release; refused where the gate said no, nothing serves yet, or another release is under way."""
    released = decisions.release(
        settings,
        config.family.value,
        config.version or None,
        approver=_person(context, settings),
        reason=config.reason,
        steps=config.steps.model_dump(exclude_none=True),
    )
    _answer(context, settings, released, "is under release")


@dg.op(description="Turn a candidate down.")
def reject(context: dg.OpExecutionContext, config: Decision, settings: dg.ResourceParam[Settings]) -> None:
    """Reject."""
    rejected = decisions.reject(
        settings, config.family.value, config.version or None, approver=_person(context, settings), reason=config.reason
    )
    _answer(context, settings, rejected, "is rejected")


@dg.op(description="Withdraw what is under release, or the champion; one before it serves again.")
def roll_back(context: dg.OpExecutionContext, config: Decision, settings: dg.ResourceParam[Settings]) -> None:
    """Roll back."""
    champion = decisions.roll_back(
        settings, config.family.value, config.version or None, approver=_person(context, settings), reason=config.reason
    )
    _answer(context, settings, champion, "is the champion again")


@dg.op(description="Have the gate judge a candidate anew, beside what serves now.")
def judge(context: dg.OpExecutionContext, config: Judging, settings: dg.ResourceParam[Settings]) -> None:
    """Judge again; it decides nothing."""
    judged = decisions.judge_again(settings, config.family.value, config.version or None)
    if judged.eligible:
        context.log.info("%s %s may be approved", judged.family, judged.version)
    else:
        context.log.info("%s %s may not be approved: %s", judged.family, judged.version, "; ".join(judged.reasons))


@dg.job(
    name=decisions.APPROVE_CANDIDATE,
    description="A person approves a candidate that passed its gate; a sensor then builds its Bento.",
    config=decisions.prefilled("approve", family=FIRST),
    tags=NO_RETRY,
)
def approve_candidate() -> None:
    """Approve one candidate."""
    approve()


@dg.job(
    description="A person approves a candidate, and it becomes champion step by step, watched: it answers unseen "
    "(shadow), then some shoppers (canary), then everybody. What is worse than allowed is stopped by itself.",
    config=decisions.prefilled("release", family=FIRST),
    tags=NO_RETRY,
)
def release_candidate() -> None:
    """Release one candidate."""
    release()


@dg.job(
    description="A person turns a candidate down.",
    config=decisions.prefilled("reject", family=FIRST),
    tags=NO_RETRY,
)
def reject_candidate() -> None:
    """Reject one candidate."""
    reject()


@dg.job(
    description="A person withdraws the version under release, or else the champion; the version before it, or the one "
    "that is named, serves again.",
    config=decisions.prefilled("roll_back", family=FIRST),
    tags=NO_RETRY,
)
def rollback_champion() -> None:
    """Roll back one family."""
    roll_back()


@dg.job(
    description="The gate judges a candidate anew beside what serves now: after two weeks, or after another approval.",
    config={"ops": {"judge": {"config": {"family": FIRST, "version": ""}}}},
    tags=NO_RETRY,
)
def judge_candidate() -> None:
    """Judge one candidate again."""
    judge()
