"""The same desk behind a bare FastAPI route and uvicorn: what HTTP costs where nothing guards, counts or hands over.

    python -m benchmarks.serving.bare PORT

``SHOPSIGHT_HOME`` names the home whose champion answers.
"""

import sys

import orjson
import uvicorn
from fastapi import FastAPI
from starlette.responses import Response

from models.registry.registry import ModelRegistry
from serving.prediction_log import PredictionLog
from serving.recommender.desk import OpenDesk, open_desk
from serving.recommender.schemas import RecommendationRequest
from serving.served_model import ServedModel
from shopsight.settings import Settings


def opened(settings: Settings) -> OpenDesk:
    """Return the desk of a home's champion, with a prediction log of its own."""
    champion = ModelRegistry.of(settings).champion("recommender")
    assert champion is not None
    model = ServedModel(
        family="recommender",
        version=champion.version,
        artefact=champion.path,
        card=champion.card,
        evaluation={},
        approval={},
    )
    desk = open_desk(settings, model=model, log=PredictionLog(settings.predictions_dir / "bare"))
    desk.features.open("recommender_v1")
    return desk


def main() -> None:
    """Serve."""
    desk = opened(Settings()).desk
    app = FastAPI()

    @app.get("/readyz")
    def readyz() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/v1/recommendations")
    async def recommendations(request: RecommendationRequest) -> Response:
        content = orjson.dumps(desk.answer(request), option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(content, media_type="application/json")

    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
