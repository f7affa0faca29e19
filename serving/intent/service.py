"""The intent service: HTTP around :class:`serving.intent.desk.IntentDesk`."""

from typing import Any

import bentoml
from starlette.responses import Response

from models.intent.predict import IntentClassifier
from models.intent.tone import ToneModel
from serving.app import (
    SERVICE_OPTIONS,
    FamilyService,
    JsonAnswer,
    current_desk,
    family_app,
    guarded,
    or_problem,
)
from serving.followed_items import FollowedItems
from serving.intent.desk import IntentDesk
from serving.intent.schemas import IntentRequest, Intents
from serving.intent.shop_names import ShopNames
from serving.intent.strategies import read_strategies
from serving.prediction_log import new_id
from shopsight.clock import utc_now
from shopsight.families import FAMILIES
from shopsight.marts import export_path

FAMILY = FAMILIES["intent"]
app = family_app(FAMILY)


@bentoml.service(name=FAMILY.bento, **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class IntentService(FamilyService):
    """What shoppers' texts want."""

    family = FAMILY

    def open_desk(self) -> IntentDesk:
        """Return the desk with the Bento's model, the names of the shop's items and its strategies."""
        self.names = FollowedItems(
            export_path(self.settings, "items"),
            self.settings.live_items_path,
            read=ShopNames.read,
            over=ShopNames.with_live,
        )
        return IntentDesk(
            IntentClassifier.load(self.model.artefact),
            model=self.model,
            tone=ToneModel.load(self.model.artefact),
            names=self.names,
            strategies=read_strategies(self.settings.strategies_path),
            log=self.log,
            clock=utc_now,
            new_id=new_id,
        )

    @bentoml.api  # type: ignore[untyped-decorator]
    def classify(self, request: IntentRequest) -> dict[str, Any]:
        """Answer as ``POST /v1/intents`` does, for BentoML's own clients."""
        return or_problem(lambda: self.desk.answer(request))  # type: ignore[no-any-return]

    def notes(self) -> list[str]:
        """Return what is missing at the moment, for ``/readyz``."""
        names = self.names().attributes
        missing = [] if names.knows_names else ["no exported catalogue: texts' names are not looked up"]
        return super().notes() + missing + ([f"items: {failure}"] if (failure := self.names.failure) else [])


guarded(IntentService)


@app.post("/intents", response_model=Intents, tags=["Intents"])
def intents(request: IntentRequest) -> Response:
    """Say what texts want: a label with calibrated probabilities, what they name, and what to do next."""
    return JsonAnswer(current_desk().answer(request))
