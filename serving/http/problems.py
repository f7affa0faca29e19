"""Problem documents (RFC 9457): the one shape of every error an HTTP client sees.

A handler raises :class:`ProblemError`; the request guard adds ``request_id`` and turns whatever else answers
with an error (a router, a middleware, BentoML itself) into the same shape.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson

from serving.schemas import ErrorEntry, ProblemDocument

MEDIA_TYPE: Final = "application/problem+json"

CODES: Final[Mapping[int, str]] = {
    400: "malformed_request",
    401: "unauthorised",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "request_too_large",
    414: "address_too_long",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal_error",
    503: "unavailable",
    504: "unavailable",
}
"""The ``code`` of a problem that names none itself, by status."""


class ProblemError(Exception):
    """A request that cannot be answered, and what its sender can do about it."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[ErrorEntry] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code or CODES.get(status, "error")
        self.errors = list(errors)
        self.retry_after = retry_after

    def document(self, request_id: str | None = None) -> ProblemDocument:
        """Return the problem as a JSON object."""
        return {
            "type": f"urn:shopsight:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
            "errors": self.errors,
        }

    def body(self, request_id: str | None = None) -> bytes:
        """Return the problem as the bytes of an answer."""
        return orjson.dumps(self.document(request_id))

    def headers(self) -> dict[str, str]:
        """Return the headers that go with the problem."""
        headers = {"content-type": MEDIA_TYPE}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return headers


BUSY: Final = ProblemError(429, "The service is busy; ask again in a moment.", retry_after=1)


def raw_answer(problem: ProblemError, request_id: str, *, close: bool = False) -> bytes:
    """Return ``problem`` as the bytes of an HTTP/1.1 answer, after which the connection may be one to ``close``."""
    body = problem.body(request_id)
    fields = {**problem.headers(), "content-length": str(len(body)), "x-request-id": request_id}
    if close:
        fields["connection"] = "close"
    lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}", *map(": ".join, fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def error_entries(errors: Sequence[Mapping[str, Any]], prefix: tuple[str | int, ...] = ()) -> list[ErrorEntry]:
    """Return pydantic's errors as ``{loc, msg, type}``, without the input: it may not be serialisable, or private."""
    return [
        {
            "loc": [*prefix, *(part if isinstance(part, int) else str(part) for part in error["loc"])],
            "msg": str(error["msg"]),
            "type": str(error["type"]),
        }
        for error in errors
    ]


def invalid_request(errors: Sequence[Mapping[str, Any]]) -> ProblemError:
    """Return the 422 problem for pydantic's ``errors``."""
    entries = error_entries(errors)
    named = "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in entries[:3])
    return ProblemError(422, f"The request is not valid: {named}", errors=entries[:20])
