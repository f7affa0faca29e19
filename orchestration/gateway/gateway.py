"""The door before every page that ``make up`` serves: it knows who comes in, and lets no other site's page in.

It is ASGI middleware in the process of the application that it guards, so that no second, open address of that
application exists; and the name of who is logged in passes on in the scope, where no client can write.
"""

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestration.attribution import PERSON_IN_SCOPE, READ_ONLY_IN_SCOPE
from orchestration.gateway import pages, rules
from orchestration.gateway.people import People, Person
from orchestration.gateway.rules import Refusal
from orchestration.gateway.sessions import DAYS, Sessions
from serving.http.body_reading import BodyReader, replay
from serving.http.problems import ProblemError
from shopsight.settings import Settings

FORM_BYTES: Final = 4096
BODY_BYTES: Final = 16 * 1024 * 1024
"""How much is read of a login, and of what is passed on: a run's whole configuration."""
BODY_SECONDS: Final = 10.0
"""How long a body may take to arrive."""

HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    # A browser that sends no referrer at all would call the origin of the login's form "null".
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""What every answer carries, beside ``frame-ancestors`` where the page has no policy of its own."""


class Gateway:
    """Guards an ASGI application: hosts, origins and methods first, then who it is."""

    def __init__(
        self, app: ASGIApp, settings: Settings, *, open_paths: Collection[str] = (), takes: str = rules.JSON
    ) -> None:
        """Guard ``app``.

        Args:
            app: the application behind the door.
            settings: the home whose people may come in.
            open_paths: what is answered without a login, to GET alone: nothing that says anything of the shop.
            takes: the type of the bodies that the application takes; one that takes forms proves each by a token.
        """
        self._app = app
        self._takes = takes
        self._people = People(settings)
        self._sessions = Sessions(settings, self._people)
        self._hosts = rules.hosts_of(settings)
        self._open_paths = frozenset(open_paths)
        self._forms = BodyReader(max_bytes=FORM_BYTES, seconds=BODY_SECONDS)
        self._bodies = BodyReader(max_bytes=BODY_BYTES, seconds=BODY_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.append("content-security-policy", "frame-ancestors 'self'")
            await send(message)

        answer = await self._answer(scope, receive)
        if answer is None and scope["type"] == "http" and scope["method"] not in rules.SAFE:
            body = await self._body(scope, receive)
            if body is None:
                return  # nobody is left to answer
            if isinstance(body, ProblemError):
                answer = _problem(body, {"connection": "close"})
            else:
                receive = replay(body, receive)
        if answer is None:
            await self._app(scope, receive, guarded)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it was accepted: HTTP 403
        else:
            await answer(scope, receive, guarded)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | ProblemError | None:
        """Return the whole body that the application gets, what is wrong with it, or None where the client has gone."""
        body = await self._bodies.read(receive)
        return rules.graphql_in(body) if isinstance(body, bytes) and scope["path"] == rules.GRAPHQL else body

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        """Return what is answered here, or ``None`` for what the application answers; it then says who it is."""
        kind, path, headers = scope["type"], scope["path"], Headers(scope=scope)
        method = scope.get("method", "GET")
        if refusal := rules.foreign(kind, method, path, headers, self._hosts):
            return _refused(refusal)
        if kind == "http" and (login := await self._log_in(scope, receive, headers)):
            return login
        if path in self._open_paths and kind == "http" and method in rules.SAFE:
            return None
        bearer = _bearer(headers)
        person = self._people.holder(bearer) if bearer is not None else self._session(scope)
        if person is None:
            return _asked_to_log_in(scope, headers)
        if bearer is None and (refusal := rules.unproven(kind, method, headers)):
            return _refused(refusal)
        if kind == "http" and (page := self._page_of(person, path, method)):
            return page
        if kind == "http" and (
            refusal := rules.improper(method, path, scope["query_string"], headers, takes=self._takes)
        ):
            return _refused(refusal)
        if person.role == "viewer" and (refusal := rules.beyond_viewing(method, path)):
            return _refused(refusal)
        scope[PERSON_IN_SCOPE] = person.name
        scope[READ_ONLY_IN_SCOPE] = person.role == "viewer"
        return None

    async def _log_in(self, scope: Scope, receive: Receive, headers: Headers) -> Response | None:
        """Return the answer to a token in the login page's form or in an address, ``None`` where there is none."""
        if scope["method"] == "POST" and scope["path"] == "/login":
            return await self._log_in_by_form(scope, receive)
        token = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token")
        if token is not None and scope["method"] in rules.SAFE:
            return self._log_in_by_link(scope, headers, token)
        return None

    def _page_of(self, person: Person, path: str, method: str) -> Response | None:
        """Return the pages about who is logged in."""
        if path == "/login":
            return _page(pages.account_page(person.name, role=person.role))
        if path == "/logout" and method == "POST":
            return self._logged_out()
        return None

    def _log_in_by_link(self, scope: Scope, headers: Headers, token: str) -> Response:
        """Go on without the token in the address: addresses are shown, stored and shared."""
        rest = [(name, value) for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if name != "token"]
        target = _own_address(quote(scope["path"]) + (f"?{urlencode(rest)}" if rest else ""))
        person = self._people.holder(token)
        if person is None:
            return _page(pages.login_page(target=target, wrong=True), status=401)
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            # Another site's link would log a person in as whomever it likes: here a person says yes to it.
            return _page(pages.login_page(target=target, token=token), status=401)
        return self._logged_in(scope, person, target)

    async def _log_in_by_form(self, scope: Scope, receive: Receive) -> Response:
        """Take the login page's form; one that is too large, or does not come whole and in time, says nothing."""
        body = await self._forms.read(receive)
        fields = parse_qs(body.decode("latin-1")) if isinstance(body, bytes) else {}
        form = {name: values[-1] for name, values in fields.items()}
        target = _own_address(form.get("target", "/"))
        person = self._people.holder(form.get("token", ""))
        if person is None:
            return _page(pages.login_page(target=target, wrong=True), status=401)
        return self._logged_in(scope, person, target)

    def _logged_in(self, scope: Scope, person: Person, target: str) -> Response:
        answer = RedirectResponse(target, status_code=303)
        answer.set_cookie(
            self._sessions.cookie,
            self._sessions.begin(person),
            max_age=DAYS * 86_400,
            httponly=True,
            samesite="strict",
            secure=scope["scheme"] == "https",
        )
        answer.headers["cache-control"] = "no-store"
        return answer

    def _logged_out(self) -> Response:
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(self._sessions.cookie, httponly=True, samesite="strict")
        return answer

    def _session(self, scope: Scope) -> Person | None:
        cookie = HTTPConnection(scope).cookies.get(self._sessions.cookie)
        return self._sessions.person(cookie) if cookie is not None else None


