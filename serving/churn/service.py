"""The churn service: HTTP around :class:`serving.churn.desk.ChurnDesk`."""

from typing import Any

import bentoml
from starlette.responses import Response

from models.churn import predict
from serving.app import (
    SERVICE_OPTIONS,
    FamilyService,
    JsonAnswer,
    current_desk,
    family_app,
    guarded,
    or_problem,
)
from serving.churn.desk import FAMILY, TASK, ChurnDesk
from serving.churn.schemas import ChurnPredictions, ChurnRequest
from serving.http.warm_up import Ask
from serving.prediction_log import new_id
from serving.schemas import Identifier
from shopsight.clock import utc_now

app = family_app(FAMILY)


@bentoml.service(name=FAMILY.bento, **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class ChurnService(FamilyService):
    """How likely a customer is not to order again, and what they will bring."""

    family = FAMILY

    def open_desk(self) -> ChurnDesk:
        """Return the desk with the Bento's model and the online features of churn."""
        return ChurnDesk(
            predict.load(self.model.artefact),
            model=self.model,
            features=self.open_features(),
            log=self.log,
            clock=utc_now,
            new_id=new_id,
        )

    async def rehearse(self, ask: Ask) -> None:
        """As every service does, and by the model itself: a shopper whom nobody knows gets the base rate."""
        await super().rehearse(ask)
        self.desk.rehearse()

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, request: ChurnRequest) -> dict[str, Any]:
        """Answer as ``POST /v1/predictions/churn`` does, for BentoML's own clients."""
        return or_problem(lambda: self.desk.answer(TASK, request))  # type: ignore[no-any-return]


guarded(ChurnService)


@app.post("/predictions/{task}", response_model=ChurnPredictions, tags=["Predictions"])
def predictions(task: Identifier, request: ChurnRequest) -> Response:
    """Predict for customers, by their ids."""
    return JsonAnswer(current_desk().answer(task, request))
