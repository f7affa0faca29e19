"""Jobs a person starts from the web UI to decide on a candidate; name and reason are kept for good."""

from datetime import UTC, datetime
from enum import Enum

import dagster as dg
from pydantic import Field

from shopsight.contracts import TRAINING_RUN
from shopsight.settings import Settings


class Family(Enum):
    """The model families."""

    intent = "intent"
    recommender = "recommender"
    purchase_intent = "purchase_intent"
    churn = "churn"


class Decision(dg.Config):
    """Who decides what, and why."""

    family: Family = Field(description="The model family.")
    version: str = Field(description="The version, such as v0002; see the asset <family>_evaluation.")
    approver: str = Field(description="Your name; the run that trained the candidate cannot approve it.")
    reason: str = Field(description="Why, in a sentence.")


@dg.op(description="Make an eligible candidate the champion.")
def approve(context: dg.OpExecutionContext, config: Decision) -> None:
    """Approve; refused where the gate said no."""
    from models.registry.registry import ModelRegistry

    ModelRegistry(Settings().registry_dir).approve(
        config.family.value,
        config.version,
        approver=config.approver,
        reason=config.reason,
        at=datetime.now(UTC),
        requester=TRAINING_RUN,
    )
    context.log.info("%s %s is the champion", config.family.value, config.version)


@dg.op(description="Turn a candidate down.")
def reject(config: Decision) -> None:
    """Reject."""
    from models.registry.registry import ModelRegistry

    ModelRegistry(Settings().registry_dir).reject(
        config.family.value,
        config.version,
        approver=config.approver,
        reason=config.reason,
        at=datetime.now(UTC),
        requester=TRAINING_RUN,
    )


class Rollback(dg.Config):
    """Who goes back, and why."""

    family: Family = Field(description="The model family.")
    approver: str = Field(description="Your name.")
    reason: str = Field(description="Why, in a sentence.")


@dg.op(description="Withdraw the champion; the one before it serves again.")
def roll_back(context: dg.OpExecutionContext, config: Rollback) -> None:
    """Roll back."""
    from models.registry.registry import ModelRegistry

    champion = ModelRegistry(Settings().registry_dir).rollback(
        config.family.value, approver=config.approver, reason=config.reason, at=datetime.now(UTC)
    )
    context.log.info("%s %s is the champion again", config.family.value, champion.version)


@dg.job(description="A person approves a candidate that passed its gate; the sensor then builds its Bento.")
def approve_candidate() -> None:
    """Approve one candidate."""
    approve()


@dg.job(description="A person turns a candidate down.")
def reject_candidate() -> None:
    """Reject one candidate."""
    reject()


@dg.job(description="A person withdraws the champion; the version before it serves again.")
def rollback_champion() -> None:
    """Roll back one family."""
    roll_back()
