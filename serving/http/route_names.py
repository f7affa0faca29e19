"""What an address is called where its ids must not stand: by the template of its route."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from starlette.routing import BaseRoute, Mount

OTHER: Final = "other"
"""An address that no route has."""


class RouteNames:
    """The routes of an ASGI app, and of all that is mounted in it, by their templates."""

    def __init__(self) -> None:
        self._plain: frozenset[str] | None = None
        self._patterns: list[tuple[re.Pattern[str], str]] = []

    def name_of(self, scope: Mapping[str, Any]) -> str:
        """Return the template of a request's route, such as ``/v1/items/{item_id}/similar``.

        It does not look at the method, and works for a request that no router has seen.
        """
        if self._plain is None:
            app = scope.get("app")
            if app is None:
                return OTHER
            self._take_up(app.routes)
            assert self._plain is not None
        path: str = scope["path"]
        if path in self._plain:
            return path
        return next((template for pattern, template in self._patterns if pattern.match(path)), OTHER)

    def _take_up(self, routes: Iterable[BaseRoute]) -> None:
        templates = dict(_templates(routes, ""))
        self._plain = frozenset(template for template in templates if "{" not in template)
        self._patterns = [(pattern, template) for template, pattern in templates.items() if pattern is not None]


def _templates(routes: Iterable[BaseRoute], below: str) -> Iterator[tuple[str, re.Pattern[str] | None]]:
    """Yield the template of each route, with the pattern of one that has parameters or stands for all below it."""
    for route in routes:
        if isinstance(route, Mount):
            if route.routes:
                yield from _templates(route.routes, below + route.path)
            elif route.path:
                yield below + route.path, re.compile(re.escape(f"{below}{route.path}/"))
        elif (template := getattr(route, "path_format", None)) is not None:
            pattern = _after(below, getattr(route, "path_regex")) if "{" in template else None  # noqa: B009 - of two types
            yield below + template, pattern


def _after(below: str, pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(f"^{re.escape(below)}{pattern.pattern.removeprefix('^')}")
