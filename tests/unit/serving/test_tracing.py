"""Spans of a service's requests: what they say, what they do not, and that there are none where nobody asked."""

import gzip
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from starlette.testclient import TestClient

from serving import tracing
from serving.recommender.composing import ListComposer
from shopsight.families import COLLECTOR, SERVICES, resolve
from shopsight.settings import REPO_ROOT, Settings

SECRET: Final = "maya.secret@example.test"
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT: Final = "00f067aa0ba902b7"
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")  # in BentoML itself
Serve = Callable[[], AbstractContextManager[TestClient]]


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Stands where spans would leave for another machine; the services switch BentoML's off as `make up` does."""
    exporter = InMemorySpanExporter()
    monkeypatch.setattr(tracing, "exporter_to", lambda _: exporter)
    monkeypatch.setenv("SHOPSIGHT_TRACES_ENDPOINT", "http://collector.test:4318/v1/traces")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    yield exporter
    tracing.stop()


def spans_of(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """Return what was made of one request, by name, once everything has been handed on."""
    tracing.stop()
    return {span.name: span for span in exporter.get_finished_spans()}


@pytest.fixture
def client(
    exporter: InMemorySpanExporter,
    recommender_folder: Path,
    tmp_path: Path,
    open_client: Callable[[str, Path, Path], AbstractContextManager[TestClient]],
) -> Iterator[TestClient]:
    assert exporter.get_finished_spans() == ()
    with open_client("recommender", recommender_folder, tmp_path) as client:
        yield client


def test_a_request_has_a_span_of_its_own_and_one_for_each_part(
    client: TestClient, exporter: InMemorySpanExporter
) -> None:
    client.get("/readyz")
    given = client.post("/v1/recommendations", json={"user_id": SECRET}).json()
    spans = spans_of(exporter)
    request = spans["POST /v1/recommendations"]
    assert request.kind is SpanKind.SERVER
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/recommendations",
        "http.response.status_code": 200,
        "shopsight.model.name": "recommender",
        "shopsight.model.version": "v0001",
        "shopsight.fallback": given["fallback"],
    }
    assert request.resource.attributes["service.name"] == "shopsight_recommender"
    model = spans["call the model"]
    assert model.parent is not None
    assert model.parent.span_id == request.get_span_context().span_id
    assert spans.keys() == {"POST /v1/recommendations", "call the model"}, "health and the warm-up have none"


