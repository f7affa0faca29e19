"""``shopsight approve`` and ``reject``: a person's word on a candidate."""

from datetime import UTC, datetime
from typing import Literal

from cli.console import out
from shopsight.contracts import MODEL_FAMILIES, TRAINING_RUN
from shopsight.errors import ShopsightError
from shopsight.settings import Settings


def decide(decision: Literal["approve", "reject"], family: str, version: str | None, *, by: str, reason: str) -> None:
    """Record the decision; an approved candidate is the champion from then on, and its Bento is built at once.

    Raises:
        ShopsightError: there is no such candidate, its gates said no, the decision is not the person's to take, or the
            Bento could not be built (the approval stands).
    """
    from cli.chain import run_chain
    from models.registry.registry import ModelRegistry
    from serving.packaging.bento import find_bento

    if family not in MODEL_FAMILIES:
        raise ShopsightError(
            f"no model family is called {family!r}",
            why="the name is unknown",
            fix=f"use one of: {', '.join(MODEL_FAMILIES)}",
        )
    settings = Settings()
    registry = ModelRegistry(settings.registry_dir)
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
        out.print(f"{family} {version} is the champion")
        run_chain(settings, assets=[f"{family}_champion", f"{family}_bento"])
        bento = find_bento(settings, family, version)
        out.print(f"Bento {bento.tag if bento else '(none)'}; a running `make up` serves it within seconds")
    else:
        registry.reject(family, version, approver=by, reason=reason, at=now, requester=TRAINING_RUN)
        out.print(f"{family} {version} is rejected")
