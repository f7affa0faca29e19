"""What a long-running process logs: lines for people, or JSON for programs; without what clients sent.

Messages of our own are written with care. Those of libraries may quote a request: of a warning or an error of theirs
the numbers stay and the texts go. The words of an exception may quote one, too, so a traceback has its types and
places, and the words of our own errors and of the operating system's alone.
"""

import contextlib
import logging
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import IO, Any, Final

import orjson

from shopsight.errors import ShopsightError
from shopsight.settings import Settings

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The request that is worked on, where one is."""
OWN: Final = ("shopsight", "serving", "models", "orchestration", "cli", "opentelemetry")
"""First words of the loggers whose messages hold nothing of a request: ours, and those of what sends spans."""
NOISY: Final = ("bentoml", "circus", "uvicorn", "uvicorn.error", "uvicorn.access")
"""Loggers that have, or may have, handlers of their own."""
MAX_CAUSES: Final = 5
HIDDEN: Final = "…"


def log_as(settings: Settings, service: str, *, stream: IO[str] | None = None) -> None:
    """Have this process log as the settings say, and nothing else.

    Args:
        settings: say in which format, and whether each request gets a line.
        service: what each line names.
        stream: where it logs; standard output where that is not said.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines(service) if settings.log_format == "json" else TextLines(service))
    for name in NOISY:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)  # it has the address of each request
    logging.getLogger("shopsight.requests").setLevel(logging.INFO if settings.log_requests else logging.WARNING)
    logging.root.handlers[:] = [handler]
    logging.captureWarnings(True)
    threading.excepthook = _log_end_of_thread


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": safe_message(record),
            "service": self._service,
        }
        if request_id := REQUEST_ID.get():
            line["request_id"] = request_id
        fields: Mapping[str, Any] = getattr(record, "fields", {})
        line |= fields
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            line["traceback"] = safe_traceback(record.exc_info[1])
        return orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY, default=str).decode()


class TextLines(logging.Formatter):
    """A line for people, and a traceback below it where there is one."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        request_id = REQUEST_ID.get()
        end = f" (request {request_id})" if request_id else ""
        line = f"{_time(record)} [{record.levelname}] [{self._service}] {record.name}: {safe_message(record)}{end}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f"\n{safe_traceback(record.exc_info[1])}"
        return line


def safe_message(record: logging.LogRecord) -> str:
    """Return a record's message without what a library may have quoted of a request."""
    if record.name.partition(".")[0] in OWN or record.levelno < logging.WARNING:
        return record.getMessage()
    message = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    if record.name == "asyncio":  # it writes the exception out, below its first line
        message = message.partition("\n")[0]
    if isinstance(record.args, tuple) and record.args:
        arguments = tuple(part if isinstance(part, int | float) else HIDDEN for part in record.args)
        with contextlib.suppress(TypeError, ValueError):  # its format wants something else than a text
            message = message % arguments
    return message.strip()


def safe_traceback(error: BaseException) -> str:
    """Return where an exception and its causes came from, the first cause first, and the words of the safe ones."""
    parts = [f"{''.join(traceback.format_tb(one.__traceback__))}{_named(one)}" for one in _causes(error)]
    return "\nwhich led to:\n".join(reversed(parts))


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _named(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, ShopsightError):
        return f"{name}: {error.what}: {error.why}; {error.fix}"
    return f"{name}: {error.strerror}" if isinstance(error, OSError) and error.strerror else name


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is None or isinstance(ended.exc_value, SystemExit):
        return
    name = ended.thread.name if ended.thread is not None else "a thread"
    info = (ended.exc_type, ended.exc_value, ended.exc_traceback)
    logging.getLogger("shopsight.threads").error("%s ended by an error", name, exc_info=info)
