"""What the three services have in common where BentoML and FastAPI meet."""

import functools
import gc
import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import bentoml
import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from serving.answers import ProblemDocument
from serving.features import FeatureReader, OnlineStore
from serving.http.problems import MEDIA_TYPE, ProblemError, invalid_request
from serving.prediction_log import PredictionLog
from serving.served_model import ALIAS, ServedModel
from shopsight.feature_store import OnlineFeatures
from shopsight.privacy import Pseudonymiser
from shopsight.settings import Settings

SERVICE_OPTIONS: Final[dict[str, Any]] = {
    "workers": 1,
    "threads": 8,
    "traffic": {"timeout": 30},  # the guard's own limit of ten seconds comes first, and answers with a problem
    "logging": {"access": {"enabled": False}},
    # Four spans a request, 1 ms, that nothing collects; set it to false in the environment where something does.
    "envs": [{"name": "OTEL_SDK_DISABLED", "value": "true"}],
}

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }
    for status, text in {
        400: "Not JSON, or nested too deep",
        413: "Larger than the limit",
        422: "Not a valid request",
        429: "Busy; Retry-After says when to ask again",
        503: "Too slow or stopping; Retry-After says when to ask again",
    }.items()
} | {"default": {"description": "Any other error", "model": ProblemDocument}}
"""The errors of every route, for the interface's description."""


class JsonAnswer(Response):
    """An answer that is already what JSON has: written by orjson, unchecked by pydantic."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return ``content`` as JSON; NumPy numbers are numbers."""
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def new_app(title: str) -> FastAPI:
    """Return the app that a service mounts at ``/v1``: every error it knows becomes a problem document.

    Its own documentation pages are off: they load their script from outside; BentoML's Swagger page does not.
    """
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None, default_response_class=JsonAnswer)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        return problem_answer(invalid_request(error.errors()))

    @app.exception_handler(ProblemError)
    async def _problem(_: Request, problem: ProblemError) -> Response:
        return problem_answer(problem)

    return app


def problem_answer(problem: ProblemError) -> Response:
    """Return ``problem`` as an answer; the guard adds the request id."""
    return Response(problem.body(), status_code=problem.status, headers=problem.headers())


def or_problem(answer: Callable[[], dict[str, Any]]) -> Any:
    """Return what ``answer`` returns; a :class:`ProblemError` becomes an answer of its own.

    BentoML's native routes would make a 500 of an exception they do not know.
    """
    try:
        return answer()
    except ProblemError as problem:
        return problem_answer(problem)


def champion() -> ServedModel:
    """Return the one model of the Bento that this process serves."""
    return ServedModel.read(Path(bentoml.models.get(ALIAS).path))


def open_features(settings: Settings, *views: str) -> FeatureReader:
    """Return a reader of ``views``, warmed up; where the store is not there yet, requests are answered without it."""

    def open_store() -> OnlineStore:
        return OnlineFeatures(settings)

    reader = FeatureReader(open_store, Pseudonymiser.from_settings(settings))
    reader.open(*views)
    return reader


def open_prediction_log(settings: Settings, family: str) -> PredictionLog:
    """Return the family's prediction log; rows that it loses are counted at ``/metrics``."""
    return PredictionLog(settings.predictions_dir / family, on_lost=lost_rows_counter().labels(family).inc)


@functools.cache
def lost_rows_counter() -> Any:
    """Return the counter of rows that prediction logs lost, one per process."""
    # Imported here: BentoML sets up the metrics of its workers after it has imported the service.
    from prometheus_client import Counter

    return Counter("shopsight_prediction_log_rows_lost", "Answers that the prediction log lacks.", ["family"])


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


def utc_now() -> datetime:
    """Return the time, for answers' rows in the prediction log."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return an id that was never given before."""
    return uuid.uuid4().hex


def service_notes() -> Sequence[str]:
    """Return what ``/readyz`` should tell an operator about the service that this process serves."""
    notes: Sequence[str] = bentoml.get_current_service().notes()
    return notes


def notes_of(log: PredictionLog, features: FeatureReader | None = None) -> list[str]:
    """Return what is missing while the service goes on without it."""
    notes = []
    if log.failure is not None or log.rows_lost:
        notes.append(f"prediction log: {log.rows_lost} rows lost; last failure: {log.failure or 'mended'}")
    if features is not None and features.failure is not None:
        notes.append(f"online features: {features.failure}")
    return notes
