"""What a request body must be before any handler sees it: an object in strict JSON, finite, and not too deep."""

import json
import re
from typing import Any, Final, NoReturn

import orjson

from serving.http.problems import ProblemError

MAX_DEPTH: Final = 32
"""Deepest nesting of objects and arrays that is read; the deepest valid request has five."""


LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""Half of a character, as JavaScript sends of an emoji that it cut in two; parsed, whole ones are one character."""


class _NonFiniteError(Exception):
    pass


def json_object_in(body: bytes) -> bytes | ProblemError:
    """Return ``body`` as a handler may read it, or why it is refused.

    NaN and infinity are 422 (the client's numbers are wrong), everything else that is not JSON is 400. A lone surrogate
    becomes U+FFFD, as in browsers and in Go's ``encoding/json``: one cut emoji must not cost a batch of texts.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        mended = _without_lone_surrogates(body)
        if mended is None:
            return ProblemError(400, f"The body is not JSON: {error}", code="malformed_json")
        return mended if isinstance(mended, ProblemError) else json_object_in(mended)
    if not isinstance(document, dict):
        return ProblemError(422, "The body must be a JSON object.")
    # Counting brackets is 20 times cheaper than walking, and settles every honest request.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(document) > MAX_DEPTH:
        return ProblemError(400, f"The body nests deeper than {MAX_DEPTH} levels.", code="too_deep")
    return body


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


def _without_lone_surrogates(body: bytes) -> bytes | ProblemError | None:
    """Return ``body`` with U+FFFD in the place of lone surrogates, why it is refused, or None where it has none."""

    def refuse(_: str) -> NoReturn:
        raise _NonFiniteError

    def parse(text: str) -> float:
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise _NonFiniteError
        return number

    try:
        text = json.dumps(
            json.loads(body.decode(), parse_constant=refuse, parse_float=parse), ensure_ascii=False, allow_nan=False
        )
    except _NonFiniteError:
        return ProblemError(
            422, "NaN and infinity are not numbers here; leave the field out.", code="non_finite_number"
        )
    except (ValueError, RecursionError):
        return None
    replaced = LONE_SURROGATE.sub("\ufffd", text)
    return None if replaced == text else replaced.encode()
