"""Studio's application: its addresses, its language, its errors, and what every page carries."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from serving.studio import models as model_pages
from serving.studio.campaigns import campaigns
from serving.studio.data import data
from serving.studio.decisions import Decisions
from serving.studio.jobs import Jobs
from serving.studio.long_answers import ask, groups
from serving.studio.page_request import PageError, PageRequest
from serving.studio.reader import MartReader
from serving.studio.rows_page import rows_csv, rows_page
from serving.studio.shop_pages import funnel, reviews, search, stock
from serving.studio.shoppers import shoppers, would_show
from serving.studio.today import today
from serving.studio.visitor import FormTokens, Visitor
from serving.studio.words import LANGUAGES, Words, chosen_language
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

HERE: Final = Path(__file__).parent
COOKIE: Final = "shopsight_language"
YEAR_SECONDS: Final = 365 * 86_400
PAGES: Final = (
    "today",
    "models",
    "shoppers",
    "search",
    "funnel",
    "reviews",
    "stock",
    "groups",
    "campaigns",
    "data",
    "ask",
)
"""The pages of the menu, by their names in addresses, templates and texts."""
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
}
"""A page runs no script, asks no other machine for anything, and stands in no other page."""
View = Callable[[PageRequest], dict[str, Any]]


class Studio:
    """Makes the pages."""

    def __init__(self, settings: Settings, *, decisions: Decisions, visitor_of: Callable[[Scope], Visitor]) -> None:
        """Make one.

        Args:
            settings: the home.
            decisions: what is called to decide about models.
            visitor_of: says whom the door let in.
        """
        self._settings = settings
        self._decisions = decisions
        self._visitor_of = visitor_of
        self._reader = MartReader(settings)
        self._jobs = Jobs()
        self._tokens = FormTokens(settings)
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, name: str, view: View) -> Callable[[Request], Response]:
        """Return what answers the address of a page: the template of its name, of what its view returns."""

        def endpoint(request: Request) -> Response:
            asked = self._asked(request)
            return self._answered(request, asked, lambda: self._drawn(request, asked, name, view(asked)))

        return endpoint

    def csv(self, request: Request) -> Response:
        """Return all rows of a question."""
        asked = self._asked(request)

        def made() -> Response:
            name, content = rows_csv(asked)
            disposition = {"content-disposition": f'attachment; filename="{name}"'}
            return Response(content, media_type="text/csv", headers={**HEADERS, **disposition})

        return self._answered(request, asked, made)

    async def decide(self, request: Request) -> Response:
        """Record what the form of a version decides."""
        return await self._formed(request, self._decided)

    async def show_list(self, request: Request) -> Response:
        """Ask the recommender about a shopper."""
        return await self._formed(request, self._listed)

    def _decided(self, _: Request, asked: PageRequest, form: Mapping[str, str]) -> Response:
        return RedirectResponse(model_pages.decide(asked, form), status_code=303, headers=HEADERS)

    def _listed(self, request: Request, asked: PageRequest, form: Mapping[str, str]) -> Response:
        user = form.get("user", "").strip()
        about = PageRequest(**{**vars(asked), "query": {"user": user}})
        page = {**shoppers(about), "list": would_show(about, user)}
        return self._drawn(request, about, "shoppers", page)

    async def _formed(
        self, request: Request, act: Callable[[Request, PageRequest, Mapping[str, str]], Response]
    ) -> Response:
        """Answer a form, if it is one of ours, of somebody who may act."""
        fields = parse_qs((await request.body()).decode(errors="replace"))
        form = {name: values[-1] for name, values in fields.items()}
        asked = self._asked(request)

        def made() -> Response:
            if not asked.visitor.may_act:
                raise PageError(403, "error.viewer")
            if not self._tokens.proves(asked.visitor, form.get("token", "")):
                raise PageError(403, "error.token")
            return act(request, asked, form)

        return await run_in_threadpool(self._answered, request, asked, made)

    def _asked(self, request: Request) -> PageRequest:
        stored, accepted = request.cookies.get(COOKIE), request.headers.get("accept-language", "")
        language = chosen_language(request.query_params.get("lang"), stored, accepted)
        return PageRequest(
            settings=self._settings,
            reader=self._reader,
            decisions=self._decisions,
            jobs=self._jobs,
            words=Words(language, self._settings.zone),
            visitor=self._visitor_of(request.scope),
            query={name: value for name, value in request.query_params.items() if name != "lang"},
            path=dict(request.path_params),
        )

    def _answered(self, request: Request, asked: PageRequest, make: Callable[[], Response]) -> Response:
        """Return an answer, or the page that says what is wrong and what to do."""
        try:
            return make()
        except PageError as error:
            problem = {"what": asked.words(error.key, **error.values), "why": "", "fix": ""}
            return self._drawn(request, asked, "error", problem, status=error.status)
        except ShopsightError as error:
            problem = {"what": error.what, "why": error.why, "fix": error.fix}
            return self._drawn(request, asked, "error", problem, status=409)

    def _drawn(
        self, request: Request, asked: PageRequest, name: str, page: Mapping[str, Any], *, status: int = 200
    ) -> Response:
        about = {
            **page,
            "t": asked.words,
            "language": asked.words.language,
            "languages": LANGUAGES,
            "language_link": lambda code: f"{_page_path(request)}?{urlencode({**asked.query, 'lang': code})}",
            "visitor": asked.visitor,
            "token": self._tokens.of(asked.visitor),
            "menu": PAGES,
            "page_name": name,
            "query": asked.query,
            "between": model_pages.between,
            "kind": _kind,
            "column_kind": _column_kind,
            "dagster": f"http://{self._settings.host}:{self._settings.dagster_port}",
            "reports": f"http://{self._settings.host}:{self._settings.reports_port}",
        }
        html = self._templates.get_template(f"{name}.html").render(about)
        answer = HTMLResponse(html, status_code=status, headers=HEADERS)
        if page.get("seconds") is not None:
            answer.headers["refresh"] = "2"  # until what is being worked out is there
        if request.query_params.get("lang") in LANGUAGES:
            answer.set_cookie(COOKIE, asked.words.language, max_age=YEAR_SECONDS, samesite="lax", httponly=True)
        return answer


def _page_path(request: Request) -> str:
    """Return the address of the page that a form's answer stands on: the form's own takes no GET."""
    return request.url.path if request.method in ("GET", "HEAD") else request.url.path.rpartition("/")[0]


def _kind(value: Any) -> str:
    """Return how a cell is set: a number at its right end, a moment or a key in one line, a text as any text."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return "number"
    return "line" if isinstance(value, date) or (isinstance(value, str) and " " not in value) else ""


