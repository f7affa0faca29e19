"""Fingerprints of requests, for the prediction log: which answers were to the same question."""

import hashlib

import orjson
from pydantic import BaseModel


def digest(request: BaseModel) -> str:
    """Return 16 hex digits of SHA-256 over the request without its ids of people.

    Those are left out because a digest over few unknowns can be guessed: the log must not give a raw user id away.
    """
    content = request.model_dump(mode="json", exclude={"user_id", "session_id"}, exclude_defaults=True)
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
