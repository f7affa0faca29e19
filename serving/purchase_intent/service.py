"""The propensity service: HTTP around :class:`serving.purchase_intent.desk.PropensityDesk`."""

from typing import Any

import bentoml
from starlette.responses import Response

from models.purchase_intent.predict import PurchaseIntentModel
from serving.app import (
    SERVICE_OPTIONS,
    FamilyService,
    JsonAnswer,
    current_desk,
    family_app,
    guarded,
    or_problem,
)
from serving.item_categories import followed_categories
from serving.prediction_log import new_id
from serving.purchase_intent.desk import FAMILY, TASK, PropensityDesk
from serving.purchase_intent.schemas import PredictionRequest, Predictions
from serving.schemas import Identifier
from shopsight.clock import utc_now

app = family_app(FAMILY)


@bentoml.service(name=FAMILY.bento, **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class PropensityService(FamilyService):
    """How likely a session is to end in a purchase."""

    family = FAMILY

    def open_desk(self) -> PropensityDesk:
        """Return the desk with the Bento's model, the online features and the categories of the exported catalogue."""
        self.categories = followed_categories(self.settings)
        return PropensityDesk(
            PurchaseIntentModel.load(self.model.artefact),
            model=self.model,
            features=self.open_features(),
            categories=self.categories,
            log=self.log,
            clock=utc_now,
            new_id=new_id,
            act_from=self.settings.act_from,
        )

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, request: PredictionRequest) -> dict[str, Any]:
        """Answer as ``POST /v1/predictions/purchase_intent`` does, for BentoML's own clients."""
        return or_problem(lambda: self.desk.answer(TASK, request))  # type: ignore[no-any-return]

    def notes(self) -> list[str]:
        """Return what is missing at the moment, for ``/readyz``."""
        missing = [] if self.categories() else ["no exported catalogue: events must name their item's category"]
        return super().notes() + missing + ([f"items: {failure}"] if (failure := self.categories.failure) else [])


guarded(PropensityService)


@app.post("/predictions/{task}", response_model=Predictions, tags=["Predictions"])
def predictions(task: Identifier, request: PredictionRequest) -> Response:
    """Predict for sessions, by their events or by their id."""
    return JsonAnswer(current_desk().answer(task, request))
