"""Which requests are refused before anybody asks who sent them: those that another site's page could have made.

A page on another site can make a person's browser send requests here, with the person's cookie or under a name that
its own DNS points at this machine. Three things give it away: the ``Host`` it asked for, the ``Origin`` it came from,
and ``Sec-Fetch-Site``, which no script can set.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

import orjson
from starlette.datastructures import Headers

from serving.http.body_checks import json_object_in
from serving.http.problems import ProblemError
from shopsight.settings import Settings

SAFE: Final = frozenset({"GET", "HEAD"})
GRAPHQL: Final = "/graphql"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer in place of what was asked for."""

    status: int
    detail: str
    """What was wrong, and what to do instead."""


def hosts_of(settings: Settings) -> frozenset[str]:
    """Return the names that the pages may be reached by, without ports."""
    further = (name.strip().lower() for name in settings.allowed_hosts.split(","))
    return frozenset({"127.0.0.1", "localhost", "::1", settings.host.lower(), *further} - {""})


def foreign(scope_type: str, method: str, path: str, headers: Headers, hosts: Set[str]) -> Refusal | None:
    """Return the refusal of a request that is not for us, or that another site's page made; ``None``: neither.

    Args:
        scope_type: ``http`` or ``websocket``.
        method: the HTTP method; ``GET`` for a WebSocket.
        path: the decoded path, as the router compares it.
        headers: the request's.
        hosts: the names that the pages may be reached by.
    """
    host = headers.get("host", "")
    name = _hostname(host)
    if name not in hosts:
        return Refusal(
            status=403, detail=f"No page is served under the name {name!r}; SHOPSIGHT_ALLOWED_HOSTS can add it."
        )
    site = headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin"):
        opens_a_page = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
        if method not in SAFE or scope_type != "http" or not opens_a_page or path == GRAPHQL:
            return Refusal(status=403, detail="The page of another site asked for this.")
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return Refusal(status=403, detail=f"A page of {origin} asked for this; this is http://{host}.")
    return None


def unproven(scope_type: str, method: str, headers: Headers) -> Refusal | None:
    """Return the refusal of a request that changes something and rests on a cookie, where no page of ours made it.

    Every browser names the origin of such a request. A script can name its own, but has no business with a cookie.
    """
    if scope_type == "http" and method in SAFE:
        return None
    if "origin" in headers or headers.get("sec-fetch-site") == "same-origin":
        return None
    return Refusal(
        status=403, detail="No origin came with this. Scripts send `Authorization: Bearer TOKEN` instead of a cookie."
    )


def improper(method: str, path: str, query: bytes, headers: Headers, *, takes: str = JSON) -> Refusal | None:
    """Return the refusal of what a server takes and should not: GraphQL by GET, and bodies of another type.

    A GET is what an ``<img>`` sends, and a form's body needs no preflight: an application that takes forms asks for a
    token of its own in each.

    Args:
        method: the HTTP method.
        path: the decoded path.
        query: the raw query.
        headers: the request's.
        takes: the type of the bodies that the application takes.
    """
    if method in SAFE:
        if path == GRAPHQL and parse_qs(query, keep_blank_values=True):
            return Refusal(status=405, detail="GraphQL is answered to POST, with a body of JSON.")
        return None
    if method != "POST":
        return Refusal(status=405, detail=f"{method} is not answered here.")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != takes:
        return Refusal(status=415, detail=f"The body must be {takes}.")
    return None


def beyond_viewing(method: str, path: str) -> Refusal | None:
    """Return the refusal of what a viewer may not send; GraphQL goes on to where its mutations are refused."""
    if method in SAFE or path == GRAPHQL:
        return None
    return Refusal(status=403, detail="You may look, and change nothing: your token is a viewer's.")


def graphql_in(body: bytes) -> bytes | ProblemError:
    """Return the body of a GraphQL request as it may be read, or why it is none; the web UI's server fails on some."""
    checked = json_object_in(body)
    if isinstance(checked, ProblemError):
        return checked
    request = orjson.loads(checked)
    kinds = {"query": str, "operationName": str | None, "variables": dict | None}
    wrong = [name for name, kind in kinds.items() if not isinstance(request.get(name), kind)]
    if wrong:
        return ProblemError(400, f"GraphQL is asked by an object with the text `query`; wrong: {', '.join(wrong)}.")
    return checked


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # brackets that hold no address
        return ""
