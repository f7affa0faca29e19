"""A family's release at ``/metrics``: read from the files of `up` and of the service whenever somebody looks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from serving.releases.orders import order_path, read_order, read_seen
from shopsight.settings import Settings

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

OUTCOMES = ("answers", "failed", "slow", "empty", "fallback")


class ReleaseCollector:
    """Says what is under release, and what was counted in its step; nothing before :meth:`watch`."""

    def __init__(self) -> None:
        self._of: tuple[Settings, str] | None = None

    def watch(self, settings: Settings, family: str) -> None:
        """Look at the releases of a family from now on."""
        self._of = settings, family

    def collect(self) -> "Iterable[GaugeMetricFamily]":
        """Return the metrics; without rows where nothing is under release."""
        from prometheus_client.core import GaugeMetricFamily

        info = GaugeMetricFamily(
            "shopsight_release_info",
            "1 for the version under release; step is shadow, canary, or champion while it is watched.",
            labels=["family", "version", "step"],
        )
        answers = GaugeMetricFamily(
            "shopsight_release_answers",
            "Answers of the step so far, of the version and of the champion: all of them, and those that were bad.",
            labels=["family", "version", "side", "outcome"],
        )
        if self._of is not None:
            settings, family = self._of
            order = read_order(order_path(settings, family))
            if order is not None:
                info.add_metric([family, order.version, order.stage], 1)
                seen = read_seen(settings, family, order.record)
                for side in ("candidate", "champion") if seen is not None else ():
                    for outcome in OUTCOMES:
                        count = getattr(getattr(seen, side), outcome)
                        answers.add_metric([family, order.version, side, outcome], count)
        return [info, answers]
