"""Counts the requests of a service and, where somebody wants it, writes a line for each."""

import logging
from typing import TYPE_CHECKING, Final

from serving.http.headers import method_name
from serving.metrics import http_metrics

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

LOGGER: Final = logging.getLogger("shopsight.requests")
NO_ANSWER: Final = "none"
"""The status where nobody waited for one any more."""


class Traffic:
    """The requests that reach a guard."""

    def __init__(self) -> None:
        self._metrics = http_metrics()
        # Looked up by prometheus_client each time, the two would cost three times as much.
        self._requests: dict[tuple[str, int], Counter] = {}
        self._seconds: dict[str, Histogram] = {}

    def answered(self, route: str, status: int, seconds: float | None) -> None:
        """Count a request.

        Args:
            route: its template.
            status: of the answer, or 0 where nobody waited for one.
            seconds: what the answer took; None where the request was refused.
        """
        # The class is counted, not the status: five rows of a route, not twenty.
        kind = status // 100
        counter = self._requests.get((route, kind))
        if counter is None:
            counter = self._metrics.requests.labels(route, f"{kind}xx" if status else NO_ANSWER)
            self._requests[route, kind] = counter
        counter.inc()
        if seconds is not None:
            times = self._seconds.get(route)
            if times is None:
                times = self._seconds[route] = self._metrics.seconds.labels(route)
            times.observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a request that the guard refused; ``reason`` is the code of its problem."""
        self._metrics.refused.labels("guard", reason).inc()


def refused_in_the_connection(reason: str) -> None:
    """Count a request that its connection refused; ``reason`` is the code of its problem."""
    http_metrics().refused.labels("connection", reason).inc()


def log_request(method: str, route: str, status: int, seconds: float) -> None:
    """Write a line about a request: no address, for an id may stand in it, and no other text of the client's."""
    name = method_name(method)
    milliseconds = round(seconds * 1000, 1)
    fields = {"method": name, "route": route, "status": status, "milliseconds": milliseconds}
    LOGGER.info("%s %s %d in %.1f ms", name, route, status, milliseconds, extra={"fields": fields})
