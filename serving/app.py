"""What the services have in common where BentoML and FastAPI meet."""

import gc
import json
import logging
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import anyio.to_thread
import bentoml
import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving import tracing
from serving.features import FeatureReader, feature_reader
from serving.http.access import Addresses
from serving.http.connection import serve_connections
from serving.http.draining import DRAINING, running_server
from serving.http.guard import RequestGuard
from serving.http.handover import Handover, port_is_kept
from serving.http.problems import ProblemError, invalid_request
from serving.http.warm_up import Ask, WarmUp, require_whole
from serving.interface import pages
from serving.metrics import fallbacks_of, family_metrics, feature_metrics, metrics_page
from serving.packaging.signing import trusted_key
from serving.prediction_log import PredictionLog
from serving.releases.splitter import released
from serving.running.states import note_on
from serving.schemas import Models
from serving.served_model import ALIAS, ServedModel
from shopsight import __version__
from shopsight.api_keys import require_keys
from shopsight.clock import utc_now
from shopsight.families import SHOPPER, Family
from shopsight.logs import log_as
from shopsight.parent import end_with_parent
from shopsight.settings import REPO_ROOT, Settings

THREADS: Final = 2
"""Requests that are worked on at once: one in a library that lets go of Python's lock while the other runs Python. With
the forty that are usual, sixteen clients got 0.7 times as many answers a second, for threads waited for the lock."""

SERVICE_OPTIONS: Final[dict[str, Any]] = {
    "workers": 1,
    "threads": THREADS,
    "traffic": {"timeout": 30},  # the guard's own limit of ten seconds comes first, and answers with a problem
    "logging": {"access": {"enabled": False}},
    "metrics": {"enabled": False},  # they keep the address of each request, with its ids; ours stand in their place
    # Four spans a request, 1 ms, each with the request's address; serving.tracing makes spans without it.
    "tracing": {"excluded_urls": "."},
    "envs": [{"name": "OTEL_SDK_DISABLED", "value": "true"}],
}


class JsonAnswer(JSONResponse):
    """An answer that is already what JSON has: written by orjson, unchecked by pydantic.

    Of a subclass of ``JSONResponse`` alone FastAPI describes the answer's schema.
    """

    def render(self, content: Any) -> bytes:
        """Return ``content`` as JSON; NumPy numbers are numbers."""
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def family_app(family: Family) -> FastAPI:
    """Return the app that a family's service mounts at ``/v1``: it describes its model at ``/models``."""
    app = service_app(family.title)

    @app.get("/models", response_model=Models, tags=["Models"])
    def models() -> Response:
        """Describe the model that answers."""
        return JsonAnswer({"models": [current_desk().model.description()]})

    return app


def service_app(title: str) -> FastAPI:
    """Return the app that a service mounts at ``/v1``.

    Every error it knows becomes a problem document. Its own documentation pages are off: they load their script from
    outside; :mod:`serving.interface` has one that does not.
    """
    app = FastAPI(
        title=title,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        default_response_class=JsonAnswer,
        generate_unique_id_function=lambda route: route.name,  # what a generated client calls its functions
    )

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        return problem_answer(invalid_request(error.errors()))

    @app.exception_handler(ProblemError)
    async def _problem(_: Request, problem: ProblemError) -> Response:
        return problem_answer(problem)

    return app


