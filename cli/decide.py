"""``shopsight approve``, ``release start``, ``reject`` and ``rollback``: a person's word on a model."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from cli.console import err, out, print_json
from shopsight.clock import utc_now
from shopsight.settings import Settings

if TYPE_CHECKING:
    from models.registry.version import ModelVersion

Word = Literal["approve", "release", "reject", "rollback"]


def decide(word: Word, family: str, version: str | None, *, by: str, reason: str, as_json: bool) -> None:
    """Record the decision; where it makes a champion, show and package that at once, as the web UI's sensor would.

    It is recorded under ``by``, or where that is empty, under the name of the person at the terminal.

    Raises:
        ShopsightError: there is no such version, its gate said no, the decision is not the person's to take, or the
            Bento could not be built (the decision stands).
    """
    from cli.chain import run_with_progress
    from models.registry.registry import ModelRegistry
    from orchestration import decisions
    from orchestration.gateway.people import person_at_terminal
    from orchestration.notifications.dispatch import notify
    from serving.packaging.bento import find_bento

    settings = Settings()
    by = by or person_at_terminal(settings)
    ways: dict[Word, Callable[..., ModelVersion]] = {
        "approve": decisions.approve,
        "release": decisions.release,
        "reject": decisions.reject,
        "rollback": decisions.roll_back,
    }
    model = ways[word](settings, family, version, approver=by, reason=reason)
    registry = ModelRegistry.of(settings)
    decision = decisions.last_decision(registry, model)
    assert decision is not None, "it was just made"
    listed = decision.approvers_sha256 is not None
    for trouble in notify(settings, utc_now()):
        err.print(f"not delivered: {trouble}", soft_wrap=True, markup=False)
    bento = None
    if word != "reject":
        run_with_progress(settings, decisions.DEPLOY, decisions.deployment_of(model), quiet=as_json)
        packaged = next(one for one in registry.versions(family) if one.version == model.version)
        bento = find_bento(settings, packaged)
    if as_json:
        print_json(
            {
                "family": family,
                "version": model.version,
                "status": model.status,
                "by": decision.who,
                "approvers_file": str(settings.approvers_path) if listed else None,
                "reason": reason,
                "bento": bento.tag if bento else None,
            }
        )
        return
    out.print(f"{family} {model.version} {_became(word, model.status)}, by {decision.who}")
    if model.status == "releasing":
        out.print("`shopsight release status` shows how it does")
    if not listed:
        out.print(f"[dim]{settings.approvers_path.name} does not exist: whoever is let in decides[/]")
    if bento is not None:
        out.print(f"Bento {bento.tag}; a running `make up` {_does_with_it(model.status)} within seconds")


def _became(word: Word, status: str) -> str:
    if word == "reject":
        return "is rejected"
    if status == "releasing":
        return "is under release"
    return "is the champion again" if word == "rollback" else "is the champion"


def _does_with_it(status: str) -> str:
    return "starts it beside the champion" if status == "releasing" else "serves it"


def judge_again(family: str, version: str | None, *, as_json: bool) -> None:
    """Have the gate judge a candidate anew beside what serves now; it decides nothing.

    Raises:
        ShopsightError: there is no such candidate, or drift was not looked at beside what serves.
    """
    from orchestration import decisions

    model = decisions.judge_again(Settings(), family, version)
    if as_json:
        print_json(
            {
                "family": family,
                "version": model.version,
                "eligible": model.eligible,
                "reasons": list(model.reasons),
                "beside": model.judged_beside,
                "at": model.judged_at,
            }
        )
        return
    verdict = "may be approved" if model.eligible else "may not be approved"
    out.print(f"{family} {model.version} {verdict}, beside {model.judged_beside or 'no champion'}")
    for reason in model.reasons:
        out.print(f"  {reason}", soft_wrap=True, markup=False)
