"""OpenTelemetry spans: of a request, of each read of features in it, and of each call of the model.

They are made where ``SHOPSIGHT_TRACES_ENDPOINT`` says where to send them, and nowhere else. A span names the route by
its template, the status, the model and what stood in for it; never an address, an id, a text, or the words of an
exception, which may quote one. BentoML's own spans have the address of each request, and stay off.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from serving.http.headers import HEALTH_PATHS, method_name
from shopsight.errors import ShopsightError
from shopsight.settings import Settings, without_variable

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

NOTHING: Final[AbstractContextManager[None]] = nullcontext()
"""The span of a process that makes none."""
EXPORT_SECONDS: Final = 5.0
"""Longest wait for who takes the spans; a service that ends waits for them so long."""
CARRIED: Final = ("traceparent", "tracestate")


class NoExporterError(ShopsightError):
    """Spans are to be sent somewhere, and what sends them is not installed."""


class Answered(Protocol):
    """An answer, as a span is interested in it."""

    status: int


class Tracing:
    """Makes spans and hands them on."""

    def __init__(self, provider: "TracerProvider", attributes: Mapping[str, str]) -> None:
        """Begin; each request's span has the ``attributes``."""
        self.provider = provider
        self._attributes = attributes
        self._tracer = provider.get_tracer("shopsight")

    @contextmanager
    def request(self, method: str, route: str, headers: Mapping[bytes, bytes], answer: Answered) -> Iterator[None]:
        """Make the span of a request, below the caller's where it names one."""
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        sent = {name: headers[name.encode()].decode("latin-1") for name in CARRIED if name.encode() in headers}
        name = method_name(method)
        with self._tracer.start_as_current_span(
            f"{name} {route}",
            context=TraceContextTextMapPropagator().extract(sent, context=Context()),
            kind=SpanKind.SERVER,
            attributes={**self._attributes, "http.request.method": name, "http.route": route},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            finally:
                span.set_attribute("http.response.status_code", answer.status)
                if answer.status >= 500:
                    span.set_status(StatusCode.ERROR)

    @contextmanager
    def part(self, name: str, attributes: Mapping[str, str | int]) -> Iterator[None]:
        """Make the span of a part of the present request."""
        from opentelemetry.trace import StatusCode

        with self._tracer.start_as_current_span(
            name, attributes=dict(attributes), record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


_tracing: Tracing | None = None


def start(settings: Settings, service: str, attributes: Mapping[str, str]) -> None:
    """Make spans from now on, where the settings say where they go.

    Args:
        settings: name the place.
        service: which service this process is.
        attributes: of each request's span.

    Raises:
        NoExporterError: what sends them is not installed.
    """
    global _tracing  # one per process, as in OpenTelemetry itself
    if not settings.traces_endpoint:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = exporter_to(settings.traces_endpoint)
    # The variable switches BentoML's spans off, and is looked at while a provider is made.
    with without_variable("OTEL_SDK_DISABLED"):
        provider = TracerProvider(resource=Resource.create({"service.name": f"shopsight_{service}"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracing = Tracing(provider, attributes)


def exporter_to(endpoint: str) -> "SpanExporter":
    """Return what sends spans by OTLP over HTTP.

    Raises:
        NoExporterError: it is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise NoExporterError(
            f"no spans can be sent to {endpoint}",
            why="the package opentelemetry-exporter-otlp-proto-http is not installed",
            fix="install shopsight with the extra `traces` (pip install 'shopsight[traces]'), "
            "or leave SHOPSIGHT_TRACES_ENDPOINT empty",
        ) from error
    exporter: SpanExporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)
    return exporter


def stop() -> None:
    """Hand on what was made, and make no more."""
    global _tracing
    tracing, _tracing = _tracing, None
    if tracing is not None:
        tracing.provider.shutdown()


def request_span(
    method: str, route: str, headers: Mapping[bytes, bytes], answer: Answered
) -> AbstractContextManager[None]:
    """Return the span of a request: its route by the template, and its status from the ``answer``."""
    if _tracing is None or route in HEALTH_PATHS:
        return NOTHING
    return _tracing.request(method, route, headers, answer)


def span(name: str, attributes: Mapping[str, str | int] = MappingProxyType({})) -> AbstractContextManager[None]:
    """Return the span of a part of the present request; outside one, and of one that is not sampled, nothing."""
    if _tracing is None:
        return NOTHING
    from opentelemetry.trace import get_current_span

    return _tracing.part(name, attributes) if get_current_span().is_recording() else NOTHING


def note_fallbacks(fallbacks: Sequence[str]) -> None:
    """Write what stood in for the model into the present request's span; those of a batch with commas between them."""
    if _tracing is None:
        return
    from opentelemetry.trace import get_current_span

    present = get_current_span()
    if present.is_recording():
        before = (getattr(present, "attributes", None) or {}).get("shopsight.fallback", "")
        names = dict.fromkeys([*filter(None, str(before).split(",")), *fallbacks])
        present.set_attribute("shopsight.fallback", ",".join(names))
