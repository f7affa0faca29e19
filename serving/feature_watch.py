"""What is seen of an online store from outside: how long a read takes, and whether it failed."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from serving.metrics import feature_metrics
from serving.tracing import span
from shopsight.errors import ShopsightError
from shopsight.feature_store import DatedFeatures

if TYPE_CHECKING:
    from serving.features import OnlineStore


class WatchedStore:
    """An online store whose reads are counted and timed, and have spans."""

    def __init__(self, store: "OnlineStore") -> None:
        self._store = store
        self._metrics = feature_metrics()

    def read_dated(
        self, service_or_view: str, rows: Sequence[Mapping[str, str]], *, key: str | None = None
    ) -> list[DatedFeatures]:
        """Read as the store does."""
        started = time.perf_counter()
        try:
            with span("read features", {"shopsight.feature_service": service_or_view, "shopsight.rows": len(rows)}):
                return self._store.read_dated(service_or_view, rows, key=key)
        except ShopsightError:
            self._metrics.failures.inc()
            raise
        finally:
            self._metrics.seconds.observe(time.perf_counter() - started)

    def written_otherwise(self, service: str) -> list[str]:
        """Say what the store does."""
        return self._store.written_otherwise(service)


def watched(open_store: "Callable[[], OnlineStore]") -> Callable[[], WatchedStore]:
    """Return what opens a store to be watched; that it cannot be opened is a failure, too."""

    def opened() -> WatchedStore:
        try:
            return WatchedStore(open_store())
        except ShopsightError:
            feature_metrics().failures.inc()
            raise

    return opened
