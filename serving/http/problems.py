"""Problem documents (RFC 9457): the one shape of every error an HTTP client sees.

A handler raises :class:`ProblemError`; the request guard adds ``request_id`` and turns whatever else answers
with an error (a router, a middleware, BentoML itself) into the same shape.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson

MEDIA_TYPE: Final = "application/problem+json"

CODES: Final[Mapping[int, str]] = {
    400: "malformed_request",
    401: "unauthorised",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    414: "address_too_long",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "too_many_requests",
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
        errors: Sequence[Mapping[str, Any]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code or CODES.get(status, "error")
        self.errors = [dict(error) for error in errors]
        self.retry_after = retry_after

    def document(self, request_id: str | None = None) -> dict[str, Any]:
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
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return headers


def error_entries(errors: Sequence[Mapping[str, Any]], prefix: tuple[str | int, ...] = ()) -> list[dict[str, Any]]:
    """Return pydantic's errors as ``{loc, msg, type}``, without the input: it may not be serialisable, or private."""
    return [
        {"loc": [*prefix, *(part if isinstance(part, int) else str(part) for part in error["loc"])]}
        | {"msg": str(error["msg"]), "type": str(error["type"])}
        for error in errors
    ]


def invalid_request(errors: Sequence[Mapping[str, Any]]) -> ProblemError:
    """Return the 422 problem for pydantic's ``errors``."""
    entries = error_entries(errors)
    named = "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in entries[:3])
    return ProblemError(422, f"The request is not valid: {named}", errors=entries[:20])
