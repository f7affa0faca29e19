"""The lines of a profile, and a profile as it is looked up in the file of all of them.

Imports nothing heavy: a service that looks profiles up makes none.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shopsight.profile_store import ProfileStore

Line = dict[str, Any]


def make_line(
    field: str,
    value: Any,
    as_of: datetime | None,
    mart: str,
    *,
    keys: list[str] | None = None,
    interval: tuple[float, float] | None = None,
    error: float | None = None,
    confidence: str = "as the rows say",
    why: str | None = None,
) -> Line:
    """Return a line of a profile.

    Args:
        field: its name.
        value: what is known; None where nothing is.
        as_of: when it was known, in UTC without a zone.
        mart: whose rows say so.
        keys: of these rows.
        interval: around the value.
        error: mean absolute error of last month's forecast of the same.
        confidence: how sure it is, in words.
        why: why there is no value.
    """
    line: Line = {
        "field": field,
        "value": value,
        "as_of": None if as_of is None else f"{as_of.isoformat()}+00:00",
        "evidence": {"mart": mart, "rows": keys or []},
        "interval": None if interval is None else [round(end, 4) for end in interval],
        "confidence": confidence,
        "consent": "personal",
    }
    if error is not None:
        line["last_month_error"] = error
    return line | ({"why": why} if why else {})


def with_look_alikes(document: dict[str, Any], near: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """Return a profile with a line of the shoppers who are most like theirs; a profile without lines gets none."""
    if not near or not document["lines"]:
        return document
    value = [{"user_id": name, "cosine": round(cosine, 4)} for name, cosine in near]
    return document | {"lines": [*document["lines"], make_line("look_alikes", value, None, "user_embeddings")]}


def look_up(store: ProfileStore, keys: Sequence[str]) -> dict[str, Any] | None:
    """Return the profile that is kept under the first of some keys that has one; None where none has.

    As :func:`models.profiling.profile.profile` makes it, with ``made_at``, when it was made.

    Args:
        store: of a home.
        keys: pseudonyms that one id may have.
    """
    for key in keys:
        document = store.read(key)
        if document is not None:
            near = document.pop("look_alikes")
            about = store.about
            last_month = about["last_month"] if document["lines"] else {}
            return with_look_alikes(document, near) | {"last_month": last_month, "made_at": about["made_at"]}
    return None
