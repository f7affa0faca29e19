"""The service of next best actions and profiles: HTTP around :class:`serving.next_best_action.desk.ActionDesk`."""

import re
from typing import Annotated, Any, Final

import bentoml
from fastapi import Path, Query
from starlette.responses import Response

from models.next_best_action.predict import NextBestAction
from serving.app import (
    SERVICE_OPTIONS,
    FamilyService,
    answered,
    current_desk,
    family_app,
    guarded,
    or_problem,
)
from serving.http.warm_up import Ask
from serving.next_best_action.desk import FAMILY, ActionDesk
from serving.next_best_action.schemas import ActionOptions, ActionsRequest, NextBestActions, NoOptions, Profile
from serving.prediction_log import new_id
from serving.schemas import Identifier
from shopsight.clock import utc_now
from shopsight.profile_store import ProfileStore

PROFILES: Final = re.compile(r"/v1/users/.+/profile", re.DOTALL)
"""Addresses that tell all that is known of a shopper."""
IdInPath = Annotated[Identifier, Path()]

app = family_app(FAMILY)


@bentoml.service(name=FAMILY.bento, **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class NextBestActionService(FamilyService):
    """What to do next for a shopper, and what is known of them."""

    family = FAMILY

    def open_desk(self) -> ActionDesk:
        """Return the desk with the Bento's model, the online features and the profiles."""
        return ActionDesk(
            NextBestAction.load(self.model.artefact),
            model=self.model,
            features=self.open_features(),
            profiles=ProfileStore.of(self.settings),
            log=self.log,
            clock=utc_now,
            new_id=new_id,
        )

    async def rehearse(self, ask: Ask) -> None:
        """As every service does, and by the model itself: of a shopper whom nobody knows the answer is nothing."""
        await super().rehearse(ask)
        self.desk.rehearse()

    def notes(self) -> list[str]:
        """Return what is missing at the moment, for ``/readyz``."""
        return super().notes() + list(self.desk.notes())

    @bentoml.api  # type: ignore[untyped-decorator]
    def decide(self, request: ActionsRequest) -> dict[str, Any]:
        """Answer as ``POST /v1/next_best_actions`` does, for BentoML's own clients."""
        return or_problem(lambda: self.desk.answer(request))  # type: ignore[no-any-return]


guarded(NextBestActionService, profiles=PROFILES)


@app.post("/next_best_actions", response_model=NextBestActions, tags=["Next best actions"])
async def next_best_actions(request: ActionsRequest) -> Response:
    """Say what to do next for shoppers: what surely adds most, or nothing."""
    return await answered(lambda: current_desk().answer(request))


@app.get("/users/{user_id:path}/next_best_action", response_model=NextBestActions, tags=["Next best actions"])
async def next_best_action(user_id: IdInPath, options: Annotated[ActionOptions, Query()]) -> Response:
    """Say what to do next for one shopper."""
    request = ActionsRequest(user_ids=[user_id], explain=options.explain)
    return await answered(lambda: current_desk().answer(request))


@app.get("/users/{user_id:path}/profile", response_model=Profile, tags=["Profiles"])
async def profile(user_id: IdInPath, _: Annotated[NoOptions, Query()]) -> Response:
    """Tell what the shop knows of a shopper, each line with its evidence; an unknown shopper is a 404."""
    return await answered(lambda: current_desk().profile(user_id))
