"""Every name that a service has at ``/metrics``; docs/observability.md promises that they stay.

They are in a registry of our own, so that what a service shows is what stands here. BentoML's own are switched off:
they have the path of each request as a label, with the ids of shoppers in it, and keep it until the process ends.

``prometheus_client`` is imported on first use: while it is imported it looks where values are to be kept, and BentoML
says so after it has imported the service.
"""

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response

from serving.http.crowd import CROWD

if TYPE_CHECKING:  # a service that has a model carries no collector
    import os

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

    from shopsight.ingestion.collecting.group_commit import Committed

SECONDS: Final = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 10.0)
"""Bounds of the buckets for times: close together where answers are, up to the ten seconds that one may take."""
GROUP_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)
NO_FALLBACK: Final = "none"


@functools.cache
def registry() -> "CollectorRegistry":
    """Return the registry of this process, which serves one service."""
    import prometheus_client

    # A second row for each would say when it was first counted.
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    own = prometheus_client.CollectorRegistry()
    prometheus_client.ProcessCollector(registry=own)
    return own


def metrics_page(_: Request) -> Response:
    """Answer ``/metrics``."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return Response(generate_latest(registry()), headers={"content-type": CONTENT_TYPE_LATEST})


class HttpMetrics:
    """Of every service."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        to: dict[str, Any] = {"registry": registry()}
        self.requests = Counter(
            "shopsight_http_requests",
            "Requests that the guard let in or refused, by route and class of status; none: nobody waited any more.",
            ["route", "status"],
            **to,
        )
        self.seconds = Histogram(
            "shopsight_http_request_duration_seconds",
            "Time from a whole request to its answer, of requests that were not refused.",
            ["route"],
            buckets=SECONDS,
            **to,
        )
        self.refused = Counter(
            "shopsight_http_refused",
            "Requests refused before anything was asked of the service, by where that was and the code of the answer.",
            ["where", "reason"],
            **to,
        )
        in_flight = Gauge("shopsight_http_requests_in_flight", "Requests that are worked on.", **to)
        in_flight.set_function(lambda: CROWD.size)


class FamilyMetrics:
    """Of a service that has a model."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge

        from serving.releases.shown import ReleaseCollector  # the collector of events has no releases

        to: dict[str, Any] = {"registry": registry()}
        self.model = Gauge(
            "shopsight_model_info",
            "1 for the model that serves; baseline names the one that stands in for a model, or is empty.",
            ["family", "version", "baseline"],
            **to,
        )
        self.answers = Counter(
            "shopsight_answers",
            "Lists, predictions and labels given, by what stood in for the whole model; none: nothing did.",
            ["family", "fallback"],
            **to,
        )
        self.rows = Counter("shopsight_prediction_log_rows", "Rows written to the prediction log.", ["family"], **to)
        self.rows_lost = Counter(
            "shopsight_prediction_log_rows_lost", "Answers that the prediction log lacks.", ["family"], **to
        )
        self.releases = ReleaseCollector()
        registry().register(self.releases)

    def count_row(self, family: str, row: Mapping[str, Any], *, written: bool) -> None:
        """Count an answer by the row that it leaves in the prediction log, ``written`` or not."""
        for fallback in fallbacks_of(row):
            self.answers.labels(family, fallback).inc()
        if written:
            self.rows.labels(family).inc()


class FeatureMetrics:
    """Of a service that reads online features."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        to: dict[str, Any] = {"registry": registry()}
        self.up = Gauge("shopsight_feature_store_up", "1 while the online features can be read, or else 0.", **to)
        self.failures = Counter("shopsight_feature_store_failures", "Reads of online features that failed.", **to)
        self.seconds = Histogram(
            "shopsight_feature_read_seconds", "Time of a read of online features.", buckets=SECONDS, **to
        )
        self.data_end = Gauge(
            "shopsight_features_data_end_timestamp_seconds",
            "Last moment that the online features describe, in seconds since 1970; NaN where that is not noted.",
            **to,
        )

    def watch(self, *, up: Callable[[], bool], data_end: Callable[[], datetime | None]) -> None:
        """Ask these whenever somebody looks."""
        self.up.set_function(up)
        self.data_end.set_function(lambda: _seconds_of(data_end))


