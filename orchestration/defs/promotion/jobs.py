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
        "newest candidate; to roll back, the champion before the present one.",
    )
    reason: str = Field(description="Why, in a sentence.")


FIRST: Final = next(iter(FAMILIES))


def _person(context: dg.OpExecutionContext, settings: Settings) -> str:
    return person_of_run(settings, context.run_id, context.run_tags)


@dg.op(description="Make an eligible candidate the champion, or begin its release.")
def approve(context: dg.OpExecutionContext, config: Decision, settings: dg.ResourceParam[Settings]) -> None:
    """Approve; refused where the gate said no."""
    champion = decisions.approve(
        settings, config.family.value, config.version or None, approver=_person(context, settings), reason=config.reason
    )
    state = "is under release" if champion.status == "releasing" else "is the champion"
    context.log.info("%s %s %s", champion.family, champion.version, state)


@dg.op(description="Turn a candidate down.")
def reject(context: dg.OpExecutionContext, config: Decision, settings: dg.ResourceParam[Settings]) -> None:
    """Reject."""
    rejected = decisions.reject(
        settings, config.family.value, config.version or None, approver=_person(context, settings), reason=config.reason
    )
    context.log.info("%s %s is rejected", rejected.family, rejected.version)


@dg.op(description="Withdraw what is under release, or the champion; one before it serves again.")
def roll_back(context: dg.OpExecutionContext, config: Decision, settings: dg.ResourceParam[Settings]) -> None:
    """Roll back."""
    champion = decisions.roll_back(
        settings, config.family.value, config.version or None, approver=_person(context, settings), reason=config.reason
    )
    context.log.info("%s %s is the champion", champion.family, champion.version)


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
