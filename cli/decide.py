"""``shopsight approve``, ``reject`` and ``rollback``: a person's word on a model."""

from typing import Literal

from cli.console import out, print_json
from shopsight.settings import Settings

Word = Literal["approve", "reject", "rollback"]


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
    take = {"approve": decisions.approve, "reject": decisions.reject, "rollback": decisions.roll_back}[word]
    model = take(settings, family, version, approver=by, reason=reason)
    bento = None
    if word != "reject":
        run_with_progress(settings, decisions.DEPLOY, decisions.deployment_of(model), quiet=as_json)
        packaged = ModelRegistry.of(settings).champion(family)
        bento = find_bento(settings, packaged) if packaged else None
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
    again = " again" if word == "rollback" else ""
    out.print(f"{family} {model.version} is {'rejected' if word == 'reject' else f'the champion{again}'}")
    if bento is not None:
        out.print(f"Bento {bento.tag}; a running `make up` serves it within seconds")
