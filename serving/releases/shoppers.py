"""Which shoppers a canary gets: told from a shopper's pseudonym and the version alone, so that nobody changes sides.

A request that names several shoppers goes to the version under release only where all of them are the canary's. One
that names nobody has no side to stay on, and is drawn by its own id.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

import orjson

USER_IN_PATH: Final = re.compile(r"^/v1/users/(?P<user>.+)/recommendations$")
SPLIT: Final = re.compile(r"^/v1/(?!models(/|$))")
"""What a version under release may answer: all of the family's routes but the one that describes the champion."""
ELEMENTS: Final = ("requests", "instances")
"""Where a batch has the parts that each name a shopper."""
_WHOLE: Final = 2**64


def may_be_split(scope: Mapping[str, Any]) -> bool:
    """Return whether a request may be answered by either side."""
    return scope["method"] in ("GET", "POST") and SPLIT.match(scope["path"]) is not None


def shoppers_of(path: str, body: bytes) -> set[tuple[str, str]]:
    """Return the shoppers whom a request names, each as ``user`` or ``session`` with the id; none: it names nobody.

    Args:
        path: of the request, decoded.
        body: of the request; empty where it has none.
    """
    if (match := USER_IN_PATH.match(path)) is not None:
        return {("user", unquote(match["user"]))}
    try:
        document = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:  # the guard has refused it before; nobody is named in it
        return set()
    return set(_named(document))


def _named(document: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(document, dict):
        return
    for kind in ("user", "session"):
        if isinstance(name := document.get(f"{kind}_id"), str):
            yield kind, name
            break
    for part in ELEMENTS:
        if isinstance(elements := document.get(part), list):
            for element in elements:
                yield from _named(element)


def place(salt: str, name: str) -> float:
    """Return where a name stands between 0 and 1, evenly spread over all names."""
    digest = hashlib.sha256(f"{salt}\0{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _WHOLE


def is_in_share(
    shoppers: set[tuple[str, str]], share: float, *, salt: str, pseudonym: Callable[[str], str], request_id: str
) -> bool:
    """Return whether a request goes to the version under release.

    Args:
        shoppers: whom it names.
        share: of the shoppers who are the canary's.
        salt: of the family and the version, so that two canaries have different shoppers.
        pseudonym: of a user's id; raw ids are not hashed, for whoever knows the salt could tell who is on which side.
        request_id: draws for a request that names nobody.
    """
    if not shoppers:
        return place(salt, request_id) < share
    return all(place(salt, pseudonym(name) if kind == "user" else name) < share for kind, name in shoppers)
