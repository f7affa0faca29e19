"""Studio behind the gateway: the pages for a shop's people, in a process of their own.

``python -m orchestration.studio_server`` is what ``make up`` starts. Decisions that are taken there go through the very
functions of the command line and the web UI; the sensors of the web UI package what was approved and tell of it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from starlette.types import ASGIApp, Scope

from orchestration import decisions
from orchestration.attribution import PERSON_IN_SCOPE, READ_ONLY_IN_SCOPE
from orchestration.gateway import rules
from orchestration.gateway.gateway import Gateway
from orchestration.gateway.servers import listening, server_of
from orchestration.waiting import waiting_candidates
from orchestration.web_ui import STUDIO_READY
from serving.studio.app import studio_app
from serving.studio.decisions import Word
from serving.studio.visitor import Visitor
from shopsight.clock import utc_now
from shopsight.settings import Settings, prepare_environment


def main() -> None:
    """Serve Studio until it is interrupted."""
    settings = Settings()
    prepare_environment(settings)
    with suppress(KeyboardInterrupt), listening(settings.host, settings.studio_port) as listener:
        server_of(guarded_studio(settings), settings).run(sockets=[listener])


def guarded_studio(settings: Settings) -> ASGIApp:
    """Return Studio behind the gateway, which takes the forms of its pages."""
    app = studio_app(settings, decisions=HomeDecisions(settings), visitor_of=visitor_of)
    return Gateway(app, settings, open_paths=[STUDIO_READY], takes=rules.FORM)


def visitor_of(scope: Scope) -> Visitor:
    """Return whom the gateway let in; no header reaches the scope, so no client can say another name."""
    return Visitor(name=scope[PERSON_IN_SCOPE], may_act=not scope[READ_ONLY_IN_SCOPE])


class HomeDecisions:
    """Decides about the models of a home."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def waiting(self) -> Sequence[Mapping[str, Any]]:
        """Return the candidates that wait, and since when in words."""
        now = utc_now()
        return [one.as_document(now) | {"age": one.age(now)} for one in waiting_candidates(self._settings, now)]

    def decide(self, word: Word, family: str, version: str, *, by: str, reason: str) -> None:
        """Record a decision under the name of the login."""
        if word == "approve":
            decisions.approve(self._settings, family, version, approver=by, reason=reason)
        elif word == "reject":
            decisions.reject(self._settings, family, version, approver=by, reason=reason)
        else:
            decisions.roll_back(self._settings, family, None, approver=by, reason=reason)


if __name__ == "__main__":
    main()
