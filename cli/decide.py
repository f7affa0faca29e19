"""``shopsight approve``, ``release start``, ``reject`` and ``rollback``: a person's word on a model."""

from typing import Literal

from cli.console import out, print_json
from shopsight.settings import Settings

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
    from serving.packaging.bento import find_bento

    settings = Settings()
    by = by or person_at_terminal(settings)
    take = {
        "approve": decisions.approve,
        "release": decisions.release,
        "reject": decisions.reject,
        "rollback": decisions.roll_back,
    }[word]
    model = take(settings, family, version, approver=by, reason=reason)
    bento = None
    if word != "reject":
        run_with_progress(settings, decisions.DEPLOY, decisions.deployment_of(model), quiet=as_json)
        versions = ModelRegistry.of(settings).versions(family)
        bento = find_bento(settings, next(one for one in versions if one.version == model.version))
    if as_json:
        print_json(
            {
                "family": family,
                "version": model.version,
                "status": model.status,
                "by": by,
                "reason": reason,
                "bento": bento.tag if bento else None,
            }
        )
        return
    out.print(f"{family} {model.version} {_became(word, model.status)}")
    if bento is not None:
        out.print(f"Bento {bento.tag}; a running `make up` {_does_with_it(model.status)} within seconds")


def _became(word: Word, status: str) -> str:
    if word == "reject":
        return "is rejected"
    if status == "releasing":
        return "is under release; `shopsight release status` shows how it does"
    return "is the champion again" if word == "rollback" else "is the champion"


def _does_with_it(status: str) -> str:
    return "starts it beside the champion" if status == "releasing" else "serves it"