def _bearer(headers: Headers) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _own_address(target: str) -> str:
    r"""Return an address on this server, or its first page: ``//`` and ``/\`` begin an address on another one."""
    return target if target.startswith("/") and target[1:2] not in ("/", "\\") else "/"


def _asked_to_log_in(scope: Scope, headers: Headers) -> Response:
    opens_a_page = scope.get("method") in rules.SAFE and "text/html" in headers.get("accept", "")
    if not opens_a_page:
        return _refused(Refusal(status=401, detail="Log in, or send `Authorization: Bearer TOKEN`."))
    query = scope["query_string"].decode("latin-1")
    target = _own_address(quote(scope["path"]) + (f"?{query}" if query else ""))
    return _page(pages.login_page(target="/" if scope["path"] == "/login" else target), status=401)


def _page(html: str, status: int = 200) -> Response:
    headers = {"content-security-policy": pages.POLICY, "cache-control": "no-store"}
    return HTMLResponse(html, status_code=status, headers=headers)


def _refused(refusal: Refusal) -> Response:
    more = {"allow": "GET, HEAD, POST"} if refusal.status == 405 else {}
    return _problem(ProblemError(refusal.status, refusal.detail), more)


def _problem(problem: ProblemError, headers: Mapping[str, str]) -> Response:
    headers = {**problem.headers(), "cache-control": "no-store", **headers}
    return Response(problem.body(), status_code=problem.status, headers=headers)
