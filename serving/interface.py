"""What a service says of itself: the OpenAPI document at ``/docs.json``, and the page at ``/`` that shows it.

BentoML makes both, too. Its document says OpenAPI 3.0 of schemas that are 3.1, gives its own routes no schema of their
answers and other errors than the guard's; its page loads a script of Google's.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from serving.http.access import Addresses
from serving.http.problems import MEDIA_TYPE
from serving.schemas import ProblemDocument, Readiness, Request
from shopsight.families import Family
from shopsight.settings import Settings

MOUNTED_AT: Final = "/v1"
"""Where a service mounts its family's app."""
REFERENCE: Final = "#/components/schemas/{model}"
PROBLEMS: Final[Mapping[str, str]] = {
    "400": "Not HTTP, not JSON, or nested too deep",
    "422": "Not a valid request",
    "429": "Busy; Retry-After says when to ask again",
    "503": "Too slow or stopping; Retry-After says when to ask again",
    "default": "Any other error",
}
KEY_PROBLEMS: Final[Mapping[str, str]] = {
    "401": "No API key, or one that opens nothing",
    "403": "The API key has not the scope that this takes",
}
KEYS: Final[Mapping[str, Any]] = {
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
BODY_PROBLEMS: Final[Mapping[str, str]] = {
    "408": "The body did not arrive in time",
    "413": "Larger than the limit",
    "415": "Not plain application/json",
}
PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="./static_content/swagger-ui.css">
<link rel="icon" href="./static_content/favicon-light-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="./static_content/swagger-ui-bundle.js"></script>
<script src="./static_content/swagger-ui-standalone-preset.js"></script>
<script src="./static_content/swagger-initializer.js"></script>
</body>
</html>
"""


def interface(service: Any) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of all that a BentoML ``service`` answers."""
    app = next(mounted for mounted, *_ in service.mount_apps if isinstance(mounted, FastAPI))
    version = service.bento.tag.version if service.bento else "unbuilt"
    document = get_openapi(title=app.title, version=version, routes=app.routes, servers=[{"url": "."}])
    paths = {MOUNTED_AT + path: operations for path, operations in document["paths"].items()}
    if service.apis:
        family: Family = service.inner.family
        of_family = next(paths[path]["post"] for path in paths if _matches(path, family.route))
        paths |= {api.route: {"post": _native(api, of_family)} for api in service.apis.values()}
    for operations in paths.values():
        for operation in operations.values():
            errors = {**PROBLEMS, **(BODY_PROBLEMS if "requestBody" in operation else {})}
            good = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
            operation["responses"] = good | {status: _problem(text) for status, text in errors.items()}
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's errors; the guard's are problem documents
        schemas.pop(name, None)
    for shape in (ProblemDocument, Readiness):
        schema = TypeAdapter(shape).json_schema(ref_template=REFERENCE)
        schemas |= schema.pop("$defs", {}) | {shape.__name__: schema}
    for request in _requests(Request):
        if request.__name__ in schemas:
            schemas[request.__name__] |= request.conditions
    return document | {"paths": paths | HEALTH}


def pages(service: Any, addresses: Addresses, beside: Sequence[Route] = ()) -> Starlette:
    """Return the app of ``/docs.json``, ``/`` and what is beside; a service mounts it before BentoML adds its own.

    ``addresses`` say which of them take an API key, where there are any.
    """
    document: dict[str, Any] = {}

    async def described(_: HttpRequest) -> Response:
        if not document:  # made when it is asked for: routes are added after the service is declared
            document.update(interface(service))
        return JSONResponse(_with_keys(document, addresses) if Settings().api_keys_path.exists() else document)

    async def page(_: HttpRequest) -> Response:
        return HTMLResponse(PAGE.format(title=interface(service)["info"]["title"]))

    return Starlette(routes=[Route("/docs.json", described), Route("/", page), *beside])


def _with_keys(document: Mapping[str, Any], addresses: Addresses) -> dict[str, Any]:
    """Return the document of a service that asks for API keys."""
    problems = {status: _problem(text) for status, text in KEY_PROBLEMS.items()}
    paths: dict[str, Any] = {}
    for path, operations in document["paths"].items():
        paths[path] = {}
        for method, operation in operations.items():
            needed = addresses.scope_of(method.upper(), path)
            paths[path][method] = operation | {"security": [{name: []} for name in KEYS if needed is not None]}
            if needed is not None:
                paths[path][method]["responses"] = operation["responses"] | problems
    return {**document, "paths": paths, "components": document["components"] | {"securitySchemes": KEYS}}


def _requests(shape: type[Request]) -> Iterator[type[Request]]:
    yield shape
    for below in shape.__subclasses__():
        yield from _requests(below)


def _matches(template: str, route: str) -> bool:
    return re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), route) is not None


def _native(api: Any, of_family: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation of a route of BentoML's own, which answers as the family's does and wraps the request."""
    schema = of_family["requestBody"]["content"]["application/json"]["schema"]
    wrapped = {
        "type": "object",
        "title": f"{api.name}_request",
        "properties": {"request": schema},
        "required": ["request"],
    }
    return {
        "tags": ["BentoML"],
        "summary": api.name.capitalize(),
        "description": api.doc or "",
        "operationId": api.name,
        "requestBody": {"required": True, "content": {"application/json": {"schema": wrapped}}},
        "responses": {"200": of_family["responses"]["200"]},
    }


def _problem(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="ProblemDocument")}}},
    }


def _probe(path: str, text: str, media_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        path: {
            "get": {
                "tags": ["Health"],
                "summary": text,
                "operationId": path.strip("/"),
                "responses": {
                    "200": {"description": "Yes", "content": {media_type: {"schema": schema}}},
                    "503": _problem("No"),
                    "default": _problem("Any other error"),
                },
            }
        }
    }


HEALTH: Final[dict[str, Any]] = {
    **_probe("/livez", "Whether the process lives", "text/plain", {"type": "string"}),
    **_probe("/healthz", "The same, under an older name", "text/plain", {"type": "string"}),
    **_probe(
        "/readyz",
        "Whether requests are answered, and what is missing meanwhile",
        "application/json",
        {"$ref": REFERENCE.format(model="Readiness")},
    ),
    **_probe("/metrics", "Counters for Prometheus", "text/plain", {"type": "string"}),
}
