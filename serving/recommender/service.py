"""The recommendation service: HTTP around :class:`serving.recommender.desk.RecommendationDesk`."""

from typing import Annotated, Any

import bentoml
from fastapi import Path, Query
from starlette.responses import Response

from models.recommender.predict import Recommender
from serving.answers import Models, RecommendationAnswers, Recommendations
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
from serving.recommender.desk import RecommendationDesk
from serving.recommender.rules_file import RulesFile
from serving.schemas import MAX_RESULTS, Identifier, RankingRequest, RecommendationBatch, RecommendationRequest
from shopsight.contracts import BENTOS, FEATURE_SERVICES
from shopsight.settings import Settings

app = new_app("Recommendations")

NumResults = Annotated[int, Query(ge=1, le=MAX_RESULTS)]
IdInPath = Annotated[Identifier, Path()]


@bentoml.service(name=BENTOS["recommender"], **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class RecommendationService:
    """Items to show, for a user, an item or nobody in particular."""

    def __init__(self) -> None:
        settings = Settings()
        model = champion()
        self.features = open_features(settings, FEATURE_SERVICES["recommender"])
        self.log = open_prediction_log(settings, "recommender")
        recommender = Recommender.load(model.artefact)
        self.rules = RulesFile(settings.rules_path, recommender.catalogue)
        self.desk = RecommendationDesk(
            recommender,
            model=model,
            features=self.features,
            log=self.log,
            clock=utc_now,
            new_id=new_id,
            rules=self.rules,
        )
        keep_requests_out_of_the_log()
        settle_memory()

    @bentoml.api  # type: ignore[untyped-decorator]
    def recommend(self, request: RecommendationRequest) -> dict[str, Any]:
        """Answer as ``POST /v1/recommendations`` does, for BentoML's own clients."""
        return or_problem(lambda: self.desk.answer(request))  # type: ignore[no-any-return]

    def notes(self) -> list[str]:
        """Return what is missing at the moment, for ``/readyz``."""
        broken = [] if self.rules.failure is None else [f"rules: {self.rules.failure}"]
        return [*notes_of(self.log, self.features), *broken]

    async def __is_ready__(self) -> bool:
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Make the prediction log durable."""
        self.log.close()


RecommendationService.add_asgi_middleware(RequestGuard, notes=service_notes)  # type: ignore[attr-defined]


def _desk() -> RecommendationDesk:
    desk: RecommendationDesk = bentoml.get_current_service().desk
    return desk


# Plain functions: BentoML would give a method its service by one more walk through a thread, 0.5 ms a request.
@app.post("/recommendations", response_model=Recommendations, responses=PROBLEMS, tags=["Recommendations"])
def recommendations(request: RecommendationRequest) -> Response:
    """Recommend items for one place of the shop."""
    return JsonAnswer(_desk().answer(request))


@app.post("/recommendations/batch", response_model=RecommendationAnswers, responses=PROBLEMS, tags=["Recommendations"])
def recommendations_in_a_batch(batch: RecommendationBatch) -> Response:
    """Answer up to 100 requests; one that is not valid gets its own error."""
    return JsonAnswer(_desk().answer_batch(batch))


@app.post("/rankings", response_model=Recommendations, responses=PROBLEMS, tags=["Recommendations"])
def rankings(request: RankingRequest) -> Response:
    """Put given items, such as search results, into the order of what a shopper wants."""
    return JsonAnswer(_desk().rank(request))


@app.get(
    "/users/{user_id}/recommendations",
    response_model=Recommendations,
    responses=PROBLEMS,
    tags=["Recommendations"],
)
def recommendations_for_user(user_id: IdInPath, num_results: NumResults = 10, explain: bool = True) -> Response:
    """Recommend items for a user; one who is not known gets what is trending."""
    request = RecommendationRequest(user_id=user_id, num_results=num_results, explain=explain)
    return JsonAnswer(_desk().answer(request))


@app.get("/items/{item_id}/similar", response_model=Recommendations, responses=PROBLEMS, tags=["Recommendations"])
def similar_items(item_id: IdInPath, num_results: NumResults = 10, explain: bool = True) -> Response:
    """Return items similar to one."""
    request = RecommendationRequest(num_results=num_results, explain=explain)
    return JsonAnswer(_desk().similar(item_id, request))


@app.get("/models", response_model=Models, responses=PROBLEMS, tags=["Models"])
def models() -> Response:
    """Describe the model that answers."""
    return JsonAnswer({"models": [_desk().model.description()]})
