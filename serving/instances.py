"""What the desks share that predict for instances: reading them, who they are about, and why one was refused."""

from collections.abc import Sequence
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from serving.features import FeatureReader, OnlineStoreGoneError, UserFeatures
from serving.http.problems import error_entries
from serving.schemas import ElementError

MAX_REASONS: Final = 5
"""Contributions shown of an explained probability, the strongest first."""
MAX_ERRORS: Final = 20
"""Errors shown of one refused element."""

Shape = TypeVar("Shape", bound=BaseModel)


def parsed(shape: type[Shape], raw: object, *place: str | int, code: str) -> Shape | ElementError:
    """Return one element of a request as its ``shape``, or what is wrong with it.

    Args:
        shape: the element's own model; the request takes anything, so that one bad element does not cost the others.
        raw: what was sent.
        *place: where it stood, such as ``"body", "instances", 3``: its errors name their place below it.
        code: the error's code where it does not fit.
    """
    try:
        return shape.model_validate(raw)
    except ValidationError as error:
        entries = error_entries(error.errors(include_input=False, include_url=False), place)
        return {"code": code, "detail": entries[0]["msg"], "errors": entries[:MAX_ERRORS]}


def users_of(features: FeatureReader, user_ids: Sequence[str], service: str) -> dict[str, UserFeatures]:
    """Return what the feature ``service`` has of each user; while the online store is away, their pseudonyms alone."""
    if not user_ids:
        return {}
    try:
        return features.users(user_ids, service)
    except OnlineStoreGoneError:
        return {user_id: features.unreachable_user(user_id) for user_id in user_ids}