def test_the_callers_trace_is_continued(client: TestClient, exporter: InMemorySpanExporter) -> None:
    client.get("/v1/models", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    span = spans_of(exporter)["GET /v1/models"]
    assert f"{span.get_span_context().trace_id:032x}" == TRACE
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT


def test_what_the_caller_does_not_sample_has_no_span(client: TestClient, exporter: InMemorySpanExporter) -> None:
    client.post("/v1/recommendations", json={}, headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert spans_of(exporter) == {}


def test_no_span_holds_anything_of_a_shopper_also_of_a_request_that_fails(
    client: TestClient, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError(SECRET)

    paths = (f"/v1/users/{SECRET}/recommendations", f"/v1/items/{SECRET}/similar", f"/{SECRET}?q={SECRET}")
    for path in paths:
        client.get(path, headers={"traceparent": SECRET, "baggage": f"user={SECRET}", "user-agent": SECRET})
    client.post("/v1/recommendations", json={"user_id": SECRET, "session_id": SECRET, "item_ids": [SECRET]})
    client.post("/v1/recommendations/batch", json={"requests": [{"user_id": SECRET}, {"placement": "trending"}]})
    client.request(SECRET.upper().replace("@", ""), "/v1/models")
    monkeypatch.setattr(ListComposer, "compose", fail)
    assert client.post("/v1/recommendations", json={"user_id": SECRET}).status_code == 500
    tracing.stop()
    spans = exporter.get_finished_spans()
    assert len(spans) > 8
    text = "\n".join(span.to_json() for span in spans).lower()
    assert SECRET.split("@")[0] not in text
    failed = [span for span in spans if (span.attributes or {}).get("http.response.status_code") == 500]
    assert [(span.status.status_code, span.events) for span in failed] == [(StatusCode.ERROR, ())]
    batch = next(span for span in spans if span.name.endswith("/batch"))
    assert (batch.attributes or {})["shopsight.fallback"] == "trending,none"


def test_the_collector_makes_spans_too(
    exporter: InMemorySpanExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPSIGHT_HOME", str(tmp_path))
    monkeypatch.setattr("serving.collector.service.settle_memory", lambda: None)  # this process has more to collect
    service = resolve(SERVICES[COLLECTOR].service)
    event = {"event_name": "page_view", "event_timestamp": "2026-05-01T11:59:00Z", "user_id": SECRET}
    with TestClient(service.to_asgi()) as client:
        assert client.post("/v1/events", json={"events": [event]}).status_code == 202
    (span,) = exporter.get_finished_spans()
    assert span.name == "POST /v1/events"
    assert span.resource.attributes["service.name"] == "shopsight_collector"
    assert SECRET not in span.to_json()


def test_a_read_of_features_has_a_span_below_its_request(exporter: InMemorySpanExporter, home: Settings) -> None:
    from serving.feature_watch import WatchedStore
    from shopsight.feature_store import OnlineStoreUnavailableError

    class Store:
        def read_dated(self, *_: Any, key: str | None = None) -> list[Any]:
            if key == "away":
                raise OnlineStoreUnavailableError(f"no {SECRET}", why=SECRET, fix="mend it")
            return []

        def written_otherwise(self, _: str) -> list[str]:
            return []

    class Answer:
        status = 200

    tracing.start(home.model_copy(update={"traces_endpoint": "http://collector.test"}), "churn", {})
    store = WatchedStore(Store())
    store.read_dated("churn_v1", [{"user_id": SECRET}], key="user_id")  # outside a request: no span
    with tracing.request_span("POST", "/v1/x", {}, Answer()):
        store.read_dated("churn_v1", [{"user_id": SECRET}], key="user_id")
        with pytest.raises(OnlineStoreUnavailableError):
            store.read_dated("churn_v1", [{"user_id": SECRET}], key="away")
    tracing.stop()
    first, second, _ = exporter.get_finished_spans()
    assert dict(first.attributes or {}) == {"shopsight.feature_service": "churn_v1", "shopsight.rows": 1}
    assert (second.attributes or {})["error.type"] == "OnlineStoreUnavailableError"
    assert (second.status.status_code, second.status.description, second.events) == (StatusCode.ERROR, None, ())
    assert SECRET not in "".join(span.to_json() for span in exporter.get_finished_spans())


def test_nothing_is_made_while_it_is_off(
    recommender_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_client: Callable[[str, Path, Path], AbstractContextManager[TestClient]],
) -> None:
    from opentelemetry.sdk.trace import TracerProvider

    monkeypatch.setattr(tracing, "exporter_to", lambda _: pytest.fail("nobody asked for spans"))
    monkeypatch.setattr(tracing.Tracing, "__init__", lambda *_: pytest.fail("nobody asked for spans"))
    monkeypatch.setattr(TracerProvider, "add_span_processor", lambda *_: pytest.fail("nobody asked for spans"))
    with open_client("recommender", recommender_folder, tmp_path) as client:
        assert client.post("/v1/recommendations", json={"user_id": "u"}).status_code == 200
        assert tracing.request_span("GET", "/v1/models", {}, _Answer()) is tracing.NOTHING
        assert tracing.span("call the model") is tracing.NOTHING
    assert not [thread for thread in threading.enumerate() if "OtelBatch" in thread.name]


class _Answer:
    status = 200


def test_an_endpoint_without_what_sends_spans_is_a_clear_error(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(tracing.NoExporterError) as refused:
        tracing.start(home.model_copy(update={"traces_endpoint": "http://collector.test:4318"}), "churn", {})
    assert "http://collector.test:4318" in refused.value.what
    assert "pip install 'shopsight[traces]'" in refused.value.fix


class Receiver(BaseHTTPRequestHandler):
    """Takes spans, as an OpenTelemetry Collector does."""

    received: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
        self.received.append((self.path, body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_spans_reach_a_receiver_by_otlp(
    recommender_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_client: Callable[[str, Path, Path], AbstractContextManager[TestClient]],
) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter", reason="the extra `traces`")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("SHOPSIGHT_TRACES_ENDPOINT", f"http://127.0.0.1:{server.server_port}/v1/traces")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    try:
        with open_client("recommender", recommender_folder, tmp_path) as client:
            assert client.post("/v1/recommendations", json={}).status_code == 200
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [path for path, _ in Receiver.received] == ["/v1/traces"]
    sent = ExportTraceServiceRequest.FromString(Receiver.received[0][1])
    spans = [span for resource in sent.resource_spans for scope in resource.scope_spans for span in scope.spans]
    assert {span.name for span in spans} == {"POST /v1/recommendations", "call the model"}


def test_a_receiver_that_is_away_costs_no_request_and_does_not_hold_up_the_end(
    recommender_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_client: Callable[[str, Path, Path], AbstractContextManager[TestClient]],
) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter", reason="the extra `traces`")
    monkeypatch.setenv("SHOPSIGHT_TRACES_ENDPOINT", "http://127.0.0.1:9/v1/traces")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setattr(tracing, "EXPORT_SECONDS", 0.5)
    with open_client("recommender", recommender_folder, tmp_path) as client:
        assert client.post("/v1/recommendations", json={}).status_code == 200
        began = time.monotonic()
    assert time.monotonic() - began < 4, "the service ends although nobody takes its last spans"


def test_the_variable_that_switches_bentomls_spans_off_stays_as_it_was(
    home: Settings, exporter: InMemorySpanExporter
) -> None:
    tracing.start(home.model_copy(update={"traces_endpoint": "http://collector.test"}), "churn", {})
    assert os.environ["OTEL_SDK_DISABLED"] == "true"
    assert exporter.get_finished_spans() == ()


def test_a_service_imports_nothing_of_opentelemetrys_sdk_for_it_while_it_is_off() -> None:
    program = "import sys, serving.tracing, serving.http.guard; print([n for n in sys.modules if 'opentelemetry' in n])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPO_ROOT, check=True)
    assert done.stdout.strip() == "[]"
