"""Fill the figures of a benchmark's document into a sentence.

>>> document = {"ndcg@10": 0.06234, "intervals": {"ndcg@10": [0.0598, 0.0649]}, "runs": {"7": {"cases": 12000}}}
>>> fill("NDCG@10 {ndcg@10:4} of {runs/*/cases} shoppers", document)
'NDCG@10 **0.0623** [0.0598, 0.0649] of **12,000** shoppers'
"""

import re
from typing import Any

_PLACE = re.compile(r"\{([^{}:]+)(?::(\d))?\}")


class NoSuchFigureError(LookupError):
    """A sentence asks for a figure that the document does not have."""


def fill(sentence: str, document: dict[str, Any], *, bold: bool = True) -> str:
    """Return the ``sentence`` with each ``{path:digits}`` replaced by the figure that lies there, and its interval.

    Args:
        sentence: a path names keys from the top, divided by ``/``; ``*`` takes the first entry and a number a place of
            a list. Digits are those after the point, 3 unless given.
        document: what a benchmark wrote.
        bold: whether the figures (not their intervals) stand out.

    Raises:
        NoSuchFigureError: nothing, or no figure, lies at a path.
    """

    def replacement(match: re.Match[str]) -> str:
        value, interval = _look_up(match[1], document)
        digits = int(match[2] or 3)
        figure = f"**{_number(value, digits)}**" if bold else _number(value, digits)
        return figure + (f" [{', '.join(_number(end, digits) for end in interval)}]" if interval else "")

    return _PLACE.sub(replacement, sentence)


def _look_up(path: str, document: dict[str, Any]) -> tuple[float, list[float] | None]:
    """Return the figure at the path and its interval, in whichever of the benchmarks' forms they are written."""
    keys = path.split("/")
    parent: Any = None
    value: Any = document
    above: Any = None
    for key in keys:
        above, parent = parent, value
        try:
            if isinstance(parent, list):
                value = parent[int(key)]
            else:
                value = next(iter(parent.values())) if key == "*" else parent[key]
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, StopIteration) as error:
            raise NoSuchFigureError(f"there is nothing at {path}: {key} is missing") from error
    interval = None
    if isinstance(value, dict) and "value" in value:
        interval = value.get("interval") or [value[end] for end in ("low", "high") if end in value]
        value = value["value"]
    elif isinstance(value, list) and len(value) == 3:
        value, *interval = value
    else:
        # Benchmarks write intervals beside the figures, `shopsight status` beside the block that it calls metrics.
        owner = above if keys[-2:-1] == ["metrics"] else parent
        interval = owner.get("intervals", {}).get(keys[-1]) if isinstance(owner, dict) else None
    if not isinstance(value, int | float):
        raise NoSuchFigureError(f"what lies at {path} is no figure: {value!r}")
    return value, interval or None


def _number(value: float, digits: int) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"
