"""Requests as the prediction log keeps them: without the person, so that a week can be asked again."""

import hashlib
from typing import Any

import orjson
from pydantic import BaseModel

from serving.recommender.schemas import RecommendationRequest


def digest(request: BaseModel) -> str:
    """Return 16 hex digits of SHA-256 over the request without its ids of people.

    Those are left out because a digest over few unknowns can be guessed: the log must not give a raw user id away.
    """
    content = request.model_dump(mode="json", exclude={"user_id", "session_id"}, exclude_defaults=True)
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def logged(request: RecommendationRequest) -> dict[str, Any]:
    """Return what was asked for, without ids of people and, where nothing personal was wanted, what they did."""
    person = {"user_id", "session_id"} | (set() if request.personalised else {"recent_events"})
    return request.model_dump(mode="json", exclude=person, exclude_defaults=True)