def _seconds_of(moment: Callable[[], datetime | None]) -> float:
    """Return a moment in seconds since 1970, or NaN where it is not known: the other metrics are shown all the same."""
    try:
        end = moment()
    except (OSError, ValueError, KeyError):
        end = None
    return end.timestamp() if end is not None else float("nan")


class CollectorMetrics:
    """Of the collector; a :class:`~shopsight.ingestion.collecting.group_commit.CommitReport`."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        to: dict[str, Any] = {"registry": registry()}
        self.events = Counter(
            "shopsight_collector_events", "Events that are kept: accepted, duplicate or rejected.", ["outcome"], **to
        )
        self.items = Counter("shopsight_collector_items", "Rows of the catalogue that are kept.", **to)
        self.group_events = Histogram(
            "shopsight_collector_group_events", "Events that share one write to disk.", buckets=GROUP_SIZES, **to
        )
        self.write_seconds = Histogram(
            "shopsight_collector_write_seconds",
            "Time to have a group on disk (write and fsync), or acknowledged by the event stream.",
            buckets=SECONDS,
            **to,
        )
        self.write_failures = Counter("shopsight_collector_write_failures", "Groups that could not be written.", **to)
        self.following = Gauge(
            "shopsight_collector_following", "1 while online features move with accepted events, or else 0.", **to
        )
        self.left_out = Gauge(
            "shopsight_collector_following_left_out",
            "Events since the start whose features move with the next materialisation only.",
            **to,
        )
        self._journal = _Journal()
        registry().register(self._journal)

    def watch(
        self,
        *,
        segments: "Callable[[], Mapping[str, Sequence[os.stat_result]]]",
        following: Callable[[], bool],
        left_out: Callable[[], int],
    ) -> None:
        """Ask for the journal's segments, by their state, and for what follows events, whenever somebody looks."""
        self._journal.segments = segments
        self.following.set_function(following)
        self.left_out.set_function(left_out)

    def wrote(self, committed: "Committed") -> None:
        """Count a group that is on disk."""
        counts = {"accepted": committed.accepted, "duplicate": committed.duplicates, "rejected": committed.rejected}
        for outcome, count in counts.items():
            self.events.labels(outcome).inc(count)
        self.items.inc(committed.items)
        self.group_events.observe(sum(counts.values()))
        self.write_seconds.observe(committed.seconds)

    def failed(self) -> None:
        """Count a group that could not be written."""
        self.write_failures.inc()


class _Journal:
    """Looks at the journal's segments whenever somebody looks at the metrics."""

    STATES: Final = ("open", "sealed", "damaged")

    def __init__(self) -> None:
        self.segments: Callable[[], Mapping[str, Sequence[os.stat_result]]] = dict  # none yet

    def collect(self) -> "Iterable[GaugeMetricFamily]":
        """Return how much of each kind is there."""
        from prometheus_client.core import GaugeMetricFamily

        segments = self.segments()
        counts = GaugeMetricFamily(
            "shopsight_collector_segments",
            "Segments of the journal: open is written, sealed waits to land, damaged was set aside.",
            labels=["state"],
        )
        sizes = GaugeMetricFamily("shopsight_collector_segment_bytes", "Size of these segments.", labels=["state"])
        for state in self.STATES:
            counts.add_metric([state], len(segments.get(state, ())))
            sizes.add_metric([state], sum(one.st_size for one in segments.get(state, ())))
        waiting = GaugeMetricFamily(
            "shopsight_collector_waiting_seconds",
            "How long the segment has waited that has waited longest to land; 0 where none does.",
        )
        oldest = min((one.st_mtime for one in segments.get("sealed", ())), default=None)
        waiting.add_metric([], 0.0 if oldest is None else max(0.0, time.time() - oldest))
        return [counts, sizes, waiting]


http_metrics: Final = functools.cache(HttpMetrics)
family_metrics: Final = functools.cache(FamilyMetrics)
feature_metrics: Final = functools.cache(FeatureMetrics)
collector_metrics: Final = functools.cache(CollectorMetrics)


def fallbacks_of(row: Mapping[str, Any]) -> list[str]:
    """Return what stood in for the model in each element of an answer, by its row of the prediction log."""
    if "fallback" in row:
        return [row["fallback"] or NO_FALLBACK]
    return [fallback or NO_FALLBACK for fallback in row.get("fallbacks", [None] * len(row.get("results", ())))]
