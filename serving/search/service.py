"""The search service: HTTP around :class:`serving.search.desk.SearchDesk`."""

from typing import Annotated, Any

import bentoml
from fastapi import Query
from starlette.responses import Response

from serving.app import (
    SERVICE_OPTIONS,
    FamilyService,
    answered,
    current_desk,
    family_app,
    guarded,
    or_problem,
)
from serving.pictures.routes import UPLOADS, add_picture_routes
from serving.pictures.shelf import PictureShelf
from serving.search.desk import FAMILY, SearchDesk, open_desk
from serving.search.schemas import SearchAnswer, SearchRequest, SuggestionRequest, Suggestions

app = family_app(FAMILY)


@bentoml.service(name=FAMILY.bento, **SERVICE_OPTIONS)
@bentoml.asgi_app(app, path="/v1")
class SearchService(FamilyService):
    """The items that a query means, in English and Chinese."""

    family = FAMILY

    def open_desk(self) -> SearchDesk:
        """Return the desk with the Bento's model, the online histories and the rules in force."""
        opened = open_desk(self.settings, model=self.model, log=self.log)
        self.rules, self.features, self.catalogue = opened.rules, opened.features, opened.catalogue
        self.synonyms = opened.synonyms
        self.pictures = PictureShelf(self.settings, catalogue=self.catalogue)
        self.features.open(FAMILY.feature_service)
        return opened.desk

    @bentoml.api  # type: ignore[untyped-decorator]
    def search(self, request: SearchRequest) -> dict[str, Any]:
        """Answer as ``POST /v1/search`` does, for BentoML's own clients."""
        return or_problem(lambda: self.desk.answer(request))  # type: ignore[no-any-return]

    def warm_up_requests(self) -> list[dict[str, Any]]:
        """Return the family's request, and one for an item that the model knows: another shop sells no shoes."""
        titles = [title for title in self.desk.engine.catalogue.titles if title][:2]
        return [*super().warm_up_requests(), *({"query": title, "explain": True} for title in titles)]

    def notes(self) -> list[str]:
        """Return what is missing at the moment, for ``/readyz``."""
        self.rules()
        self.synonyms()
        failures = {
            "rules": self.rules.failure,
            "items": self.catalogue.failure,
            "synonyms": self.synonyms.failure,
        }
        amiss = [f"{part}: {failure}" for part, failure in failures.items() if failure is not None]
        return super().notes() + amiss + self.pictures.notes()


guarded(SearchService, uploads=UPLOADS)
add_picture_routes(app, lambda: bentoml.get_current_service().pictures)


@app.post("/search", response_model=SearchAnswer, tags=["Search"])
async def search(request: SearchRequest) -> Response:
    """Find the items that a query means."""
    return await answered(lambda: current_desk().answer(request))


@app.get("/search/suggestions", response_model=Suggestions, tags=["Search"])
async def search_suggestions(request: Annotated[SuggestionRequest, Query()]) -> Response:
    """Suggest how a query that is being typed may go on."""
    return await answered(lambda: current_desk().suggest(request))
