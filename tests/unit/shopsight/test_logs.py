"""Lines for people and for programs, without what clients sent."""

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shopsight.errors import ShopsightError
from shopsight.logs import HIDDEN, NOISY, REQUEST_ID, log_as
from shopsight.settings import Settings

SECRET = "maya.secret@example.test"


@pytest.fixture
def logged(home: Settings) -> Iterator[Callable[..., io.StringIO]]:
    """Log as the settings say into what is returned; everything is as before at the end."""
    loggers = [logging.root, *map(logging.getLogger, (*NOISY, "shopsight.requests"))]
    before = [(one, one.handlers[:], one.propagate, one.level) for one in loggers]
    hook = threading.excepthook
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)  # other tests start servers that are to be silent

    def start(**settings: Any) -> io.StringIO:
        stream = io.StringIO()
        log_as(home.model_copy(update=settings), "recommender", stream=stream)
        return stream

    yield start
    for one, handlers, propagate, level in before:
        one.handlers[:], one.propagate = handlers, propagate
        one.setLevel(level)
    threading.excepthook = hook
    logging.captureWarnings(False)


def objects(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_line_is_an_object_that_says_when_what_and_of_which_request(logged: Callable[..., io.StringIO]) -> None:
    stream = logged(log_format="json")
    logging.getLogger("shopsight.test").warning("two lines\nof %d", 1)
    token = REQUEST_ID.set("r-1")
    logging.getLogger("shopsight.test").error("of a request", extra={"fields": {"status": 500}})
    REQUEST_ID.reset(token)
    first, second = objects(stream)
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "WARNING", "logger": "shopsight.test", "message": "two lines\nof 1", "service": "recommender",
    }  # fmt: skip
    assert (second["request_id"], second["status"], second["level"]) == ("r-1", 500, "ERROR")


def test_a_line_for_people_says_the_same(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    token = REQUEST_ID.set("r-1")
    logging.getLogger("shopsight.test").warning("something")
    REQUEST_ID.reset(token)
    assert stream.getvalue().endswith("Z [WARNING] [recommender] shopsight.test: something (request r-1)\n")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_a_library_quotes_is_left_out(logged: Callable[..., io.StringIO], log_format: str) -> None:
    stream = logged(log_format=log_format)
    for name in ("bentoml._internal.server.http_app", "uvicorn.error", "feast"):
        logging.getLogger(name).error("Exception on %s [%s], status %d", f"/v1/users/{SECRET}", SECRET, 500)
    logging.getLogger("redis").warning("%(key)s", {"key": SECRET})
    logging.getLogger("feast").warning(ValueError(SECRET))
    logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: ValueError('{SECRET}')")
    text = stream.getvalue()
    assert SECRET not in text
    assert text.count(f"Exception on {HIDDEN} [{HIDDEN}], status 500") == 3, "once each, though uvicorn propagates"
    assert "Task exception was never retrieved" in text


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_has_types_and_places_and_the_words_of_safe_errors_alone(
    logged: Callable[..., io.StringIO], log_format: str
) -> None:
    stream = logged(log_format=log_format)

    def fail() -> None:
        try:
            raise OSError(28, "No space left on device", SECRET)
        except OSError as full:
            try:
                raise KeyError(SECRET) from full
            except KeyError:
                raise ShopsightError("it broke", why="a key is missing", fix="mend it") from None

    try:
        fail()
    except ShopsightError as error:
        logging.getLogger("shopsight.test").exception("failed")
        error.__suppress_context__ = False
        logging.getLogger("shopsight.test").exception("failed once more")
    text = stream.getvalue()
    assert SECRET not in text
    assert text.count("ShopsightError: it broke: a key is missing; mend it") == 2
    assert text.count("KeyError") >= 1
    assert "OSError: No space left on device" in text
    assert "in fail" in text


def test_the_end_of_a_thread_and_a_warning_are_lines_like_any_other(logged: Callable[..., io.StringIO]) -> None:
    stream = logged(log_format="json")

    def fail() -> None:
        raise ValueError(SECRET)

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    (line,) = objects(stream)
    assert (line["message"], line["error"]) == ("worker ended by an error", "ValueError")
    assert SECRET not in stream.getvalue()


def test_requests_get_a_line_only_where_that_is_wanted(logged: Callable[..., io.StringIO]) -> None:
    stream = logged()
    logging.getLogger("shopsight.requests").info("GET /livez 200 in 1.0 ms")
    logging.getLogger("uvicorn.access").warning(SECRET)
    assert stream.getvalue() == ""
    stream = logged(log_requests=True)
    logging.getLogger("shopsight.requests").info("GET /livez 200 in 1.0 ms")
    assert stream.getvalue().count("\n") == 1
