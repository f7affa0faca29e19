"""``shopsight approve`` and ``reject``: a person's word on a candidate."""

from datetime import UTC, datetime
from typing import Literal

from shopsight.cli.console import out
from shopsight.contracts import MODEL_FAMILIES, TRAINING_RUN
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


def decide(decision: Literal["approve", "reject"], family: str, version: str | None, *, by: str, reason: str) -> None:
    """Record the decision; an approved candidate is the champion from then on, and its Bento is built by the next run.

    Raises:
        ShopsightError: there is no such candidate, its gates said no, or the decision is not the person's to take.
    """
    from models.registry import ModelRegistry

    if family not in MODEL_FAMILIES:
        raise ShopsightError(
            f"no model family is called {family!r}",
            why="the name is unknown",
            fix=f"use one of: {', '.join(MODEL_FAMILIES)}",
        )
    registry = ModelRegistry(Settings().registry_dir)
    if version is None:
        candidate = registry.latest_candidate(family)
        if candidate is None:
            raise ShopsightError(
                f"{family} has no candidate to {decision}",
                why="none was trained since the last decision",
                fix="train one with `shopsight run`",
            )
        version = candidate.version
    now = datetime.now(UTC)
    if decision == "approve":
        registry.approve(family, version, approver=by, reason=reason, at=now, requester=TRAINING_RUN)
        out.print(f"{family} {version} is the champion; `shopsight run` or the UI's job deploy builds its Bento")
    else:
        registry.reject(family, version, approver=by, reason=reason, at=now, requester=TRAINING_RUN)
        out.print(f"{family} {version} is rejected")
