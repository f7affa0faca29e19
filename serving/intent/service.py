"""The intent service: HTTP around :class:`serving.intent.desk.IntentDesk`."""

from typing import Any

import bentoml
from starlette.responses import Response

from models.intent.attributes import TextAttributes
from models.intent.predict import IntentClassifier
from models.intent.tone import ToneModel
from serving.answers import Intents, Models
from serving.app import (
    PROBLEMS,
    SERVICE_OPTIONS,
    JsonAnswer,
    champion,
    keep_requests_out_of_the_log,
    new_app,
    new_id,
    notes_of,
    open_prediction_log,
    or_problem,
    service_notes,
    settle_memory,
    utc_now,
)
from serving.http.guard import RequestGuard
from serving.intent.desk import IntentDesk
from serving.intent.named_items import NamedItems
from serving.intent.strategies import read_strategies
from serving.schemas import IntentRequest
from shopsight.contracts import BENTOS
from shopsight.settings import Settings

app = new_app("Intents")


@bentoml.service(name=BENTOS["intent"], **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class IntentService:
    """What shoppers' texts want."""

    def __init__(self) -> None:
        settings = Settings()
        model = champion()
        self.log = open_prediction_log(settings, "intent")
        self.desk = IntentDesk(
            IntentClassifier.load(model.artefact),
            model=model,
            tone=ToneModel.load(model.artefact),
            attributes=TextAttributes.from_export(settings.exports_dir / "items.parquet"),
            items=NamedItems.from_export(settings.exports_dir / "items.parquet"),
            strategies=read_strategies(settings.strategies_path),
            log=self.log,
            clock=utc_now,
            new_id=new_id,
        )
        keep_requests_out_of_the_log()
        settle_memory()

    @bentoml.api  # type: ignore[untyped-decorator]
    def classify(self, request: IntentRequest) -> dict[str, Any]:
        """Answer as ``POST /v1/intents`` does, for BentoML's own clients."""
        return or_problem(lambda: self.desk.answer(request))  # type: ignore[no-any-return]

    def notes(self) -> list[str]:
        """Return what is missing at the moment, for ``/readyz``."""
        missing = [] if self.desk.attributes.knows_names else ["no exported catalogue: texts' names are not looked up"]
        return notes_of(self.log) + missing

    async def __is_ready__(self) -> bool:
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Make the prediction log durable."""
        self.log.close()


IntentService.add_asgi_middleware(RequestGuard, notes=service_notes)  # type: ignore[attr-defined]


def _desk() -> IntentDesk:
    desk: IntentDesk = bentoml.get_current_service().desk
    return desk


# Plain functions: BentoML would give a method its service by one more walk through a thread, 0.5 ms a request.
@app.post("/intents", response_model=Intents, responses=PROBLEMS, tags=["Intents"])
def intents(request: IntentRequest) -> Response:
    """Say what texts want: a label with calibrated probabilities, what they name, and what to do next."""
    return JsonAnswer(_desk().answer(request))


@app.get("/models", response_model=Models, responses=PROBLEMS, tags=["Models"])
def models() -> Response:
    """Describe the model that answers."""
    return JsonAnswer({"models": [_desk().model.description()]})
