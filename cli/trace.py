"""``shopsight trace``: where an answer comes from, and what came after it."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from rich.markup import escape

from cli.console import out, print_json
from shopsight.settings import Settings

MAX_SHOWN = 8
"""Values of one list that are printed; ``--json`` prints all."""


def show_trace(answer_id: str, *, as_json: bool) -> None:
    """Print each link of an answer's origin, and its events.

    Raises:
        UnknownAnswerError: the prediction log has no such answer.
    """
    from serving.audit.events import around
    from serving.audit.trace import origin_of

    settings = Settings()
    origin = origin_of(settings, answer_id)
    started = time.perf_counter()
    links = {**origin.links, **around(settings, origin)}
    took = {"lookup_ms": _ms(origin.seconds), "events_ms": _ms(time.perf_counter() - started)}
    if as_json:
        print_json({"id": answer_id, **links, "took": took})
        return
    out.print(f"[bold]{answer_id}[/]")
    for name, link in links.items():
        lines = list(_lines(link))
        out.print(f"[bold]{name}[/]", *(escape(f"  {line}") for line in lines), sep="\n", soft_wrap=True)
    out.print(f"looked up in {took['lookup_ms']:g} ms, its events in {took['events_ms']:g} ms")


def _lines(value: Any, name: str = "") -> Iterator[str]:
    """Yield what a link says, a line each; what cannot be said gives its reason."""
    label = f"{name}: " if name else ""
    if isinstance(value, Mapping):
        if "not_said" in value:
            yield f"{label}not said: {value['not_said']}"
        for key, inner in value.items():
            if key != "not_said":
                yield from _lines(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value[:MAX_SHOWN], start=1):
            yield from _lines(one, f"{name} {number}")
        yield from ([f"{label}and {len(value) - MAX_SHOWN} more"] if len(value) > MAX_SHOWN else [])
    elif isinstance(value, list):
        text = ", ".join(map(str, value[:MAX_SHOWN])) or "none"
        yield f"{label}{text}" + (f" and {len(value) - MAX_SHOWN} more" if len(value) > MAX_SHOWN else "")
    else:
        yield f"{label}{value}"


def _ms(seconds: float) -> float:
    return round(1_000 * seconds, 1)
