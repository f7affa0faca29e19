"""The recommendation service: HTTP around :class:`serving.recommender.desk.RecommendationDesk`."""

from typing import Annotated, Any

import bentoml
from fastapi import Path, Query
from starlette.responses import Response

from serving.app import (
    SERVICE_OPTIONS,
    FamilyService,
    JsonAnswer,
    answered,
    current_desk,
    family_app,
    guarded,
    or_problem,
)
from serving.recommender.desk import FAMILY, RecommendationDesk, open_desk
from serving.recommender.schemas import (
    NEEDS_ITEMS,
    ListOptions,
    RankingRequest,
    RecommendationAnswers,
    RecommendationBatch,
    RecommendationRequest,
    Recommendations,
)
from serving.schemas import Identifier

app = family_app(FAMILY)

Options = Annotated[ListOptions, Query()]
IdInPath = Annotated[Identifier, Path()]
"""An id may have slashes in it: the routes take it as ``path``, for a server decodes ``%2F`` before it looks one up."""


@bentoml.service(name=FAMILY.bento, **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class RecommendationService(FamilyService):
    """Items to show, for a user, an item or nobody in particular."""

    family = FAMILY

    def open_desk(self) -> RecommendationDesk:
        """Return the desk with the Bento's model, the online histories and the rules in force."""
        opened = open_desk(self.settings, model=self.model, log=self.log)
        self.rules, self.features, self.catalogue = opened.rules, opened.features, opened.catalogue
        self.experiments, self.pictures = opened.experiments, opened.pictures
        self.features.open(FAMILY.feature_service)
        return opened.desk

    @bentoml.api  # type: ignore[untyped-decorator]
    def recommend(self, request: RecommendationRequest) -> dict[str, Any]:
        """Answer as ``POST /v1/recommendations`` does, for BentoML's own clients."""
        return or_problem(lambda: self.desk.answer(request))  # type: ignore[no-any-return]

    def warm_up_requests(self) -> list[dict[str, Any]]:
        """Return a request of somebody who has just looked at an item, and one for each other kind of list."""
        item_ids = self.desk.recommender.catalogue.item_ids[:1]
        seen = [{"event_name": "view_item", "item_id": item_id} for item_id in item_ids]
        about = [{"placement": placement, "item_ids": item_ids} for placement in NEEDS_ITEMS if item_ids]
        general = [{"placement": placement} for placement in ("trending", "best_sellers")]
        return [{"recent_events": seen, "explain": True}, *about, *general]

    def notes(self) -> list[str]:
        """Return what is missing at the moment, for ``/readyz``."""
        rules = self.rules()
        self.experiments()
        failures = {
            "rules": self.rules.failure,
            "experiments": self.experiments.failure,
            "items": self.catalogue.failure,
            "states for replays": self.desk.states_failure,
            "pictures": self.pictures.failure,
        }
        broken = [f"{part}: {failure}" for part, failure in failures.items() if failure is not None]
        warnings = [f"rules: {warning}" for warning in self.rules.warnings]
        warnings += [f"experiments: {warning}" for warning in self.experiments.warnings(rules)]
        return super().notes() + broken + warnings


guarded(RecommendationService)


@app.post("/recommendations", response_model=Recommendations, tags=["Recommendations"])
async def recommendations(request: RecommendationRequest) -> Response:
    """Recommend items for one place of the shop."""
    return await answered(lambda: current_desk().answer(request))


@app.post("/recommendations/batch", response_model=RecommendationAnswers, tags=["Recommendations"])
def recommendations_in_a_batch(batch: RecommendationBatch) -> Response:
    """Answer up to 100 requests; one that is not valid gets its own error."""
    return JsonAnswer(current_desk().answer_batch(batch))


@app.post("/rankings", response_model=Recommendations, tags=["Recommendations"])
async def rankings(request: RankingRequest) -> Response:
    """Put given items, such as search results, into the order of what a shopper wants."""
    return await answered(lambda: current_desk().rank(request))


@app.get(
    "/users/{user_id:path}/recommendations",
    response_model=Recommendations,
    tags=["Recommendations"],
)
async def recommendations_for_user(user_id: IdInPath, options: Options) -> Response:
    """Recommend items for a user; one who is not known gets what is trending."""
    request = RecommendationRequest(user_id=user_id, **options.model_dump())
    return await answered(lambda: current_desk().answer(request))


@app.get(
    "/items/{item_id:path}/similar",
    response_model=Recommendations,
    tags=["Recommendations"],
)
async def similar_items(item_id: IdInPath, options: Options) -> Response:
    """Return items similar to one."""
    request = RecommendationRequest(**options.model_dump())
    return await answered(lambda: current_desk().similar(item_id, request))