class FamilyService(ABC):
    """The half of a service that is the same for every family; the other half is its desk and its routes.

    A subclass says its family, opens its desk and is made a BentoML service; :func:`guarded` then puts the request
    guard around it.
    """

    family: ClassVar[Family]

    def __init__(self) -> None:
        self.settings = Settings()
        self.handover = settle_server(self.settings, self.family.name)
        self.model = champion()
        show_model(self.settings, self.model)
        self.log = open_prediction_log(self.settings, self.model)
        self.features: FeatureReader | None = None
        """Of a service that reads none it stays None."""
        self.desk = self.open_desk()
        if (features := self.features) is not None:
            feature_metrics().watch(up=lambda: features.failure is None, data_end=lambda: features.data_end)

    @abstractmethod
    def open_desk(self) -> Any:
        """Return what answers the requests, with the model loaded."""

    def open_features(self) -> FeatureReader:
        """Return a reader of the family's feature service, warmed up; while the store is away it answers nothing."""
        self.features = feature_reader(self.settings)
        self.features.open(self.family.feature_service)
        return self.features

    def warm_up_requests(self) -> list[dict[str, Any]]:
        """Return bodies of requests to the family's route that the model itself has to answer."""
        body = json.dumps(self.family.example).replace(json.dumps(SHOPPER), json.dumps("warm-up"))
        return [json.loads(body)] * 3  # the first one loads what is loaded on first use

    async def rehearse(self, ask: Ask) -> None:
        """Answer requests of its own, before the service listens; the prediction log does not have them.

        Raises:
            WarmUpFailedError: an answer is an error, or not the model's.
        """
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        with self.log.silent():
            for body in self.warm_up_requests():
                require_whole(await ask(self.family.route, body), self.model.name_and_version)
        settle_memory()

    def notes(self) -> list[str]:
        """Return what is missing while the service goes on without it, for ``/readyz``."""
        notes = [note] if (note := note_on(self.settings, self.family.name)) else []
        if (amiss := self.log.note) is not None:
            notes.append(f"prediction log: {amiss}")
        if self.features is not None:
            # In a thread: a store that hangs must not hold up the requests, which are answered without it.
            looking = threading.Thread(target=self.features.look, args=(self.family.feature_service,), daemon=True)
            looking.start()
            looking.join(0.2)
            notes += self.features.notes(utc_now())
        return notes

    async def __is_ready__(self) -> bool:
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Make the prediction log durable, and hand on the last spans."""
        self.log.close()
        tracing.stop()


def settle_server(settings: Settings, name: str) -> Handover | None:
    """Have the server that runs in this process, if any, drain, read connections, log and end as every service does.

    Args:
        settings: of the home.
        name: the service's, under which it logs.

    Returns:
        This process's end of the line to whoever keeps its port; None where nobody does.

    Raises:
        ShopsightError: the address is one that other machines reach, and there are no API keys.
    """
    keep_requests_out_of_the_log()
    require_keys(settings)
    server = running_server()
    if server is None:
        return None
    log_as(settings, name)
    DRAINING.watch(server, port_is_kept=port_is_kept())
    serve_connections(server)
    end_with_parent()  # a worker whose keeper was killed would hold the port and serve on, unsupervised
    return Handover(server, DRAINING) if port_is_kept() else None


def guarded(
    service: Any,
    *,
    beside: Sequence[Route] = (),
    keyless: Sequence[str] = (),
    writes: Sequence[str] = (),
    reads: Sequence[str] = (),
    profiles: re.Pattern[str] | None = None,
    uploads: Mapping[str, int] | None = None,
) -> None:
    """Put the request guard around everything that a service answers, and its description beside it.

    Args:
        service: a BentoML service; of a family's, the family's route and BentoML's own take the scope ``read``.
        beside: further pages of it, which are not in the description.
        keyless: addresses that are answered without an API key, each with all below it.
        writes: addresses that take the scope ``write`` beside :data:`serving.http.access.WRITES`.
        reads: addresses that take the scope ``read`` by POST, beside the family's.
        profiles: what an address is like that takes the scope ``profiles``.
        uploads: addresses whose bodies are files, and how many bytes each takes.
    """
    family: Family | None = getattr(service.inner, "family", None)
    of_service = [api.route for api in service.apis.values()] + ([family.route] if family else [])
    addresses = Addresses(
        keyless=keyless, writes=writes, reads=[*reads, *of_service], profiles=profiles, uploads=uploads or {}
    )
    service.mount_asgi_app(pages(service, addresses, (Route("/metrics", metrics_page), *beside)))
    service.add_asgi_middleware(RequestGuard, notes=lambda: bentoml.get_current_service().notes(), addresses=addresses)
    if family is not None:
        version = lambda: bentoml.get_current_service().model.version  # noqa: E731 - known once the service has started
        service.add_asgi_middleware(released, family=family.name, version=version)
        # Inside the guard: its own requests need neither a place in the crowd nor anybody's leave.
        service.add_asgi_middleware(WarmUp, rehearse=lambda ask: bentoml.get_current_service().rehearse(ask))


def current_desk() -> Any:
    """Return the desk of the service that this process serves.

    Routes are plain functions that call this: BentoML would give a method its service by one more walk through a
    thread, 0.5 ms a request.
    """
    return bentoml.get_current_service().desk


async def answered(work: Callable[[], Mapping[str, Any]]) -> Response:
    """Return what ``work`` answers, made between two turns of the event loop where it waits for no other machine.

    An answer takes a millisecond or two. Handed to a thread, it takes as long again while sixteen clients ask, for two
    threads take Python's lock from each other. An online store elsewhere can let a request wait for a second; that is a
    thread's wait.
    """
    if bentoml.get_current_service().settings.online_store_is_local:
        return JsonAnswer(work())
    return JsonAnswer(await anyio.to_thread.run_sync(work))


def problem_answer(problem: ProblemError) -> Response:
    """Return ``problem`` as an answer; the guard adds the request id."""
    return Response(problem.body(), status_code=problem.status, headers=problem.headers())


def or_problem(answer: Callable[[], Mapping[str, object]]) -> Any:
    """Return what ``answer`` returns; a :class:`ProblemError` becomes an answer of its own.

    BentoML's native routes would make a 500 of an exception they do not know.
    """
    try:
        return answer()
    except ProblemError as problem:
        return problem_answer(problem)


def champion() -> ServedModel:
    """Return the one model of the Bento that this process serves.

    Raises:
        BentoSignatureError: its signature does not hold by the public key of the setting or of the home.
        ArtefactChangedError: a file of it is not what was registered.
    """
    return ServedModel.read(Path(bentoml.models.get(ALIAS).path), key=trusted_key(Settings()))


def open_prediction_log(settings: Settings, model: ServedModel) -> PredictionLog:
    """Return the family's prediction log; its rows, and those that it loses, are counted at ``/metrics``.

    Each row says how far the registry's journal had come, so that a journal cut short later is noticed, and which Bento
    and which version of the code answered.
    """
    head = settings.journal_head or str(model.journal or "")
    metrics = family_metrics()

    def count(row: Mapping[str, Any], written: bool) -> None:
        metrics.count_row(model.family, row, written=written)
        tracing.note_fallbacks(fallbacks_of(row))

    return PredictionLog(
        settings.predictions_dir / model.family,
        stamp={"journal": head, "bento": bento_tag(), "code": __version__},
        on_row=count,
        on_lost=metrics.rows_lost.labels(model.family).inc,
    )


def bento_tag() -> str | None:
    """Return the tag of the Bento that this code runs from; None of code that lies in no Bento."""
    folder = REPO_ROOT.parent
    return f"{folder.parent.name}:{folder.name}" if (folder / "bento.yaml").is_file() else None


def show_model(settings: Settings, model: ServedModel) -> None:
    """Name the model at ``/metrics`` and in spans, where the settings have some made."""
    family_metrics().model.labels(model.family, model.version, model.baseline or "").set(1)
    family_metrics().releases.watch(settings, model.family)
    attributes = {"shopsight.model.name": model.family, "shopsight.model.version": model.version}
    if model.baseline is not None:
        attributes["shopsight.model.baseline"] = model.baseline
    tracing.start(settings, model.family, attributes)


class _WithoutRequests(logging.Filter):
    """Keeps what clients sent out of the log: BentoML writes invalid requests there in full, ids and texts included."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is None or not isinstance(record.exc_info[1], ValidationError)


def keep_requests_out_of_the_log() -> None:
    """Silence BentoML's tracebacks of invalid requests; their sender gets a problem document."""
    logging.getLogger("bentoml._internal.server.http_app").addFilter(_WithoutRequests())


def settle_memory() -> None:
    """Take the loaded model out of the garbage collector's sight.

    Its full collections are pauses of 70 to 170 ms: with this, one client's p99 went from 60-155 ms to 2.4 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
