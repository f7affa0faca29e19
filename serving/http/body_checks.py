"""What a request body must be before any handler sees it: an object in strict JSON, finite, and not too deep."""

import json
from typing import Any, Final, NoReturn

import orjson

from serving.http.problems import ProblemError

MAX_DEPTH: Final = 32
"""Deepest nesting of objects and arrays that is read; the deepest valid request has five."""


class _NonFiniteError(Exception):
    pass


def check_json_object(body: bytes) -> ProblemError | None:
    """Return why ``body`` is refused, or None.

    NaN and infinity are 422 (the client's numbers are wrong), everything else that is not JSON is 400.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if _has_non_finite_number(body):
            return ProblemError(
                422, "NaN and infinity are not numbers here; leave the field out.", code="non_finite_number"
            )
        return ProblemError(400, f"The body is not JSON: {error}", code="malformed_json")
    if not isinstance(document, dict):
        return ProblemError(422, "The body must be a JSON object.")
    # Counting brackets is 20 times cheaper than walking, and settles every honest request.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(document) > MAX_DEPTH:
        return ProblemError(400, f"The body nests deeper than {MAX_DEPTH} levels.", code="too_deep")
    return None


def _depth(document: Any) -> int:
    """Return how deep ``document`` nests, without recursion; stops looking just past the limit."""
    depth, level = 0, [document]
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
    return depth


def _has_non_finite_number(body: bytes) -> bool:
    def refuse(_: str) -> NoReturn:
        raise _NonFiniteError

    def parse(text: str) -> float:
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise _NonFiniteError
        return number

    try:
        json.loads(body, parse_constant=refuse, parse_float=parse)
    except _NonFiniteError:
        return True
    except (ValueError, RecursionError):
        return False
    return False
