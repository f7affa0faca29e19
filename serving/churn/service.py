"""The churn service: HTTP around :class:`serving.churn.desk.ChurnDesk`."""

from typing import Any

import bentoml
from starlette.responses import Response

from models.churn.predict import ChurnModel
from serving.answers import Models
from serving.app import (
    PROBLEMS,
    SERVICE_OPTIONS,
    JsonAnswer,
    champion,
    keep_requests_out_of_the_log,
    new_app,
    new_id,
    notes_of,
    open_features,
    open_prediction_log,
    or_problem,
    service_notes,
    settle_memory,
    utc_now,
)
from serving.churn.desk import TASK, ChurnDesk, ChurnPredictions, ChurnRequest
from serving.http.guard import RequestGuard
from serving.schemas import Identifier
from shopsight.contracts import BENTOS, FEATURE_SERVICES
from shopsight.settings import Settings

app = new_app("Churn")


@bentoml.service(name=BENTOS["churn"], **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class ChurnService:
    """How likely a customer is not to order again, and what they will bring."""

    def __init__(self) -> None:
        settings = Settings()
        model = champion()
        self.features = open_features(settings, FEATURE_SERVICES["churn"])
        self.log = open_prediction_log(settings, "churn")
        self.desk = ChurnDesk(
            ChurnModel.load(model.artefact),
            model=model,
            features=self.features,
            log=self.log,
            clock=utc_now,
            new_id=new_id,
        )
        keep_requests_out_of_the_log()
        settle_memory()

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, request: ChurnRequest) -> dict[str, Any]:
        """Answer as ``POST /v1/predictions/churn`` does, for BentoML's own clients."""
        return or_problem(lambda: self.desk.answer(TASK, request))  # type: ignore[no-any-return]

    def notes(self) -> list[str]:
        """Return what is missing at the moment, for ``/readyz``."""
        return notes_of(self.log, self.features)

    async def __is_ready__(self) -> bool:
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Make the prediction log durable."""
        self.log.close()


ChurnService.add_asgi_middleware(RequestGuard, notes=service_notes)  # type: ignore[attr-defined]


def _desk() -> ChurnDesk:
    desk: ChurnDesk = bentoml.get_current_service().desk
    return desk


# Plain functions: BentoML would give a method its service by one more walk through a thread, 0.5 ms a request.
@app.post("/predictions/{task}", response_model=ChurnPredictions, responses=PROBLEMS, tags=["Predictions"])
def predictions(task: Identifier, request: ChurnRequest) -> Response:
    """Predict for customers, by their ids."""
    return JsonAnswer(_desk().answer(task, request))


@app.get("/models", response_model=Models, responses=PROBLEMS, tags=["Models"])
def models() -> Response:
    """Describe the model that answers."""
    return JsonAnswer({"models": [_desk().model.description()]})
