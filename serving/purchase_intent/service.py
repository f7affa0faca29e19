"""The propensity service: HTTP around :class:`serving.purchase_intent.desk.PropensityDesk`."""

from pathlib import Path
from typing import Any

import bentoml
import pyarrow.parquet as pq
from starlette.responses import Response

from models.purchase_intent.predict import PurchaseIntentModel
from serving.answers import Models, Predictions
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
from serving.http.guard import RequestGuard
from serving.purchase_intent.desk import TASK, PropensityDesk
from serving.schemas import Identifier, PredictionRequest
from shopsight.contracts import BENTOS, FEATURE_SERVICES
from shopsight.settings import Settings

app = new_app("Predictions")


@bentoml.service(name=BENTOS["purchase_intent"], **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class PropensityService:
    """How likely a session is to end in a purchase."""

    def __init__(self) -> None:
        settings = Settings()
        model = champion()
        self.features = open_features(settings, FEATURE_SERVICES["purchase_intent"])
        self.log = open_prediction_log(settings, "purchase_intent")
        self.categories = _item_categories(settings.exports_dir / "items.parquet")
        self.desk = PropensityDesk(
            PurchaseIntentModel.load(model.artefact),
            model=model,
            features=self.features,
            categories=self.categories,
            log=self.log,
            clock=utc_now,
            new_id=new_id,
            act_from=settings.act_from,
        )
        keep_requests_out_of_the_log()
        settle_memory()

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, request: PredictionRequest) -> dict[str, Any]:
        """Answer as ``POST /v1/predictions/purchase_intent`` does, for BentoML's own clients."""
        return or_problem(lambda: self.desk.answer(TASK, request))  # type: ignore[no-any-return]

    def notes(self) -> list[str]:
        """Return what is missing at the moment, for ``/readyz``."""
        missing = [] if self.categories else ["no exported catalogue: events must name their item's category"]
        return notes_of(self.log, self.features) + missing

    async def __is_ready__(self) -> bool:
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Make the prediction log durable."""
        self.log.close()


def _item_categories(path: Path) -> dict[str, str]:
    """Return each item's category from the exported catalogue, for events that do not bring it; none without one."""
    if not path.exists():
        return {}
    table = pq.read_table(path, columns=["item_id", "category"])
    return {i: c for i, c in zip(*(table[n].to_pylist() for n in ("item_id", "category")), strict=True) if c}


PropensityService.add_asgi_middleware(RequestGuard, notes=service_notes)  # type: ignore[attr-defined]


def _desk() -> PropensityDesk:
    desk: PropensityDesk = bentoml.get_current_service().desk
    return desk


# Plain functions: BentoML would give a method its service by one more walk through a thread, 0.5 ms a request.
@app.post("/predictions/{task}", response_model=Predictions, responses=PROBLEMS, tags=["Predictions"])
def predictions(task: Identifier, request: PredictionRequest) -> Response:
    """Predict for sessions, by their events or by their id."""
    return JsonAnswer(_desk().answer(task, request))


@app.get("/models", response_model=Models, responses=PROBLEMS, tags=["Models"])
def models() -> Response:
    """Describe the model that answers."""
    return JsonAnswer({"models": [_desk().model.description()]})