def _column_kind(records: list[dict[str, Any]], column: str) -> str:
    """Return how a column of a table is set: as its cells, where they are all of one kind."""
    kinds = {_kind(row[column]) for row in records if row[column] is not None}
    return kinds.pop() if len(kinds) == 1 else ""


def studio_app(settings: Settings, *, decisions: Decisions, visitor_of: Callable[[Scope], Visitor]) -> Starlette:
    """Return Studio as an ASGI application, to be put behind the gateway: it asks nobody who they are.

    Args:
        settings: the home.
        decisions: what is called to decide about models.
        visitor_of: says whom the gateway let in.
    """
    studio = Studio(settings, decisions=decisions, visitor_of=visitor_of)
    return Starlette(
        routes=[
            Route("/livez", lambda _: PlainTextResponse("ok")),
            Route("/", studio.page("today", today)),
            Route("/models", studio.page("models", model_pages.models)),
            Route("/models/{family}", studio.page("family", model_pages.family)),
            Route("/models/{family}/{version}", studio.page("version", model_pages.version)),
            Route("/models/{family}/{version}/decision", studio.decide, methods=["POST"]),
            Route("/shoppers", studio.page("shoppers", shoppers)),
            Route("/shoppers/list", studio.show_list, methods=["POST"]),
            Route("/search", studio.page("search", search)),
            Route("/funnel", studio.page("funnel", funnel)),
            Route("/reviews", studio.page("reviews", reviews)),
            Route("/stock", studio.page("stock", stock)),
            Route("/groups", studio.page("groups", groups)),
            Route("/campaigns", studio.page("campaigns", campaigns)),
            Route("/data", studio.page("data", data)),
            Route("/ask", studio.page("ask", ask)),
            Route("/rows", studio.page("rows", rows_page)),
            Route("/rows.csv", studio.csv),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
    )
