"""What the edge reads of a request before any handler does."""

import re
import uuid
from collections.abc import Mapping
from typing import Final

HEALTH_PATHS: Final = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
"""Answered whatever the load: who asks wants to know whether the service lives."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:\-]{1,128}")


def method_name(method: str) -> str:
    """Return a method as it may be written down: a client may send any word as one."""
    return method if method in METHODS else "_OTHER"


def request_id_of(headers: Mapping[bytes, bytes]) -> str:
    """Return the client's ``X-Request-Id``, or a new one where it sent none or one that could carry something else."""
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


SCOPES: Final = "shopsight.scopes"
"""Where the guard leaves in a request's ASGI scope what its API key may; None where none is asked for."""
